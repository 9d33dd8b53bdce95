#include "storage/delete_tail.hpp"

#include <rocksdb/db.h>
#include <rocksdb/iterator.h>
#include <rocksdb/write_batch.h>

#include "core/base/check.hpp"
#include "storage/insert_hints.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

/// Above every key of the families that are cut: those begin with a block's number or a level, and
/// none of them is all ones.
const std::string& end_of_keys() {
    static const std::string end(32, '\xFF');
    return end;
}

/// A key right before `key` that no row has, for a range tombstone to begin at: in 7.8 the memtable
/// looks for its place with the hint of the rows' own list, which breaks that list, unless the
/// key is outside of what hints are for (see `InsertHints`).
std::string start_of_range(const std::string& key) {
    std::string out = key;
    for (size_t i = out.size(); i > 0; --i) {
        const bool borrows = out[i - 1] == '\0';
        out[i - 1] = static_cast<char>(out[i - 1] - 1);
        if (!borrows) {
            return out + std::string(InsertHints::kMarkSize, InsertHints::kMark);
        }
    }
    return std::string(1, '\0');  // All zeros: nothing but the empty key lies before it.
}

}  // namespace

Result<std::optional<uint64_t>> delete_keys(const RocksHandles& core,
                                            rocksdb::ColumnFamilyHandle* family,
                                            const std::string& from, const std::string& to,
                                            rocksdb::WriteBatch& batch) {
    PLUMBLINE_CHECK_MSG(!from.empty(), "the watermark of a family is never deleted");
    const uint64_t most = core.tuning.point_deletes_max;
    uint64_t count = 0;
    batch.SetSavePoint();
    const std::unique_ptr<rocksdb::Iterator> it = core.iterate(family);
    for (it->Seek(from); it->Valid() && it->key().compare(to) < 0 && count <= most; it->Next()) {
        batch.Delete(family, it->key()).PermitUncheckedError();
        ++count;
    }
    PLUMBLINE_TRY_VOID(from_rocks(it->status(), "reading " + family->GetName()));
    if (count <= most) {
        batch.PopSavePoint().PermitUncheckedError();
        return std::optional<uint64_t>{count};
    }
    batch.RollbackToSavePoint().PermitUncheckedError();
    batch.DeleteRange(family, start_of_range(from), to).PermitUncheckedError();
    return std::optional<uint64_t>{};
}

Result<std::optional<uint64_t>> delete_tail(const RocksHandles& core,
                                            rocksdb::ColumnFamilyHandle* family,
                                            const std::string& from, rocksdb::WriteBatch& batch) {
    return delete_keys(core, family, from, end_of_keys(), batch);
}

Result<uint64_t> count_tail(const RocksHandles& core, rocksdb::ColumnFamilyHandle* family,
                            const std::string& from) {
    uint64_t count = 0;
    const std::unique_ptr<rocksdb::Iterator> it = core.iterate(family);
    for (it->Seek(from); it->Valid(); it->Next()) {
        ++count;
    }
    PLUMBLINE_TRY_VOID(from_rocks(it->status(), "reading " + family->GetName()));
    return count;
}

}  // namespace plumbline::storage
