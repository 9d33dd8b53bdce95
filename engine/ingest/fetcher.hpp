// Asks the chain for a span of blocks, range by range, ahead and in any order, and hands the ranges
// over complete and in order: logs of all sources merged without doubles, children of factories
// found and followed to any depth, transactions looked up where the mapping names them.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "engine/ingest/ingest.hpp"
#include "engine/ingest/ingest_options.hpp"
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
    std::optional<evm::Hash> parent_hash;  ///< of the block before the span, where it is known
};

/// What has become of a job.
enum class FetchState : uint8_t {
    kIdle,  ///< no job
    kWorking,
    kDone,    ///< everything was handed over
    kForked,  ///< the span's first block does not follow `parent_hash`
    kStale,   ///< the chain changed meanwhile, or lacks what was asked for: look at its head again
};

/// One thread: that which polls the source. Answers that come after a cancel are dropped.
class Fetcher {
  public:
    Fetcher(rpc::ChainSource& source, std::shared_ptr<const Plan> plan, const Clock& clock,
            const IngestOptions& options);
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

    [[nodiscard]] FetchState state() const noexcept { return state_; }
    /// When `step` has something to do with no answer coming; -1 = never.
    [[nodiscard]] int64_t wake_at_ms() const noexcept;
    /// The last failure, gone with the next answer.
    [[nodiscard]] const std::optional<Error>& trouble() const noexcept { return trouble_; }
    [[nodiscard]] size_t held_bytes() const noexcept { return held_bytes_; }
    [[nodiscard]] unsigned in_flight() const noexcept { return in_flight_; }

  private:
    struct Ask;
    struct Slot;
    /// An address that some log seems to announce; whether it really does shows when all blocks
    /// before are there.
    struct Candidate {
        evm::Address address;
        uint64_t block_num = 0;
    };

    bool open_slot();
    void ask_children(Slot& slot);
    bool send_due(Slot& slot);
    void send(Slot& slot, Ask ask);
    [[nodiscard]] Slot* find_slot(uint64_t id) noexcept;
    void fail(uint64_t slot_id, Ask ask, Error error);
    void add_part(Slot& slot, rpc::RangeLogs part);
    void guess_children(const evm::LogBatch& logs);
    /// Index of the candidate in its source's list, new or known from that block or before.
    size_t add_candidate(uint32_t source, const evm::Address& address, uint64_t block_num);
    [[nodiscard]] bool is_settled(const Slot& slot) const noexcept;
    [[nodiscard]] std::optional<FetchedRange> finish(Slot& slot);
    [[nodiscard]] bool collect_blocks(const Slot& slot, FetchedRange& out);
    [[nodiscard]] bool check_link(const FetchedRange& fetched);
    [[nodiscard]] bool collect_txns(Slot& slot, FetchedRange& out);
    void forget_slots();

    rpc::ChainSource& source_;
    std::shared_ptr<const Plan> plan_;
    const Clock& clock_;
    IngestOptions options_;
    SourceMap map_;
    bool has_factories_ = false;

    FetchState state_ = FetchState::kIdle;
    FetchJob job_;
    std::vector<bool> in_job_;  ///< by source
    uint64_t next_block_ = 0;   ///< the first that no slot holds
    bool all_opened_ = false;
    std::optional<evm::Hash> parent_hash_;
    std::optional<Error> trouble_;

    std::deque<std::unique_ptr<Slot>> slots_;
    uint64_t slot_id_ = 0;
    unsigned in_flight_ = 0;
    size_t held_bytes_ = 0;
    size_t slot_bytes_average_ = 0;
    bool has_answer_ = false;

    std::vector<std::vector<Candidate>> candidates_;  ///< by source
    std::vector<std::unordered_map<evm::Address, size_t, evm::FixedBytesHash>> candidate_index_;
    std::vector<size_t> settled_;  ///< by source: candidates below this index must be asked for

    /// Callbacks hold it weakly: dead or replaced means that nobody waits for the answer.
    std::shared_ptr<const int> alive_;
};

}  // namespace plumbline::engine
