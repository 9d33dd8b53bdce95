// Applies logs to entities, in (block, log index) order, through a bounded write-back cache.
// The same fold serves backfill, live following and rebuild.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "core/base/result.hpp"
#include "core/evm/log.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/commit_batch.hpp"
#include "storage/database.hpp"

namespace plumbline::engine {

class CallSource;
struct EventTrace;
struct RowChanges;

/// Corrections come after every log of their block.
inline constexpr uint32_t kCorrectionLogIndex = UINT32_MAX;

struct FoldBlock {
    uint64_t block_num = 0;
    evm::Hash hash;
    uint64_t timestamp = 0;
    /// Keep undo for it (it is not final yet). Such a block must be flushed by itself.
    bool keep_undo = false;
};

struct FoldStats {
    uint64_t events = 0;   ///< applied, quarantined or without a handler
    uint64_t handled = 0;  ///< had at least one handler
    uint64_t quarantined = 0;
    uint64_t dropped = 0;  ///< of these not kept: too many of one contract of address = "*"
    /// Events of no ABI, and of contracts of address = "*" those of another shape: stored, and no
    /// handler can take them.
    uint64_t unknown = 0;
    uint64_t misfits = 0;       ///< of these: of a topic0 that an ABI has, in another shape
    uint64_t row_changes = 0;   ///< rows that an applied event changed, each counted once an event
    uint64_t rows_written = 0;  ///< rows that flushes put into batches
    uint64_t database_reads = 0;  ///< rows that the cache could not answer for
};

/// Events in quarantine that are kept of one contract that address = "*" is about. Anybody can emit
/// them, so that their number must not be anybody's choice.
inline constexpr uint32_t kQuarantinePerAddressMax = 1'000;

/// What a fold may lean on.
struct FoldOptions {
    size_t cache_bytes = size_t{64} << 20;  ///< bounds the rows kept in memory
    /// The generation being written has no rows yet (just started): the fold then knows without
    /// asking that a key it never saw does not exist.
    bool starts_empty = false;
    EventTrace* trace = nullptr;  ///< told of each event; must outlive the fold
};

/// One thread. Errors mean storage trouble: after one, `reset` before going on. A bad event is no
/// error but a quarantine row: of its handlers all apply or none.
class Fold {
  public:
    /// `database` and `plan` must outlive it. `cache_bytes` bounds the rows kept in memory.
    Fold(std::shared_ptr<const Plan> plan, storage::Database& database, size_t cache_bytes);
    Fold(std::shared_ptr<const Plan> plan, storage::Database& database, FoldOptions options);
    Fold(const Fold&) = delete;
    Fold& operator=(const Fold&) = delete;
    ~Fold();

    /// Children known so far, so that their logs are told apart; call at start, and for those of a
    /// block before its first log. From where on a child's logs count: `Source::counts_from`.
    void add_child(const storage::ChildRow& child);
    void begin_block(const FoldBlock& block);
    /// Where the answers of contract calls are found from now on; null: nowhere.
    void set_calls(CallSource* calls);
    /// A hint: `logs.logs[next]` and those behind it will be applied in turn, and stay where they
    /// are until then. Worth giving before each `apply`.
    void look_ahead(const evm::LogBatch& logs, size_t next);
    /// kNotFound where a handler needs `txn` and it is null, or the answer of a call that is
    /// not there.
    [[nodiscard]] Status apply(const evm::Log& log, ByteView data, const storage::TxnFields* txn);
    /// Writes what the contract says of a row, after the events of its block: `begin_block` of that
    /// block comes first. What of it has no place in the mapping (any more) goes to quarantine.
    [[nodiscard]] Status apply_correction(const storage::CorrectionRow& correction);
    /// Moves everything that changed since the last flush into `batch` (rows, quarantine). The rows
    /// stay cached. If the batch is then not committed, call `reset`. It must be committed before
    /// the next flush begins; folding may go on meanwhile.
    /// `kept` may be null; else the changes are added to it.
    [[nodiscard]] Status flush(storage::CommitBatch& batch, RowChanges* kept = nullptr);
    /// The same of the half of the rows that the fewest events have changed lately; the others are
    /// flushed later. Only for a generation that nobody reads before all of them are, and without
    /// undo.
    [[nodiscard]] Status flush_cold(storage::CommitBatch& batch);
    /// The row as it stands after what was applied; empty where there is none (a tombstone is a
    /// row). Valid until the next call.
    [[nodiscard]] Result<std::string_view> peek(size_t entity, std::string_view key);
    /// Bytes of changed rows not flushed yet: the caller commits before this grows large.
    [[nodiscard]] size_t pending_bytes() const noexcept;
    /// The database was rolled back to `block_num`: forgets the cache, what is pending and the
    /// children announced above; those below need not be told again.
    void roll_back(uint64_t block_num);
    /// Forgets the cache, the children and all that is pending; the next read comes from the
    /// database.
    void reset();
    [[nodiscard]] const FoldStats& stats() const noexcept;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace plumbline::engine
