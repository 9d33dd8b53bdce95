#include "storage/rocks_handles.hpp"

#include <rocksdb/db.h>

#include "storage/rocks_status.hpp"

namespace plumbline::storage {

Family::~Family() {
    db_.DestroyColumnFamilyHandle(handle_).PermitUncheckedError();
}

std::string Family::name() const {
    return handle_->GetName();
}

RocksHandles::RocksHandles() = default;
RocksHandles::~RocksHandles() = default;

Result<std::optional<std::string>> RocksHandles::get(rocksdb::ColumnFamilyHandle* handle,
                                                     std::string_view key,
                                                     const rocksdb::Snapshot* snapshot) const {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot;
    std::string value;
    const rocksdb::Status status = db->Get(options, handle, to_slice(key), &value);
    if (status.IsNotFound()) {
        return std::optional<std::string>{};
    }
    PLUMBLINE_TRY_VOID(from_rocks(status, "reading " + handle->GetName()));
    return std::optional<std::string>{std::move(value)};
}

Result<FamilyPtr> RocksHandles::create_family(const std::string& name) const {
    rocksdb::ColumnFamilyHandle* handle = nullptr;
    PLUMBLINE_TRY_VOID(from_rocks(
        db->CreateColumnFamily(make_family_options(family_kind(name), tuning), name, &handle),
        "creating family " + name));
    return std::make_shared<Family>(*db, handle);
}

std::unique_ptr<rocksdb::Iterator> RocksHandles::iterate(
    rocksdb::ColumnFamilyHandle* handle) const {
    return std::unique_ptr<rocksdb::Iterator>{db->NewIterator(rocksdb::ReadOptions{}, handle)};
}

}  // namespace plumbline::storage
