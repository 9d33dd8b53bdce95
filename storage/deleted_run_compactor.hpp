// Keeps pages over deleted rows fast. RocksDB deletes by writing tombstones, which an iterator has
// to walk past until a compaction takes them away; where a queue's rows come and go, the first page
// would walk past all that ever were.
#pragma once

#include <memory>

#include "storage/database.hpp"

namespace plumbline::storage {

/// A thread of its own, for as long as this lives, which compacts what commits leave of deleted
/// rows: it looks where keys were deleted, and where an iterator would meet a long run of
/// tombstones, exactly that run is rewritten. Deletes that lie between rows are left to RocksDB. It
/// rests a little between two looks. Safe beside the writer and readers; the database must outlive
/// it, and have no other one. Its end waits for the little that cannot be stopped.
class DeletedRunCompactor {
  public:
    explicit DeletedRunCompactor(const Database& database);
    DeletedRunCompactor(const DeletedRunCompactor&) = delete;
    DeletedRunCompactor& operator=(const DeletedRunCompactor&) = delete;
    ~DeletedRunCompactor();

    /// How often it looked at a family, and the runs that it compacted. Any thread.
    [[nodiscard]] uint64_t looked() const noexcept;
    [[nodiscard]] uint64_t compacted() const noexcept;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace plumbline::storage
