// Which rows the sink has to send: those that commits and rollbacks touched since it last sent.
// Values are not kept, only keys, and the hash of what the sink's table holds under each: what is
// sent is read when it is sent, so that ten commits of one row are one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/evm/log.hpp"
#include "engine/fold/row_change.hpp"
#include "storage/digest.hpp"

namespace plumbline::sink {

/// By entity and stored key.
using RowName = std::pair<size_t, std::string>;

/// What a table's digest has of a row: one and its hash, or zero where there is none.
[[nodiscard]] storage::DigestNode row_digest(std::string_view key, std::string_view row) noexcept;

struct DirtyRow {
    storage::DigestNode held;  ///< what the sink's table has of it
    uint64_t first_commit = 0;
    uint64_t last_commit = 0;
};
using DirtyRowMap = std::map<RowName, DirtyRow>;

/// What is to be sent as of some commit.
struct DirtyState {
    DirtyRowMap rows;
    std::optional<uint64_t> rollback_to;  ///< the lowest block that the log went back to
};

/// Thread-safe: the writer's thread notes, the sink's reads. Bounded by bytes: beyond them it only
/// knows that there was more, and the tables have to be compared.
class DirtyRows {
  public:
    /// Rows of entities that `is_wanted` is false for are passed over.
    DirtyRows(size_t bytes_max, std::vector<bool> is_wanted)
        : bytes_max_{bytes_max},
          is_wanted_{std::move(is_wanted)} {}

    /// Null `changes`: too many to be told.
    void on_commit(const std::vector<engine::RowChange>* changes, evm::BlockRange blocks,
                   uint64_t finalized, uint64_t commit_num) PLUMBLINE_EXCLUDES(mutex_);
    void on_rollback(uint64_t block_num, uint64_t commit_num) PLUMBLINE_EXCLUDES(mutex_);
    /// All that was known is of no use: the tables have to be compared.
    void forget() PLUMBLINE_EXCLUDES(mutex_);

    /// Empty where the tables have to be compared.
    [[nodiscard]] std::optional<DirtyState> peek(uint64_t commit_num) const
        PLUMBLINE_EXCLUDES(mutex_);
    /// The tables hold `sent` now, as of commit `commit_num`.
    void on_sent(const std::map<RowName, storage::DigestNode>& sent, uint64_t commit_num)
        PLUMBLINE_EXCLUDES(mutex_);
    /// Rows that were touched before the process began, as of commit `commit_num`, and what the
    /// tables hold of them.
    void seed(const std::map<RowName, storage::DigestNode>& held, uint64_t commit_num)
        PLUMBLINE_EXCLUDES(mutex_);
    /// Before a view is taken that tables will be brought to: what is touched from now on is noted.
    /// Until the first time nothing is. False: the log itself may have changed anywhere.
    bool begin() PLUMBLINE_EXCLUDES(mutex_);
    /// After it: names of rows that were touched meanwhile, and what the tables hold of them.
    [[nodiscard]] std::vector<RowName> touched() const PLUMBLINE_EXCLUDES(mutex_);

  private:
    struct Change {
        RowName name;
        storage::DigestNode after;
    };
    /// A commit that may still be taken back.
    struct Recent {
        uint64_t last_block = 0;
        std::vector<Change> changes;
    };
    void touch(RowName name, const storage::DigestNode& held, uint64_t commit_num)
        PLUMBLINE_REQUIRES(mutex_);
    void drop_all() PLUMBLINE_REQUIRES(mutex_);

    static constexpr uint64_t kUnknown = UINT64_MAX;

    const size_t bytes_max_;
    const std::vector<bool> is_wanted_;
    mutable Mutex mutex_;
    DirtyRowMap rows_ PLUMBLINE_GUARDED_BY(mutex_);
    std::deque<Recent> recent_ PLUMBLINE_GUARDED_BY(mutex_);         ///< oldest first
    uint64_t recent_floor_ PLUMBLINE_GUARDED_BY(mutex_) = kUnknown;  ///< `recent_` is whole above
    size_t bytes_ PLUMBLINE_GUARDED_BY(mutex_) = 0;
    /// Commit and block; few, for those of old commits go.
    std::vector<std::pair<uint64_t, uint64_t>> rollbacks_ PLUMBLINE_GUARDED_BY(mutex_);
    bool is_log_known_ PLUMBLINE_GUARDED_BY(mutex_) = true;
    bool is_whole_ PLUMBLINE_GUARDED_BY(mutex_) = false;
};

}  // namespace plumbline::sink
