// How old the chain's head is while the follower does other things, and what it waits for.
#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/base/logging.hpp"
#include "engine/ingest/follower.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

namespace {

/// Heads are asked for that often while a job is under way: people are told, and a job that waits
/// may turn out to wait for blocks that are not there.
constexpr int64_t kWatchMs = 15'000;
constexpr int64_t kWatchWaitMs = 5'000;  ///< and while nothing comes

}  // namespace

/// A provider told them just now, whatever is made of them.
void Follower::note_heads(const rpc::Heads& heads) {
    const int64_t skew = head_clock_.skew_ms();
    if (heads.finalized && heads.finalized->block_num < heads.latest.block_num) {
        head_clock_.add_block(heads.finalized->block_num, heads.finalized->timestamp);
    }
    const int64_t unix_ms = clock_.unix_ms();
    head_clock_.on_clocks(unix_ms, clock_.monotonic_ms());
    head_clock_.on_head(heads.latest.block_num, heads.latest.timestamp, unix_ms);
    if (progress_.head_block != 0 && heads.latest.block_num > progress_.head_block) {
        progress_.head_risen_ms = clock_.monotonic_ms();
    }
    progress_.head_block = heads.latest.block_num;
    progress_.target_block = until_.block.value_or(heads.latest.block_num);
    progress_.heads_told_ms = clock_.monotonic_ms();
    progress_.head_unix_ms = head_clock_.head_unix_ms().value_or(-1);
    int64_t usual =
        usual_head_age_max_ms(database_.identity().chain_id, head_clock_.block_time_ms());
    if (usual > 0) {
        usual += options_.poll_interval_ms;
    }
    progress_.head_age_max_ms = options_.head_age_max_ms.value_or(usual);
    if (skew == 0 && head_clock_.skew_ms() != 0) {
        logging::warning(
            "this machine's clock and the chain's differ, or every provider is behind by the same: "
            "the head's age is counted without that",
            {{"seconds", head_clock_.skew_ms() / 1000}});
    }
}

/// So that the first head can be judged though the index has nothing to fetch.
void Follower::learn_block_times(const storage::Cursor& cursor) {
    const uint64_t from =
        cursor.block_num > kBlocksLearntFrom ? cursor.block_num - kBlocksLearntFrom : 0;
    const auto rows = database_.read_view()->list_blocks(from, cursor.block_num);
    if (rows && !rows->empty()) {
        head_clock_.add_block(rows->front().block_num, rows->front().timestamp);
    }
    head_clock_.add_block(cursor.block_num, cursor.timestamp);
}

/// A job may take hours; how old the head is must be known all the same.
void Follower::watch_heads() {
    const int64_t now = clock_.monotonic_ms();
    const bool is_waiting = progress_.waiting_since_ms.load() >= 0;
    int64_t pause_ms = is_waiting ? kWatchWaitMs : kWatchMs;
    if (progress_.ready_age_max_ms > 0) {
        // Who is not asked cannot tell, and is not to be called silent for it.
        pause_ms = std::min<int64_t>(pause_ms, progress_.ready_age_max_ms / 2);
    }
    if (phase_ != Phase::kFetch || is_watch_open_ ||
        now - std::max(watch_asked_ms_, heads_asked_ms_) < pause_ms) {
        return;
    }
    watch_asked_ms_ = now;
    is_watch_open_ = true;
    source_.get_heads(watch_answers_.wrap([this](const Result<rpc::Heads>& result) {
        is_watch_open_ = false;
        if (result) {
            note_heads(*result);
            leave_vain_job(result->latest.block_num);
        }
    }));
}

/// Who told the head that the job goes to may have been wrong, or the chain is shorter by now: what
/// no provider has is waited for no longer.
void Follower::leave_vain_job(uint64_t head) {
    if (phase_ != Phase::kFetch || progress_.waiting_since_ms.load() < 0 ||
        fetcher_.range().to <= head) {
        return;
    }
    logging::info("no provider tells the head any more that was to be fetched",
                  {{"fetching_to", fetcher_.range().to}, {"head", head}});
    restart(0);
}

bool Follower::waits_for_chain() const noexcept {
    switch (phase_) {
        case Phase::kHeads:
        case Phase::kCheckTip:
        case Phase::kAncestor:
        case Phase::kLower:
        case Phase::kAsked: return true;
        case Phase::kFetch: return !outbox_.has_waiting() && fetcher_.state() != FetchState::kDone;
        case Phase::kPause:
        case Phase::kCheckEnds: return progress_.waiting_since_ms.load() >= 0;
        case Phase::kSettle: return progress_.waiting_since_ms.load() >= 0 && outbox_.is_drained();
        case Phase::kFinish:
        case Phase::kDone: return false;
    }
    return false;
}

std::string_view Follower::doing() const noexcept {
    switch (phase_) {
        case Phase::kHeads: return "asking for the chain's head";
        case Phase::kCheckTip: return "looking for our last block on the chain";
        case Phase::kAncestor: return "looking for the common ancestor";
        case Phase::kLower: return "asking for our last block";
        case Phase::kAsked: return "looking for the blocks that contract calls were asked of";
        default: return "";
    }
}

/// A question without an answer is a wait as well, from its beginning on.
void Follower::watch_wait() {
    if (!network_allowed_) {
        return;  // Whoever asks which chain this is tells that.
    }
    const int64_t now = clock_.monotonic_ms();
    if (!waits_for_chain()) {
        progress_.answered_ms = now;
    }
    if (phase_ == Phase::kFetch) {
        progress_.asked_next = std::max(fetcher_.asked_next(), progress_.fetched_next.load());
        const uint64_t seen = std::exchange(answers_seen_, fetcher_.answer_count());
        if (seen != answers_seen_ || !waits_for_chain()) {
            asked_ms_ = now;
            progress_.answered_ms = now;
        }
    }
    const bool is_known = progress_.waiting_since_ms.load() >= 0;
    if (is_known || now - asked_ms_ < kWaitToTellMs) {
        return;
    }
    if (phase_ == Phase::kFetch) {
        // A range in many pieces may take long, and its pieces come in.
        for (const rpc::OpenWait& open : source_.waits(0)) {
            if (open.has_progressed && open.waiting_ms < kWaitToTellMs) {
                asked_ms_ = progress_.answered_ms = now - open.waiting_ms;
                return;
            }
        }
        wait_.wait(asked_ms_, fmt::format("fetching blocks {} to {}: no answer yet",
                                          progress_.fetched_next.load(),
                                          std::max<uint64_t>(1, fetcher_.asked_next()) - 1));
    } else if (!doing().empty()) {
        wait_.wait(asked_ms_, fmt::format("{}: no answer yet", doing()));
    }
}

}  // namespace plumbline::engine
