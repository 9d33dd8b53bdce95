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

/// Logs of a fetched, `from` included, `to` not.
struct LogSpan {
    const FetchedRange* fetched = nullptr;
    size_t from = 0;
    size_t to = 0;
};

/// A commit with what it brought. Everything pointed to is valid during the call only.
struct CommitNotice {
    evm::BlockRange range;
    evm::Hash block_hash;  ///< of the last block
    uint64_t timestamp = 0;
    uint64_t finalized = 0;
    uint64_t events = 0;
    /// Null where more changed than `row_bytes_max` allows.
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

    /// Blocks `range` are in; `events` logs came with them.
    virtual void on_commit(evm::BlockRange range, uint64_t events) = 0;
    /// The same commit with its rows and logs; comes just before `on_commit`, and only where
    /// `row_bytes_max` is above 0.
    virtual void on_rows(const CommitNotice& notice) { static_cast<void>(notice); }
    /// How much may be copied for `on_rows`. Asked whenever a fold starts.
    [[nodiscard]] virtual size_t row_bytes_max() const { return 0; }
    /// Everything above `block_num` is taken back.
    virtual void on_rollback(uint64_t block_num) = 0;
    /// The entities were folded again from the whole log: forget what was known of them.
    virtual void on_refold() = 0;
};

}  // namespace plumbline::engine
