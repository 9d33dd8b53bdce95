#include "storage/raw_scan.hpp"

#include <rocksdb/db.h>
#include <rocksdb/iterator.h>

#include "storage/codec.hpp"
#include "storage/database_impl.hpp"
#include "storage/key_parts.hpp"
#include "storage/log_codec.hpp"
#include "storage/read_view_impl.hpp"
#include "storage/record_codec.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

class FamilyScanner final : public RawScanner {
  public:
    FamilyScanner(const ReadView& view, rocksdb::ColumnFamilyHandle* family, std::string_view from,
                  std::string to)
        : scan_{OwnedIterator::make(Internals::of(view), family, from, std::move(to), true)},
          name_{family->GetName()} {}
    [[nodiscard]] bool valid() const override { return scan_->it->Valid(); }
    void next() override { scan_->it->Next(); }
    [[nodiscard]] std::string_view key() const override { return to_view(scan_->it->key()); }
    [[nodiscard]] std::string_view value() const override { return to_view(scan_->it->value()); }
    [[nodiscard]] Status status() const override {
        return from_rocks(scan_->it->status(), "reading " + name_);
    }

  private:
    std::unique_ptr<OwnedIterator> scan_;
    std::string name_;
};

std::string end_of(uint64_t to) {
    return to == UINT64_MAX ? std::string{} : block_key(to + 1);
}

const Generation& generation_of(const ReadView& view) {
    return *Internals::of(view)->generation;
}

std::unique_ptr<RawScanner> scan_base(const ReadView& view, FamilyKind kind, uint64_t from,
                                      uint64_t to) {
    // From block 0 on keys that are too short belong to the scan as well.
    return std::make_unique<FamilyScanner>(view, Internals::of(view)->core->family(kind),
                                           from == 0 ? std::string{} : block_key(from), end_of(to));
}

std::unique_ptr<RawScanner> scan_whole(const ReadView& view, const FamilyPtr& family) {
    return std::make_unique<FamilyScanner>(view, family->get(), "", std::string{});
}

}  // namespace

std::unique_ptr<RawScanner> scan_raw_log(const ReadView& view, uint64_t from, uint64_t to) {
    return scan_base(view, FamilyKind::kLog, from, to);
}

std::unique_ptr<RawScanner> scan_raw_blocks(const ReadView& view, uint64_t from, uint64_t to) {
    return scan_base(view, FamilyKind::kBlocks, from, to);
}

std::unique_ptr<RawScanner> scan_raw_calls(const ReadView& view, uint64_t from, uint64_t to) {
    return scan_base(view, FamilyKind::kCalls, from, to);
}

std::unique_ptr<RawScanner> scan_raw_log_pages(const ReadView& view, uint64_t from, uint64_t to) {
    return std::make_unique<FamilyScanner>(
        view, Internals::of(view)->core->family(FamilyKind::kLogDigest),
        log_digest_key(1, from / kDigestPageSize), log_digest_key(1, to / kDigestPageSize) + '\0');
}

std::unique_ptr<RawScanner> scan_raw_log_nodes(const ReadView& view, uint8_t level) {
    return std::make_unique<FamilyScanner>(
        view, Internals::of(view)->core->family(FamilyKind::kLogDigest), log_digest_key(level, 0),
        log_digest_key(static_cast<uint8_t>(level + 1), 0));
}

std::unique_ptr<RawScanner> scan_raw_rows(const ReadView& view, size_t entity) {
    return scan_whole(view, generation_of(view).entities[entity].rows);
}

std::unique_ptr<RawScanner> scan_raw_index(const ReadView& view, size_t entity, size_t index) {
    return scan_whole(view, generation_of(view).entities[entity].indexes[index]);
}

std::unique_ptr<RawScanner> scan_raw_quarantine(const ReadView& view) {
    return scan_whole(view, generation_of(view).quarantine);
}

std::unique_ptr<RawScanner> scan_raw_undo(const ReadView& view) {
    return scan_whole(view, generation_of(view).undo);
}

std::unique_ptr<RawScanner> scan_raw_undo_from(const ReadView& view, uint64_t from) {
    return std::make_unique<FamilyScanner>(view, generation_of(view).undo->get(), block_key(from),
                                           std::string{});
}

uint32_t generation_number(const ReadView& view) {
    return generation_of(view).number;
}

Status decode_raw_log(const ReadView& view, std::string_view key, std::string_view value,
                      LogRecord& record, Bytes& data_buffer) {
    const auto& dictionaries = Internals::of(view)->dictionaries;
    return decode_log(key, value, dictionaries[0], dictionaries[1], record, data_buffer);
}

void append_index_key(const ReadView& view, std::string& out, size_t entity, size_t index,
                      std::string_view key, std::string_view row) {
    generation_of(view).plans[entity].append_index_key(out, index, key, row);
}

std::string_view entity_key_of(const ReadView& view, size_t entity, size_t index,
                               std::string_view index_key) {
    for (const EntityStorage::Column& column : generation_of(view).plans[entity].indexes[index]) {
        const size_t size = key_part_size(index_key, column.type);
        if (size == kBadKeyPart) {
            return {};
        }
        index_key.remove_prefix(size);
    }
    return index_key;
}

}  // namespace plumbline::storage
