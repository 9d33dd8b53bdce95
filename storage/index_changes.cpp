#include "storage/index_changes.hpp"

#include <rocksdb/write_batch.h>

#include "core/base/key_sort.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

void put_or_delete(rocksdb::WriteBatch& batch, rocksdb::ColumnFamilyHandle* family,
                   std::string_view key, std::string_view value, bool is_put) {
    if (is_put) {
        batch.Put(family, to_slice(key), to_slice(value)).PermitUncheckedError();
    } else {
        batch.Delete(family, to_slice(key)).PermitUncheckedError();
    }
}

int put_row_change(rocksdb::WriteBatch& batch, const EntityStorage& plan,
                   const EntityFamilies& families, const ChangedRow& row,
                   std::string& scratch_before, std::string& scratch_after) {
    put_or_delete(batch, families.rows->get(), row.key, row.after, !row.after.empty());
    return for_index_changes(plan, row, scratch_before, scratch_after,
                             [&](size_t index, std::string_view index_key, bool is_put) {
                                 put_or_delete(batch, families.indexes[index]->get(), index_key, {},
                                               is_put);
                             });
}

void IndexChanges::put_into(rocksdb::WriteBatch& batch) {
    const auto key_of = [this](const Row& row) -> std::string_view {
        return std::string_view{keys}.substr(row.at, row.size);
    };
    sort_by_key(rows, key_of);
    for (size_t i = 0; i < rows.size(); ++i) {
        Row last = rows[i];
        for (; i + 1 < rows.size() && key_of(rows[i + 1]) == key_of(last); ++i) {
            last = rows[i + 1].at > last.at ? rows[i + 1] : last;
        }
        put_or_delete(batch, family, key_of(last), {}, last.is_put);
    }
}

}  // namespace plumbline::storage
