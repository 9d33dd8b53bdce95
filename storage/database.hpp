// One RocksDB directory: opening it, committing to it, reading from it.
//
// Families (byte layouts in docs/formats.md): meta, blocks, log, dict, children, coverage, task,
// journal, corrections, log_digest, and for the current generation g: entity.NAME#g,
// index.NAME.FIELDS#g, undo#g, quarantine#g, digest#g. A fold of the whole log (rebuild, changed
// mapping) writes a new generation beside the old one and is published by one synced write, so
// readers never see a half.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "storage/digest.hpp"
#include "storage/layout.hpp"
#include "storage/records.hpp"
#include "storage/row.hpp"

namespace rocksdb {
class Env;
}

namespace plumbline::storage {

class CommitBatch;
class ReadView;
class Database;

struct OpenOptions {
    bool read_only = false;  ///< allowed while a writer runs; sees the state at open
    bool create = false;  ///< make the directory where there is none; needs `identity` and `bundle`
    std::optional<ChainIdentity> identity;    ///< where set, the stored one must equal it
    std::optional<SchemaBundle> bundle;       ///< for `create`
    size_t memory_bytes = size_t{256} << 20;  ///< bound for caches and write buffers together
    rocksdb::Env* env =
        nullptr;                ///< injected file system for fault tests; must outlive the database
    bool tiny_buffers = false;  ///< for tests: flush and compact after a few rows
    /// Told what happened at open that the user should know (incidents, recovery), and at run time
    /// on background errors. May be called from any thread.
    std::function<void(const std::string&)> notice;
};

enum class Durability : uint8_t {
    kSync,      ///< on disk when commit returns: live following
    kBuffered,  ///< survives the process, not the power: backfill and folds; see `Database::sync`
    /// For large commits to a generation that is not published yet: rows become table files at
    /// once, on disk when commit returns. A crash may leave a part of them, in a generation that
    /// the next open drops. Without such a generation it is kBuffered.
    kBulk,
};

/// Owned by one writer thread; `read_view`, `latest_row` and the accessors of stored facts are safe
/// from many. Everything handed out must be gone before the database is.
class Database {
  public:
    /// kNotFound: no database there. kIncompatible: newer format, other chain. kUnavailable:
    /// another writer holds the lock. kCorruption: damage that refetching cannot mend.
    [[nodiscard]] static Result<std::unique_ptr<Database>> open(const std::string& path,
                                                                OpenOptions options);
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;
    ~Database();

    [[nodiscard]] const std::string& path() const noexcept;
    [[nodiscard]] const ChainIdentity& identity() const noexcept;
    [[nodiscard]] const SchemaBundle& bundle() const noexcept;
    [[nodiscard]] const std::vector<EntityLayout>& entities() const noexcept;
    /// The stored position; empty before the first commit.
    [[nodiscard]] std::optional<Cursor> cursor() const;
    /// Rows (tombstones not counted) of an entity of the published generation.
    [[nodiscard]] uint64_t entity_count(size_t entity) const;
    [[nodiscard]] uint64_t quarantine_count() const;
    /// Bytes of all files in the directory.
    [[nodiscard]] uint64_t size_bytes() const;
    /// Found at open: blocks that an earlier run had synced but the files no longer hold (refetch
    /// from the cursor on). 0 = none.
    [[nodiscard]] uint64_t lost_blocks() const noexcept;
    /// The derived families do not belong to the log as it is (damage found at open, or
    /// `truncate_log`): fold the log into a new generation before serving. Survives a restart.
    [[nodiscard]] bool needs_refold() const;
    /// After a refused write: the disk works again, but RocksDB will not go on before the database
    /// has been closed and opened again. Every later write fails. Thread-safe.
    [[nodiscard]] bool needs_reopen() const noexcept;

    // --- writing -------------------------------------------------------------------------------

    /// An empty batch for the generation being written.
    [[nodiscard]] std::unique_ptr<CommitBatch> make_batch();
    /// Applies all of `batch` or nothing, and empties it. On kIo (full disk...) nothing changed
    /// here; try again until `needs_reopen` says that the disk works, then close the database and
    /// open it again: the commit may be there by then, whole.
    [[nodiscard]] Status commit(CommitBatch& batch, Durability durability);
    /// Makes every earlier buffered commit durable.
    [[nodiscard]] Status sync();
    /// Undoes all blocks above `target` in one synced commit; the cursor becomes `target`.
    /// kNotFound where undo does not reach that far: fold again from the log instead.
    /// `target_block` gives the cursor's hash and time where the database keeps no row of that
    /// block (final and without events); without it the cursor's hash is then zero = not known.
    [[nodiscard]] Status rollback(uint64_t target, const BlockRow* target_block = nullptr);
    /// Deletes logs, blocks, children and coverage above `target` but leaves the derived families
    /// alone: for a reorg deeper than undo, followed by a fold into a new generation. Until that is
    /// published `needs_refold` holds.
    [[nodiscard]] Status truncate_log(uint64_t target, const BlockRow* target_block = nullptr);

    /// Starts a new generation (dropping an unfinished one). Batches made from now on write to it;
    /// readers go on seeing the published one. Its fold starts with nothing.
    [[nodiscard]] Status start_generation(const SchemaBundle& bundle);
    /// Makes the new generation the published one, with its bundle, and drops the old.
    [[nodiscard]] Status publish_generation();

    /// Makes the log's digests and totals anew from the stored bytes: for damaged digests, once the
    /// log itself is known to be right. The entities' come with every fold. One synced commit, with
    /// `journal` in it.
    [[nodiscard]] Status rebuild_log_digest(const JournalRow* journal = nullptr);

    /// Replaces the config text and ABIs without touching derived data (fingerprint unchanged).
    [[nodiscard]] Status update_bundle(const SchemaBundle& bundle);

    /// The newest row of the generation being written, unsnapshotted: for the fold's cache misses.
    /// False where there is none. A tombstone is a row.
    [[nodiscard]] Result<bool> latest_row(size_t entity, std::string_view key,
                                          std::string& row) const;

    // --- reading -------------------------------------------------------------------------------

    /// One consistent state of the published generation.
    [[nodiscard]] std::unique_ptr<ReadView> read_view() const;

    /// All children, in (block, log index) order.
    [[nodiscard]] Result<std::vector<ChildRow>> children() const;
    [[nodiscard]] Result<std::vector<CoverageRow>> coverage() const;

    struct Impl;  // for the .cpp files of storage/
    [[nodiscard]] Impl& impl() const noexcept { return *impl_; }

  private:
    explicit Database(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// Collects one commit. One thread. Logs and blocks must come in ascending order; at or below what
/// is stored they insert or replace.
class CommitBatch {
  public:
    CommitBatch(const CommitBatch&) = delete;
    CommitBatch& operator=(const CommitBatch&) = delete;
    ~CommitBatch();

    void append_log(const evm::Log& log, ByteView data, const TxnFields* txn = nullptr);
    void append_block(const BlockRow& block);
    void append_child(const ChildRow& child);
    /// A row that changed: `before` and `after` are whole rows, empty = absent. Keeps indexes and
    /// counts. With `undo_block`, what was there before that block is kept for a rollback: call it
    /// once for each (block, row), with `before` = the row before that block.
    void change_row(size_t entity, std::string_view key, std::string_view before,
                    std::string_view after, std::optional<uint64_t> undo_block);
    void quarantine(const QuarantineRow& row);
    /// The range now has this level and provider, whatever was known of its parts; equal
    /// neighbours are joined.
    void extend_coverage(const CoverageRow& row);
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
    void append_journal(const JournalRow& row);
    /// Replaces the one of the same proof and entity.
    void record_proof(const ProofRecord& record);
    /// Blocks up to here are final: their undo and event-less block rows go.
    void set_finalized(uint64_t block_num);
    /// Where the index stands after this commit.
    void set_cursor(uint64_t block_num, const evm::Hash& block_hash, uint64_t timestamp);

    [[nodiscard]] size_t size_bytes() const noexcept;
    [[nodiscard]] bool empty() const noexcept;
    /// Forgets everything collected, keeps capacity.
    void clear();

    struct Impl;
    [[nodiscard]] Impl& impl() const noexcept { return *impl_; }

  private:
    friend class Database;
    explicit CommitBatch(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// A position in a scan, reported by `valid`; damage ends the scan and shows in `status`.
class LogScanner {
  public:
    virtual ~LogScanner() = default;
    [[nodiscard]] virtual bool valid() const = 0;
    virtual void next() = 0;
    /// The current log; `data` points into the scanner.
    [[nodiscard]] virtual const LogRecord& record() const = 0;
    [[nodiscard]] virtual Status status() const = 0;
};

/// Key and row point into the scanner until it moves. Tombstones are passed over unless asked for.
class RowScanner {
  public:
    virtual ~RowScanner() = default;
    [[nodiscard]] virtual bool valid() const = 0;
    virtual void next() = 0;
    [[nodiscard]] virtual std::string_view key() const = 0;
    [[nodiscard]] virtual std::string_view row() const = 0;
    /// What to pass as `after` to go on behind this row: the key, or in an index scan the indexed
    /// values and the key.
    [[nodiscard]] virtual std::string_view position() const = 0;
    [[nodiscard]] virtual Status status() const = 0;
};

/// What a scan does with a record that it cannot read.
enum class OnDamage : uint8_t {
    kStop,  ///< ends there with kCorruption
    kSkip,  ///< goes on with the next
};

/// A consistent state; safe from many threads. Scanners must not outlive it.
class ReadView {
  public:
    ReadView(const ReadView&) = delete;
    ReadView& operator=(const ReadView&) = delete;
    ~ReadView();

    [[nodiscard]] std::optional<Cursor> cursor() const;
    /// kNotFound where there is no such row (or only a tombstone).
    [[nodiscard]] Result<std::string> get_row(size_t entity, std::string_view key) const;
    /// Rows whose key starts with `prefix`, after `after` (exclusive; empty = from the start).
    [[nodiscard]] std::unique_ptr<RowScanner> scan_entity(size_t entity, std::string_view prefix,
                                                          std::string_view after,
                                                          bool with_tombstones = false) const;
    /// Rows by secondary index `index` whose indexed values start with `prefix`, ordered by
    /// (indexed values, key), after the row with indexed values and key `after`.
    [[nodiscard]] std::unique_ptr<RowScanner> scan_index(size_t entity, size_t index,
                                                         std::string_view prefix,
                                                         std::string_view after) const;
    /// Logs of blocks `from` to `to`, both included.
    [[nodiscard]] std::unique_ptr<LogScanner> scan_logs(uint64_t from, uint64_t to,
                                                        OnDamage on_damage = OnDamage::kStop) const;
    /// kNotFound where the database keeps no row of that block.
    [[nodiscard]] Result<BlockRow> get_block(uint64_t block_num) const;
    [[nodiscard]] Result<std::vector<BlockRow>> list_blocks(
        uint64_t from, uint64_t to, OnDamage on_damage = OnDamage::kStop) const;
    [[nodiscard]] Result<std::vector<QuarantineRow>> list_quarantine(size_t limit) const;
    [[nodiscard]] uint64_t block_row_count() const;
    /// Maintained counts, as `Database` has them.
    [[nodiscard]] uint64_t entity_count(size_t entity) const;
    [[nodiscard]] uint64_t quarantine_count() const;
    /// Entries numbered above `after_seq`, oldest first.
    [[nodiscard]] Result<std::vector<JournalRow>> list_journal(uint64_t after_seq,
                                                               size_t limit) const;
    /// In order of proof and entity.
    [[nodiscard]] Result<std::vector<ProofRecord>> list_proofs() const;
    /// In order of block and sequence.
    [[nodiscard]] Result<std::vector<CorrectionRow>> list_corrections() const;
    /// All children, in (block, log index) order.
    [[nodiscard]] Result<std::vector<ChildRow>> list_children() const;
    // Digests as the commits kept them (storage/digest.hpp); those of the stored bytes come from a
    // scrub. A node that is not stored is zero.
    [[nodiscard]] Result<DigestNode> digest_root(DigestTree tree) const;
    /// Nodes right below a node, those that are not zero, in order of prefix: prefix and node.
    /// Below level 0 there is nothing.
    [[nodiscard]] Result<std::vector<std::pair<uint64_t, DigestNode>>> digest_children(
        DigestTree tree, uint8_t level, uint64_t prefix) const;

    /// The schema of the generation that the view shows; valid as long as the view.
    [[nodiscard]] const SchemaBundle& bundle() const noexcept;

    struct Impl;
    [[nodiscard]] Impl& impl() const noexcept { return *impl_; }
    [[nodiscard]] const std::shared_ptr<Impl>& shared_impl() const noexcept { return impl_; }

  private:
    friend class Database;
    explicit ReadView(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace plumbline::storage
