// Deleting the end of a family: a batch of bounded size, however many keys go. Internal to storage.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/result.hpp"
#include "storage/rocks_handles.hpp"

namespace plumbline::storage {

/// Puts the deletion of every key from `from`, which must not be empty, up to (not including) `to`
/// into `batch`. A few are deleted one by one, as the end of a short fork is; more
/// (`RocksTuning::point_deletes_max`) by one range tombstone, which costs the same whether it hides
/// ten thousand rows or a hundred million. Gives how many keys go, empty where they are too many to
/// have been counted.
///
/// A range tombstone is right here because such a cut is rare, so that a family never has more than
/// a few: an iterator steps over what one hides in one seek, snapshots from before go on seeing the
/// rows, and a compaction removes both.
[[nodiscard]] Result<std::optional<uint64_t>> delete_keys(const RocksHandles& core,
                                                          rocksdb::ColumnFamilyHandle* family,
                                                          const std::string& from,
                                                          const std::string& to,
                                                          rocksdb::WriteBatch& batch);
/// The same up to the end of the family.
[[nodiscard]] Result<std::optional<uint64_t>> delete_tail(const RocksHandles& core,
                                                          rocksdb::ColumnFamilyHandle* family,
                                                          const std::string& from,
                                                          rocksdb::WriteBatch& batch);

/// How many keys there are from `from` on. Reads them all, at about a million a second.
[[nodiscard]] Result<uint64_t> count_tail(const RocksHandles& core,
                                          rocksdb::ColumnFamilyHandle* family,
                                          const std::string& from);

}  // namespace plumbline::storage
