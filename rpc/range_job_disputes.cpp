// The part of RangeJob that settles disputed blocks: asks another provider, then for receipts, and
// carries out what BlockJudge makes of the answers.
#include <algorithm>
#include <iterator>
#include <utility>

#include "rpc/range_job.hpp"

namespace plumbline::rpc {

namespace {

constexpr uint32_t kQuirksMax = 8;
/// Blocks whose receipts are asked for at once.
constexpr size_t kReceiptsABatch = 20;
constexpr uint32_t kReceiptsFailuresMax = 2;
constexpr uint32_t kAttemptsUntilBelieved = 2;

}  // namespace

void RangeJob::settle_disputes(RangePiece& piece) {
    const bool others = !piece.disputes.empty() && others_may_know(piece);
    if (!others) {
        std::erase_if(piece.disputes, [](const DisputedBlock& dispute) { return dispute.weak; });
    }
    if (piece.disputes.empty()) {
        settle(piece);
    } else if (others) {
        ask_second_opinion(piece);
    } else {
        ask_receipts(piece);
    }
}

bool RangeJob::others_may_know(const RangePiece& piece) const {
    return dispatcher_.others_have(piece.disputes.back().block_num, piece.provider);
}

void RangeJob::ask_second_opinion(RangePiece& piece) {
    CallGroup group = CallGroup::lenient();
    for (const DisputedBlock& dispute : piece.disputes) {
        Call& call = group.calls.emplace_back();
        call.kind = Call::Kind::kLogsOfBlock;
        call.hash = piece.headers.at(dispute.block_num).hash;
        call.filter = filter_;
    }
    group.never.insert(piece.provider);
    group.rounds_max = 2;
    send(std::move(group), piece.range.from, &RangeJob::on_second_opinion);
}

void RangeJob::on_second_opinion(RangePiece& piece, GroupResult result) {
    std::vector<DisputedBlock> open;
    for (size_t i = 0; i < piece.disputes.size(); ++i) {
        DisputedBlock& dispute = piece.disputes[i];
        auto* logs = result.error ? nullptr : result.answers[i].get<evm::LogBatch>();
        const SecondOpinion opinion = judge_.weigh_second_opinion(
            piece.headers.at(dispute.block_num), piece.logs_of(dispute.block_num), logs);
        if (opinion == SecondOpinion::kUnusable) {
            if (!dispute.weak) {
                open.push_back(std::move(dispute));
            }
            continue;
        }
        piece.second_provider = result.provider;
        if (opinion == SecondOpinion::kAgreesAgainstBloom) {
            note_quirk(dispute.block_num);
        } else if (opinion == SecondOpinion::kDiffers) {
            dispute.second = std::move(*logs);
            open.push_back(std::move(dispute));
        }
    }
    piece.disputes = std::move(open);
    if (piece.disputes.empty()) {
        settle(piece);
    } else {
        ask_receipts(piece);
    }
}

void RangeJob::ask_receipts(RangePiece& piece) {
    std::vector<evm::Header> headers;
    for (size_t i = 0; i < piece.disputes.size() && i < kReceiptsABatch; ++i) {
        headers.push_back(piece.headers.at(piece.disputes[i].block_num));
    }
    ProviderSet avoid{piece.provider};
    if (piece.second_provider) {
        avoid.insert(*piece.second_provider);
    }
    send_for_receipts(
        std::move(headers), avoid, piece.range.from,
        [](RangeJob& job, RangePiece& open, std::vector<Result<CheckedAnswer>> receipts) {
            job.on_receipts(open, std::move(receipts));
        });
}

void RangeJob::on_receipts(RangePiece& piece, std::vector<Result<CheckedAnswer>> receipts) {
    for (const Result<CheckedAnswer>& answer : receipts) {
        if (answer) {
            piece.received_bytes += answer->received_bytes;
            continue;
        }
        // No answer is not the same as "cannot be had": the doubt stays, at least for another
        // round.
        if (answer.error().code != ErrorCode::kInvalidArgument &&
            ++piece.receipts_failures <= kReceiptsFailuresMax) {
            try_again(piece, piece.provider,
                      "receipts to settle a doubt: " + answer.error().message, Blame::kNobody);
            return;
        }
    }
    const auto asked =
        static_cast<std::ptrdiff_t>(std::min(piece.disputes.size(), kReceiptsABatch));
    const std::vector<DisputedBlock> batch{std::move_iterator{piece.disputes.begin()},
                                           std::move_iterator{piece.disputes.begin() + asked}};
    piece.disputes.erase(piece.disputes.begin(), piece.disputes.begin() + asked);
    for (size_t i = 0; i < batch.size(); ++i) {
        if (!settle_dispute(piece, batch[i], receipts[i])) {
            return;
        }
    }
    if (piece.disputes.empty()) {
        settle(piece);
    } else {
        ask_receipts(piece);
    }
}

// False where the whole piece is asked for again.
bool RangeJob::settle_dispute(RangePiece& piece, const DisputedBlock& dispute,
                              const Result<CheckedAnswer>& answer) {
    const auto* receipts = answer ? answer->answers[0].get<evm::ReceiptBatch>() : nullptr;
    const size_t told_by = answer ? answer->provider_index : piece.provider;
    const uint64_t block = dispute.block_num;
    const evm::LogBatch first = piece.logs_of(block);
    const size_t second_provider = piece.second_provider.value_or(piece.provider);
    const std::string first_name = provider_name(piece.provider);
    const std::string second_name = provider_name(second_provider);
    BlockVerdict verdict =
        judge_.judge({piece.headers.at(block), first, dispute.second ? &*dispute.second : nullptr,
                      first_name, second_name},
                     receipts);
    if (verdict.contradicts_bloom) {
        note_quirk(block);
    }
    if (!verdict.note.empty()) {
        dispatcher_.log(LogLevel::kWarning, "two providers tell different logs of block " +
                                                std::to_string(block) + ": " + verdict.note);
    }
    const std::string of_block = " for block " + std::to_string(block) + ": ";
    if (!verdict.second_lie.empty()) {
        dispatcher_.convict(second_provider, of_block + verdict.second_lie);
    }
    if (!verdict.first_lie.empty()) {
        dispatcher_.convict(piece.provider, of_block + verdict.first_lie);
    }
    switch (verdict.kind) {
        case BlockVerdict::Kind::kKeep: return true;
        case BlockVerdict::Kind::kReplace: {
            const bool is_second = verdict.source == BlockVerdict::Source::kSecond;
            piece.replace_logs_of(block, verdict.logs, is_second ? second_provider : told_by);
            return true;
        }
        case BlockVerdict::Kind::kAskAgain:
            // The same again and again, and nothing to hold against it but the bloom: on chains
            // that do not fill blooms in that is no evidence.
            if (!dispute.second && piece.attempts >= kAttemptsUntilBelieved) {
                note_quirk(block);
                return true;
            }
            try_again(piece, piece.provider, verdict.why, Blame::kProvider);
            return false;
    }
    return true;
}

void RangeJob::note_quirk(uint64_t block) {
    ++bloom_.quirks;
    if (bloom_.quirks == 1) {
        dispatcher_.log(
            LogLevel::kInfo,
            "the bloom of block " + std::to_string(block) +
                " lacks logs that the block has: this chain's blooms may not be usable");
    }
    if (bloom_.quirks >= kQuirksMax && std::exchange(bloom_.trusted, false)) {
        dispatcher_.log(LogLevel::kWarning,
                        "blooms of this chain contradict its logs again and again: they are not "
                        "used as evidence any more");
    }
}

}  // namespace plumbline::rpc
