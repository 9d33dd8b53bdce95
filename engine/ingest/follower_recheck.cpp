// What providers that were proven to lie have told alone is fetched again from others.
#include <algorithm>
#include <utility>

#include "core/base/logging.hpp"
#include "engine/ingest/follower.hpp"
#include "engine/ingest/told_by_liar.hpp"

namespace plumbline::engine {

namespace {

constexpr int64_t kWaitForWriterMs = 20;
/// At once. The head is followed in between.
constexpr uint64_t kRecheckBlocksMax = 50'000;

std::vector<evm::BlockRange> cut(const std::vector<evm::BlockRange>& ranges) {
    std::vector<evm::BlockRange> out;
    for (evm::BlockRange rest : ranges) {
        while (rest.size() > kRecheckBlocksMax) {
            out.push_back({rest.from, rest.from + kRecheckBlocksMax - 1});
            rest.from += kRecheckBlocksMax;
        }
        out.push_back(rest);
    }
    return out;
}

}  // namespace

void Follower::take_convicted() {
    for (std::string& name : source_.take_convicted()) {
        liars_.insert(std::move(name));
    }
}

/// False where there is nothing to fetch again, or, with `may_wait`, where it is the head's turn.
/// All that was fetched must be stored: what is on its way may be theirs.
bool Follower::start_recheck(bool may_wait) {
    take_convicted();
    if (liars_.empty() || !tip_) {
        return false;
    }
    if (!outbox_.is_drained()) {
        pause(kWaitForWriterMs);
        return true;
    }
    if (std::exchange(is_head_first_, false) && may_wait && !database_.needs_refold()) {
        // The part before knew the children of its own time only; at the head all count.
        return !know_children(UINT64_MAX);
    }
    if (recheck_.empty()) {
        const Result<std::vector<storage::CoverageRow>> coverage = database_.coverage();
        const std::optional<storage::Cursor> cursor = database_.cursor();
        if (!coverage) {
            channel_.fail(coverage.error());
            return true;
        }
        recheck_ = cut(blocks_told_by(*coverage, liars_));
        recheck_next_ = 0;
        if (recheck_.empty() || !cursor) {
            recheck_.clear();
            liars_.clear();
            return false;
        }
        logging::warning("fetching again elsewhere what a provider told that was proven to lie",
                         {{"provider", liar_names()},
                          {"from", recheck_.front().from},
                          {"to", recheck_.back().to}});
    }
    fetch_again(recheck_[recheck_next_]);
    return true;
}

std::string Follower::liar_names() const {
    std::string out;
    for (const std::string& name : liars_) {
        out += (out.empty() ? "" : ", ") + name;
    }
    return out;
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
    progress_.fill_to = recheck_.back().to;
    FetchJob job;
    job.range = range;
    job.sources = all_sources_;
    job.finalized = finality_.finalized();
    job.distrusted = liars_;
    start_job(std::move(job), JobKind::kRecheck);
}

void Follower::end_recheck_job() {
    if (++recheck_next_ < recheck_.size()) {
        is_head_first_ = true;
        ask_heads();
        return;
    }
    progress_.fill_next = 0;
    recheck_.clear();
    recheck_next_ = 0;
    liars_.clear();
    restart(0);  // Folds again where something differed.
}

}  // namespace plumbline::engine
