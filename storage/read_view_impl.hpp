// What a view of one state stands on, and iterators over it. Internal to storage.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <rocksdb/iterator.h>
#include <rocksdb/slice.h>

#include "storage/dictionary.hpp"
#include "storage/generation.hpp"
#include "storage/meta_codec.hpp"
#include "storage/read_view.hpp"
#include "storage/rocks_handles.hpp"

namespace plumbline::storage {

/// Immutable once made, so that many threads may read through it.
struct ReadView::Impl {
    std::shared_ptr<RocksHandles> core;
    std::shared_ptr<const Generation> generation;
    const rocksdb::Snapshot* snapshot = nullptr;
    std::array<DictView, kDictKinds> dictionaries;  ///< with at least the ids of the snapshot
    std::optional<Cursor> cursor;
    LogTotals totals;
    Counts counts;

    Impl() = default;
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl();
};

/// An iterator with what it stands on: RocksDB stays open as long as it lives.
struct OwnedIterator {
    std::shared_ptr<const ReadView::Impl> view;
    std::string lower_bound;
    std::string upper_bound;
    rocksdb::Slice lower_slice;  ///< RocksDB keeps pointers to both
    rocksdb::Slice upper_slice;
    ScanOrder order = ScanOrder::kForward;
    std::unique_ptr<rocksdb::Iterator> it;

    /// Over keys from `from` up to (not including) `to`; an empty `to` is no bound. A `whole_scan`
    /// reads ahead and leaves the cache to others. It stands on the first key, or going backwards
    /// on the last.
    static std::unique_ptr<OwnedIterator> make(std::shared_ptr<const ReadView::Impl> view,
                                               rocksdb::ColumnFamilyHandle* family,
                                               std::string_view from, std::string to,
                                               bool whole_scan,
                                               ScanOrder order = ScanOrder::kForward);
    void step() {
        if (order == ScanOrder::kForward) {
            it->Next();
        } else {
            it->Prev();
        }
    }
};

}  // namespace plumbline::storage
