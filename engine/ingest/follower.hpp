// Decides what the index needs next: catch up to finality, follow the head block by block, fill in
// what a changed config lacks, go back to the common ancestor when the chain forks. It only asks
// and orders; the writer does.
//
// A lower head than ours is not yet a reorg: most often it is a provider that fell behind. It
// counts as one when the chain shows another block at a height that we have; or when it stays for
// `lower_head_polls` polls, no provider knows our block any more and nothing final would go. A
// lower head below finality that agrees with what we have is waited out, however long it takes.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/backoff.hpp"
#include "core/base/clock.hpp"
#include "core/evm/block_id.hpp"
#include "engine/ingest/fetcher.hpp"
#include "engine/ingest/ingest_channel.hpp"
#include "engine/ingest/ingest_options.hpp"
#include "engine/ingest/ingest_progress.hpp"
#include "engine/mapping/coverage_gaps.hpp"
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
    Follower(rpc::ChainSource& source, std::shared_ptr<const Plan> plan, SourceParents parents,
             const storage::Database& database, IngestChannel& channel, IngestProgress& progress,
             const Clock& clock, const IngestOptions& options, Until until);
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
        return !pending_.empty() || phase_ == Phase::kSettle || phase_ == Phase::kFinish;
    }
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
        kFinish,     ///< until reached; the writer makes it durable
        kDone,
    };

    bool settle();
    [[nodiscard]] Status find_missing_txns(const std::vector<storage::ChildRow>& children,
                                           uint64_t cursor);
    void ask_heads();
    void on_heads(Result<rpc::Heads> result);
    void decide();
    void check_tip();
    void start_fill();
    void start_job(FetchJob job, bool is_fill);
    bool step_fetch();
    void end_job();
    void check_range_ends();
    void on_stale();
    void at_head();
    void on_lower_head();
    void begin_ancestor_search();
    void ask_ancestors();
    void on_ancestor_headers(const std::vector<size_t>& asked,
                             const std::vector<evm::Header>& headers);
    void end_ancestor_search();
    [[nodiscard]] evm::BlockId below_all() const noexcept;
    void ask_and_roll_back(const evm::BlockId& target);
    void order_rollback(const evm::Header& target);
    void restart(int64_t wait_ms);
    void pause(int64_t wait_ms);
    void trouble(const Error& error, std::string_view doing);
    void clear_trouble();
    void reach_until();
    void push(WorkItem item);
    bool push_pending();
    [[nodiscard]] bool is_drained() const noexcept;
    [[nodiscard]] uint64_t finalized_of(const rpc::Heads& heads) const noexcept;
    template <typename T, typename Handle>
    rpc::ChainSource::Callback<T> guarded(Handle handle);

    rpc::ChainSource& source_;
    std::shared_ptr<const Plan> plan_;
    SourceParents parents_;
    const storage::Database& database_;
    IngestChannel& channel_;
    IngestProgress& progress_;
    const Clock& clock_;
    IngestOptions options_;
    Until until_;
    Fetcher fetcher_;
    uint64_t first_block_ = 0;
    std::vector<uint32_t> all_sources_;

    Phase phase_ = Phase::kSettle;
    int64_t wake_ms_ = -1;
    int64_t settle_not_before_ms_ = 0;
    std::optional<evm::BlockId> tip_;  ///< the last block handed to the writer
    bool tip_checked_ = false;
    std::optional<rpc::Heads> heads_;
    int64_t heads_asked_ms_ = 0;
    uint64_t finalized_ = 0;
    uint64_t finalized_sent_ = 0;
    bool job_is_fill_ = false;
    bool job_is_tail_ = false;
    std::vector<evm::BlockId>
        range_ends_;  ///< of a job below finality: the last block of each range
    size_t range_ends_checked_ = 0;
    std::optional<evm::BlockId> good_end_;
    bool network_allowed_ = false;
    bool has_been_at_head_ = false;
    bool refold_ordered_ = false;
    bool txns_looked_for_ = false;
    std::vector<CoverageGap> txn_fill_;  ///< logs stored without the transactions now named
    std::vector<CoverageGap> fill_;
    size_t fill_next_ = 0;
    unsigned stale_jobs_ = 0;  ///< in a row, without a range handed over
    unsigned lower_polls_ = 0;
    bool lower_ = false;  ///< the ancestor search is about a head below ours

    std::vector<evm::BlockId> known_;  ///< the window of the ancestor search, ascending
    uint64_t window_from_ = 0;
    size_t match_ = SIZE_MAX;  ///< index in `known_` of the highest that is on the chain
    size_t mismatch_ = 0;      ///< the lowest known not to be; `known_.size()` = none yet

    std::deque<WorkItem> pending_;  ///< what the full queue did not take yet
    uint64_t handed_seq_ = 0;
    uint64_t epoch_ = 1;
    Backoff backoff_;
    LogThrottle trouble_notice_;
    LogThrottle lower_notice_{60'000};
    std::shared_ptr<const int> alive_;
};

}  // namespace plumbline::engine
