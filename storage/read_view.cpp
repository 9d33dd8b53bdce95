// Reading one consistent state: single records, lists, digests. Scans are in storage/scanner.cpp.
#include "storage/read_view.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <rocksdb/db.h>

#include "storage/codec.hpp"
#include "storage/database_impl.hpp"
#include "storage/entity_key.hpp"
#include "storage/log_codec.hpp"
#include "storage/read_view_impl.hpp"
#include "storage/record_codec.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

ReadView::Impl::~Impl() {
    if (snapshot != nullptr) {
        core->db->ReleaseSnapshot(snapshot);
    }
}

std::unique_ptr<ReadView> Database::read_view() const {
    auto view = std::make_shared<ReadView::Impl>();
    {
        const MutexLock lock{impl_->mutex};
        view->core = impl_->core;
        view->generation = impl_->shared.published;
        view->snapshot = view->core->db->GetSnapshot();
        for (size_t kind = 0; kind < kDictKinds; ++kind) {
            view->dictionaries[kind] = impl_->shared.dictionaries[kind].view();
        }
        // For the moment in which a publication has deleted what meta keeps of this generation.
        view->counts = impl_->shared.facts.published.counts;
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

Result<bool> ReadView::has_log(uint64_t block_num, uint32_t log_index) const {
    std::string key;
    append_log_key(key, block_num, log_index);
    PLUMBLINE_TRY(const auto value,
                  impl_->core->get(impl_->core->family(FamilyKind::kLog), key, impl_->snapshot));
    return value.has_value();
}

Result<bool> ReadView::has_child(const ChildRow& child) const {
    PLUMBLINE_TRY(const auto value, impl_->core->get(impl_->core->family(FamilyKind::kChildren),
                                                     child_key(child), impl_->snapshot));
    return value.has_value();
}

Result<std::optional<CallFact>> ReadView::get_call(uint64_t block_num, const CallKey& call) const {
    const std::string key = call_key(block_num, call);
    PLUMBLINE_TRY(const auto value,
                  impl_->core->get(impl_->core->family(FamilyKind::kCalls), key, impl_->snapshot));
    if (!value) {
        return std::optional<CallFact>{};
    }
    PLUMBLINE_TRY(CallFact fact, decode_call(key, *value));
    return std::optional{std::move(fact)};
}

Result<std::optional<CallFact>> ReadView::get_once(const CallKey& call) const {
    PLUMBLINE_TRY(const auto value, impl_->core->get(impl_->core->family(FamilyKind::kCallsOnce),
                                                     once_key(call), impl_->snapshot));
    if (!value) {
        return std::optional<CallFact>{};
    }
    PLUMBLINE_TRY(const uint64_t block_num, decode_once(*value));
    PLUMBLINE_TRY(std::optional<CallFact> fact, get_call(block_num, call));
    // After damage the one may be there without the other.
    return fact && fact->is_once ? std::move(fact) : std::optional<CallFact>{};
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

uint32_t ReadView::generation() const noexcept {
    return impl_->generation->number;
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
