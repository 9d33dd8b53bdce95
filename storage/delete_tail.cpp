#include "storage/delete_tail.hpp"

#include <algorithm>

#include <rocksdb/db.h>
#include <rocksdb/iterator.h>
#include <rocksdb/write_batch.h>

#include "core/base/check.hpp"
#include "storage/call_fact.hpp"
#include "storage/codec.hpp"
#include "storage/record_codec.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

/// Above every key of the families that are cut: those begin with a block's number or a level, and
/// none of them is all ones.
const std::string& end_of_keys() {
    static const std::string end(32, '\xFF');
    return end;
}

/// The block of the row that has `rows_max` rows behind it, where that is above `target`.
Result<uint64_t> block_behind(const RocksHandles& core, rocksdb::ColumnFamilyHandle* family,
                              uint64_t target) {
    const std::unique_ptr<rocksdb::Iterator> it = core.iterate(family);
    it->SeekToLast();
    const auto is_above = [&] {
        return it->Valid() && it->key().size() >= sizeof(uint64_t) &&
               load_be64(it->key().data()) > target;
    };
    for (size_t row = 0; row < core.tuning.cut_rows_max && is_above(); ++row) {
        it->Prev();
    }
    const uint64_t block = is_above() ? load_be64(it->key().data()) : target;
    PLUMBLINE_TRY_VOID(from_rocks(it->status(), "reading " + family->GetName()));
    return block;
}

/// The fact that `at` stands on.
void delete_call(const RocksHandles& core, const rocksdb::Iterator& at,
                 rocksdb::WriteBatch& batch) {
    batch.Delete(core.family(FamilyKind::kCalls), at.key()).PermitUncheckedError();
    const auto fact = decode_call(to_view(at.key()), to_view(at.value()));
    if (fact && fact->is_once) {
        batch.Delete(core.family(FamilyKind::kCallsOnce), once_key(fact->call))
            .PermitUncheckedError();
    }
}

}  // namespace

Result<uint64_t> delete_keys(const RocksHandles& core, rocksdb::ColumnFamilyHandle* family,
                             const std::string& from, const std::string& to,
                             rocksdb::WriteBatch& batch) {
    PLUMBLINE_CHECK_MSG(!from.empty(), "the watermark of a family is never deleted");
    uint64_t count = 0;
    const std::unique_ptr<rocksdb::Iterator> it = core.iterate(family);
    for (it->Seek(from); it->Valid() && it->key().compare(to) < 0; it->Next()) {
        batch.Delete(family, it->key()).PermitUncheckedError();
        ++count;
    }
    PLUMBLINE_TRY_VOID(from_rocks(it->status(), "reading " + family->GetName()));
    return count;
}

Result<uint64_t> delete_tail(const RocksHandles& core, rocksdb::ColumnFamilyHandle* family,
                             const std::string& from, rocksdb::WriteBatch& batch) {
    return delete_keys(core, family, from, end_of_keys(), batch);
}

Status delete_tail_in_parts(const RocksHandles& core, rocksdb::ColumnFamilyHandle* family,
                            const std::string& from,
                            const std::function<Status(rocksdb::WriteBatch&)>& write) {
    PLUMBLINE_CHECK_MSG(!from.empty(), "the watermark of a family is never deleted");
    rocksdb::WriteBatch batch;
    const std::unique_ptr<rocksdb::Iterator> it = core.iterate(family);
    for (it->SeekToLast(); it->Valid() && it->key().compare(from) >= 0; it->Prev()) {
        batch.Delete(family, it->key()).PermitUncheckedError();
        if (batch.Count() >= core.tuning.cut_rows_max) {
            PLUMBLINE_TRY_VOID(write(batch));
            batch.Clear();
        }
    }
    PLUMBLINE_TRY_VOID(from_rocks(it->status(), "reading " + family->GetName()));
    return batch.Count() == 0 ? ok() : write(batch);
}

Status delete_calls(const RocksHandles& core, uint64_t first, rocksdb::WriteBatch& batch) {
    const std::unique_ptr<rocksdb::Iterator> it = core.iterate(core.family(FamilyKind::kCalls));
    for (it->Seek(block_key(first)); it->Valid(); it->Next()) {
        delete_call(core, *it, batch);
    }
    return from_rocks(it->status(), "reading calls");
}

Status delete_calls_in_parts(const RocksHandles& core, uint64_t first,
                             const std::function<Status(rocksdb::WriteBatch&)>& write) {
    rocksdb::WriteBatch batch;
    const std::string from = block_key(first);
    const std::unique_ptr<rocksdb::Iterator> it = core.iterate(core.family(FamilyKind::kCalls));
    for (it->SeekToLast(); it->Valid() && it->key().compare(from) >= 0; it->Prev()) {
        delete_call(core, *it, batch);
        if (batch.Count() >= core.tuning.cut_rows_max) {
            PLUMBLINE_TRY_VOID(write(batch));
            batch.Clear();
        }
    }
    PLUMBLINE_TRY_VOID(from_rocks(it->status(), "reading calls"));
    return batch.Count() == 0 ? ok() : write(batch);
}

Result<uint64_t> next_cut(const RocksHandles& core, uint64_t target) {
    rocksdb::ColumnFamilyHandle* blocks = core.family(FamilyKind::kBlocks);
    PLUMBLINE_TRY(const uint64_t by_logs,
                  block_behind(core, core.family(FamilyKind::kLog), target));
    PLUMBLINE_TRY(const uint64_t by_blocks, block_behind(core, blocks, target));
    PLUMBLINE_TRY(const uint64_t by_calls,
                  block_behind(core, core.family(FamilyKind::kCalls), target));
    const uint64_t bound = std::max({by_logs, by_blocks, by_calls});
    if (bound == target) {
        return target;
    }
    const std::unique_ptr<rocksdb::Iterator> it = core.iterate(blocks);
    it->SeekToLast();
    const bool is_newest =
        it->Valid() && it->key().size() == sizeof(uint64_t) && load_be64(it->key().data()) <= bound;
    // The newest block by itself has more rows than that: it goes as a whole.
    it->SeekForPrev(block_key(is_newest ? bound - 1 : bound));
    const uint64_t found =
        it->Valid() && it->key().size() == sizeof(uint64_t) ? load_be64(it->key().data()) : target;
    PLUMBLINE_TRY_VOID(from_rocks(it->status(), "reading block rows"));
    return std::max(found, target);
}

}  // namespace plumbline::storage
