// Reading one consistent state: views, scanners.
#include <fmt/format.h>

#include "storage/codec.hpp"
#include "storage/database_impl.hpp"
#include "storage/key_parts.hpp"
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
        scan_->it->Next();
        read();
    }
    [[nodiscard]] const LogRecord& record() const override { return record_; }
    [[nodiscard]] Status status() const override { return status_; }

  private:
    void read() {
        rocksdb::Iterator& it = *scan_->it;
        const auto& dictionaries = scan_->view->dictionaries;
        for (valid_ = it.Valid(); valid_; it.Next(), valid_ = it.Valid()) {
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
        scan_->it->Next();
        read();
    }
    [[nodiscard]] std::string_view key() const override { return to_view(scan_->it->key()); }
    [[nodiscard]] std::string_view row() const override { return to_view(scan_->it->value()); }
    [[nodiscard]] std::string_view position() const override { return key(); }
    [[nodiscard]] Status status() const override { return status_; }

  private:
    void read() {
        rocksdb::Iterator& it = *scan_->it;
        for (valid_ = it.Valid(); valid_; it.Next(), valid_ = it.Valid()) {
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
                 size_t index)
        : scan_{std::move(scan)},
          view_{view},
          entity_{entity},
          index_{index} {
        read();
    }
    [[nodiscard]] bool valid() const override { return valid_; }
    void next() override {
        PLUMBLINE_CHECK(valid_);
        scan_->it->Next();
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
    std::string_view key_;
    std::string row_;
    Status status_;
    bool valid_ = false;
};

}  // namespace

std::string prefix_end(std::string_view prefix) {
    std::string end{prefix};
    while (!end.empty() && end.back() == '\xff') {
        end.pop_back();
    }
    if (!end.empty()) {
        end.back() = static_cast<char>(end.back() + 1);
    }
    return end;
}

std::unique_ptr<OwnedIterator> OwnedIterator::make(std::shared_ptr<const ReadView::Impl> view,
                                                   rocksdb::ColumnFamilyHandle* family,
                                                   std::string_view from, std::string to,
                                                   bool whole_scan) {
    auto owned = std::make_unique<OwnedIterator>();
    owned->view = std::move(view);
    owned->upper_bound = std::move(to);
    owned->upper_slice = owned->upper_bound;
    rocksdb::ReadOptions options;
    options.snapshot = owned->view->snapshot;
    if (!owned->upper_bound.empty()) {
        options.iterate_upper_bound = &owned->upper_slice;
    }
    if (whole_scan) {
        options.readahead_size = kScanReadahead;
        options.fill_cache = false;
    }
    owned->it.reset(owned->view->core->db->NewIterator(options, family));
    owned->it->Seek(to_slice(from.empty() ? kFirstKey : from));
    return owned;
}

std::unique_ptr<ReadView> Database::read_view() const {
    auto view = std::make_shared<ReadView::Impl>();
    {
        const std::scoped_lock lock{impl_->mutex};
        view->core = impl_->core;
        view->generation = impl_->published;
        view->snapshot = view->core->db->GetSnapshot();
        for (size_t kind = 0; kind < kDictKinds; ++kind) {
            view->dictionaries[kind] = impl_->dictionaries[kind].view();
        }
    }
    // The facts in memory may be one commit behind the snapshot; its own are what counts.
    const auto read = [&](std::string_view name) -> std::optional<std::string> {
        auto value = view->core->get(view->core->meta(), name, view->snapshot);
        return value ? *std::move(value) : std::nullopt;
    };
    if (const auto totals = read(kMetaTotals)) {
        view->totals = decode_totals(*totals).value_or(LogTotals{});
    }
    if (const auto counts = read(meta_name(kMetaCounts, view->generation->number))) {
        view->counts = decode_counts(*counts).value_or(Counts{});
    }
    if (const auto stored = read(kMetaCursor)) {
        if (auto cursor = decode_cursor(*stored)) {
            view->cursor = *cursor;
            view->cursor->event_count = view->totals.events;
            if (const auto mark = read("")) {
                view->cursor->commit_num = decode_watermark(*mark).value_or(Watermark{}).commit_num;
            }
        }
    }
    return std::unique_ptr<ReadView>(new ReadView(std::move(view)));
}

ReadView::ReadView(std::shared_ptr<Impl> impl) : impl_{std::move(impl)} {}
ReadView::~ReadView() = default;

std::optional<Cursor> ReadView::cursor() const {
    return impl_->cursor;
}

Result<std::string> ReadView::get_row(size_t entity, std::string_view key) const {
    const Generation& generation = *impl_->generation;
    rocksdb::ReadOptions options;
    options.snapshot = impl_->snapshot;
    std::string row;
    const rocksdb::Status status =
        impl_->core->db->Get(options, generation.entities[entity].rows->get(), to_slice(key), &row);
    if (status.IsNotFound() || key.empty()) {
        return Error{ErrorCode::kNotFound, "no such row"};
    }
    PLUMBLINE_TRY_VOID(from_rocks(status, "reading a row"));
    PLUMBLINE_TRY_VOID(generation.plans[entity].codec.check(row));
    if (RowCodec::is_tombstone(row)) {
        return Error{ErrorCode::kNotFound, "the row was deleted"};
    }
    return row;
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
        *this, entity, index);
}

std::unique_ptr<LogScanner> ReadView::scan_logs(uint64_t from, uint64_t to,
                                                OnDamage on_damage) const {
    return std::make_unique<LogScannerImpl>(
        OwnedIterator::make(impl_, impl_->core->family(FamilyKind::kLog), block_key(from),
                            to == UINT64_MAX ? std::string{} : block_key(to + 1), to - from > 1),
        on_damage);
}

Result<BlockRow> ReadView::get_block(uint64_t block_num) const {
    const std::string key = block_key(block_num);
    PLUMBLINE_TRY(const auto value,
                  impl_->core->get(impl_->core->family(FamilyKind::kBlocks), key, impl_->snapshot));
    if (!value) {
        return Error{ErrorCode::kNotFound, fmt::format("no row of block {}", block_num)};
    }
    return decode_block(key, *value);
}

Result<std::vector<BlockRow>> ReadView::list_blocks(uint64_t from, uint64_t to,
                                                    OnDamage on_damage) const {
    std::vector<BlockRow> rows;
    const auto scan =
        OwnedIterator::make(impl_, impl_->core->family(FamilyKind::kBlocks), block_key(from),
                            to == UINT64_MAX ? std::string{} : block_key(to + 1), false);
    for (; scan->it->Valid(); scan->it->Next()) {
        const auto row = decode_block(to_view(scan->it->key()), to_view(scan->it->value()));
        if (row) {
            rows.push_back(*row);
        } else if (on_damage == OnDamage::kStop) {
            return row.error();
        }
    }
    PLUMBLINE_TRY_VOID(from_rocks(scan->it->status(), "reading block rows"));
    return rows;
}

namespace {

/// Every record of a family from `from` up to (not including) `to`, at most `limit`.
template <typename Row, typename Decode>
Result<std::vector<Row>> list_records(const std::shared_ptr<ReadView::Impl>& view,
                                      rocksdb::ColumnFamilyHandle* family, std::string_view from,
                                      std::string to, size_t limit, Decode decode) {
    std::vector<Row> rows;
    const auto scan = OwnedIterator::make(view, family, from, std::move(to), false);
    for (; scan->it->Valid() && rows.size() < limit; scan->it->Next()) {
        PLUMBLINE_TRY(Row row, decode(to_view(scan->it->key()), to_view(scan->it->value())));
        rows.push_back(std::move(row));
    }
    PLUMBLINE_TRY_VOID(from_rocks(scan->it->status(), "reading " + family->GetName()));
    return rows;
}

}  // namespace

Result<std::vector<QuarantineRow>> ReadView::list_quarantine(size_t limit) const {
    return list_records<QuarantineRow>(impl_, impl_->generation->quarantine->get(), "", {}, limit,
                                       decode_quarantine);
}

Result<std::vector<JournalRow>> ReadView::list_journal(uint64_t after_seq, size_t limit) const {
    if (after_seq == UINT64_MAX) {
        return std::vector<JournalRow>{};
    }
    return list_records<JournalRow>(impl_, impl_->core->family(FamilyKind::kJournal),
                                    journal_key(after_seq + 1), {}, limit, decode_journal);
}

Result<std::vector<ProofRecord>> ReadView::list_proofs() const {
    return list_records<ProofRecord>(impl_, impl_->core->meta(), kMetaProof, prefix_end(kMetaProof),
                                     SIZE_MAX, decode_proof);
}

Result<std::vector<CorrectionRow>> ReadView::list_corrections() const {
    return list_records<CorrectionRow>(impl_, impl_->core->family(FamilyKind::kCorrections), "", {},
                                       SIZE_MAX, decode_correction);
}

Result<std::vector<ChildRow>> ReadView::list_children() const {
    return list_records<ChildRow>(impl_, impl_->core->family(FamilyKind::kChildren), "", {},
                                  SIZE_MAX, decode_child);
}

Result<DigestNode> ReadView::digest_root(DigestTree tree) const {
    const bool is_log = tree.is_log();
    PLUMBLINE_TRY(
        const auto value,
        impl_->core->get(
            is_log ? impl_->core->family(FamilyKind::kLogDigest) : impl_->generation->digest->get(),
            is_log ? log_digest_key(kLogDigestRoot, 0)
                   : entity_digest_key(static_cast<uint32_t>(tree.entity), kEntityDigestRoot, 0),
            impl_->snapshot));
    return value ? decode_digest_node(*value) : DigestNode{};
}

Result<std::vector<std::pair<uint64_t, DigestNode>>> ReadView::digest_children(
    DigestTree tree, uint8_t level, uint64_t prefix) const {
    std::vector<std::pair<uint64_t, DigestNode>> out;
    if (level == 0 || level > tree.root_level()) {
        return out;
    }
    const bool is_log = tree.is_log();
    rocksdb::ColumnFamilyHandle* family =
        is_log ? impl_->core->family(FamilyKind::kLogDigest) : impl_->generation->digest->get();
    // The stored level to read: the one below, but blocks and buckets lie in the pages above them.
    const auto stored = static_cast<uint8_t>(std::max(1, level - 1));
    uint64_t first = prefix;
    uint64_t last = prefix;
    if (level > 1) {
        const unsigned fan_out = is_log ? kLogDigestShifts[level] - kLogDigestShifts[stored] : 8U;
        first = fan_out >= 64 || level == tree.root_level() ? 0 : prefix << fan_out;
        last = level == tree.root_level() ? UINT64_MAX : first + ((uint64_t{1} << fan_out) - 1);
    }
    const auto key = [&](uint64_t number) {
        return is_log
                   ? log_digest_key(stored, number)
                   : entity_digest_key(static_cast<uint32_t>(tree.entity), stored,
                                       static_cast<uint16_t>(std::min<uint64_t>(number, 0xffff)));
    };
    const size_t prefix_at = is_log ? 1 : 5;
    const auto scan = OwnedIterator::make(impl_, family, key(first), key(last) + '\0', false);
    for (; scan->it->Valid(); scan->it->Next()) {
        const std::string_view at = to_view(scan->it->key());
        if (at.size() != key(first).size()) {
            continue;
        }
        const uint64_t number = is_log ? load_be64(at.data() + prefix_at)
                                       : uint64_t{static_cast<uint8_t>(at[prefix_at])} << 8 |
                                             static_cast<uint8_t>(at[prefix_at + 1]);
        if (stored > 1) {
            PLUMBLINE_TRY(const DigestNode node, decode_digest_node(to_view(scan->it->value())));
            out.emplace_back(number, node);
            continue;
        }
        PLUMBLINE_TRY(const DigestPage page, decode_digest_page(to_view(scan->it->value())));
        if (level > 1) {
            out.emplace_back(number, sum_of(page));
            continue;
        }
        for (size_t i = 0; i < kDigestPageSize; ++i) {
            if (!page[i].is_zero()) {
                out.emplace_back(number * kDigestPageSize + i, page[i]);
            }
        }
    }
    PLUMBLINE_TRY_VOID(from_rocks(scan->it->status(), "reading digests"));
    return out;
}

const SchemaBundle& ReadView::bundle() const noexcept {
    return *impl_->generation->bundle;
}

uint64_t ReadView::entity_count(size_t entity) const {
    return entity < impl_->counts.rows.size() ? impl_->counts.rows[entity] : 0;
}

uint64_t ReadView::quarantine_count() const {
    return impl_->counts.quarantined;
}

uint64_t ReadView::block_row_count() const {
    return impl_->totals.block_rows;
}

}  // namespace plumbline::storage
