// Where a memtable looks for the place of the next key. Internal to storage.
#pragma once

#include <cstddef>

#include <rocksdb/slice.h>
#include <rocksdb/slice_transform.h>

namespace plumbline::storage {

/// Keys come in ascending order, within a commit at least: each is looked for from the one before
/// it and not from the top of the memtable. All keys share one place, so the prefix has no bytes.
///
/// The ends of range tombstones must not share it: RocksDB 7.8 keeps them in a list of their own
/// but takes the same hint, which then points into the wrong list. A key that ends in the mark, or
/// is a single byte, is such an end and gets no hint; rows whose keys look alike only lose theirs.
class InsertHints final : public rocksdb::SliceTransform {
  public:
    static constexpr char kMark = '\xFF';
    static constexpr size_t kMarkSize = 16;

    [[nodiscard]] const char* Name() const override { return "plumbline.InsertHints"; }
    [[nodiscard]] rocksdb::Slice Transform(const rocksdb::Slice& key) const override {
        return {key.data(), 0};
    }
    [[nodiscard]] bool InDomain(const rocksdb::Slice& key) const override {
        if (key.size() < kMarkSize) {
            return key.size() != 1;
        }
        const char* tail = key.data() + key.size() - kMarkSize;
        for (size_t i = 0; i < kMarkSize; ++i) {
            if (tail[i] != kMark) {
                return true;
            }
        }
        return false;
    }
};

}  // namespace plumbline::storage
