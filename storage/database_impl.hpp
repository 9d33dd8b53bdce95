// What the .cpp files of storage know of an open database. Internal to storage.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/base/mutex.hpp"
#include "storage/commit_batch.hpp"
#include "storage/database.hpp"
#include "storage/deleted_keys.hpp"
#include "storage/digest_store.hpp"
#include "storage/head_file.hpp"
#include "storage/read_view.hpp"
#include "storage/rocks_handles.hpp"
#include "storage/stored_state.hpp"
#include "storage/writer_role.hpp"

namespace plumbline::storage {

struct Database::Impl {
    // Set by `open_database`, the same from then on.
    std::shared_ptr<RocksHandles> core;
    OpenOptions options;
    bool is_to_mend = false;  ///< opened by `open_to_mend`
    ChainIdentity identity;
    uint64_t lost_blocks = 0;

    /// Every call that changes the database has it.
    mutable WriterRole writer;
    /// Held for moments only, never over a write or a sync: every reader takes it. So a view may
    /// see on disk what is not in memory yet, by one commit; what follows from that is said where
    /// memory follows.
    mutable Mutex mutex;
    SharedState shared PLUMBLINE_GUARDED_BY(mutex);
    /// What `shared_view` gave last; null once something was written.
    std::shared_ptr<const ReadView> newest_view PLUMBLINE_GUARDED_BY(mutex);
    /// After every write, so that nothing old is held for readers who may never come again.
    void forget_newest_view() PLUMBLINE_EXCLUDES(mutex);
    /// `shared` for the writer to read: nobody else changes it, so it needs no lock to look.
    [[nodiscard]] const SharedState& now() const
        PLUMBLINE_REQUIRES(writer) PLUMBLINE_NO_THREAD_SAFETY_ANALYSIS {
        return shared;
    }
    /// For `latest_row`, which may run beside a commit but not beside what changes generations.
    [[nodiscard]] const Generation& writing_unlocked() const PLUMBLINE_NO_THREAD_SAFETY_ANALYSIS {
        return *shared.writing();
    }

    /// Entities' digests by generation, as far as they were needed: a cache, may be forgotten at
    /// any time.
    std::map<uint32_t, GenerationTrees> trees PLUMBLINE_GUARDED_BY(writer);
    HeadFile head PLUMBLINE_GUARDED_BY(writer);              ///< as the sidecar file holds it
    bool head_stale PLUMBLINE_GUARDED_BY(writer) = false;    ///< the last write of it failed
    bool unsynced PLUMBLINE_GUARDED_BY(writer) = false;      ///< commits since the last sync
    bool write_failed PLUMBLINE_GUARDED_BY(writer) = false;  ///< RocksDB takes no more writes
    /// By id, families that took rows of `kBulk` commits through the memtable: they go on that way,
    /// for a table file that overlaps a memtable would wait for its flush, for ever on a full disk.
    std::set<uint32_t> unbulked PLUMBLINE_GUARDED_BY(writer);
    /// The highest number any family ever had: a number is never used twice, because families of an
    /// old generation may still be read, or be on disk after a crash.
    uint32_t last_generation PLUMBLINE_GUARDED_BY(writer) = 1;
    /// Generations that went unpublished; `meta` still knows them.
    std::vector<uint32_t> dropped PLUMBLINE_GUARDED_BY(writer);
    std::atomic<bool> needs_reopen{false};
    /// The probe's file: it has one name, and whoever was refused a write makes it.
    Mutex probing;
    /// For the `DeletedRunCompactor`, where there is one.
    DeletedKeys deleted;

    void notice(const std::string& text) const {
        if (options.notice) {
            options.notice(text);
        }
    }
    /// kInvalidArgument where the database was opened to read.
    [[nodiscard]] Status require_writable() const;

    // storage/write.cpp

    /// kIo after a write that failed; tries whether the disk works again. Other codes after a
    /// failure that does not pass.
    [[nodiscard]] Status refuse_if_failed() PLUMBLINE_REQUIRES(writer);
    /// Writes and removes a file as large as what RocksDB needs to go on. Thread-safe.
    [[nodiscard]] Status probe_disk() PLUMBLINE_EXCLUDES(probing);
    /// As the function of this name in storage/table_files.hpp.
    [[nodiscard]] std::optional<Error> lasting_failure() const;
    /// What a write that RocksDB refused is to its caller: kIo whatever RocksDB calls it, unless
    /// something lasting is the reason. Thread-safe.
    [[nodiscard]] Error refusal(const rocksdb::Status& status, std::string_view doing) const;
    /// A write beside the commits was refused: they are as well, and where the disk works again
    /// `needs_reopen` is set, though no commit may come for long. Thread-safe.
    void note_refused_write(const rocksdb::Status& status);
    /// Puts the watermark of `next` into every family (with those that only grow at their end or
    /// without), and all that meta keeps of `next`.
    void put_facts(rocksdb::WriteBatch& batch, const StoredState& next,
                   bool with_append_families) const PLUMBLINE_REQUIRES(writer);
    /// Writes with the durability asked for; nothing changed where it fails.
    [[nodiscard]] Status write(rocksdb::WriteBatch& batch, Durability durability)
        PLUMBLINE_REQUIRES(writer);
    /// `write` for `Durability::kBulk`.
    [[nodiscard]] Status write_bulk(rocksdb::WriteBatch& batch) PLUMBLINE_REQUIRES(writer);
    [[nodiscard]] Status sync() PLUMBLINE_REQUIRES(writer);
    /// After a synced write: names the head in the sidecar file. Never fails, may lag behind.
    void write_head_after_sync() PLUMBLINE_REQUIRES(writer);

    // storage/rollback.cpp

    /// Deletes what the families outside the generations hold of blocks `first` and above, and
    /// fits `next` (not its cursor). Gives the sizes to which the dictionaries then shrink.
    [[nodiscard]] Result<std::array<uint32_t, kDictKinds>> remove_base_from(
        uint64_t first, rocksdb::WriteBatch& batch, StoredState& next) const
        PLUMBLINE_REQUIRES(writer);
    /// Writes a synced commit that took blocks away, then lets the facts in memory follow.
    [[nodiscard]] Status commit_removal(rocksdb::WriteBatch& batch, StoredState next,
                                        const std::array<uint32_t, kDictKinds>& dict_sizes)
        PLUMBLINE_REQUIRES(writer) PLUMBLINE_EXCLUDES(mutex);
};

/// The one way from the public classes to what is behind them.
struct Internals {
    [[nodiscard]] static Result<std::unique_ptr<Database>> open(const std::string& path,
                                                                OpenOptions options,
                                                                bool is_to_mend);
    [[nodiscard]] static Database::Impl& of(const Database& database) noexcept {
        return *database.impl_;
    }
    [[nodiscard]] static CommitBatch::Impl& of(const CommitBatch& batch) noexcept {
        return *batch.impl_;
    }
    [[nodiscard]] static const std::shared_ptr<ReadView::Impl>& of(const ReadView& view) noexcept {
        return view.impl_;
    }
};

/// Opens `path` as `impl.options` say and fills `impl`; mends what an earlier loss left behind.
[[nodiscard]] Status open_database(const std::string& path, Database::Impl& impl);

/// Puts `rows` behind the journal's newest entry, which `next` counts.
void put_journal(const RocksHandles& core, std::span<const JournalRow> rows, StoredState& next,
                 rocksdb::WriteBatch& writes);
/// Puts what turns the stored coverage of `source` into `after`.
void put_coverage(const RocksHandles& core, const std::string& source, const CoverageRanges& before,
                  const CoverageRanges& after, rocksdb::WriteBatch& writes);

}  // namespace plumbline::storage
