// An entity's part of a scrub: rows against their digests, and indexes against the rows.
#include <set>
#include <utility>

#include <fmt/format.h>

#include "engine/proof/replay/scrub_parts.hpp"
#include "engine/proof/row_diff.hpp"
#include "storage/entity_key.hpp"
#include "storage/key_text.hpp"
#include "storage/raw_scan.hpp"

namespace plumbline::engine {

namespace {

using storage::DigestNode;
using storage::EntityDigest;

/// Which of an index's entries the rows ask for, and which are there, by the bucket of the row.
struct IndexDigests {
    EntityDigest expected;
    EntityDigest stored;
};

class EntityScrub {
  public:
    EntityScrub(ScrubRun& run, size_t entity)
        : run_{run},
          view_{run.view},
          report_{run.report},
          layout_{run.view.bundle().entities[entity]},
          codec_{layout_},
          entity_{entity},
          indexes_(layout_.indexes.size()) {
        result_.entity = entity;
    }

    [[nodiscard]] Status run() {
        PLUMBLINE_TRY_VOID(read_rows());
        PLUMBLINE_TRY_VOID(compare_digests());
        for (size_t index = 0; index < indexes_.size(); ++index) {
            PLUMBLINE_TRY_VOID(read_index(index));
            PLUMBLINE_TRY_VOID(compare_index(index));
        }
        report_.entities.push_back(std::move(result_));
        return ok();
    }

  private:
    [[nodiscard]] Finding finding(FindingKind kind, std::string_view raw_key) const {
        Finding out = finding_of(kind);
        out.entity = layout_.name;
        out.raw_key = raw_key;
        if (!raw_key.empty()) {
            out.key = storage::key_text(layout_, raw_key);
        }
        return out;
    }
    [[nodiscard]] bool is_row(std::string_view key, std::string_view row) const {
        return storage::decode_key(key, layout_.key).has_value() && codec_.check(row).has_value();
    }
    [[nodiscard]] static bool is_live(std::string_view row) {
        return !storage::RowCodec::is_tombstone(row);
    }
    /// A scan that RocksDB broke off is a finding; other trouble is an error.
    [[nodiscard]] Status note_stop(const Status& status, bool& is_whole) {
        Findings found;
        PLUMBLINE_TRY(const bool is_broken_off, note_broken_off(status, {}, found));
        for (Finding& one : found.kept) {
            one.entity = layout_.name;
            report_.findings.add(std::move(one));
        }
        is_whole = is_whole && !is_broken_off;
        return ok();
    }

    [[nodiscard]] Status read_rows() {
        uint64_t live = 0;
        const auto scan = storage::scan_raw_rows(view_, entity_);
        for (; scan->valid(); scan->next()) {
            PLUMBLINE_TRY_VOID(run_.step());
            ++result_.rows;
            ++report_.rows;
            const std::string_view key = scan->key();
            const std::string_view row = scan->value();
            result_.rebuilt.change(key, "", row);
            if (!is_row(key, row)) {
                Finding out = finding(FindingKind::kUnreadable, key);
                out.detail = "stored key or row is none of this entity";
                report_.findings.add(std::move(out));
                continue;
            }
            live += is_live(row) ? 1U : 0U;
            for (size_t index = 0; is_live(row) && index < indexes_.size(); ++index) {
                index_key_.clear();
                storage::append_index_key(view_, index_key_, entity_, index, key, row);
                indexes_[index].expected.change(key, "", index_key_);
            }
        }
        PLUMBLINE_TRY_VOID(note_stop(scan->status(), result_.is_whole));
        if (result_.is_whole && live != view_.entity_count(entity_)) {
            Finding out = finding(FindingKind::kCountDiffers, {});
            out.stored = fmt::to_string(view_.entity_count(entity_));
            out.expected = fmt::to_string(live);
            out.detail = "rows";
            report_.findings.add(std::move(out));
        }
        return ok();
    }

    /// Where the root is the sum of what the pages kept, rows changed; where it is the sum of what
    /// the rows give, a page did.
    [[nodiscard]] Status compare_digests() {
        const storage::DigestTree tree{static_cast<int>(entity_)};
        bool has_root = true;
        DigestNode root;
        if (const auto stored = view_.digest_root(tree)) {
            root = *stored;
        } else {
            has_root = false;
        }
        EntityDigest kept;
        bool has_pages = true;
        for (uint64_t page = 0; page < storage::kEntityDigestPages; ++page) {
            const auto children = view_.digest_children(tree, 1, page);
            if (!children) {
                has_pages = false;
                continue;
            }
            for (const auto& [leaf, node] : *children) {
                kept.touch_page(leaf / storage::kDigestPageSize)[leaf % storage::kDigestPageSize] =
                    node;
            }
        }
        result_.root = {root, result_.rebuilt.root()};
        std::vector<uint32_t> differing;
        for (uint32_t leaf = 0; leaf < storage::kEntityDigestLeaves; ++leaf) {
            if (kept.leaf(leaf) != result_.rebuilt.leaf(leaf)) {
                differing.push_back(leaf);
            }
        }
        if (!result_.is_whole) {
            return ok();
        }
        if (!has_root || !has_pages || kept.root() != root) {
            const bool rows_fit = has_root ? result_.root.rebuilt == root : differing.empty();
            note_digest(rows_fit ? "the rows are as they were written"
                                 : "and rows may be damaged as well");
            if (rows_fit) {
                return ok();
            }
        }
        for (size_t i = 0; run_.options.name_buckets && i < differing.size(); ++i) {
            const uint32_t leaf = differing[i];
            Finding out = finding(FindingKind::kDigestDiffers, {});
            out.stored = describe(result_.rebuilt.leaf(leaf));
            out.expected = describe(kept.leaf(leaf));
            out.detail = fmt::format("rows of bucket {} are not those that were written", leaf);
            report_.findings.add(std::move(out));
        }
        result_.damaged_buckets = std::move(differing);
        return ok();
    }

    void note_digest(std::string_view rows) {
        report_.has_damaged_digests = true;
        Finding out = finding(FindingKind::kDigestDiffers, {});
        out.detail = fmt::format("the entity's digest was changed itself; {}", rows);
        report_.findings.add(std::move(out));
    }

    [[nodiscard]] Status read_index(size_t index) {
        const auto scan = storage::scan_raw_index(view_, entity_, index);
        for (; scan->valid(); scan->next()) {
            ++report_.index_entries;
            const std::string_view key = storage::entity_key_of(view_, entity_, index, scan->key());
            if (key.empty() || !scan->value().empty()) {
                Finding out = finding(FindingKind::kUnreadable, key);
                out.field = index_name(index);
                out.raw_key = scan->key();
                out.detail = "an index entry that is none";
                report_.findings.add(std::move(out));
                continue;
            }
            indexes_[index].stored.change(key, "", scan->key());
        }
        return note_stop(scan->status(), is_index_whole_);
    }

    [[nodiscard]] std::string index_name(size_t index) const {
        std::string name;
        for (const uint16_t column : layout_.indexes[index]) {
            name += (name.empty() ? "" : ",") + layout_.column(column).name;
        }
        return name;
    }

    /// Names the entries in buckets that do not agree.
    [[nodiscard]] Status compare_index(size_t index) {
        const IndexDigests& digests = indexes_[index];
        const auto differs = [&](std::string_view key) {
            const uint32_t leaf = storage::entity_digest_leaf(storage::hash_key(key));
            return digests.expected.leaf(leaf) != digests.stored.leaf(leaf);
        };
        if (!is_index_whole_ || digests.expected.root() == digests.stored.root()) {
            return ok();
        }
        std::set<std::pair<std::string, std::string>> expected;
        const auto rows = storage::scan_raw_rows(view_, entity_);
        for (; rows->valid(); rows->next()) {
            if (differs(rows->key()) && is_row(rows->key(), rows->value()) &&
                is_live(rows->value())) {
                index_key_.clear();
                storage::append_index_key(view_, index_key_, entity_, index, rows->key(),
                                          rows->value());
                expected.emplace(index_key_, rows->key());
            }
        }
        const auto entries = storage::scan_raw_index(view_, entity_, index);
        for (; entries->valid(); entries->next()) {
            const std::string_view key =
                storage::entity_key_of(view_, entity_, index, entries->key());
            if (!key.empty() && differs(key) &&
                expected.erase({std::string{entries->key()}, std::string{key}}) == 0) {
                note_index(FindingKind::kIndexExtra, index, key,
                           "the index has an entry that the row does not ask for");
            }
        }
        for (const auto& [index_key, key] : expected) {
            note_index(FindingKind::kIndexMissing, index, key, "the row is not in the index");
        }
        PLUMBLINE_TRY_VOID(rows->status());
        return entries->status();
    }

    void note_index(FindingKind kind, size_t index, std::string_view key, std::string detail) {
        Finding out = finding(kind, key);
        out.field = index_name(index);
        const bool is_extra = kind == FindingKind::kIndexExtra;
        out.stored = is_extra ? "an entry" : "no entry";
        out.expected = is_extra ? "no entry" : "an entry";
        out.detail = std::move(detail);
        report_.findings.add(std::move(out));
    }

    ScrubRun& run_;
    const storage::ReadView& view_;
    ScrubReport& report_;
    const storage::EntityLayout& layout_;
    storage::RowCodec codec_;
    size_t entity_;
    ScrubbedEntity result_;
    std::vector<IndexDigests> indexes_;
    bool is_index_whole_ = true;
    std::string index_key_;
};

}  // namespace

Status scrub_entity(ScrubRun& run, size_t entity) {
    return EntityScrub{run, entity}.run();
}

}  // namespace plumbline::engine
