// RocksDB's options for the database and for each kind of family. Internal to storage.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/background_failure.hpp"
#include "storage/database.hpp"
#include "storage/families.hpp"

namespace rocksdb {
class Cache;
class FilterPolicy;
class WriteBufferManager;
struct ColumnFamilyDescriptor;
struct ColumnFamilyOptions;
struct DBOptions;
}  // namespace rocksdb

namespace plumbline::storage {

/// RocksDB keeps a checksum of so many bytes beside each entry of a write batch.
inline constexpr size_t kBatchProtectionBytes = 8;

/// What all families of one open database share.
struct RocksTuning {
    std::shared_ptr<rocksdb::Cache> cache;
    std::shared_ptr<rocksdb::WriteBufferManager> write_buffers;
    std::shared_ptr<const rocksdb::FilterPolicy> filter;
    /// Set by RocksDB's threads when a flush or compaction failed.
    std::shared_ptr<BackgroundFailure> background_failure;
    size_t memory_bytes = 0;
    /// Rows of a family in a `kBulk` commit that make a table file; fewer go the usual way.
    size_t bulk_rows_min = 0;
    /// Rows of a family that one batch of a cut deletes.
    size_t cut_rows_max = 0;
    bool tiny_buffers = false;
    /// What is there at the open is not compacted unasked: see `open_to_mend`.
    bool is_to_mend = false;
};
[[nodiscard]] RocksTuning make_tuning(const OpenOptions& options);
/// The cache and all memtables together have `bytes`; families that are made from now on follow.
void set_tuning_memory(RocksTuning& tuning, size_t bytes) noexcept;
[[nodiscard]] rocksdb::DBOptions make_db_options(const OpenOptions& options,
                                                 const RocksTuning& tuning);
[[nodiscard]] rocksdb::ColumnFamilyOptions make_family_options(FamilyKind kind,
                                                               const RocksTuning& tuning);
[[nodiscard]] std::vector<rocksdb::ColumnFamilyDescriptor> make_descriptors(
    const std::vector<std::string>& names, const RocksTuning& tuning);

}  // namespace plumbline::storage
