// What a part of the program may learn of the index while it grows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/evm/log.hpp"

namespace plumbline::engine {

struct FetchedRange;
struct RowChange;

/// Logs of a fetched range, `from` included, `to` not.
struct LogSpan {
    const FetchedRange* fetched = nullptr;
    size_t from = 0;
    size_t to = 0;
    size_t child_from = 0;  ///< in `FetchedRange::children`: those that the logs announce
    size_t child_to = 0;
};

/// A commit with what it brought. Everything pointed to is valid during the call only.
struct CommitNotice {
    evm::BlockRange range;
    evm::Hash block_hash;  ///< of the last block
    uint64_t timestamp = 0;
    uint64_t finalized = 0;
    uint64_t events = 0;
    /// Null where more changed than the observer's `row_bytes_max` allows.
    const std::vector<RowChange>* changes = nullptr;
    std::span<const LogSpan> logs;  ///< all `events`, in order
};

/// Told of what happened to the index, on the writer thread, after it is in the database. Must not
/// block for long and must not write to the database.
class IndexObserver {
  public:
    IndexObserver() = default;
    IndexObserver(const IndexObserver&) = delete;
    IndexObserver& operator=(const IndexObserver&) = delete;
    virtual ~IndexObserver() = default;

    /// Blocks `notice.range` are in, with what they brought.
    virtual void on_commit(const CommitNotice& notice) = 0;
    /// How many bytes of rows may be copied for `on_commit`; 0: it needs none. Asked whenever a
    /// fold starts.
    [[nodiscard]] virtual size_t row_bytes_max() const { return 0; }
    /// Everything above `block_num` is taken back.
    virtual void on_rollback(uint64_t block_num) = 0;
    /// The entities were folded again from the whole log: forget what was known of them.
    virtual void on_refold() = 0;
};

}  // namespace plumbline::engine
