// What the follower asks the fetcher for, and what becomes of its ranges.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/check.hpp"
#include "core/base/logging.hpp"
#include "engine/ingest/follower.hpp"

namespace plumbline::engine {

namespace {

/// Jobs that found the chain changed, in a row, before that is worth a warning.
constexpr unsigned kStaleJobsToTell = 5;

}  // namespace

/// What comes next above the tip: up to finality, or the tail.
void Follower::start_next_job() {
    const uint64_t next = next_block();
    const uint64_t last = std::min(heads_->latest.block_num, until_.block.value_or(UINT64_MAX));
    if (until_.block && next > *until_.block) {
        reach_until();
        return;
    }
    if (next > last) {
        at_head();
        return;
    }
    FetchJob job;
    job.sources = all_sources_;
    job.finalized = finality_.finalized();
    job.tail = next > job.finalized;
    job.range = {next, job.tail ? last : std::min(last, job.finalized)};
    if (tip_ && !tip_->hash.is_zero()) {
        job.parent_hash = tip_->hash;
    }
    start_job(std::move(job), JobKind::kNext);
}

void Follower::start_fill() {
    const CoverageGap& span = gaps_.next();
    if (gaps_.is_at_first()) {
        logging::info("fetching what the changed config needs and the database lacks",
                      {{"from", span.range.from}, {"to", gaps_.last_block()}});
    }
    // Who was announced in earlier blocks is known; the rest shows again on the way. Behind a fold,
    // whom the stored log announces is known whatever a provider tells of these blocks now.
    PLUMBLINE_CHECK_MSG(outbox_.is_drained(), "the span before may announce children");
    Result<std::vector<storage::ChildRow>> children = database_.children();
    if (!children) {
        channel_.fail(std::move(children).error());
        return;
    }
    std::erase_if(*children, [&](const storage::ChildRow& child) {
        const auto source = std::ranges::find(plan_->sources(), child.contract, &Source::contract);
        const bool has_history = source != plan_->sources().end() && source->has_history();
        return child.block_num >= span.range.from && !has_history && !gaps_.are_children_of_log();
    });
    fetcher_.cancel();
    fetcher_.reset_children(*children);
    progress_.fill_next = span.range.from;
    progress_.fill_to = gaps_.last_block();
    FetchJob job;
    job.range = span.range;
    job.sources = span.sources;
    job.finalized = finality_.finalized();
    start_job(std::move(job), JobKind::kGap);
}

void Follower::start_job(FetchJob job, JobKind kind) {
    job_kind_ = kind;
    job_is_tail_ = job.tail;
    has_new_history_ = false;
    range_ends_.start(tip_);
    // A few final blocks are caught up with: how far behind it is says the lag.
    if (kind == JobKind::kNext && progress_.state.load() == Lifecycle::kLive && !job.tail &&
        job.range.size() > options_.tail_blocks_max) {
        progress_.state = Lifecycle::kBackfilling;
    }
    phase_ = Phase::kFetch;
    asked_ms_ = got_on_ms_ = clock_.monotonic_ms();
    fetcher_.start(std::move(job));
    step_fetch();
}

bool Follower::step_fetch() {
    bool has_moved = hand_over_ranges();
    switch (fetcher_.state()) {
        case FetchState::kWorking: {
            has_moved |= fetcher_.step();
            if (fetcher_.trouble()) {
                trouble(*fetcher_.trouble(), "fetching");
            }
            return has_moved;
        }
        case FetchState::kDone:
            if (may_end_job()) {
                end_job();
                return true;
            }
            return has_moved;
        case FetchState::kForked:
            set_back(describe_setback(), got_on_ms_);
            fetcher_.cancel();
            begin_ancestor_search(SearchReason::kFork);
            return true;
        case FetchState::kStale: on_stale(); return true;
        case FetchState::kFailed: channel_.fail(*fetcher_.trouble()); return true;
        case FetchState::kIdle: break;
    }
    return has_moved;
}

/// As long as the queue takes them: the fetcher's bounds on memory hold for what it keeps.
bool Follower::hand_over_ranges() {
    bool has_moved = false;
    while (!outbox_.has_waiting()) {
        std::optional<FetchedRange> fetched = fetcher_.take();
        if (!fetched) {
            break;
        }
        has_moved = true;
        got_on_ms_ = clock_.monotonic_ms();
        stale_jobs_ = 0;
        if (job_kind_ == JobKind::kNext) {
            standstill_.on_range(fetched->range.to);
        } else {
            standstill_.over();
        }
        clear_trouble();
        if (job_kind_ == JobKind::kRecheck && leave_to_liar(*fetched)) {
            break;
        }
        std::vector<evm::Header> headers = std::exchange(fetched->headers, {});
        if (job_kind_ != JobKind::kNext) {
            outbox_.push(GapWork{*std::move(fetched),
                                 job_kind_ == JobKind::kRecheck ? recheck_.names() : ""});
            continue;
        }
        PLUMBLINE_CHECK(fetched->range.from == next_block());
        has_new_history_ = has_new_history_ || announces_history(*fetched);
        headers_.add(std::move(headers));  // Before anybody can see their blocks.
        const BlockInfo& last = fetched->blocks.back();
        tip_ = evm::BlockId{last.block_num, last.hash};
        progress_.fetched_next = next_block();
        progress_.fetched_events += fetched->logs.logs.size();
        head_clock_.add_block(last.block_num, last.timestamp);
        if (!job_is_tail_) {
            range_ends_.add(*tip_);
        }
        finalized_sent_ = std::max(finalized_sent_, std::min(fetched->finalized, last.block_num));
        AppendWork work{*std::move(fetched), false};
        work.sync = job_is_tail_ && has_been_at_head_;
        outbox_.push(std::move(work));
    }
    return has_moved;
}

bool Follower::announces_history(const FetchedRange& fetched) const {
    return std::ranges::any_of(fetched.children, [&](const storage::ChildRow& child) {
        const auto source = std::ranges::find(plan_->sources(), child.contract, &Source::contract);
        return source != plan_->sources().end() &&
               source->has_history({child.block_num, child.log_index});
    });
}

/// What comes above the tip is asked with the children that the fetcher knows. Spans below it are
/// asked with those that the database knows: one that waits for the writer may announce children
/// whose logs are in the next.
bool Follower::may_end_job() const noexcept {
    return job_kind_ == JobKind::kNext ? !outbox_.has_waiting() : outbox_.is_drained();
}

void Follower::end_job() {
    fetcher_.cancel();
    if (job_kind_ == JobKind::kRecheck) {
        end_recheck_job();
        return;
    }
    if (job_kind_ != JobKind::kGap && has_new_history_) {
        restart(0);  // Finds what is not covered any more, and folds again once it is there.
        return;
    }
    if (job_kind_ == JobKind::kGap) {
        if (gaps_.advance()) {
            ask_heads();
            return;
        }
        progress_.fill_next = 0;
        restart(0);  // Finds everything covered and folds again.
        return;
    }
    if (!job_is_tail_) {
        check_range_ends();
        return;
    }
    if (heads_ && tip_->block_num >= heads_->latest.block_num) {
        if (until_.head) {
            // A head that we have just reached is the head, whatever has come since.
            reach_until();
            return;
        }
        at_head();
        return;
    }
    ask_heads();
}

/// Ranges below finality are not linked to each other by parent hashes. Should the chain have been
/// exchanged below them all the same, one of their last blocks is no longer on it.
void Follower::check_range_ends() {
    std::vector<uint64_t> block_nums = range_ends_.next_question();
    if (block_nums.empty()) {
        ask_heads();
        return;
    }
    phase_ = Phase::kCheckTip;
    ask_headers(std::move(block_nums), [this](Result<Headers> result) {
        if (!result && result.error().code == ErrorCode::kNotFound) {
            ask_heads();  // The chain is shorter than it was.
            return;
        }
        if (!result) {
            trouble(result.error(), "looking for fetched blocks on the chain");
            phase_ = Phase::kCheckEnds;
            wake_ms_ = clock_.monotonic_ms() + backoff_.next();
            return;
        }
        clear_trouble();
        if (range_ends_.take_headers(*result)) {
            check_range_ends();
        } else {
            roll_back_if_agreed(range_ends_.last_good().value_or(below_all()), *tip_);
        }
    });
}

void Follower::on_stale() {
    // Once is a reorg, often is a provider that contradicts itself.
    const Error error = fetcher_.trouble().value_or(
        Error{ErrorCode::kReorg, "the chain changed while it was read"});
    if (++stale_jobs_ > kStaleJobsToTell) {
        trouble(error, "fetching");
    } else {
        wait_.wait(clock_.monotonic_ms(), "fetching: " + error.message);
        logging::debug("the chain changed while it was read", {{"what", error.message}});
    }
    set_back(describe_setback(), got_on_ms_);
    restart(backoff_.next());
}

/// Of the fetcher's job that is over.
std::string Follower::describe_setback() const {
    const std::optional<Error>& trouble = fetcher_.trouble();
    return fmt::format("fetching blocks {} to {}: {}", fetcher_.range().from, fetcher_.range().to,
                       trouble ? trouble->message : "the chain changed while it was read");
}

}  // namespace plumbline::engine
