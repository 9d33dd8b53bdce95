// Decides what the index needs next: catch up to finality, follow the head block by block, fill in
// what a changed config lacks, go back to the common ancestor when the chain forks. It only asks
// and orders; the writer does.
//
// A lower head than ours is not yet a reorg: most often it is a provider that fell behind. It
// counts as one when the chain shows another block at a height that we have; or when it stays for
// `lower_head_polls` polls, no provider knows our block any more and nothing final would go. A
// lower head below finality that agrees with what we have is waited out, however long it takes. A
// head whose own chain does not have it says nothing.
//
// What is final goes only when more than one provider says so (final_undo.hpp).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/backoff.hpp"
#include "core/base/callback_guard.hpp"
#include "core/base/clock.hpp"
#include "core/evm/block_id.hpp"
#include "engine/ingest/ancestor_search.hpp"
#include "engine/ingest/apart_providers.hpp"
#include "engine/ingest/chain_wait.hpp"
#include "engine/ingest/fetcher.hpp"
#include "engine/ingest/final_undo.hpp"
#include "engine/ingest/finality_watch.hpp"
#include "engine/ingest/head_clock.hpp"
#include "engine/ingest/ingest_channel.hpp"
#include "engine/ingest/ingest_options.hpp"
#include "engine/ingest/ingest_progress.hpp"
#include "engine/ingest/liar_recheck.hpp"
#include "engine/ingest/range_end_check.hpp"
#include "engine/ingest/recent_headers.hpp"
#include "engine/ingest/standstill.hpp"
#include "engine/ingest/stored_gaps.hpp"
#include "engine/ingest/work_outbox.hpp"
#include "engine/mapping/plan.hpp"
#include "rpc/chain_source.hpp"
#include "storage/database.hpp"

namespace plumbline::engine {

/// When a run ends by itself.
struct Until {
    bool head = false;              ///< at the head that the chain has when we get there
    std::optional<uint64_t> block;  ///< exactly there
    [[nodiscard]] bool is_set() const noexcept { return head || block.has_value(); }
};

/// One thread: that which polls the source. All callbacks are dropped once it is gone.
class Follower {
  public:
    Follower(rpc::ChainSource& source, std::shared_ptr<const Plan> plan,
             const storage::Database& database, IngestChannel& channel, IngestProgress& progress,
             RecentHeaders& headers, const Clock& clock, const IngestOptions& options, Until until);
    Follower(const Follower&) = delete;
    Follower& operator=(const Follower&) = delete;
    ~Follower();

    /// Until this is called it only does what needs no network: the chain may be another one.
    void allow_network() noexcept { network_allowed_ = true; }
    /// Does what can be done now without waiting. True where something changed.
    bool step();
    /// When `step` has something to do though no answer came; -1 = only after an answer or when the
    /// writer has got on.
    [[nodiscard]] int64_t wake_at_ms() const noexcept;
    /// It waits for the writer: come back soon.
    [[nodiscard]] bool waits_for_writer() const noexcept {
        return outbox_.has_waiting() || phase_ == Phase::kSettle || phase_ == Phase::kFinish ||
               (phase_ == Phase::kFetch && fetcher_.state() == FetchState::kDone);
    }
    /// Nothing but an answer of the chain will get it on.
    [[nodiscard]] bool waits_for_chain() const noexcept;
    /// `until` is reached, committed and durable.
    [[nodiscard]] bool is_done() const noexcept { return phase_ == Phase::kDone; }

  private:
    enum class Phase : uint8_t {
        kSettle,     ///< start from what is stored, once the writer has done everything
        kHeads,      ///< the heads are asked for
        kPause,      ///< until `wake_ms_`, then heads
        kCheckTip,   ///< asked whether our last blocks are still on the chain
        kCheckEnds,  ///< until `wake_ms_`, then that again
        kFetch,      ///< the fetcher works
        kAncestor,   ///< asked which stored blocks are on the chain
        kLower,      ///< asked whether our last block is still known
        kAsked,      ///< asked whether blocks that contract calls were asked of are on the chain
        kFinish,     ///< until reached; the writer makes it durable
        kDone,
    };
    enum class SearchReason : uint8_t { kFork, kLowerHead };
    enum class JobKind : uint8_t {
        kNext,     ///< above the tip
        kGap,      ///< what the config wants and the database lacks
        kRecheck,  ///< what a liar told
    };
    using Headers = std::vector<evm::Header>;

    // Phases, heads and what to do next: follower.cpp
    bool settle();
    bool step_scan();
    bool order_refold_if_needed();
    void ask_heads();
    void on_heads(Result<rpc::Heads> result);
    void decide();
    void check_tip();
    void at_head();
    void reach_until();
    void push_finality();
    void restart(int64_t wait_ms);
    void pause(int64_t wait_ms);
    void trouble(const Error& error, std::string_view doing) { wait_.trouble(error, doing); }
    /// An answer came. Where nothing comes of answers, that ends no wait.
    void clear_trouble() {
        if (!standstill_.is_on(clock_.monotonic_ms()) && !lower_since_ms_) {
            wait_.over();
        }
        backoff_.reset();
    }
    [[nodiscard]] uint64_t next_block() const noexcept {
        return tip_ ? tip_->block_num + 1 : first_block_;
    }
    void ask_headers(std::vector<uint64_t> block_nums, rpc::ChainSource::Callback<Headers> handle);
    /// `handle`, for the only question of our own that may be open: an earlier one's answer is
    /// dropped from here on.
    template <typename Handle>
    [[nodiscard]] auto only_answer(Handle handle) {
        answers_.cancel();
        asked_ms_ = clock_.monotonic_ms();
        return answers_.wrap(std::move(handle));
    }

    // How old the head is, and what is waited for: follower_watch.cpp
    void note_heads(const rpc::Heads& heads);
    void learn_block_times(const storage::Cursor& cursor);
    void watch_heads();
    void leave_vain_job(uint64_t head);
    void watch_wait();
    [[nodiscard]] std::string_view doing() const noexcept;

    // Jobs for the fetcher: follower_jobs.cpp
    void start_next_job();
    void start_fill();
    void start_job(FetchJob job, JobKind kind);
    bool step_fetch();
    bool hand_over_ranges();
    [[nodiscard]] bool may_end_job() const noexcept;
    [[nodiscard]] bool announces_history(const FetchedRange& fetched) const;
    void end_job();
    void check_range_ends();
    void on_stale();
    [[nodiscard]] std::string describe_setback() const;

    // What liars told: follower_recheck.cpp
    bool start_recheck(bool may_wait);
    void fetch_again(const evm::BlockRange& range);
    bool leave_to_liar(const FetchedRange& fetched);
    void end_recheck_job();
    [[nodiscard]] bool know_children(uint64_t until);

    // Finality, and what it takes to undo it: follower_final.cpp
    void take_finality(const rpc::Heads& heads);
    void forget_told();
    void roll_back_if_agreed(const evm::BlockId& target, const evm::BlockId& ours);
    void ask_first_blocks();
    void hear_first_blocks(const std::vector<rpc::BlockWord>& words);

    // Blocks that contract calls were asked of ahead of the index: follower_asked.cpp
    bool check_asked();
    void take_asked(const std::vector<evm::BlockId>& asked, const Headers& headers);
    void doubt_asked_if_agreed(const evm::BlockId& gone);

    // Forks: follower_forks.cpp
    /// Since `since_ms`, else now.
    void set_back(std::string what, std::optional<int64_t> since_ms = std::nullopt);
    void on_lower_head();
    void ask_for_tip();
    void begin_ancestor_search(SearchReason reason);
    void step_ancestor_search();
    void end_ancestor_search(const AncestorSearch::Found& found);
    [[nodiscard]] evm::BlockId below_all() const noexcept;
    void ask_and_roll_back(const evm::BlockId& target);
    void roll_back_to(const evm::BlockId& target);
    void order_rollback(const evm::Header& target);

    rpc::ChainSource& source_;
    std::shared_ptr<const Plan> plan_;
    const storage::Database& database_;
    IngestChannel& channel_;
    IngestProgress& progress_;
    RecentHeaders& headers_;
    const Clock& clock_;
    IngestOptions options_;
    Until until_;
    StoredGaps gaps_;  ///< below the cursor
    Fetcher fetcher_;
    WorkOutbox outbox_;
    uint64_t first_block_;   ///< of the index
    uint64_t lowest_block_;  ///< stored: of the config that began first
    std::vector<uint32_t> all_sources_;

    Phase phase_ = Phase::kSettle;
    int64_t wake_ms_ = -1;              ///< of kPause and kCheckEnds
    int64_t settle_not_before_ms_ = 0;  ///< so that what went wrong is not tried again at once
    bool network_allowed_ = false;

    /// The last block handed to the writer, which may not have stored it yet. Its hash is zero
    /// where nothing of the index is left.
    std::optional<evm::BlockId> tip_;
    /// `tip_` was on the chain when these heads were asked for.
    bool tip_checked_ = false;
    std::optional<rpc::Heads> heads_;
    int64_t heads_asked_ms_ = 0;  ///< polls are counted from here, not from the answer
    FinalityWatch finality_;
    LogThrottle finality_notice_{60'000};
    FinalUndo final_undo_;
    FinalUndo first_block_undo_;       ///< the chain's own, which is never undone
    FinalUndo asked_undo_;             ///< of blocks that contract calls were asked of
    int64_t asked_not_before_ms_ = 0;  ///< when those are looked at again
    uint64_t finalized_sent_ = 0;      ///< what the writer was told of it
    /// From then on each range of the tail is made durable by itself.
    bool has_been_at_head_ = false;
    bool refold_ordered_ = false;  ///< so that a settle after it does not order it again

    JobKind job_kind_ = JobKind::kNext;
    bool job_is_tail_ = false;
    /// The job announced contracts whose logs count from earlier blocks on: those are a gap now.
    bool has_new_history_ = false;
    RangeEndCheck range_ends_;  ///< of a job below finality
    unsigned stale_jobs_ = 0;   ///< in a row, without a range handed over

    ApartProviders apart_;  ///< who is of another chain than the index, or than most

    LiarRecheck recheck_;  ///< what liars told
    LogThrottle recheck_notice_{600'000};

    std::optional<AncestorSearch> search_;
    SearchReason search_reason_ = SearchReason::kFork;
    unsigned lower_polls_ = 0;  ///< with a head below ours, in a row
    /// Since when every head that is told is below ours: what is asked meanwhile, and answered,
    /// does not end that wait.
    std::optional<int64_t> lower_since_ms_;

    Backoff backoff_;
    ChainWait wait_;
    Standstill standstill_;
    LogThrottle standstill_notice_{60'000};
    CallbackGuard standstill_words_;
    HeadClock head_clock_;
    int64_t asked_ms_ = 0;        ///< our last question, or the fetcher's last answer
    int64_t got_on_ms_ = 0;       ///< the job's start or last range
    uint64_t answers_seen_ = 0;   ///< of the fetcher
    bool is_watch_open_ = false;  ///< heads are asked for beside the fetching
    int64_t watch_asked_ms_ = 0;
    CallbackGuard watch_answers_;
    LogThrottle lower_notice_{60'000};
    CallbackGuard answers_;  ///< last, so that it ends first
};

}  // namespace plumbline::engine
