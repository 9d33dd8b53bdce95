// Deleting the end of a family, key by key. Internal to storage.
//
// Not by range tombstones: in RocksDB 7.8 an iterator over a family that has one may give wrong
// rows, or end the process, where a table file is damaged (mended in 8.5.2), and memtables with
// insert hints break.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/base/result.hpp"
#include "storage/rocks_handles.hpp"

namespace plumbline::storage {

/// Puts the deletion of every key from `from`, which must not be empty, up to (not including) `to`
/// into `batch`, and gives how many there are. As large as what goes: the caller bounds that.
[[nodiscard]] Result<uint64_t> delete_keys(const RocksHandles& core,
                                           rocksdb::ColumnFamilyHandle* family,
                                           const std::string& from, const std::string& to,
                                           rocksdb::WriteBatch& batch);
/// The same up to the end of the family.
[[nodiscard]] Result<uint64_t> delete_tail(const RocksHandles& core,
                                           rocksdb::ColumnFamilyHandle* family,
                                           const std::string& from, rocksdb::WriteBatch& batch);

/// The same, handed to `write` in batches of at most `RocksTuning::cut_rows_max` keys, the last
/// keys first: where it ends early, what is left is the beginning. Only where the rest of the
/// database does not claim the rows that go.
[[nodiscard]] Status delete_tail_in_parts(const RocksHandles& core,
                                          rocksdb::ColumnFamilyHandle* family,
                                          const std::string& from,
                                          const std::function<Status(rocksdb::WriteBatch&)>& write);

/// The facts of contract calls of block `first` and above, and where those of `once` calls stand.
[[nodiscard]] Status delete_calls(const RocksHandles& core, uint64_t first,
                                  rocksdb::WriteBatch& batch);
/// The same in batches, as `delete_tail_in_parts`: a fact and where it stands are in one.
[[nodiscard]] Status delete_calls_in_parts(
    const RocksHandles& core, uint64_t first,
    const std::function<Status(rocksdb::WriteBatch&)>& write);

/// The block to cut the log back to next, on the way to `target`: a stored one with at most
/// `RocksTuning::cut_rows_max` rows of a family behind it (or one whole block, which may have
/// more), else `target`. Below the newest stored block.
[[nodiscard]] Result<uint64_t> next_cut(const RocksHandles& core, uint64_t target);

}  // namespace plumbline::storage
