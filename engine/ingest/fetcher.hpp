// Asks the chain for a span of blocks, range by range, ahead and in any order, and hands the ranges
// over complete and in order: logs of all sources merged without doubles, children of factories
// found and followed to any depth, transactions looked up and contract calls made where the mapping
// names them.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/callback_guard.hpp"
#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "engine/calls/call_asker.hpp"
#include "engine/ingest/call_foresight.hpp"
#include "engine/ingest/child_candidates.hpp"
#include "engine/ingest/ingest.hpp"
#include "engine/ingest/ingest_options.hpp"
#include "engine/ingest/range_builder.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/mapping/source_map.hpp"
#include "rpc/chain_source.hpp"

namespace plumbline::engine {

/// A span of blocks to fetch for some of the plan's sources.
struct FetchJob {
    evm::BlockRange range;
    std::vector<uint32_t> sources;
    bool tail = false;  ///< above finality: all headers, linked by parent hash
    uint64_t finalized = 0;
    std::optional<evm::Hash> parent_hash;   ///< of the block before the span, where it is known
    std::set<std::string> distrusted = {};  ///< stored answers of calls that they told do not count
};

/// What has become of a job.
enum class FetchState : uint8_t {
    kIdle,  ///< no job
    kWorking,
    kDone,    ///< everything was handed over
    kForked,  ///< the span's first block does not follow `parent_hash`
    kStale,   ///< the chain changed meanwhile, or lacks what was asked for: look at its head again
    kFailed,  ///< the database could not be read: `trouble` says why
};

/// One thread: that which polls the source. Answers that come after a cancel are dropped.
class Fetcher {
  public:
    /// `database` is where answers of contract calls are looked for before they are asked for;
    /// null: nowhere.
    Fetcher(rpc::ChainSource& source, std::shared_ptr<const Plan> plan, const Clock& clock,
            const IngestOptions& options, const storage::Database* database = nullptr);
    Fetcher(const Fetcher&) = delete;
    Fetcher& operator=(const Fetcher&) = delete;
    ~Fetcher();

    /// The children known below the next job.
    void reset_children(const std::vector<storage::ChildRow>& children);
    void start(FetchJob job);
    /// Forgets the job. Children that it found are forgotten by `reset_children`.
    void cancel();

    /// Asks what may be asked now. True where it asked something.
    bool step();
    /// The next range, once it is complete.
    [[nodiscard]] std::optional<FetchedRange> take();

    /// Of the job that was started last.
    [[nodiscard]] const evm::BlockRange& range() const noexcept { return job_.range; }
    [[nodiscard]] FetchState state() const noexcept { return state_; }
    /// When `step` has something to do with no answer coming; -1 = never.
    [[nodiscard]] int64_t wake_at_ms() const noexcept;
    /// The last failure, gone with the next answer.
    [[nodiscard]] const std::optional<Error>& trouble() const noexcept { return trouble_; }
    [[nodiscard]] size_t held_bytes() const noexcept { return held_bytes_; }
    /// The first block that was not asked for yet.
    [[nodiscard]] uint64_t asked_next() const noexcept { return next_block_; }
    /// Answers that were none of failures, of all jobs.
    [[nodiscard]] uint64_t answer_count() const noexcept { return answer_count_; }
    [[nodiscard]] unsigned in_flight() const noexcept { return in_flight_; }

  private:
    struct Ask;
    struct Slot;

    bool open_slot();
    [[nodiscard]] bool may_open_slot() const noexcept;
    void choose_range(Slot& slot, const std::vector<rpc::LogFilter>& filters) const;
    void ask_ticks(Slot& slot) const;
    void ask_children(Slot& slot);
    bool send_due(Slot& slot);
    void send(Slot& slot, Ask ask);
    /// For the answer to `ask`: what came goes to `take`, a failure back among what is due.
    template <typename T, typename Take>
    [[nodiscard]] rpc::ChainSource::Callback<T> on_answer(uint64_t slot_id, Ask ask, Take take);
    [[nodiscard]] rpc::ChainSource::Callback<std::vector<evm::Header>> on_headers(uint64_t slot_id,
                                                                                  Ask ask);
    [[nodiscard]] Slot& find_slot(uint64_t id) noexcept;
    void fail(Slot& slot, Ask ask, Error error);
    void check_blocks(Slot& slot, const std::vector<CallQuestion>& calls);
    void stop(FetchState state, Error error);
    void add_part(Slot& slot, rpc::RangeLogs part);
    void guess_children(const evm::LogBatch& logs);
    [[nodiscard]] bool is_asked_about_confirmed(const Slot& slot) const noexcept;
    [[nodiscard]] std::optional<FetchedRange> build(Slot& slot);
    void ask_txns(Slot& slot, const MoreTxns& more);
    void foresee_calls();
    void ask_calls(Slot& slot, std::vector<CallQuestion> questions);
    void forget_slots();

    rpc::ChainSource& source_;
    std::shared_ptr<const Plan> plan_;
    const Clock& clock_;
    IngestOptions options_;
    /// With the children announced before the range that is taken next.
    SourceMap map_;
    /// Those and the guesses, for what is asked ahead.
    ChildCandidates candidates_;
    bool has_factories_ = false;

    FetchState state_ = FetchState::kIdle;
    FetchJob job_;
    std::vector<bool> in_job_;  ///< by source
    uint64_t next_block_ = 0;   ///< the first that no slot holds
    bool all_opened_ = false;   ///< no block of the job is left for another slot
    /// Of the block before the range that is taken next, where it is known.
    std::optional<evm::Hash> parent_hash_;
    std::optional<Error> trouble_;

    std::deque<std::unique_ptr<Slot>> slots_;  ///< neighbours, ascending; the first is taken next
    uint64_t slot_id_ = 0;           ///< of the newest; answers find theirs by it, for slots move
    unsigned in_flight_ = 0;         ///< of all slots
    size_t held_bytes_ = 0;          ///< of all slots
    size_t slot_bytes_average_ = 0;  ///< moving, of answers: what one more will bring
    uint64_t answer_count_ = 0;
    bool has_answer_ = false;  ///< before the first one `slot_bytes_average_` says nothing

    CallForesight foresight_;
    CallAsker call_asker_;

    CallbackGuard answers_;  ///< last, so that it ends first
};

}  // namespace plumbline::engine
