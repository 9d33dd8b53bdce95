#include "rpc/range_job.hpp"

#include <algorithm>
#include <utility>

#include "core/base/check.hpp"

namespace plumbline::rpc {

namespace {

constexpr uint32_t kQuirksMax = 8;
constexpr size_t kDoubtsABatch = 20;
constexpr uint32_t kReceiptsFailuresMax = 2;

// Logs of `batch` that match, in a batch of their own.
evm::LogBatch matching(const FilterCheck& check, const evm::LogBatch& batch) {
    evm::LogBatch out;
    for (const evm::Log& log : batch.logs) {
        if (check.matches(log)) {
            out.push(log, batch.data(log));
        }
    }
    return out;
}

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

}  // namespace

RangeJob::RangeJob(Dispatcher& dispatcher, BloomTrust& bloom, LogFilter filter,
                   evm::BlockRange range, bool all_headers, Done done)
    : dispatcher_{dispatcher},
      bloom_{bloom},
      filter_{std::make_shared<const LogFilter>(std::move(filter))},
      check_{*filter_},
      range_{range},
      all_headers_{all_headers},
      done_{std::move(done)} {}

template <typename Step>
std::function<void(GroupResult)> RangeJob::then(uint64_t from, Step step) {
    return [self = shared_from_this(), from, step](GroupResult result) {
        if (self->over_) {
            return;
        }
        const auto found = self->pieces_.find(from);
        PLUMBLINE_CHECK(found != self->pieces_.end());
        step(*self, found->second, std::move(result));
    };
}

void RangeJob::start() {
    add_piece(range_, false);
}

void RangeJob::add_piece(evm::BlockRange range, bool split) {
    Piece piece;
    piece.range = range;
    piece.split = split;
    pieces_.insert_or_assign(range.from, std::move(piece));
    ask(range.from);
}

// ---- Asking --------------------------------------------------------------------------------

void RangeJob::ask(uint64_t from) {
    Piece& piece = pieces_.at(from);
    CallGroup group = CallGroup::range();
    group.block_needed = last_needed(piece);
    group.avoid = piece.avoid;
    group.calls.resize(1);
    group.calls[0].kind = Call::Kind::kHeaderByNum;
    group.calls[0].block_num = piece.range.to;
    group.prepare = [self = shared_from_this(), from](size_t provider, CallGroup& prepared) {
        self->prepare(from, provider, prepared);
    };
    group.done = then(from, [](RangeJob& self, Piece& asked, GroupResult result) {
        self.on_answer(asked.range.from, std::move(result));
    });
    dispatcher_.send(std::move(group));
}

// The last block that the next request for this piece will cover at most: who lacks it lags.
uint64_t RangeJob::last_needed(const Piece& piece) const {
    uint64_t size = 1;
    for (Provider& provider : dispatcher_.providers()) {
        if (provider.is_usable()) {
            size = std::max(size, provider.ranges(*filter_).size());
        }
    }
    return piece.range.size() > size ? piece.range.from + size - 1 : piece.range.to;
}

// Cuts the piece to what this provider takes and writes the calls: headers first, then the logs.
void RangeJob::prepare(uint64_t from, size_t provider, CallGroup& group) {
    Piece& piece = pieces_.at(from);
    Provider& target = dispatcher_.providers()[provider];
    RangeController& ranges = target.ranges(*filter_);
    const size_t addresses = filter_->addresses.size();
    const size_t chunk = std::max<size_t>(1, target.addresses_max());
    const size_t chunks = addresses == 0 ? 1 : (addresses + chunk - 1) / chunk;
    uint64_t size = piece.split ? std::min(piece.range.size(), ranges.cap().value_or(UINT64_MAX))
                                : ranges.take_size();
    if (all_headers_) {
        const uint64_t room = target.batch_max() > chunks ? target.batch_max() - chunks : 1;
        size = std::min(size, room);
    }
    if (target.head() && *target.head() >= piece.range.from) {
        size = std::min(size, *target.head() - piece.range.from + 1);
    }
    if (over_) {
        size = piece.range.size();  // nobody waits for the answer; do not make more of it
    } else if (piece.range.size() > size) {
        const evm::BlockRange rest{piece.range.from + size, piece.range.to};
        piece.range.to = rest.from - 1;
        add_piece(rest, piece.split);
    }
    group.block_needed = piece.range.to;
    group.calls.clear();
    // Of the headers, the first and the last tie the piece to its neighbours.
    const uint64_t step = all_headers_ ? 1 : std::max<uint64_t>(1, piece.range.size() - 1);
    for (uint64_t num = piece.range.from; num <= piece.range.to; num += step) {
        Call& call = group.calls.emplace_back();
        call.kind = Call::Kind::kHeaderByNum;
        call.block_num = num;
    }
    const size_t batch = target.batch_max();
    piece.by_hash = batch == 1 && piece.range.size() == 1;
    if (piece.by_hash) {
        return;
    }
    for (size_t i = 0; i < chunks; ++i) {
        if (batch > 1 && group.calls.size() % batch == 0) {
            // A further request may meet a backend that is behind and has no logs for that reason:
            // this header, which it would lack as well, tells the two apart.
            Call& guard = group.calls.emplace_back();
            guard.kind = Call::Kind::kHeaderByNum;
            guard.block_num = piece.range.to;
        }
        Call& call = group.calls.emplace_back();
        call.kind = Call::Kind::kLogs;
        call.range = piece.range;
        call.filter = filter_;
        call.address_begin = i * chunk;
        call.address_end = std::min(addresses, (i + 1) * chunk);
    }
}

void RangeJob::on_answer(uint64_t from, GroupResult result) {
    Piece& piece = pieces_.at(from);
    piece.received_bytes += result.received_bytes;
    if (result.refusal) {
        on_refusal(piece, result.provider, *result.refusal, *result.error);
        return;
    }
    if (result.error) {
        fail(std::move(*result.error));
        return;
    }
    piece.provider = result.provider;
    piece.headers.clear();
    piece.logs.clear();
    piece.doubts.clear();
    piece.second.clear();
    piece.second_provider.reset();
    for (Answer& answer : result.answers) {
        auto* header = answer.get<evm::Header>();
        if (header == nullptr) {
            continue;
        }
        const uint64_t num = header->block_num;
        const auto known = piece.headers.find(num);
        if (known != piece.headers.end() && known->second.hash != header->hash) {
            try_again(piece, result.provider,
                      "block " + std::to_string(num) + " is two blocks in one answer", false);
            return;
        }
        piece.headers.emplace(num, std::move(*header));
    }
    if (piece.by_hash) {
        ask_by_hash(piece);
    } else if (take_logs(piece, result)) {
        ask_headers(piece);
    }
}

// The logs of a single block from a provider without batches. Its backends may differ, and the one
// that answers by number may be behind and have no logs for that reason; by hash it says so.
void RangeJob::ask_by_hash(Piece& piece) {
    CallGroup group = CallGroup::range();
    group.block_needed = piece.range.to;
    group.avoid = piece.avoid;
    group.calls.resize(1);
    group.prepare = [self = shared_from_this(), from = piece.range.from](size_t provider,
                                                                         CallGroup& prepared) {
        const Piece& asked = self->pieces_.at(from);
        const size_t addresses = self->filter_->addresses.size();
        const size_t chunk =
            std::max<size_t>(1, self->dispatcher_.providers()[provider].addresses_max());
        prepared.calls.clear();
        for (size_t at = 0; at == 0 || at < addresses; at += chunk) {
            Call& call = prepared.calls.emplace_back();
            call.kind = Call::Kind::kLogsOfBlock;
            call.hash = asked.headers.at(from).hash;
            call.filter = self->filter_;
            call.address_begin = at;
            call.address_end = std::min(addresses, at + chunk);
        }
    };
    group.done = then(piece.range.from, [](RangeJob& self, Piece& asked, GroupResult result) {
        asked.received_bytes += result.received_bytes;
        if (result.refusal) {
            self.on_refusal(asked, result.provider, *result.refusal, *result.error);
        } else if (result.error) {
            self.fail(std::move(*result.error));
        } else {
            asked.provider = result.provider;
            if (self.take_logs(asked, result)) {
                self.ask_headers(asked);
            }
        }
    });
    dispatcher_.send(std::move(group));
}

// False where they cannot be used: the piece is then asked again.
bool RangeJob::take_logs(Piece& piece, GroupResult& result) {
    size_t lists = 0;
    for (Answer& answer : result.answers) {
        auto* logs = answer.get<evm::LogBatch>();
        if (logs == nullptr) {
            continue;
        }
        // Before the lists are joined: that drops what lies outside the range.
        if (const auto fault = check_.find_fault(*logs, piece.range)) {
            try_again(piece, result.provider, *fault, true);
            return false;
        }
        if (++lists == 1) {
            piece.logs = std::move(*logs);
        } else {
            append_logs(*logs, piece.range, piece.logs);
        }
    }
    if (lists > 1) {
        sort_logs(piece.logs);
    }
    if (const auto fault = check_.find_fault(piece.logs, piece.range)) {
        try_again(piece, result.provider, *fault, true);
        return false;
    }
    dispatcher_.providers()[result.provider].ranges(*filter_).on_success(
        piece.range.size(), piece.logs.logs.size(), result.received_bytes, result.elapsed_ms);
    return true;
}

// ---- Refusals ------------------------------------------------------------------------------

void RangeJob::on_refusal(Piece& piece, size_t provider, const Refusal& refusal,
                          const Error& error) {
    Provider& refuser = dispatcher_.providers()[provider];
    RangeController& ranges = refuser.ranges(*filter_);
    const uint64_t size = piece.range.size();
    if (refusal.kind == RefusalClass::kTooManyAddresses) {
        const size_t asked = std::min<size_t>(filter_->addresses.size(), refuser.addresses_max());
        if (asked > 1) {
            refuser.on_too_many_addresses(asked, refusal.addresses_max);
            ask(piece.range.from);
        } else {
            try_again(piece, provider, error.message, false);
        }
        return;
    }
    if (size > 1 && refusal.kind == RefusalClass::kTooManyBlocks) {
        ranges.on_too_many_blocks(size, refusal.blocks_max);
        ask(piece.range.from);
        return;
    }
    if (size > 1) {
        if (!piece.split) {
            ranges.on_too_dense(size);
        }
        split_piece(piece, refusal);
        return;
    }
    // A single block cannot be cut. Ask another one first where the block may not be the reason.
    const bool dense = refusal.kind == RefusalClass::kTooManyResults ||
                       refusal.kind == RefusalClass::kResponseTooLarge;
    const bool maybe_dense = dense || refusal.kind == RefusalClass::kTimeout;
    if ((dense && !refusal.ambiguous) || (maybe_dense && piece.attempts >= 2)) {
        ++piece.attempts;
        ask_dense(piece.range.from);
        return;
    }
    try_again(piece, provider, error.message, false);
}

// Cuts a refused piece where the provider says it should work, else in the middle.
void RangeJob::split_piece(Piece& piece, const Refusal& refusal) {
    uint64_t first_size = piece.range.size() / 2;
    bool hinted = false;
    if (refusal.range_hint && refusal.range_hint->from == piece.range.from &&
        refusal.range_hint->to < piece.range.to) {
        first_size = refusal.range_hint->size();
        hinted = true;
    } else if (refusal.blocks_max && *refusal.blocks_max < piece.range.size()) {
        first_size = *refusal.blocks_max;
        hinted = true;
    }
    first_size = std::clamp<uint64_t>(first_size, 1, piece.range.size() - 1);
    const evm::BlockRange rest{piece.range.from + first_size, piece.range.to};
    piece.range.to = rest.from - 1;
    piece.split = true;
    add_piece(rest, !hinted);
    ask(piece.range.from);
}

// All receipts of one block whose logs no provider gives at once.
void RangeJob::ask_dense(uint64_t from) {
    CallGroup group;
    group.calls.resize(1);
    group.calls[0].kind = Call::Kind::kHeaderByNum;
    group.calls[0].block_num = from;
    group.done = then(from, [](RangeJob& self, Piece& piece, GroupResult result) {
        auto* header = result.error ? nullptr : result.answers[0].get<evm::Header>();
        if (header == nullptr) {
            self.fail(result.error
                          ? *result.error
                          : Error{ErrorCode::kNotFound,
                                  "no provider has block " + std::to_string(piece.range.from)});
            return;
        }
        piece.headers.clear();
        const evm::Hash hash = header->hash;
        piece.headers.emplace(header->block_num, std::move(*header));
        CallGroup receipts;
        receipts.calls.resize(1);
        receipts.calls[0].kind = Call::Kind::kReceipts;
        receipts.calls[0].hash = hash;
        receipts.done =
            self.then(piece.range.from, [](RangeJob& job, Piece& dense, GroupResult answer) {
                const auto* batch =
                    answer.error ? nullptr : answer.answers[0].get<evm::ReceiptBatch>();
                if (batch == nullptr) {
                    job.fail(Error{ErrorCode::kTooLarge,
                                   "block " + std::to_string(dense.range.from) +
                                       " has more logs than providers give at once, and its "
                                       "receipts cannot be had: " +
                                       (answer.error ? answer.error->message : "null")});
                    return;
                }
                dense.provider = answer.provider;
                dense.received_bytes += answer.received_bytes;
                dense.logs = matching(job.check_, batch->logs);
                if (const auto fault = job.check_.find_fault(dense.logs, dense.range)) {
                    job.try_again(dense, answer.provider, *fault, true);
                    return;
                }
                job.check_piece(dense);
            });
        self.dispatcher_.send(std::move(receipts));
    });
    dispatcher_.send(std::move(group));
}

// ---- Checks --------------------------------------------------------------------------------

// Fetches the headers of blocks with logs that are not there yet.
void RangeJob::ask_headers(Piece& piece) {
    CallGroup group;
    for (const evm::Log& log : piece.logs.logs) {
        if (!piece.headers.contains(log.block_num) &&
            (group.calls.empty() || group.calls.back().block_num != log.block_num)) {
            // By hash, so that a provider on another fork says that it has no such block.
            Call& call = group.calls.emplace_back();
            call.kind = Call::Kind::kHeaderByHash;
            call.block_num = log.block_num;
            call.hash = log.block_hash;
        }
    }
    if (group.calls.empty()) {
        check_piece(piece);
        return;
    }
    group.done = then(piece.range.from, [](RangeJob& self, Piece& asked, GroupResult result) {
        asked.received_bytes += result.received_bytes;
        if (result.error) {
            self.fail(std::move(*result.error));
            return;
        }
        for (Answer& answer : result.answers) {
            if (auto* header = answer.get<evm::Header>()) {
                asked.headers.emplace(header->block_num, std::move(*header));
            }
        }
        self.check_piece(asked);
    });
    dispatcher_.send(std::move(group));
}

void RangeJob::check_piece(Piece& piece) {
    for (const evm::Log& log : piece.logs.logs) {
        const auto header = piece.headers.find(log.block_num);
        if (header == piece.headers.end() || header->second.hash != log.block_hash) {
            // A reorganisation between the two answers, or one of them is from another fork.
            try_again(piece, piece.provider,
                      "a log of block " + std::to_string(log.block_num) +
                          " has another block hash than the header",
                      false);
            return;
        }
    }
    const evm::Header* last = nullptr;
    for (const auto& [num, header] : piece.headers) {
        if (last != nullptr && last->block_num + 1 == num && header.parent_hash != last->hash) {
            try_again(piece, piece.provider,
                      "block " + std::to_string(num) + " is not a child of the block before",
                      false);
            return;
        }
        last = &header;
    }
    find_doubts(piece);
    settle_doubts(piece);
}

void RangeJob::find_doubts(Piece& piece) {
    const PoolOptions& options = dispatcher_.options();
    piece.doubts.clear();
    piece.weak.clear();
    if (options.bloom_check == BloomCheck::kOff || !bloom_.trusted) {
        return;
    }
    const bool has_power = filter_->addresses.size() <= options.bloom_addresses_max;
    size_t at = 0;
    const std::vector<evm::Log>& logs = piece.logs.logs;
    for (const auto& [num, header] : piece.headers) {
        while (at < logs.size() && logs[at].block_num < num) {
            ++at;
        }
        const size_t start = at;
        bool invented = false;
        while (at < logs.size() && logs[at].block_num == num) {
            invented = invented || !check_.bloom_has(header, logs[at]);
            ++at;
        }
        const std::span<const evm::Log> of_block{logs.data() + start, at - start};
        if (invented || (has_power && check_.may_lack_all(header, of_block))) {
            piece.doubts.push_back(num);
        } else if (has_power && options.bloom_check == BloomCheck::kEveryEvent &&
                   check_.may_lack_some(header, of_block)) {
            piece.doubts.push_back(num);
            if (!all_headers_) {
                piece.weak.insert(num);
            }
        }
    }
}

// ---- Settling doubts -----------------------------------------------------------------------

void RangeJob::settle_doubts(Piece& piece) {
    if (piece.doubts.empty()) {
        accept(piece);
        return;
    }
    const auto& providers = dispatcher_.providers();
    bool others = false;
    for (size_t i = 0; i < providers.size(); ++i) {
        others =
            others || (i != piece.provider && providers[i].is_usable() && providers[i].chain_id() &&
                       !providers[i].is_behind(piece.doubts.back()));
    }
    if (!others) {
        std::erase_if(piece.doubts, [&](uint64_t num) { return piece.weak.contains(num); });
    }
    if (piece.doubts.empty()) {
        accept(piece);
    } else if (others) {
        ask_second_opinion(piece);
    } else {
        ask_receipts(piece);
    }
}

void RangeJob::ask_second_opinion(Piece& piece) {
    CallGroup group = CallGroup::lenient();
    for (const uint64_t num : piece.doubts) {
        Call& call = group.calls.emplace_back();
        call.kind = Call::Kind::kLogsOfBlock;
        call.hash = piece.headers.at(num).hash;
        call.filter = filter_;
    }
    group.never.insert(piece.provider);
    group.rounds_max = 2;
    group.done = then(piece.range.from, [](RangeJob& self, Piece& asked, GroupResult result) {
        self.on_second_opinion(asked, std::move(result));
    });
    dispatcher_.send(std::move(group));
}

void RangeJob::on_second_opinion(Piece& piece, GroupResult result) {
    std::vector<uint64_t> open;
    for (size_t i = 0; i < piece.doubts.size(); ++i) {
        const uint64_t num = piece.doubts[i];
        auto* logs = result.error ? nullptr : result.answers[i].get<evm::LogBatch>();
        const bool sound = logs != nullptr && !check_.find_fault(*logs, {num, num}) &&
                           std::ranges::all_of(logs->logs, [&](const evm::Log& log) {
                               return log.block_hash == piece.headers.at(num).hash;
                           });
        if (!sound) {
            if (!piece.weak.contains(num)) {
                open.push_back(num);
            }
            continue;
        }
        piece.second_provider = result.provider;
        const evm::LogBatch ours = block_logs(piece, num);
        if (same_logs(ours, *logs)) {
            // Two agree. Where the bloom excludes what both have, the bloom is at fault.
            if (!bloom_covers(piece.headers.at(num), ours)) {
                note_quirk(num);
            }
            continue;
        }
        piece.second.insert_or_assign(num, std::move(*logs));
        open.push_back(num);
    }
    piece.doubts = std::move(open);
    if (piece.doubts.empty()) {
        accept(piece);
    } else {
        ask_receipts(piece);
    }
}

void RangeJob::ask_receipts(Piece& piece) {
    CallGroup group = CallGroup::lenient();
    for (size_t i = 0; i < piece.doubts.size() && i < kDoubtsABatch; ++i) {
        Call& call = group.calls.emplace_back();
        call.kind = Call::Kind::kReceipts;
        call.hash = piece.headers.at(piece.doubts[i]).hash;
    }
    group.avoid.insert(piece.provider);
    if (piece.second_provider) {
        group.avoid.insert(*piece.second_provider);
    }
    group.done = then(piece.range.from, [](RangeJob& self, Piece& asked, GroupResult result) {
        self.on_receipts(asked, std::move(result));
    });
    dispatcher_.send(std::move(group));
}

void RangeJob::on_receipts(Piece& piece, GroupResult result) {
    piece.received_bytes += result.received_bytes;
    // No answer is not the same as "cannot be had": the doubt stays, at least for another round.
    if (result.error && ++piece.receipts_failures <= kReceiptsFailuresMax) {
        try_again(piece, result.provider, "receipts to settle a doubt: " + result.error->message,
                  false);
        return;
    }
    const size_t asked = std::min(piece.doubts.size(), kDoubtsABatch);
    const std::vector<uint64_t> blocks(piece.doubts.begin(),
                                       piece.doubts.begin() + static_cast<std::ptrdiff_t>(asked));
    piece.doubts.erase(piece.doubts.begin(),
                       piece.doubts.begin() + static_cast<std::ptrdiff_t>(asked));
    const uint32_t attempts = piece.attempts;
    for (size_t i = 0; i < blocks.size(); ++i) {
        const auto* receipts = result.error ? nullptr : result.answers[i].get<evm::ReceiptBatch>();
        if (receipts != nullptr &&
            std::ranges::all_of(receipts->logs.logs, [&](const evm::Log& log) {
                return log.block_num == blocks[i] &&
                       log.block_hash == piece.headers.at(blocks[i]).hash;
            })) {
            judge(piece, blocks[i], *receipts);
        } else {
            judge_without_receipts(piece, blocks[i]);
        }
        if (over_ || piece.attempts != attempts) {
            return;  // the piece is asked again
        }
    }
    if (piece.doubts.empty()) {
        accept(piece);
    } else {
        ask_receipts(piece);
    }
}

// Receipts whose trie root is the header's decide beyond doubt. Others (chains whose root cannot be
// recomputed, or a lie) decide as long as the block's own bloom does not contradict them.
void RangeJob::judge(Piece& piece, uint64_t block, const evm::ReceiptBatch& receipts) {
    const evm::Header& header = piece.headers.at(block);
    const evm::LogBatch shown = matching(check_, receipts.logs);
    const auto digest = prover_.compute(receipts);
    const bool proven = digest && digest->root == header.receipts_root;
    const bool agree = same_logs(shown, block_logs(piece, block));
    if (!proven && !agree &&
        (!bloom_covers(header, shown) || check_.find_fault(shown, {block, block}))) {
        judge_without_receipts(piece, block);
        return;
    }
    if (!bloom_covers(header, shown)) {
        note_quirk(block);
    }
    judge_by_proof(piece, block, shown);
}

void RangeJob::judge_by_proof(Piece& piece, uint64_t block, const evm::LogBatch& truth) {
    const evm::LogBatch ours = block_logs(piece, block);
    const auto second = piece.second.find(block);
    if (second != piece.second.end() && piece.second_provider &&
        !same_logs(second->second, truth)) {
        blame_lie(*piece.second_provider, block, "its logs are not those of the receipts");
    }
    if (same_logs(truth, ours)) {
        return;
    }
    blame_lie(piece.provider, block,
              contains_all(truth, ours) ? "it left out logs that the receipts have"
                                        : "its logs are not those of the receipts");
    replace_block(piece, block, truth);
}

// No receipts to be had: what the bloom supports and the other one shows is believed.
void RangeJob::judge_without_receipts(Piece& piece, uint64_t block) {
    const evm::Header& header = piece.headers.at(block);
    const evm::LogBatch ours = block_logs(piece, block);
    const auto second = piece.second.find(block);
    if (second == piece.second.end()) {
        if (bloom_covers(header, ours)) {
            return;  // a false positive as far as anybody can tell
        }
        try_again(piece, piece.provider,
                  "the bloom of block " + std::to_string(block) + " excludes a log it returned",
                  true);
        return;
    }
    const size_t other = piece.second_provider.value_or(piece.provider);
    if (bloom_covers(header, second->second) &&
        (contains_all(second->second, ours) || !bloom_covers(header, ours))) {
        blame_lie(piece.provider, block,
                  "it left out or made up logs that " + provider_name(other) + " has right");
        const evm::LogBatch logs = second->second;
        replace_block(piece, block, logs);
    } else if (bloom_covers(header, ours) && contains_all(ours, second->second)) {
        blame_lie(other, block, "it left out logs that " + provider_name(piece.provider) + " has");
    } else {
        try_again(piece, piece.provider,
                  "two providers tell different logs of block " + std::to_string(block), true);
    }
}

void RangeJob::blame_lie(size_t provider, uint64_t block, const std::string& what) {
    auto& providers = dispatcher_.providers();
    bool others = false;
    for (size_t i = 0; i < providers.size(); ++i) {
        others = others || (i != provider && providers[i].is_usable() && providers[i].chain_id());
    }
    providers[provider].on_lie(others);
    dispatcher_.log(LogLevel::kWarning, "provider " + provider_name(provider) +
                                            " answered wrongly for block " + std::to_string(block) +
                                            ": " + what);
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

evm::LogBatch RangeJob::block_logs(const Piece& piece, uint64_t block) const {
    evm::LogBatch out;
    append_logs(piece.logs, {block, block}, out);
    return out;
}

bool RangeJob::bloom_covers(const evm::Header& header, const evm::LogBatch& logs) {
    return std::ranges::all_of(logs.logs,
                               [&](const evm::Log& log) { return check_.bloom_has(header, log); });
}

void RangeJob::replace_block(Piece& piece, uint64_t block, const evm::LogBatch& logs) {
    evm::LogBatch out;
    if (block > piece.range.from) {
        append_logs(piece.logs, {piece.range.from, block - 1}, out);
    }
    append_logs(logs, {block, block}, out);
    if (block < piece.range.to) {
        append_logs(piece.logs, {block + 1, piece.range.to}, out);
    }
    piece.logs = std::move(out);
}

// ---- Ending --------------------------------------------------------------------------------

void RangeJob::try_again(Piece& piece, size_t provider, const std::string& why, bool malformed) {
    const PoolOptions& options = dispatcher_.options();
    if (malformed) {
        dispatcher_.providers()[provider].on_malformed();
        dispatcher_.log(LogLevel::kWarning,
                        "provider " + provider_name(provider) + " gave an answer for blocks " +
                            std::to_string(piece.range.from) + " to " +
                            std::to_string(piece.range.to) + " that is not used: " + why);
    }
    piece.avoid.insert(provider);
    piece.reasons[provider] = why;
    if (++piece.attempts >= options.attempts_max) {
        std::string text = "no usable answer for blocks " + std::to_string(piece.range.from) +
                           " to " + std::to_string(piece.range.to);
        for (const auto& [asked, reason] : piece.reasons) {
            text += "; " + provider_name(asked) + ": " + reason;
        }
        fail(Error{malformed ? ErrorCode::kDecode : ErrorCode::kReorg, std::move(text)});
        return;
    }
    const int64_t bound = std::min(
        options.backoff_ms_max, options.backoff_ms_first << std::min<uint32_t>(piece.attempts, 20));
    dispatcher_.at(dispatcher_.now() + dispatcher_.jitter().upto(bound),
                   [self = shared_from_this(), from = piece.range.from] {
                       if (!self->over_) {
                           self->ask(from);
                       }
                   });
}

void RangeJob::accept(Piece& piece) {
    piece.ready = true;
    join_if_ready();
}

void RangeJob::join_if_ready() {
    if (!std::ranges::all_of(pieces_, [](const auto& entry) { return entry.second.ready; })) {
        return;
    }
    RangeLogs out;
    out.range = range_;
    std::set<std::string> names;
    std::set<uint64_t> with_logs;
    size_t arena = 0;
    for (const auto& [from, piece] : pieces_) {
        arena += piece.logs.arena.size();
    }
    if (arena > UINT32_MAX) {
        fail(Error{ErrorCode::kTooLarge, "more than 4 GB of event data in one range"});
        return;
    }
    // Also those that nobody asked for: a piece without logs may be another branch's.
    std::optional<std::pair<uint64_t, evm::Hash>> before;
    for (auto& [from, piece] : pieces_) {
        for (const evm::Log& log : piece.logs.logs) {
            with_logs.insert(with_logs.end(), log.block_num);
        }
        names.insert(provider_name(piece.provider));
        out.received_bytes += piece.received_bytes;
        if (out.logs.logs.empty()) {
            out.logs = std::move(piece.logs);
        } else {
            const auto base = static_cast<uint32_t>(out.logs.arena.size());
            out.logs.arena.insert(out.logs.arena.end(), piece.logs.arena.begin(),
                                  piece.logs.arena.end());
            for (evm::Log log : piece.logs.logs) {
                log.data_offset += base;
                out.logs.logs.push_back(log);
            }
        }
        for (auto& [num, header] : piece.headers) {
            const bool is_linked =
                !before || before->first + 1 != num || before->second == header.parent_hash;
            before = {num, header.hash};
            if (!is_linked) {
                // The chain changed between two pieces: all of it again.
                if (++restarts_ >= 3) {
                    fail(Error{ErrorCode::kReorg, "the chain changed while blocks " +
                                                      std::to_string(range_.from) + " to " +
                                                      std::to_string(range_.to) + " were read"});
                    return;
                }
                pieces_.clear();
                add_piece(range_, false);
                return;
            }
            if (all_headers_ || num == range_.from || num == range_.to || with_logs.contains(num)) {
                out.headers.push_back(std::move(header));
            }
        }
    }
    for (const std::string& name : names) {
        out.provider += (out.provider.empty() ? "" : ", ") + name;
    }
    over_ = true;
    pieces_.clear();
    done_(std::move(out));
}

void RangeJob::fail(Error error) {
    if (!std::exchange(over_, true)) {
        done_(std::move(error).with_context("logs of blocks " + std::to_string(range_.from) +
                                            " to " + std::to_string(range_.to)));
    }
}

}  // namespace plumbline::rpc
