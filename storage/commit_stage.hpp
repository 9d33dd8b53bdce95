// Staging a commit: what depends on what is stored is read, and everything goes into the batch's
// writes. Nothing changes yet, on disk or in memory. Internal to storage.
//
//   1. the changes of each index, sorted
//   2. logs and block rows: digests, totals, last keys      commit_stage_log.cpp
//   3. counts of rows and of quarantined events
//   4. levels of block rows, journal, corrections
//   5. what is final by now goes: undo, event-less blocks   commit_stage_final.cpp
//   6. digests of the log and of the entities
//   7. coverage, new dictionary entries
//   8. cursor, watermark of every family, meta
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/commit_batch_impl.hpp"
#include "storage/digest_store.hpp"

namespace plumbline::storage {

/// What memory follows with once the writes are on disk.
struct StagedCommit {
    StoredState next;
    StagedTrees trees;
};

/// One commit. After an error the batch's writes are of no use beyond the caller's save point.
class CommitStage {
  public:
    CommitStage(Database::Impl& db, CommitBatch::Impl& batch) PLUMBLINE_REQUIRES(db.writer);
    [[nodiscard]] Result<StagedCommit> run();

  private:
    [[nodiscard]] Status stage_log() PLUMBLINE_REQUIRES(db_.writer);
    [[nodiscard]] Result<std::string> find_log_tail(const LogDigestOverlay& overlay) const;
    [[nodiscard]] Status stage_block_rows() PLUMBLINE_REQUIRES(db_.writer);
    [[nodiscard]] Status stage_old_blocks(uint64_t existing_puts);
    [[nodiscard]] Status find_block_tail(const std::vector<std::string>& removed);
    [[nodiscard]] Status stage_counts() PLUMBLINE_REQUIRES(db_.writer);
    [[nodiscard]] Status stage_levels() PLUMBLINE_REQUIRES(db_.writer);
    [[nodiscard]] Status stage_records();
    [[nodiscard]] Status stage_final(uint64_t finalized) PLUMBLINE_REQUIRES(db_.writer);
    [[nodiscard]] Status drop_eventless(uint64_t from, uint64_t finalized);
    [[nodiscard]] Status drop_eventless_of_batch(uint64_t finalized);
    [[nodiscard]] Status drop_undo(const Generation& generation, uint64_t finalized)
        PLUMBLINE_REQUIRES(db_.writer);
    [[nodiscard]] Status drop_block_row(uint64_t block_num, std::string_view key,
                                        const Digest& hash);
    void stage_coverage() PLUMBLINE_REQUIRES(db_.writer);
    void stage_dictionary();

    /// Whether the batch itself puts a row of that block at or below the tail. Only once
    /// `stage_block_rows` has sorted them.
    [[nodiscard]] bool is_rewritten(std::string_view block_key) const;

    Database::Impl& db_;
    CommitBatch::Impl& batch_;
    const RocksHandles& core_;
    rocksdb::WriteBatch& writes_;
    StoredState next_;
    LogDigestStage digests_;
};

/// How many of the keys (ascending or not) exist; each is counted once. Sorts them.
[[nodiscard]] Result<uint64_t> count_existing(const RocksHandles& core,
                                              rocksdb::ColumnFamilyHandle* family,
                                              std::vector<std::string>& keys);

}  // namespace plumbline::storage
