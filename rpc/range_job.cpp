#include "rpc/range_job.hpp"

#include <algorithm>
#include <utility>

#include "core/evm/state_sync.hpp"
#include "rpc/error_text.hpp"

namespace plumbline::rpc {

namespace {

constexpr uint32_t kRestartsMax = 3;
/// Whose receipts are asked for at once, where they stand for logs: a block may have megabytes.
constexpr uint64_t kReceiptsBlocks = 8;

}  // namespace

RangeJob::RangeJob(Dispatcher& dispatcher, BloomTrust& bloom, ProofMemory& proof, LogQuery query,
                   Done done)
    : dispatcher_{dispatcher},
      bloom_{bloom},
      proof_{proof},
      query_{std::move(query)},
      filter_{std::make_shared<const LogFilter>(std::move(query_.filter))},
      check_{*filter_},
      cutter_{filter_, query_.all_headers},
      judge_{check_},
      done_{std::move(done)},
      ticket_{
          dispatcher.waits().open(method_name(Call::Kind::kLogs), query_.range, dispatcher.now())},
      pieces_{query_.range} {}

void RangeJob::send(CallGroup group, uint64_t from, Step step) {
    group.ticket = ticket_;
    group.done = [self = shared_from_this(), from, step](GroupResult result) {
        if (!self->over_) {
            ((*self).*step)(self->pieces_.at(from), std::move(result));
        }
    };
    dispatcher_.send(std::move(group));
}

void RangeJob::send_for_receipts(std::vector<evm::Header> headers, ProviderSet avoid, uint64_t from,
                                 ReceiptsStep step) {
    ask_block_receipts({dispatcher_, proof_, avoid, ticket_}, std::move(headers),
                       [self = shared_from_this(), from,
                        step = std::move(step)](std::vector<Result<CheckedAnswer>> receipts) {
                           if (!self->over_) {
                               step(*self, self->pieces_.at(from), std::move(receipts));
                           }
                       });
}

// ---- Asking --------------------------------------------------------------------------------

// For `piece`, with a first call in place of those that are written once a provider is chosen.
CallGroup RangeJob::make_group(const RangePiece& piece) const {
    CallGroup group = CallGroup::range();
    group.avoid = piece.avoid | dispatcher_.liars();
    group.impatient_of = piece.suspect;
    group.filter = filter_;
    group.calls.resize(1);
    group.calls[0].kind = Call::Kind::kHeaderByNum;
    group.calls[0].block_num = piece.range.to;
    return group;
}

void RangeJob::ask(uint64_t from) {
    const RangePiece& piece = pieces_.at(from);
    CallGroup group = make_group(piece);
    group.block_needed = last_needed(piece);
    group.oldest_block = piece.range.from;
    group.prepare = [self = shared_from_this(), from](size_t provider, CallGroup& prepared) {
        self->prepare(from, provider, prepared);
    };
    send(std::move(group), from, &RangeJob::on_answer);
}

// The last block that the next request for this piece will cover at most: who lacks it lags.
uint64_t RangeJob::last_needed(const RangePiece& piece) const {
    uint64_t size = 1;
    for (Provider& provider : dispatcher_.providers()) {
        if (provider.is_usable()) {
            size = std::max(size, provider.ranges(*filter_).size());
        }
    }
    return piece.range.size() > size ? piece.range.from + size - 1 : piece.range.to;
}

// Cuts the piece to what this provider takes and writes the calls.
void RangeJob::prepare(uint64_t from, size_t provider, CallGroup& group) {
    RangePiece& piece = pieces_.at(from);
    Provider& target = dispatcher_.providers()[provider];
    RangeController& ranges = target.ranges(*filter_);
    RequestLimits limits;
    limits.blocks_max =
        piece.cut_by_refusal ? ranges.cap().value_or(UINT64_MAX) : ranges.take_size();
    limits.addresses_max = target.addresses_max();
    limits.batch_max = target.batch_max();
    limits.head = target.head();
    if (limits.head && target.has_told(piece.range.to)) {
        limits.head = std::max(*limits.head, piece.range.to);  // Another backend answers next.
    }
    piece.by_receipts =
        !over_ && target.would_refuse(from, true) && !target.would_refuse(from, false);
    if (!piece.by_receipts) {
        target.vain_logs(*filter_).on_asked(dispatcher_.now());
    }
    if (piece.by_receipts) {
        limits.blocks_max = kReceiptsBlocks;
        piece.refused_code = ErrorCode::kNotFound;
        piece.reasons[provider] = target.no_logs_text();
    }
    // Once the job is over nobody waits for the answer: do not make more of it.
    const uint64_t size = over_ ? piece.range.size() : cutter_.request_size(piece.range, limits);
    if (size < piece.range.size()) {
        RangePiece& rest = pieces_.cut(from, size);
        rest.cut_by_refusal = piece.cut_by_refusal;
        rest.one_at_a_time = piece.one_at_a_time;
        if (piece.one_at_a_time) {
            deferred_.insert(rest.range.from);
        } else {
            ask(rest.range.from);
        }
    }
    group.block_needed = piece.range.to;
    group.calls = piece.by_receipts ? PieceCutter::write_header_calls(piece.range)
                                    : cutter_.write_calls(piece.range, limits);
    piece.by_hash = !piece.by_receipts && PieceCutter::asks_by_hash(piece.range, limits);
}

// True where no answers came; what that means for the piece has been seen to.
bool RangeJob::take_failure(RangePiece& piece, const GroupResult& result) {
    piece.received_bytes += result.received_bytes;
    if (result.refusal) {
        on_refusal(piece, result.provider, *result.refusal, *result.error);
        return true;
    }
    if (result.error) {
        fail(*result.error);
        return true;
    }
    return false;
}

void RangeJob::on_answer(RangePiece& piece, GroupResult result) {
    if (take_failure(piece, result)) {
        return;
    }
    piece.clear_answer();
    piece.provider = result.provider;
    // Each request of several has the last block's header (PieceCutter::write_calls).
    const size_t asked = asked_nums(piece).size();
    bool lacks_last = false;
    for (size_t i = 0; i < result.answers.size(); ++i) {
        auto* header = result.answers[i].get<evm::Header>();
        if (header == nullptr) {
            lacks_last =
                lacks_last || (i + 1 >= asked && result.answers[i].get<Answer::Null>() != nullptr);
            continue;
        }
        const uint64_t num = header->block_num;
        const auto known = piece.headers.find(num);
        if (known != piece.headers.end() && known->second.hash != header->hash) {
            try_again(piece, result.provider,
                      "block " + std::to_string(num) + " is two blocks in one answer",
                      Blame::kNobody);
            return;
        }
        piece.headers.emplace(num, std::move(*header));
    }
    if (lacks_last && piece.headers.contains(piece.range.to)) {
        // No gap: a backend that is behind, whose logs are none for that reason.
        dispatcher_.providers()[result.provider].on_behind(piece.range.to);
        try_again(
            piece, result.provider,
            "block " + std::to_string(piece.range.to) + " is there and not there in one answer",
            Blame::kNobody);
        return;
    }
    prove_gaps(piece, std::move(result), &RangeJob::on_whole_answer);
}

void RangeJob::on_whole_answer(RangePiece& piece, GroupResult result) {
    if (piece.by_receipts) {
        ask_all_receipts(piece);
    } else if (piece.by_hash && evm::is_gap(piece.headers.at(piece.range.from))) {
        check_piece(piece);  // Nothing is in it.
    } else if (piece.by_hash) {
        ask_by_hash(piece);
    } else {
        take_logs(piece, std::move(result));
    }
}

// One call a request, so the header that has come may be another backend's. See
// PieceCutter::asks_by_hash.
void RangeJob::ask_by_hash(RangePiece& piece) {
    CallGroup group = make_group(piece);
    group.block_needed = piece.range.to;
    group.prepare = [self = shared_from_this(), hash = piece.headers.at(piece.range.from).hash](
                        size_t provider, CallGroup& prepared) {
        prepared.calls = self->cutter_.write_calls_of_block(
            hash, self->dispatcher_.providers()[provider].addresses_max());
    };
    send(std::move(group), piece.range.from, &RangeJob::on_logs_by_hash);
}

void RangeJob::on_logs_by_hash(RangePiece& piece, GroupResult result) {
    if (!take_failure(piece, result)) {
        piece.provider = result.provider;
        take_logs(piece, std::move(result));
    }
}

// Joins the lists of an answer into the piece's logs.
void RangeJob::take_logs(RangePiece& piece, GroupResult result) {
    size_t lists = 0;
    for (Answer& answer : result.answers) {
        auto* logs = answer.get<evm::LogBatch>();
        if (logs == nullptr) {
            continue;
        }
        // Before the lists are joined: that drops what lies outside the range.
        if (const auto fault = check_.find_fault(*logs, piece.range)) {
            take_fault(piece, result.provider, *fault);
            return;
        }
        if (++lists == 1) {
            piece.logs = std::move(*logs);
        } else {
            append_logs(*logs, piece.range, piece.logs);
        }
    }
    if (lists > 1) {
        sort_logs(piece.logs);
        if (const auto fault = check_.find_fault(piece.logs, piece.range)) {
            take_fault(piece, result.provider, *fault);
            return;
        }
    }
    Provider& teller = dispatcher_.providers()[result.provider];
    teller.on_sound_logs(piece.range.from, piece.logs.logs.size());
    teller.ranges(*filter_).on_success(piece.range.size(), piece.logs.logs.size(),
                                       result.received_bytes, result.answering_ms);
    ask_headers(piece);
}

// ---- Checks --------------------------------------------------------------------------------

// Fetches the headers of blocks with logs that are not there yet.
void RangeJob::ask_headers(RangePiece& piece) {
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
    send(std::move(group), piece.range.from, &RangeJob::on_headers);
}

void RangeJob::on_headers(RangePiece& piece, GroupResult result) {
    piece.received_bytes += result.received_bytes;
    if (result.error) {
        fail(*std::move(result.error));
        return;
    }
    for (Answer& answer : result.answers) {
        if (auto* header = answer.get<evm::Header>()) {
            piece.headers.emplace(header->block_num, std::move(*header));
        }
    }
    check_piece(piece);
}

void RangeJob::check_piece(RangePiece& piece) {
    // A reorganisation between the two answers, or one of them is from another fork.
    if (const auto fault = find_branch_fault(piece.logs, piece.headers)) {
        try_again(piece, piece.provider, *fault, Blame::kNobody);
        return;
    }
    const PoolOptions& options = dispatcher_.options();
    if (evm::has_state_syncs(dispatcher_.chain_id().value_or(0))) {
        check_.expect_state_syncs();
    }
    piece.disputes.clear();
    if (options.bloom_check != BloomCheck::kOff && bloom_.trusted) {
        // Long address lists match nearly every bloom.
        const bool has_power = filter_->addresses.size() <= options.bloom_addresses_max;
        SuspicionRules rules;
        rules.empty_blocks = has_power;
        rules.every_event = has_power && options.bloom_check == BloomCheck::kEveryEvent;
        rules.every_event_is_weak = !query_.all_headers;
        piece.disputes = judge_.find_disputes(piece.headers, piece.logs.logs, rules);
    }
    settle_disputes(piece);
}

// ---- Ending --------------------------------------------------------------------------------

void RangeJob::note_fault(const RangePiece& piece, size_t provider, const std::string& why) {
    Provider& teller = dispatcher_.providers()[provider];
    teller.on_malformed();
    if (const auto count = teller.take_fault_notice()) {
        dispatcher_.log(
            LogLevel::kWarning,
            "provider " + provider_name(provider) + " gave an answer for " +
                name_blocks(piece.range) + " that is not used: " + why +
                (*count > 1 ? "; " + std::to_string(*count) + " since the last line" : ""));
    }
}

void RangeJob::try_again(RangePiece& piece, size_t provider, const std::string& why, Blame blame) {
    const PoolOptions& options = dispatcher_.options();
    if (blame == Blame::kProvider) {
        note_fault(piece, provider, why);
    }
    piece.avoid.insert(provider);
    piece.reasons[provider] = why;
    ticket_->on_refused(provider_name(provider), why);
    if (++piece.attempts >= options.attempts_max) {
        std::string text = "no usable answer for " + name_blocks(piece.range);
        for (const auto& [asked, reason] : piece.reasons) {
            text += "; " + named_text(provider_name(asked), reason);
        }
        fail(Error{blame == Blame::kProvider ? ErrorCode::kDecode : ErrorCode::kReorg,
                   std::move(text)});
        return;
    }
    int64_t bound = std::min(options.backoff_ms_max,
                             options.backoff_ms_first << std::min<uint32_t>(piece.attempts, 20));
    if (blame == Blame::kNobody && dispatcher_.providers()[provider].has_told(piece.range.to)) {
        bound = std::min(bound, options.head_poll_ms);
    }
    dispatcher_.at(dispatcher_.now() + dispatcher_.jitter().upto(bound),
                   [self = shared_from_this(), from = piece.range.from] {
                       if (!self->over_) {
                           self->ask(from);
                       }
                   });
}

void RangeJob::settle(RangePiece& piece) {
    pieces_.settle(piece.range.from);
    ticket_->on_progress(dispatcher_.now());
    if (pieces_.all_settled()) {
        finish();
    } else if (!deferred_.empty()) {
        ask(deferred_.extract(deferred_.begin()).value());
    }
}

void RangeJob::finish() {
    if (!pieces_.is_linked()) {
        // The chain changed between two pieces: all of it again.
        if (++restarts_ >= kRestartsMax) {
            fail(Error{ErrorCode::kReorg, "the chain changed while blocks " +
                                              std::to_string(query_.range.from) + " to " +
                                              std::to_string(query_.range.to) + " were read"});
            return;
        }
        pieces_.start_over();
        deferred_.clear();
        ask(query_.range.from);
        return;
    }
    std::vector<ToldBy> told_by;
    for (const auto& [range, provider] : pieces_.tellers()) {
        told_by.push_back({range, provider_name(provider)});
    }
    auto logs = std::move(pieces_).join(query_.all_headers);
    if (!logs) {
        fail(std::move(logs).error());
        return;
    }
    logs->told_by = std::move(told_by);
    over_ = true;
    ticket_->close();
    done_(*std::move(logs));
}

void RangeJob::fail(Error error) {
    if (!std::exchange(over_, true)) {
        ticket_->close();
        done_(std::move(error).with_context("logs of blocks " + std::to_string(query_.range.from) +
                                            " to " + std::to_string(query_.range.to)));
    }
}

}  // namespace plumbline::rpc
