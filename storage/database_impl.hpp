// What the .cpp files of storage share: the open RocksDB, its families, and the facts kept in
// memory. Internal to storage.
//
// Order of destruction: iterators, snapshots, family handles, RocksDB, then what it was opened
// with. Views and scanners share ownership of the core, so RocksDB closes with the last of them.
#pragma once

#include <array>
#include <atomic>
#include <bitset>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include "storage/commit_batch.hpp"
#include "storage/database.hpp"
#include "storage/dictionary.hpp"
#include "storage/digest.hpp"
#include "storage/families.hpp"
#include "storage/head_file.hpp"
#include "storage/log_codec.hpp"
#include "storage/meta_codec.hpp"
#include "storage/read_view.hpp"
#include "storage/record_codec.hpp"
#include "storage/rocks_options.hpp"
#include "storage/row.hpp"

namespace plumbline::storage {

/// Owns one family handle; must go before the RocksDB it came from.
class Family {
  public:
    Family(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* handle) : db_{db}, handle_{handle} {}
    Family(const Family&) = delete;
    Family& operator=(const Family&) = delete;
    ~Family() { db_.DestroyColumnFamilyHandle(handle_).PermitUncheckedError(); }
    [[nodiscard]] rocksdb::ColumnFamilyHandle* get() const noexcept { return handle_; }
    [[nodiscard]] std::string name() const { return handle_->GetName(); }

  private:
    rocksdb::DB& db_;
    rocksdb::ColumnFamilyHandle* handle_;
};
using FamilyPtr = std::shared_ptr<Family>;

/// How one entity is stored: its row codec and what its indexes are made of.
struct EntityStorage {
    struct Column {
        bool is_key = false;
        uint16_t place = 0;  ///< among the key fields or among the fields
        FieldType type;
    };
    RowCodec codec;
    std::vector<FieldType> key_types;
    std::vector<std::vector<Column>> indexes;
    bool keep_tombstones = false;

    explicit EntityStorage(const EntityLayout& layout);
    /// Appends the indexed values and then the key: the key of the index family.
    void append_index_key(std::string& out, size_t index, std::string_view key,
                          std::string_view row) const;
};

struct EntityFamilies {
    FamilyPtr rows;
    std::vector<FamilyPtr> indexes;
};

/// One fold of the log: its schema and its families. Immutable.
struct Generation {
    uint32_t number = 0;
    std::shared_ptr<const SchemaBundle> bundle;
    std::vector<EntityStorage> plans;
    std::vector<EntityFamilies> entities;
    FamilyPtr undo;
    FamilyPtr quarantine;
    FamilyPtr digest;

    [[nodiscard]] std::vector<FamilyPtr> all() const;
};

/// The open RocksDB. Members are destroyed last to first.
struct RocksHandles {
    std::string path;
    rocksdb::Env* env = nullptr;
    RocksTuning tuning;
    std::unique_ptr<rocksdb::DB> db;
    std::array<FamilyPtr, kBaseFamilyCount> base;

    [[nodiscard]] rocksdb::ColumnFamilyHandle* family(FamilyKind kind) const noexcept {
        return base[static_cast<size_t>(kind)]->get();
    }
    [[nodiscard]] rocksdb::ColumnFamilyHandle* meta() const noexcept {
        return family(FamilyKind::kMeta);
    }
    /// Empty where the key does not exist.
    [[nodiscard]] Result<std::optional<std::string>> get(
        rocksdb::ColumnFamilyHandle* handle, std::string_view key,
        const rocksdb::Snapshot* snapshot = nullptr) const;
};

/// What a generation's rows add up to.
struct GenerationFacts {
    Counts counts;
    uint64_t undo_floor = 0;  ///< undo is complete for every block above
    uint64_t undo_block = 0;  ///< the block of the newest undo row...
    uint32_t undo_next = 0;   ///< ...and the next sequence number in it
};

/// Ranges of one source by their first block; they never overlap.
using CoverageRanges = std::map<uint64_t, CoverageRow>;
using CoveragePtr = std::shared_ptr<const CoverageRanges>;

/// An entity's stored digests as the writer remembers them: pages are read when first needed.
struct EntityTree {
    EntityDigest pages;
    std::bitset<kEntityDigestPages> is_loaded;
    std::optional<DigestNode> root;
};
using GenerationTrees = std::vector<EntityTree>;
/// What a commit makes of them.
struct StagedTree {
    uint32_t entity = 0;
    DigestNode root;
    std::vector<std::pair<uint16_t, DigestPage>> pages;
};
using StagedTrees = std::vector<StagedTree>;

struct StoredState {
    std::optional<Cursor> cursor;
    Watermark watermark;
    LogTotals totals;
    LastKeys tails;
    Generations generations;
    GenerationFacts published;
    GenerationFacts building;
    std::map<std::string, CoveragePtr> coverage;  ///< by source; never a null pointer
    uint64_t journal_last = 0;                    ///< the newest sequence number; 0 = none
    bool needs_refold = false;
};

struct Database::Impl {
    std::shared_ptr<RocksHandles> core;
    OpenOptions options;
    ChainIdentity identity;
    uint64_t lost_blocks = 0;

    /// Guards everything below for readers; the writer thread may read without it.
    mutable std::mutex mutex;
    StoredState facts;
    std::shared_ptr<const Generation> published;
    std::shared_ptr<const Generation> building;
    std::array<Dictionary, kDictKinds> dictionaries;
    /// References handed out by `bundle` and `entities` stay valid.
    std::vector<std::shared_ptr<const SchemaBundle>> bundles;

    // The writer thread's own.
    std::map<uint32_t, GenerationTrees> trees;  ///< by generation; may be forgotten at any time
    HeadFile head;                              ///< as the sidecar file holds it
    bool head_stale = false;                    ///< the last write of it failed
    bool unsynced = false;                      ///< commits since the last sync
    bool write_failed = false;                  ///< RocksDB takes no more writes
    /// By id, families that took rows of `kBulk` commits through the memtable: they go on that way,
    /// for a table file that overlaps a memtable would wait for its flush, for ever on a full disk.
    std::set<uint32_t> unbulked;
    std::atomic<bool> needs_reopen{false};
    uint32_t last_generation = 1;   ///< the highest number any family ever had
    std::vector<uint32_t> dropped;  ///< generations that went unpublished; `meta` still knows them

    void notice(const std::string& text) const {
        if (options.notice) {
            options.notice(text);
        }
    }
    [[nodiscard]] const std::shared_ptr<const Generation>& writing() const noexcept {
        return building ? building : published;
    }
    [[nodiscard]] static GenerationFacts& facts_of(StoredState& of,
                                                   const Generation& from) noexcept {
        return from.number == of.generations.building ? of.building : of.published;
    }
    [[nodiscard]] static const GenerationFacts& facts_of(const StoredState& of,
                                                         const Generation& from) noexcept {
        return from.number == of.generations.building ? of.building : of.published;
    }
    [[nodiscard]] Status require_writable() const;
    /// Puts the watermark of `facts` into every family, and all that meta keeps of them.
    void put_facts(rocksdb::WriteBatch& batch, const StoredState& next,
                   bool with_append_families) const;
    /// Writes with the durability asked for; nothing changed where it fails.
    [[nodiscard]] Status write(rocksdb::WriteBatch& batch, Durability durability);
    /// `write` for `Durability::kBulk`.
    [[nodiscard]] Status write_bulk(rocksdb::WriteBatch& batch);
    /// After a synced write: names the head in the sidecar file. Never fails, may lag behind.
    void write_head_after_sync();
    [[nodiscard]] Status refuse_if_failed();

    /// Deletes what the families outside the generations hold of blocks `first` and above, and
    /// fits `next` (not its cursor). Gives the sizes to which the dictionaries then shrink.
    [[nodiscard]] Result<std::array<uint32_t, kDictKinds>> remove_base_from(
        uint64_t first, rocksdb::WriteBatch& batch, StoredState& next) const;
    /// The cursor at `target`, its hash from the block row or from `hint`, else zero.
    [[nodiscard]] Result<Cursor> cursor_at(uint64_t target, const BlockRow* hint) const;
    /// Writes a synced commit that took blocks away, then lets the facts in memory follow.
    [[nodiscard]] Status commit_removal(rocksdb::WriteBatch& batch, StoredState next,
                                        const std::array<uint32_t, kDictKinds>& dict_sizes);
};

/// Gives an opened RocksDB and its stored facts to `impl`; mends what an earlier loss left behind.
[[nodiscard]] Status open_database(const std::string& path, Database::Impl& impl);

/// Deletes what `meta` holds of a generation.
void forget_generation(const RocksHandles& core, uint32_t number, rocksdb::WriteBatch& writes);
/// Puts `rows` behind the journal's newest entry, which `next` counts.
void put_journal(const RocksHandles& core, std::span<const JournalRow> rows, StoredState& next,
                 rocksdb::WriteBatch& writes);
/// kInvalidArgument where two entities or indexes would share a family.
[[nodiscard]] Status check_bundle(const SchemaBundle& bundle);
[[nodiscard]] std::shared_ptr<Generation> make_generation(
    uint32_t number, std::shared_ptr<const SchemaBundle> bundle,
    const std::map<std::string, FamilyPtr>& families);

/// Lays `row` over `ranges`: what it covers is now its own; equal neighbours are joined.
void lay_coverage(CoverageRanges& ranges, const CoverageRow& row);
/// The writes that turn the stored `before` into `after`.
void put_coverage_changes(rocksdb::WriteBatch& batch, rocksdb::ColumnFamilyHandle* family,
                          const CoverageRanges& before, const CoverageRanges& after);
/// Notes a row that changed from `before` to `after` in the row family and the indexes; gives the
/// change in the number of rows.
int put_row_change(rocksdb::WriteBatch& batch, const EntityStorage& plan,
                   const EntityFamilies& families, std::string_view key, std::string_view before,
                   std::string_view after, std::string& scratch_before, std::string& scratch_after);

/// Rows of one index as they change within a commit. They come in the order of the entity's keys,
/// but RocksDB takes them several times faster in their own.
struct IndexChanges {
    struct Row {
        size_t at = 0;  ///< of its key in `keys`
        uint32_t size = 0;
        bool is_put = false;
    };
    rocksdb::ColumnFamilyHandle* family = nullptr;
    std::string keys;
    std::vector<Row> rows;

    void add(std::string_view key, bool is_put) {
        rows.push_back({keys.size(), static_cast<uint32_t>(key.size()), is_put});
        keys.append(key);
    }
    /// Sorts them and appends them to `batch`; of a key that changed several times, the last.
    void put_into(rocksdb::WriteBatch& batch);
};

struct CommitBatch::Impl {
    Database::Impl& db;
    std::shared_ptr<RocksHandles> core;  ///< before the generation, whose handles need it
    std::shared_ptr<const Generation> generation;
    rocksdb::WriteBatch writes;
    // Cached for the fast path.
    rocksdb::ColumnFamilyHandle* log_family = nullptr;
    rocksdb::ColumnFamilyHandle* blocks_family = nullptr;

    // New dictionary entries and the sizes of the dictionary they were numbered from.
    std::array<uint32_t, kDictKinds> dict_base{};
    std::array<std::vector<DictRow>, kDictKinds> dict_new;
    std::array<std::unordered_map<DictValue, uint32_t, DictValueHash>, kDictKinds> dict_ids;
    evm::Address last_address;
    std::optional<uint32_t> last_address_id;
    bool has_last_address = false;

    uint64_t logs = 0;     ///< appended beyond the tail
    std::string log_tail;  ///< newest key appended, or the stored one
    /// A log at or below the tail: put (perhaps over an older one) or removed.
    struct OldLog {
        std::string key;
        std::optional<Digest> hash;  ///< none = removed
    };
    std::vector<OldLog> old_logs;
    /// What the logs and block rows beyond the tails add to the log's digest, by ascending block.
    std::vector<std::pair<uint64_t, DigestNode>> log_changes;
    std::map<std::string, std::optional<Digest>> old_block_hashes;  ///< at or below the tail
    Digest last_block_hash;  ///< of the newest row appended beyond the tail
    std::vector<EntityDigest> row_changes;
    uint64_t blocks = 0;
    std::string block_tail;
    std::vector<std::string> old_blocks;
    std::map<uint64_t, Digest> eventless_blocks;  ///< with the hashes of their rows
    std::vector<CoverageRow> coverage;
    std::map<uint64_t, ProofLevel> levels;
    std::vector<JournalRow> journal;
    std::vector<CorrectionRow> corrections;
    bool refold = false;
    std::vector<std::string> quarantine_keys;
    std::vector<int64_t> row_deltas;
    std::vector<std::vector<IndexChanges>> index_changes;  ///< by entity, by index
    size_t index_bytes = 0;
    std::vector<std::pair<uint64_t, uint32_t>> undo_keys;
    uint64_t undo_block = 0;
    uint32_t undo_next = 0;
    uint64_t unlogged_block = 0;         ///< newest block with changes that have no undo
    bool unlogged_delete = false;        ///< one whose block is not known
    uint64_t lowest_block = UINT64_MAX;  ///< of all logs and blocks
    std::optional<Cursor> cursor;
    std::optional<uint64_t> finalized;
    bool anything = false;

    std::string key_scratch;
    std::string value_scratch;
    std::string other_scratch;

    explicit Impl(Database::Impl& database);
    void reset();
    void add_log_change(uint64_t block_num, const DigestNode& change);
    [[nodiscard]] std::optional<uint32_t> dict_id(DictKind kind, const DictValue& value,
                                                  uint64_t block_num);
};

struct ReadView::Impl {
    std::shared_ptr<RocksHandles> core;
    std::shared_ptr<const Generation> generation;
    const rocksdb::Snapshot* snapshot = nullptr;
    std::array<DictView, kDictKinds> dictionaries;
    std::optional<Cursor> cursor;
    LogTotals totals;
    Counts counts;

    Impl() = default;
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() {
        if (snapshot != nullptr) {
            core->db->ReleaseSnapshot(snapshot);
        }
    }
};

/// An iterator with what it stands on: RocksDB stays open as long as it lives.
struct OwnedIterator {
    std::shared_ptr<const ReadView::Impl> view;
    std::string upper_bound;
    rocksdb::Slice upper_slice;
    std::unique_ptr<rocksdb::Iterator> it;

    /// Over keys from `from` up to (not including) `to`; an empty `to` is no bound.
    static std::unique_ptr<OwnedIterator> make(std::shared_ptr<const ReadView::Impl> view,
                                               rocksdb::ColumnFamilyHandle* family,
                                               std::string_view from, std::string to,
                                               bool whole_scan);
};
/// The first key that does not start with `prefix`; empty where there is none.
[[nodiscard]] std::string prefix_end(std::string_view prefix);

}  // namespace plumbline::storage
