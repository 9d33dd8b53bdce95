// What the index needs next, over and over:
//
//   1. Settle: once the writer has done everything, read what is stored. Does the mapping still fit
//      it, or must the entities be folded again; does the log lack anything below its last block?
//   2. Ask for the chain's heads. Is our last block still on the chain?
//      - another block at its height: search the common ancestor, roll back, settle (1)
//      - the head is below ours: see the rule at the top of the header
//   3. Give the fetcher its next job: a gap to fill, what is final, or the tail above finality.
//   4. Hand its ranges to the writer in order. A job that ends leads back to 2, that of a gap once
//      it is stored, or to 1 where that was the last gap; one that does not join what is stored
//      leads to the ancestor search.
//   5. At the head: poll, and tell the writer what became final.
//
// A trouble of the network waits and asks again; a range that the writer refuses leads back to 1.
#include "engine/ingest/follower.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/check.hpp"
#include "core/base/logging.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

namespace {

/// Who is back is to be noticed soon; while nobody can be asked, asking costs nothing.
constexpr int64_t kRetryMsMax = 2'000;

}  // namespace

Follower::Follower(rpc::ChainSource& source, std::shared_ptr<const Plan> plan,
                   const storage::Database& database, IngestChannel& channel,
                   IngestProgress& progress, RecentHeaders& headers, const Clock& clock,
                   const IngestOptions& options, Until until)
    : source_{source},
      plan_{std::move(plan)},
      database_{database},
      channel_{channel},
      progress_{progress},
      headers_{headers},
      clock_{clock},
      options_{options},
      until_{until},
      gaps_{database, *plan_, clock},
      fetcher_{source, plan_, clock, options, &database},
      outbox_{channel},
      first_block_{first_block_of(plan_->sources())},
      lowest_block_{first_block_},
      apart_{source, database, clock, [this] { forget_told(); }},
      backoff_{options.retry_ms_min, std::min(options.retry_ms_max, kRetryMsMax)},
      wait_{progress, clock} {
    for (uint32_t i = 0; i < plan_->sources().size(); ++i) {
        all_sources_.push_back(i);
    }
    progress_.first_block = first_block_;
    progress_.next_block = first_block_;
    progress_.fetched_next = first_block_;
    progress_.asked_next = first_block_;
}

Follower::~Follower() = default;

int64_t Follower::wake_at_ms() const noexcept {
    switch (phase_) {
        case Phase::kSettle: return settle_not_before_ms_;
        case Phase::kCheckEnds:
        case Phase::kPause: return wake_ms_;
        case Phase::kFetch: return fetcher_.wake_at_ms();
        default: return -1;
    }
}

bool Follower::step() {
    if (channel_.has_failed() || phase_ == Phase::kDone) {
        return false;
    }
    watch_heads();
    watch_wait();
    bool has_moved = outbox_.flush();
    if (outbox_.is_refused() && phase_ != Phase::kSettle) {
        restart(options_.retry_ms_min);
        has_moved = true;
    }
    switch (phase_) {
        case Phase::kSettle: return settle() || has_moved;
        case Phase::kPause:
            if (clock_.monotonic_ms() >= wake_ms_) {
                ask_heads();
                return true;
            }
            return has_moved;
        case Phase::kCheckEnds:
            if (clock_.monotonic_ms() >= wake_ms_) {
                check_range_ends();
                return true;
            }
            return has_moved;
        case Phase::kFetch: return step_fetch() || has_moved;
        case Phase::kFinish:
            if (outbox_.is_drained()) {
                if (!check_asked()) {
                    phase_ = Phase::kDone;
                }
                return true;
            }
            return has_moved;
        default: return has_moved;
    }
}

// --- what is stored --------------------------------------------------------------------------

/// What is stored is where everything starts from; nothing may be on its way to the writer.
bool Follower::settle() {
    if (!outbox_.is_drained() || clock_.monotonic_ms() < settle_not_before_ms_) {
        return false;
    }
    if (outbox_.is_refused()) {
        outbox_.begin_epoch();
    }
    if (gaps_.is_scanning()) {
        return step_scan();
    }
    const std::optional<storage::Cursor> cursor = database_.cursor();
    Result<std::vector<storage::ChildRow>> children = database_.children();
    if (!children) {
        channel_.fail(std::move(children).error());
        return false;
    }
    tip_.reset();
    gaps_.clear();
    recheck_.forget_plan();
    lower_polls_ = 0;
    finalized_sent_ = 0;
    if (cursor) {
        tip_ = evm::BlockId{cursor->block_num, cursor->block_hash};
        finality_.on_stored(cursor->finalized);
        finalized_sent_ = cursor->finalized;
        progress_.next_block = cursor->block_num + 1;
        progress_.fetched_next = cursor->block_num + 1;
        progress_.finalized_block = cursor->finalized;
        learn_block_times(*cursor);
        const Result<std::vector<storage::CoverageRow>> coverage = database_.coverage();
        if (!coverage) {
            channel_.fail(coverage.error());
            return false;
        }
        lowest_block_ = first_block_;
        for (const storage::CoverageRow& row : *coverage) {
            lowest_block_ = std::min(lowest_block_, row.range.from);
        }
        gaps_.find(*coverage, *children, *cursor);
        if (gaps_.is_scanning()) {
            return true;  // Comes back here when it is done.
        }
    }
    if (order_refold_if_needed()) {
        return true;  // Comes back here when it is done.
    }
    if (!network_allowed_) {
        return false;
    }
    fetcher_.cancel();
    fetcher_.reset_children(*children);
    if (progress_.state.load() == Lifecycle::kStarting) {
        progress_.state = Lifecycle::kBackfilling;
    }
    ask_heads();
    return true;
}

/// A part of the log a turn.
bool Follower::step_scan() {
    Result<std::vector<UnneededCall>> unneeded = gaps_.scan();
    if (!unneeded) {
        channel_.fail(std::move(unneeded).error());
        return false;
    }
    if (!unneeded->empty()) {
        outbox_.push(DropCallsWork{*std::move(unneeded)});
    }
    return true;
}

/// Also with nothing stored: damage may have cost the whole log and left rows behind, or the
/// mapping changed before the first commit.
bool Follower::order_refold_if_needed() {
    const bool is_needed =
        database_.needs_refold() || database_.bundle().fingerprint != plan_->bundle().fingerprint;
    if (!gaps_.empty() || refold_ordered_ || !is_needed) {
        refold_ordered_ = false;
        return false;
    }
    refold_ordered_ = true;
    outbox_.push(RefoldWork{database_.bundle().fingerprint != plan_->bundle().fingerprint
                                ? "the mapping changed"
                                : "the entities do not belong to the log"});
    return true;
}

/// Forgets what is under way and starts from what is stored.
void Follower::restart(int64_t wait_ms) {
    answers_.cancel();
    fetcher_.cancel();
    outbox_.drop_ranges();
    settle_not_before_ms_ = clock_.monotonic_ms() + wait_ms;
    phase_ = Phase::kSettle;
}

void Follower::pause(int64_t wait_ms) {
    wake_ms_ = clock_.monotonic_ms() + wait_ms;
    phase_ = Phase::kPause;
}

// --- heads -----------------------------------------------------------------------------------

/// An answer of another length than the question is an error like any other.
void Follower::ask_headers(std::vector<uint64_t> block_nums,
                           rpc::ChainSource::Callback<Headers> handle) {
    const size_t count = block_nums.size();
    source_.get_headers(std::move(block_nums),
                        only_answer([count, handle = std::move(handle)](Result<Headers> result) {
                            if (result && result->size() != count) {
                                result =
                                    Error{ErrorCode::kDecode,
                                          count == 1 ? "no header came" : "too few headers came"};
                            }
                            handle(std::move(result));
                        }));
}

void Follower::ask_heads() {
    phase_ = Phase::kHeads;
    // Whatever was true of the chain may have changed.
    tip_checked_ = tip_ && tip_->hash.is_zero();
    heads_asked_ms_ = clock_.monotonic_ms();
    source_.get_heads(
        only_answer([this](Result<rpc::Heads> result) { on_heads(std::move(result)); }));
}

void Follower::on_heads(Result<rpc::Heads> result) {
    if (!result && result.error().code == ErrorCode::kIncompatible) {
        // Every endpoint serves another chain by now: nobody is left to wait for.
        channel_.fail(std::move(result).error());
        return;
    }
    progress_.lower_head = 0;
    if (!result) {
        trouble(result.error(), "asking for the chain's head");
        pause(backoff_.next());
        return;
    }
    heads_ = *std::move(result);
    if (!tip_ || heads_->latest.block_num >= tip_->block_num) {
        lower_since_ms_.reset();
    }
    if (!apart_.is_disagreed() && (!tip_ || heads_->latest.block_num >= tip_->block_num)) {
        clear_trouble();
    }
    note_heads(*heads_);
    take_finality(*heads_);
    const std::optional<std::string> hold = apart_.hold(tip_, finality_.finalized());
    if (!hold) {
        decide();
    } else if (hold->empty()) {
        pause(ApartProviders::kLookMs);
    } else {
        wait_.wait(clock_.monotonic_ms(), *hold);
        pause(options_.poll_interval_ms);
    }
}

/// Heads are fresh, nothing is being fetched.
void Follower::decide() {
    PLUMBLINE_CHECK(heads_.has_value() && fetcher_.state() == FetchState::kIdle);
    const uint64_t head = heads_->latest.block_num;
    if (tip_ && !tip_checked_ && head >= tip_->block_num) {
        if (head > tip_->block_num) {
            check_tip();
            return;
        }
        if (heads_->latest.hash != tip_->hash) {
            begin_ancestor_search(SearchReason::kFork);
            return;
        }
        tip_checked_ = true;
    }
    if (tip_ && head < tip_->block_num) {
        on_lower_head();
        return;
    }
    lower_polls_ = 0;
    if (!gaps_.is_done()) {
        start_fill();
        return;
    }
    if (start_recheck(true)) {
        return;
    }
    if (tip_ && head == tip_->block_num && tip_->block_num >= lowest_block_ &&
        heads_->latest.hash != tip_->hash) {
        begin_ancestor_search(SearchReason::kFork);
        return;
    }
    if (!check_asked()) {
        start_next_job();
    }
}

/// Blocks below finality are not linked one by one, so the place to go on from is looked at first.
void Follower::check_tip() {
    if (gaps_.is_done() && next_block() > finality_.finalized()) {
        // The first header of the tail says it by its parent hash.
        tip_checked_ = true;
        decide();
        return;
    }
    phase_ = Phase::kCheckTip;
    ask_headers({tip_->block_num}, [this](Result<Headers> result) {
        if (!result) {
            trouble(result.error(), "looking for our last block on the chain");
            pause(backoff_.next());
            return;
        }
        clear_trouble();
        if (result->front().hash == tip_->hash) {
            tip_checked_ = true;
            decide();
        } else {
            begin_ancestor_search(SearchReason::kFork);
        }
    });
}

void Follower::at_head() {
    standstill_.over();
    if (until_.head) {
        reach_until();
        return;
    }
    if (!has_been_at_head_) {
        has_been_at_head_ = true;
        outbox_.push(SyncWork{});
        logging::info("at the head of the chain, following it",
                      {{"block", heads_->latest.block_num}});
    }
    if (progress_.state.load() == Lifecycle::kBackfilling) {
        progress_.state = Lifecycle::kLive;
    }
    push_finality();
    pause(std::max<int64_t>(0,
                            options_.poll_interval_ms - (clock_.monotonic_ms() - heads_asked_ms_)));
}

/// Finality may move while no block comes.
void Follower::push_finality() {
    const uint64_t final_block = tip_ ? std::min(finality_.finalized(), tip_->block_num) : 0;
    if (final_block > finalized_sent_) {
        finalized_sent_ = final_block;
        outbox_.push(FinalizeWork{final_block});
    }
}

void Follower::reach_until() {
    if (start_recheck(false)) {
        return;
    }
    push_finality();
    outbox_.push(SyncWork{});
    phase_ = Phase::kFinish;
}

}  // namespace plumbline::engine
