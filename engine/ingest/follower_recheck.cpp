// What providers that were proven to lie have told alone is fetched again from others. What nobody
// else can tell just then (a block of a fork that only the liar is on, others that are away) stays
// as it is, for its second word is worth no more than its first; it is asked for again later.
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

/// What of `ranges`, ascending, lies above `block_num`.
std::vector<evm::BlockRange> above(const std::vector<evm::BlockRange>& ranges, uint64_t block_num) {
    std::vector<evm::BlockRange> out;
    for (const evm::BlockRange& range : ranges) {
        if (range.to > block_num) {
            out.push_back({std::max(range.from, block_num + 1), range.to});
        }
    }
    return out;
}

}  // namespace

void Follower::take_convicted() {
    for (std::string& name : source_.take_convicted()) {
        if (liars_.insert(std::move(name)).second) {
            recheck_backoff_.reset();
            recheck_not_before_ms_ = 0;
        }
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
    if (clock_.monotonic_ms() < recheck_not_before_ms_) {
        return false;  // A settle came before: the fetcher knows all children.
    }
    if (recheck_.empty()) {
        const Result<std::vector<storage::CoverageRow>> coverage = database_.coverage();
        const std::optional<storage::Cursor> cursor = database_.cursor();
        if (!coverage) {
            channel_.fail(coverage.error());
            return true;
        }
        std::vector<evm::BlockRange> told = blocks_told_by(*coverage, liars_);
        if (told.empty() || !cursor) {
            recheck_left_.reset();
            liars_.clear();
            return false;
        }
        is_recheck_whole_ = !recheck_left_ || *recheck_left_ >= told.back().to;
        if (!is_recheck_whole_) {
            told = above(told, *recheck_left_);
        }
        recheck_left_.reset();
        recheck_ = cut(told);
        recheck_next_ = 0;
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

/// True where a liar told it once more: then it is left for later, and what comes behind it goes
/// on from what is stored, for who is announced there may be a lie too.
bool Follower::leave_to_liar(const FetchedRange& fetched) {
    const bool is_theirs = std::ranges::any_of(fetched.told_by, [this](const rpc::ToldBy& part) {
        return is_told_by(part.provider, liars_);
    });
    if (!is_theirs) {
        recheck_backoff_.reset();
        return false;
    }
    if (recheck_notice_.due(clock_.monotonic_ms())) {
        logging::info(
            "nobody else tells these blocks just now: what a provider told that was proven to lie "
            "stays, and others are asked again",
            {{"provider", liar_names()}, {"from", fetched.range.from}, {"to", fetched.range.to}});
    }
    recheck_left_ = fetched.range.to;
    recheck_not_before_ms_ = clock_.monotonic_ms() + recheck_backoff_.next();
    progress_.fill_next = 0;
    restart(0);
    return true;
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
    if (is_recheck_whole_) {
        liars_.clear();
    }
    restart(0);  // Folds again where something differed.
}

}  // namespace plumbline::engine
