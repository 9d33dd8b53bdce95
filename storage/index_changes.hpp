// What the change of a row does to its family and its indexes. Internal to storage.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/generation.hpp"

namespace plumbline::storage {

/// A row before and after a change; empty = no row.
struct ChangedRow {
    std::string_view key;
    std::string_view before;
    std::string_view after;
};

/// Calls `change(index, key of the index, whether it is put)` for each index that the change of
/// `row` touches; gives the change in the number of rows. What the scratch strings held is lost.
template <typename Change>
int for_index_changes(const EntityStorage& plan, const ChangedRow& row, std::string& scratch_before,
                      std::string& scratch_after, Change change) {
    const bool was = RowCodec::is_live(row.before);
    const bool is = RowCodec::is_live(row.after);
    for (size_t i = 0; i < plan.indexes.size(); ++i) {
        scratch_before.clear();
        scratch_after.clear();
        if (was) {
            plan.append_index_key(scratch_before, i, row.key, row.before);
        }
        if (is) {
            plan.append_index_key(scratch_after, i, row.key, row.after);
        }
        if (scratch_before == scratch_after) {
            continue;
        }
        if (was) {
            change(i, std::string_view{scratch_before}, false);
        }
        if (is) {
            change(i, std::string_view{scratch_after}, true);
        }
    }
    return (is ? 1 : 0) - (was ? 1 : 0);
}

void put_or_delete(rocksdb::WriteBatch& batch, rocksdb::ColumnFamilyHandle* family,
                   std::string_view key, std::string_view value, bool is_put);

/// Notes a changed row in the row family and the indexes; gives the change in the number of rows.
int put_row_change(rocksdb::WriteBatch& batch, const EntityStorage& plan,
                   const EntityFamilies& families, const ChangedRow& row,
                   std::string& scratch_before, std::string& scratch_after);

/// Rows of one index as they change within a commit. They come in the order of the entity's keys,
/// but RocksDB takes them several times faster in their own.
struct IndexChanges {
    struct Row {
        size_t at = 0;  ///< of its key in `keys`
        uint32_t size = 0;
        bool is_put = false;
    };
    rocksdb::ColumnFamilyHandle* family = nullptr;
    std::string keys;
    std::vector<Row> rows;

    void add(std::string_view key, bool is_put) {
        rows.push_back({keys.size(), static_cast<uint32_t>(key.size()), is_put});
        keys.append(key);
    }
    /// Sorts them and appends them to `batch`; of a key that changed several times, the last.
    void put_into(rocksdb::WriteBatch& batch);
};

}  // namespace plumbline::storage
