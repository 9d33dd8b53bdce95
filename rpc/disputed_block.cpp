#include "rpc/disputed_block.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "core/evm/state_sync.hpp"

namespace plumbline::rpc {

namespace {

// Every log of `part` is in `whole`.
bool contains_all(const evm::LogBatch& whole, const evm::LogBatch& part) {
    evm::LogBatch common;
    for (const evm::Log& log : whole.logs) {
        if (std::ranges::any_of(part.logs, [&](const evm::Log& other) {
                return other.log_index == log.log_index;
            })) {
            common.push(log, whole.data(log));
        }
    }
    return same_logs(common, part);
}

bool are_of_block(const evm::LogBatch& batch, const evm::Header& header) {
    return std::ranges::all_of(batch.logs, [&](const evm::Log& log) {
        return log.block_num == header.block_num && log.block_hash == header.hash;
    });
}

}  // namespace

std::vector<DisputedBlock> BlockJudge::find_disputes(const std::map<uint64_t, evm::Header>& headers,
                                                     const std::vector<evm::Log>& logs,
                                                     const SuspicionRules& rules) {
    std::vector<DisputedBlock> out;
    size_t at = 0;
    for (const auto& [num, header] : headers) {
        while (at < logs.size() && logs[at].block_num < num) {
            ++at;
        }
        const size_t start = at;
        bool excluded = false;
        while (at < logs.size() && logs[at].block_num == num) {
            excluded = excluded || !check_.bloom_has(header, logs[at]);
            ++at;
        }
        // Nothing in the block proves a state sync's logs: another provider may.
        const bool is_outside = at > start && check_.is_outside(logs[at - 1]);
        const std::span<const evm::Log> of_block{logs.data() + start, at - start};
        if (excluded || (rules.empty_blocks && check_.may_lack_all(header, of_block))) {
            out.push_back({num, false, {}});
        } else if (rules.every_event && check_.may_lack_some(header, of_block)) {
            out.push_back({num, rules.every_event_is_weak, {}});
        } else if (is_outside) {
            out.push_back({num, true, {}});
        }
    }
    return out;
}

SecondOpinion BlockJudge::weigh_second_opinion(const evm::Header& header,
                                               const evm::LogBatch& first,
                                               const evm::LogBatch* second) {
    const evm::BlockRange block{header.block_num, header.block_num};
    if (second == nullptr || check_.find_fault(*second, block) || !are_of_block(*second, header)) {
        return SecondOpinion::kUnusable;
    }
    if (!same_logs(first, *second)) {
        return SecondOpinion::kDiffers;
    }
    return bloom_covers(header, first) ? SecondOpinion::kAgrees
                                       : SecondOpinion::kAgreesAgainstBloom;
}

BlockVerdict BlockJudge::judge(const DisputeCase& dispute, const evm::ReceiptBatch* receipts) {
    if (receipts != nullptr && are_of_block(receipts->logs, dispute.header)) {
        if (auto verdict = judge_by_receipts(dispute, *receipts)) {
            return *std::move(verdict);
        }
    }
    return judge_without_receipts(dispute);
}

evm::LogBatch BlockJudge::part_of(const evm::LogBatch& batch, bool outside) const {
    evm::LogBatch out;
    for (const evm::Log& log : batch.logs) {
        if (check_.is_outside(log) == outside) {
            out.push(log, batch.data(log));
        }
    }
    return out;
}

std::optional<BlockVerdict> BlockJudge::judge_by_receipts(const DisputeCase& dispute,
                                                          const evm::ReceiptBatch& receipts) {
    const evm::Header& header = dispute.header;
    const evm::BlockRange block{header.block_num, header.block_num};
    evm::ReceiptBatch rooted = receipts;
    evm::LogBatch outside =
        check_.matching(evm::take_state_sync(header.block_num, header.hash, rooted));
    auto digest = prover_.compute(rooted);
    if (!outside.logs.empty() && (!digest || digest->root != header.receipts_root)) {
        digest = prover_.compute(receipts);  // of a chain that has them in its root by now
    }
    const bool proven = digest && digest->root == header.receipts_root;
    outside = join_logs(outside, part_of(dispute.first, true));
    if (dispute.second != nullptr) {
        outside = join_logs(outside, part_of(*dispute.second, true));
    }
    const evm::LogBatch inside = check_.matching(rooted.logs);
    evm::LogBatch shown = join_logs(inside, outside);
    const evm::LogBatch first = part_of(dispute.first, false);
    const bool agree = same_logs(inside, first);
    const bool covered = bloom_covers(header, shown);
    if (!proven && !agree && (!covered || check_.find_fault(shown, block))) {
        return std::nullopt;
    }
    // Receipts that nothing proves are worth no more than logs: they take none away that the bloom
    // does not speak against.
    const bool is_bloom_against =
        !header.logs_bloom.is_zero() && !bloom_covers(header, dispute.first);
    if (!proven && !agree && !is_bloom_against && !contains_all(shown, dispute.first)) {
        return std::nullopt;
    }
    BlockVerdict verdict;
    verdict.contradicts_bloom = !covered;
    const bool convicts = proven && evm::check_hash(header) == evm::HeaderCheck::kMatches;
    if (convicts && dispute.second != nullptr &&
        !same_logs(part_of(*dispute.second, false), inside)) {
        verdict.second_lie = "its logs are not those of the receipts";
    }
    if (convicts && !agree) {
        verdict.first_lie = contains_all(inside, first) ? "it left out logs that the receipts have"
                                                        : "its logs are not those of the receipts";
    }
    if (!same_logs(shown, dispute.first)) {
        verdict.kind = BlockVerdict::Kind::kReplace;
        verdict.logs = std::move(shown);
    }
    return verdict;
}

BlockVerdict BlockJudge::judge_without_receipts(const DisputeCase& dispute) {
    const evm::LogBatch& first = dispute.first;
    const std::string block = std::to_string(dispute.header.block_num);
    const bool first_covered = bloom_covers(dispute.header, first);
    BlockVerdict verdict;
    if (dispute.second == nullptr) {
        if (!first_covered) {
            verdict.kind = BlockVerdict::Kind::kAskAgain;
            verdict.why = "the bloom of block " + block + " excludes a log it returned";
        }
        return verdict;  // else a false positive as far as anybody can tell
    }
    const evm::LogBatch& second = *dispute.second;
    if (bloom_covers(dispute.header, second) && (contains_all(second, first) || !first_covered)) {
        verdict.kind = BlockVerdict::Kind::kReplace;
        verdict.logs = join_logs(second, part_of(first, true));
        verdict.source = BlockVerdict::Source::kSecond;
        verdict.note = std::string{dispute.first_name} + " left out or made up logs that " +
                       std::string{dispute.second_name} + " has as the bloom has them";
    } else if (first_covered && contains_all(first, second)) {
        verdict.note = std::string{dispute.second_name} + " left out logs that " +
                       std::string{dispute.first_name} + " has as the bloom has them";
    } else {
        verdict.kind = BlockVerdict::Kind::kAskAgain;
        verdict.why = "two providers tell different logs of block " + block;
    }
    return verdict;
}

bool BlockJudge::bloom_covers(const evm::Header& header, const evm::LogBatch& logs) {
    return std::ranges::all_of(logs.logs,
                               [&](const evm::Log& log) { return check_.bloom_has(header, log); });
}

}  // namespace plumbline::rpc
