// The open RocksDB and its family handles. Internal to storage.
//
// Order of destruction: iterators, snapshots, family handles, RocksDB, then what it was opened
// with. Views and scanners share ownership of the handles, so RocksDB closes with the last of them.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "storage/families.hpp"
#include "storage/rocks_options.hpp"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
class Env;
class Iterator;
class Snapshot;
class WriteBatch;
}  // namespace rocksdb

namespace plumbline::storage {

/// Owns one family handle; must go before the RocksDB it came from.
class Family {
  public:
    Family(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* handle) : db_{db}, handle_{handle} {}
    Family(const Family&) = delete;
    Family& operator=(const Family&) = delete;
    ~Family();
    [[nodiscard]] rocksdb::ColumnFamilyHandle* get() const noexcept { return handle_; }
    [[nodiscard]] std::string name() const;

  private:
    rocksdb::DB& db_;
    rocksdb::ColumnFamilyHandle* handle_;
};
/// Shared with the views that read the family: dropping a generation takes its families from
/// RocksDB at once, but their files stay until the last handle goes.
using FamilyPtr = std::shared_ptr<Family>;
using FamilyMap = std::map<std::string, FamilyPtr>;

/// Set once by `open_database`, the same from then on. Members are destroyed last to first.
struct RocksHandles {
    RocksHandles();
    RocksHandles(const RocksHandles&) = delete;
    RocksHandles& operator=(const RocksHandles&) = delete;
    ~RocksHandles();

    std::string path;
    rocksdb::Env* env = nullptr;
    RocksTuning tuning;
    std::unique_ptr<rocksdb::Env> reader_env;  ///< of a reader's `db`, where it is not `env`
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
    /// A new family with the options of its kind. It exists on disk from here on.
    [[nodiscard]] Result<FamilyPtr> create_family(const std::string& name) const;
    /// The newest state of a whole family.
    [[nodiscard]] std::unique_ptr<rocksdb::Iterator> iterate(
        rocksdb::ColumnFamilyHandle* handle) const;
};

}  // namespace plumbline::storage
