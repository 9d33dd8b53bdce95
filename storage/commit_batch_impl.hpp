// What a commit collects before it is staged. Internal to storage.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <rocksdb/write_batch.h>

#include "storage/database_impl.hpp"
#include "storage/dictionary.hpp"
#include "storage/digest.hpp"
#include "storage/index_changes.hpp"
#include "storage/record_codec.hpp"

namespace plumbline::storage {

struct CommitBatch::Impl {
    Database::Impl& db;
    std::shared_ptr<RocksHandles> core;  ///< before the generation, whose handles need it
    std::shared_ptr<const Generation> generation;
    /// All that does not depend on what is stored; `Database::commit` adds the rest.
    rocksdb::WriteBatch writes;
    // Found once and not for every log.
    rocksdb::ColumnFamilyHandle* log_family = nullptr;
    rocksdb::ColumnFamilyHandle* blocks_family = nullptr;

    /// Sizes of the dictionaries that the new entries were numbered from. A batch is of no use once
    /// another commit has changed them: ids would be given out twice.
    std::array<uint32_t, kDictKinds> dict_base{};
    std::array<std::vector<DictRow>, kDictKinds> dict_new;
    /// Stored entries that a log of an older block names than any before (a gap that is filled, a
    /// repair): else they would go with a block above it.
    std::array<std::vector<DictRow>, kDictKinds> dict_lowered;
    /// Of both, the place in its list.
    std::array<std::unordered_map<DictValue, size_t, DictValueHash>, kDictKinds> dict_places;
    // Logs of one address come in runs: most are told their id without a look-up.
    evm::Address last_address;
    std::optional<uint32_t> last_address_id;
    uint64_t last_address_block = 0;  ///< of the log that it was looked up for
    bool has_last_address = false;

    uint64_t logs = 0;     ///< appended beyond the tail
    std::string log_tail;  ///< newest key appended, or the stored one
    /// A log at or below the tail: put (perhaps over an older one) or removed.
    struct OldLog {
        std::string key;
        std::optional<Digest> hash;  ///< none = removed
    };
    std::vector<OldLog> old_logs;
    /// Facts of blocks at or below those stored: put (perhaps over an older one) or, none, removed.
    std::map<std::string, std::optional<Digest>> old_calls;
    std::optional<uint64_t> last_block;  ///< the newest stored one with a log or a row
    /// What the logs and block rows beyond the tails add to the log's digest, by ascending block.
    std::vector<std::pair<uint64_t, DigestNode>> log_changes;
    std::map<std::string, std::optional<Digest>> old_block_hashes;  ///< at or below the tail
    Digest last_block_hash;  ///< of the newest row appended beyond the tail
    std::vector<EntityDigest> row_changes;
    uint64_t blocks = 0;
    std::string block_tail;
    /// Keys of rows put at or below the tail, or twice: how many of them are new is found out by
    /// reading. Sorted from then on.
    std::vector<std::string> old_blocks;
    std::map<uint64_t, Digest> eventless_blocks;  ///< with the hashes of their rows
    std::vector<CoverageRow> coverage;            ///< of level kNone: it is taken away
    std::vector<std::string> removed_coverage;    ///< sources
    std::map<uint64_t, ProofLevel> levels;
    std::vector<JournalRow> journal;
    std::vector<CorrectionRow> corrections;
    bool refold = false;
    std::vector<std::string> quarantine_keys;
    std::vector<int64_t> row_deltas;                       ///< by entity
    std::vector<std::vector<IndexChanges>> index_changes;  ///< by entity, by index
    size_t index_bytes = 0;
    std::vector<std::pair<uint64_t, uint32_t>> undo_keys;  ///< those already final go again
    uint64_t undo_block = 0;
    uint32_t undo_next = 0;
    /// Rows with undo of `undo_block`; noted in builds with assertions only.
    std::set<std::pair<size_t, std::string>> undo_rows;
    uint64_t unlogged_block = 0;         ///< newest block with changes that have no undo
    bool unlogged_delete = false;        ///< one whose block is not known
    uint64_t lowest_block = UINT64_MAX;  ///< of all logs and blocks
    std::optional<Cursor> cursor;
    std::optional<uint64_t> finalized;
    bool anything = false;

    // Kept between calls so that they need not grow again.
    std::string key_scratch;
    std::string value_scratch;
    std::string other_scratch;

    explicit Impl(Database::Impl& database) PLUMBLINE_REQUIRES(database.writer);
    /// Begins anew with what is stored now. For calls that have the writer's role.
    void reset();
    /// False where the change of that row in the current undo block was noted before.
    [[nodiscard]] bool note_undo(size_t entity, std::string_view key) {
        return undo_rows.emplace(entity, key).second;
    }
    void add_log_change(uint64_t block_num, const DigestNode& change);
    /// The id of `value`, a new one where it has none yet; empty where the dictionary is full.
    [[nodiscard]] std::optional<uint32_t> dict_id(DictKind kind, const DictValue& value,
                                                  uint64_t block_num) PLUMBLINE_REQUIRES(db.writer);
};

}  // namespace plumbline::storage
