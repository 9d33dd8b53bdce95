// What providers that were proven to lie have told alone is fetched again from others.
#include <algorithm>
#include <utility>

#include "core/base/logging.hpp"
#include "engine/ingest/follower.hpp"

namespace plumbline::engine {

namespace {

constexpr int64_t kWaitForWriterMs = 20;

}  // namespace

/// False where there is nothing to fetch again, or, with `may_wait`, where it is the head's turn.
/// All that was fetched must be stored: what is on its way may be theirs.
bool Follower::start_recheck(bool may_wait) {
    recheck_.convict(source_.take_convicted());
    if (recheck_.empty() || !tip_) {
        return false;
    }
    if (!outbox_.is_drained()) {
        pause(kWaitForWriterMs);
        return true;
    }
    if (recheck_.take_turn_of_head() && may_wait && !database_.needs_refold()) {
        // The part before knew the children of its own time only; at the head all count.
        return !know_children(UINT64_MAX);
    }
    if (!recheck_.is_due(clock_.monotonic_ms())) {
        return false;  // A settle came before: the fetcher knows all children.
    }
    if (!recheck_.is_planned()) {
        const Result<std::vector<storage::CoverageRow>> coverage = database_.coverage();
        if (!coverage) {
            channel_.fail(coverage.error());
            return true;
        }
        if (!recheck_.plan(*coverage)) {
            return false;
        }
        logging::warning("fetching again elsewhere what a provider told that was proven to lie",
                         {{"provider", recheck_.names()},
                          {"from", recheck_.part().from},
                          {"to", recheck_.end()}});
    }
    fetch_again(recheck_.part());
    return true;
}

/// Has the fetcher know whom the database holds as announced below `until`. False: it could not be
/// read, and the channel has the reason. What was fetched must be stored.
bool Follower::know_children(uint64_t until) {
    Result<std::vector<storage::ChildRow>> children = database_.children();
    if (!children) {
        channel_.fail(std::move(children).error());
        return false;
    }
    std::erase_if(*children,
                  [&](const storage::ChildRow& child) { return child.block_num >= until; });
    fetcher_.cancel();
    fetcher_.reset_children(*children);
    return true;
}

void Follower::fetch_again(const evm::BlockRange& range) {
    if (!know_children(range.from)) {
        return;
    }
    progress_.fill_next = range.from;
    progress_.fill_to = recheck_.end();
    FetchJob job;
    job.range = range;
    job.sources = all_sources_;
    job.finalized = finality_.finalized();
    job.distrusted = recheck_.liars();
    start_job(std::move(job), JobKind::kRecheck);
}

/// True where a liar told it once more: then it is left for later, and what comes behind it goes
/// on from what is stored, for who is announced there may be a lie too.
bool Follower::leave_to_liar(const FetchedRange& fetched) {
    if (!recheck_.is_theirs(fetched.told_by)) {
        recheck_.on_others();
        return false;
    }
    const int64_t now = clock_.monotonic_ms();
    if (recheck_notice_.due(now)) {
        logging::info(
            "nobody else tells these blocks just now: what a provider told that was proven to lie "
            "stays, and others are asked again",
            {{"provider", recheck_.names()},
             {"from", fetched.range.from},
             {"to", fetched.range.to}});
    }
    recheck_.leave(fetched.range.to, now);
    progress_.fill_next = 0;
    restart(0);
    return true;
}

void Follower::end_recheck_job() {
    if (recheck_.end_part()) {
        ask_heads();
        return;
    }
    progress_.fill_next = 0;
    restart(0);  // Folds again where something differed.
}

}  // namespace plumbline::engine
