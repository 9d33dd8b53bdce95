// One RocksDB directory: opening it, committing to it, reading from it.
//
// Its families are listed in storage/families.hpp: those of what was fetched and done, and for each
// generation those of what is folded from it. A fold of the whole log (rebuild, changed mapping)
// writes a new generation beside the old one and is published by one synced write, so readers never
// see a half.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "storage/layout.hpp"
#include "storage/records.hpp"

namespace rocksdb {
class Env;
}

namespace plumbline::storage {

class CommitBatch;
class ReadView;
struct Internals;

struct OpenOptions {
    bool read_only = false;  ///< allowed while a writer runs; sees the state at open
    bool create = false;  ///< make the directory where there is none; needs `identity` and `bundle`
    std::optional<ChainIdentity> identity;    ///< where set, the stored one must equal it
    std::optional<SchemaBundle> bundle;       ///< for `create`
    size_t memory_bytes = size_t{256} << 20;  ///< bounds caches and memtables together
    rocksdb::Env* env =
        nullptr;                ///< injected file system for fault tests; must outlive the database
    bool tiny_buffers = false;  ///< for tests: flush and compact after a few rows
    /// Told what happened at open that the user should know (incidents, recovery), and at run time
    /// on background errors. May be called from any thread.
    std::function<void(const std::string&)> notice;
    /// Asked again and again while `open` mends what a crash left, which may take minutes: true
    /// ends it with kCancelled. The next open goes on from there.
    std::function<bool()> should_stop;
};

enum class Durability : uint8_t {
    kSync,      ///< on disk when commit returns: live following
    kBuffered,  ///< survives the process, not the power: backfill and folds; see `Database::sync`
    /// For large commits to a generation that is not published yet: rows become table files at
    /// once, on disk when commit returns. A crash may leave a part of them, in a generation that
    /// the next open drops. Without such a generation it is kBuffered.
    kBulk,
};

/// Calls under "writing" and `make_batch` come one at a time (whatever the thread) and never while
/// a batch is filled. `read_view`, `latest_row` and the accessors of stored facts are safe from
/// many threads, beside the writer. Views and scanners may outlive the database, batches must not.
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

    /// Bounds caches and write buffers anew, as `OpenOptions::memory_bytes`; from any thread.
    void set_memory(size_t bytes) noexcept;

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
    /// Gives up the new generation, if there is one: batches made from now on write to the
    /// published one again.
    void abandon_generation();
    /// Makes the new generation the published one, with its bundle, and drops the old.
    [[nodiscard]] Status publish_generation();

    /// Makes the log's digests and totals anew from the stored bytes: for damaged digests, once the
    /// log itself is known to be right. The entities' come with every fold. One synced commit, with
    /// `journal` in it.
    [[nodiscard]] Status rebuild_log_digest(const JournalRow* journal = nullptr,
                                            const std::function<bool()>& should_stop = {});

    /// Replaces the config text and ABIs without touching derived data (fingerprint unchanged).
    [[nodiscard]] Status update_bundle(const SchemaBundle& bundle);

    /// The newest row of the generation being written, unsnapshotted: for the fold's cache misses,
    /// so not beside the start or the publication of a generation, but beside a commit.
    /// False where there is none. A tombstone is a row.
    [[nodiscard]] Result<bool> latest_row(size_t entity, std::string_view key,
                                          std::string& row) const;

    // --- reading -------------------------------------------------------------------------------

    /// One consistent state of the published generation.
    [[nodiscard]] std::unique_ptr<ReadView> read_view() const;

    /// All children, in (block, log index) order.
    [[nodiscard]] Result<std::vector<ChildRow>> children() const;
    [[nodiscard]] Result<std::vector<CoverageRow>> coverage() const;

    struct Impl;  // known to the .cpp files of storage/ only

  private:
    friend struct Internals;
    explicit Database(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace plumbline::storage
