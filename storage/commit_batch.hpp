// One commit while it is collected: `Database::make_batch` begins it, `Database::commit` applies
// it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "core/evm/bytes.hpp"
#include "core/evm/log.hpp"
#include "storage/call_fact.hpp"
#include "storage/records.hpp"

namespace plumbline::storage {

struct Internals;

/// Collects one commit. One thread, and not while the database is being written to. Logs and blocks
/// must come in ascending order; at or below what is stored they insert or replace. Undo comes in
/// ascending order of blocks, and the cursor never goes back: a caller that breaks one of these
/// rules ends the process.
class CommitBatch {
  public:
    CommitBatch(const CommitBatch&) = delete;
    CommitBatch& operator=(const CommitBatch&) = delete;
    ~CommitBatch();

    /// `data` is the log's, `txn` is kept where it is given; both are copied.
    void append_log(const evm::Log& log, ByteView data, const TxnFields* txn = nullptr);
    /// Counts as event-less by `event_count`: such a row goes once its block is final.
    void append_block(const BlockRow& block);
    /// A child that is stored already stays as it is.
    void append_child(const ChildRow& child);
    /// Without such a child nothing happens. Entities follow by a fold: `require_refold`.
    void remove_child(const ChildRow& child);
    /// What a contract call answered; replaces the fact of the same call and block. Beyond the
    /// stored blocks facts come in order of block, each once. Of a `once` call the caller takes an
    /// older fact away, where there is one.
    void put_call(const CallFact& fact);
    /// Without such a fact nothing happens.
    void remove_call(const CallFact& fact);
    /// A row that changed: `before` and `after` are whole rows, empty = absent. Keeps indexes and
    /// counts. With `undo_block`, what was there before that block is kept for a rollback: call it
    /// once for each (block, row), with `before` = the row before that block.
    void change_row(size_t entity, std::string_view key, std::string_view before,
                    std::string_view after, std::optional<uint64_t> undo_block);
    /// Replaces the row of the same log.
    void quarantine(const QuarantineRow& row);
    /// The range now has this level and provider, whatever was known of its parts; equal
    /// neighbours are joined.
    void extend_coverage(const CoverageRow& row);
    /// Nothing of that source is known to be in the log any more. Of this and `extend_coverage` of
    /// one source in one batch, `extend_coverage` comes later, whatever the order of the calls.
    void remove_coverage(const std::string& source);
    /// The same of the blocks of `range` alone, which must not be empty; it comes in its place
    /// among the calls of `extend_coverage`.
    void remove_coverage(const std::string& source, evm::BlockRange range);
    /// Of a block whose row is stored; without a row nothing happens. A row appended by this very
    /// batch has its level already.
    void set_block_level(uint64_t block_num, ProofLevel level);
    /// Takes one stored log away (mending the log; a reorg is a rollback). Without such a log
    /// nothing happens. Of `remove_log` and `append_log` for one place the later call holds; logs
    /// beyond what is stored are appended last. The block's row is the caller's to rewrite or
    /// remove, and entities follow by a fold: `require_refold`.
    void remove_log(uint64_t block_num, uint32_t log_index);
    /// The same for a block's row.
    void remove_block(uint64_t block_num);
    /// With this commit the derived families no longer belong to the log: `needs_refold` holds
    /// until a fold is published, and across restarts.
    void require_refold();
    /// Every later fold writes this row at the end of its block. The row itself is not changed
    /// here: fold again, or, where the block is the cursor's, `change_row` in the same batch.
    void append_correction(const CorrectionRow& row);
    /// The database numbers it.
    void append_journal(const JournalRow& row);
    /// Replaces the one of the same proof and entity.
    void record_proof(const ProofRecord& record);
    /// Without such a record nothing happens.
    void remove_proof(const ProofRecord& record);
    /// Blocks up to here are final: their undo and event-less block rows go.
    void set_finalized(uint64_t block_num);
    /// Where the index stands after this commit; `timestamp` is the block's, Unix seconds. Never
    /// below the stored cursor. A commit without one leaves it where it is.
    void set_cursor(uint64_t block_num, const evm::Hash& block_hash, uint64_t timestamp);

    /// What the commit will hand to RocksDB, about.
    [[nodiscard]] size_t size_bytes() const noexcept;
    [[nodiscard]] bool empty() const noexcept;
    /// Forgets everything collected, keeps capacity.
    void clear();

    struct Impl;  // known to the .cpp files of storage/ only

  private:
    friend struct Internals;
    friend class Database;
    explicit CommitBatch(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace plumbline::storage
