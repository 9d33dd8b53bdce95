#include "storage/scanner.hpp"

#include <algorithm>

#include <rocksdb/db.h>

#include "core/base/check.hpp"
#include "storage/entity_key.hpp"
#include "storage/key_parts.hpp"
#include "storage/log_codec.hpp"
#include "storage/read_view_impl.hpp"
#include "storage/record_codec.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

constexpr size_t kScanReadahead = size_t{2} << 20;

/// The first key of any family that is not its watermark.
constexpr std::string_view kFirstKey{"\0", 1};

std::string after_key(std::string_view key) {
    std::string next{key};
    next.push_back('\0');
    return next;
}

class LogScannerImpl final : public LogScanner {
  public:
    LogScannerImpl(std::unique_ptr<OwnedIterator> scan, OnDamage on_damage)
        : scan_{std::move(scan)},
          on_damage_{on_damage} {
        read();
    }
    [[nodiscard]] bool valid() const override { return valid_; }
    void next() override {
        PLUMBLINE_CHECK(valid_);
        scan_->step();
        read();
    }
    [[nodiscard]] const LogRecord& record() const override { return record_; }
    [[nodiscard]] Status status() const override { return status_; }

  private:
    void read() {
        rocksdb::Iterator& it = *scan_->it;
        const auto& dictionaries = scan_->view->dictionaries;
        for (valid_ = it.Valid(); valid_; scan_->step(), valid_ = it.Valid()) {
            status_ = decode_log(to_view(it.key()), to_view(it.value()), dictionaries[0],
                                 dictionaries[1], record_, data_);
            if (status_ || on_damage_ == OnDamage::kStop) {
                valid_ = status_.has_value();
                return;
            }
        }
        status_ = from_rocks(it.status(), "reading the log");
    }

    std::unique_ptr<OwnedIterator> scan_;
    OnDamage on_damage_;
    LogRecord record_;
    Bytes data_;
    Status status_;
    bool valid_ = false;
};

class CallScannerImpl final : public CallScanner {
  public:
    CallScannerImpl(std::unique_ptr<OwnedIterator> scan, OnDamage on_damage)
        : scan_{std::move(scan)},
          on_damage_{on_damage} {
        read();
    }
    [[nodiscard]] bool valid() const override { return valid_; }
    void next() override {
        PLUMBLINE_CHECK(valid_);
        scan_->it->Next();
        read();
    }
    [[nodiscard]] const CallFact& fact() const override { return fact_; }
    [[nodiscard]] Status status() const override { return status_; }

  private:
    void read() {
        rocksdb::Iterator& it = *scan_->it;
        for (valid_ = false; it.Valid(); it.Next()) {
            auto fact = decode_call(to_view(it.key()), to_view(it.value()));
            if (fact) {
                fact_ = *std::move(fact);
                valid_ = true;
                return;
            }
            if (on_damage_ == OnDamage::kStop) {
                status_ = std::move(fact).error();
                return;
            }
        }
        status_ = from_rocks(it.status(), "reading calls");
    }

    std::unique_ptr<OwnedIterator> scan_;
    OnDamage on_damage_;
    CallFact fact_;
    Status status_;
    bool valid_ = false;
};

class EntityScanner final : public RowScanner {
  public:
    EntityScanner(std::unique_ptr<OwnedIterator> scan, const RowCodec& codec, bool with_tombstones)
        : scan_{std::move(scan)},
          codec_{codec},
          with_tombstones_{with_tombstones} {
        read();
    }
    [[nodiscard]] bool valid() const override { return valid_; }
    void next() override {
        PLUMBLINE_CHECK(valid_);
        scan_->step();
        read();
    }
    [[nodiscard]] std::string_view key() const override { return to_view(scan_->it->key()); }
    [[nodiscard]] std::string_view row() const override { return to_view(scan_->it->value()); }
    [[nodiscard]] std::string_view position() const override { return key(); }
    [[nodiscard]] Status status() const override { return status_; }

  private:
    void read() {
        rocksdb::Iterator& it = *scan_->it;
        for (valid_ = it.Valid(); valid_; scan_->step(), valid_ = it.Valid()) {
            status_ = codec_.check(row());
            if (!status_) {
                valid_ = false;
                return;
            }
            if (with_tombstones_ || !RowCodec::is_tombstone(row())) {
                return;
            }
        }
        status_ = from_rocks(it.status(), "reading rows");
    }

    std::unique_ptr<OwnedIterator> scan_;
    const RowCodec& codec_;
    bool with_tombstones_;
    Status status_;
    bool valid_ = false;
};

class IndexScanner final : public RowScanner {
  public:
    IndexScanner(std::unique_ptr<OwnedIterator> scan, const ReadView& view, size_t entity,
                 size_t index, bool keys_only)
        : scan_{std::move(scan)},
          view_{view},
          entity_{entity},
          index_{index},
          keys_only_{keys_only} {
        read();
    }
    [[nodiscard]] bool valid() const override { return valid_; }
    void next() override {
        PLUMBLINE_CHECK(valid_);
        scan_->step();
        read();
    }
    [[nodiscard]] std::string_view key() const override { return key_; }
    [[nodiscard]] std::string_view row() const override { return row_; }
    [[nodiscard]] std::string_view position() const override { return to_view(scan_->it->key()); }
    [[nodiscard]] Status status() const override { return status_; }

  private:
    void read() {
        rocksdb::Iterator& it = *scan_->it;
        valid_ = it.Valid();
        if (!valid_) {
            status_ = from_rocks(it.status(), "reading an index");
            return;
        }
        valid_ = false;
        key_ = to_view(it.key());
        for (const EntityStorage::Column& column :
             scan_->view->generation->plans[entity_].indexes[index_]) {
            const size_t size = key_part_size(key_, column.type);
            if (size == kBadKeyPart) {
                status_ = Error{ErrorCode::kCorruption, "stored index key is damaged"};
                return;
            }
            key_.remove_prefix(size);
        }
        if (keys_only_) {
            valid_ = true;
            return;
        }
        auto row = view_.get_row(entity_, key_);
        if (!row) {
            status_ = row.error().code == ErrorCode::kNotFound
                          ? Error{ErrorCode::kCorruption, "an index names a row that is not there"}
                          : row.error();
            return;
        }
        row_ = *std::move(row);
        valid_ = true;
    }

    std::unique_ptr<OwnedIterator> scan_;
    const ReadView& view_;
    size_t entity_;
    size_t index_;
    bool keys_only_;
    std::string_view key_;
    std::string row_;
    Status status_;
    bool valid_ = false;
};

}  // namespace

std::unique_ptr<OwnedIterator> OwnedIterator::make(std::shared_ptr<const ReadView::Impl> view,
                                                   rocksdb::ColumnFamilyHandle* family,
                                                   std::string_view from, std::string to,
                                                   bool whole_scan, ScanOrder order) {
    auto owned = std::make_unique<OwnedIterator>();
    owned->view = std::move(view);
    owned->order = order;
    owned->lower_bound = from.empty() ? kFirstKey : from;
    owned->lower_slice = owned->lower_bound;
    owned->upper_bound = std::move(to);
    owned->upper_slice = owned->upper_bound;
    rocksdb::ReadOptions options;
    options.snapshot = owned->view->snapshot;
    if (!owned->upper_bound.empty()) {
        options.iterate_upper_bound = &owned->upper_slice;
    }
    if (order == ScanOrder::kBackward) {
        options.iterate_lower_bound = &owned->lower_slice;
    }
    if (whole_scan) {
        options.readahead_size = kScanReadahead;
        options.fill_cache = false;
    }
    owned->it.reset(owned->view->core->db->NewIterator(options, family));
    if (order == ScanOrder::kForward) {
        owned->it->Seek(owned->lower_slice);
    } else {
        owned->it->SeekToLast();
    }
    return owned;
}

std::unique_ptr<RowScanner> ReadView::scan_entity(size_t entity, std::string_view prefix,
                                                  std::string_view after,
                                                  bool with_tombstones) const {
    const std::string from =
        after.empty() ? std::string{prefix} : std::max(after_key(after), std::string{prefix});
    return std::make_unique<EntityScanner>(
        OwnedIterator::make(impl_, impl_->generation->entities[entity].rows->get(), from,
                            prefix_end(prefix), false),
        impl_->generation->plans[entity].codec, with_tombstones);
}

std::unique_ptr<RowScanner> ReadView::scan_index(size_t entity, size_t index,
                                                 std::string_view prefix,
                                                 std::string_view after) const {
    const std::string from =
        after.empty() ? std::string{prefix} : std::max(after_key(after), std::string{prefix});
    return std::make_unique<IndexScanner>(
        OwnedIterator::make(impl_, impl_->generation->entities[entity].indexes[index]->get(), from,
                            prefix_end(prefix), false),
        *this, entity, index, false);
}

std::unique_ptr<CallScanner> ReadView::scan_calls(uint64_t from, uint64_t to,
                                                  OnDamage on_damage) const {
    return std::make_unique<CallScannerImpl>(
        OwnedIterator::make(impl_, impl_->core->family(FamilyKind::kCalls), block_key(from),
                            to == UINT64_MAX ? std::string{} : block_key(to + 1), true),
        on_damage);
}

std::unique_ptr<RowScanner> ReadView::scan_rows(size_t entity, int index,
                                                const ScanSpan& span) const {
    const auto& families = impl_->generation->entities[entity];
    if (index < 0) {
        return std::make_unique<EntityScanner>(
            OwnedIterator::make(impl_, families.rows->get(), span.from, span.to, false, span.order),
            impl_->generation->plans[entity].codec, false);
    }
    const auto place = static_cast<size_t>(index);
    return std::make_unique<IndexScanner>(
        OwnedIterator::make(impl_, families.indexes[place]->get(), span.from, span.to, false,
                            span.order),
        *this, entity, place, span.keys_only);
}

std::unique_ptr<LogScanner> ReadView::scan_logs(uint64_t from, uint64_t to, OnDamage on_damage,
                                                ScanOrder order) const {
    return std::make_unique<LogScannerImpl>(
        OwnedIterator::make(impl_, impl_->core->family(FamilyKind::kLog), block_key(from),
                            to == UINT64_MAX ? std::string{} : block_key(to + 1),
                            order == ScanOrder::kForward && to - from > 1, order),
        on_damage);
}

}  // namespace plumbline::storage
