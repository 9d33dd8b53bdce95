#include "storage/load.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <rocksdb/iterator.h>

#include "storage/codec.hpp"
#include "storage/log_codec.hpp"
#include "storage/record_codec.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

class Loader {
  public:
    Loader(const RocksHandles& core, const FamilyMap& families)
        : core_{core},
          families_{families} {}
    [[nodiscard]] Result<Loaded> run() {
        PLUMBLINE_TRY_VOID(load_schema());
        PLUMBLINE_TRY_VOID(load_facts());
        const Status undo = load_undo_end(*out_.published, out_.facts.published);
        // What it ends with counts no more once the fold is published.
        if (!undo && !(core_.tuning.is_to_mend && undo.error().code == ErrorCode::kCorruption)) {
            return undo.error();
        }
        PLUMBLINE_TRY_VOID(load_journal_end());
        PLUMBLINE_TRY_VOID(load_dictionary());
        PLUMBLINE_TRY_VOID(load_coverage());
        return std::move(out_);
    }

  private:
    [[nodiscard]] Status load_schema();
    [[nodiscard]] Status load_facts();
    [[nodiscard]] Status load_undo_end(const Generation& generation, GenerationFacts& facts);
    [[nodiscard]] Status load_journal_end();
    [[nodiscard]] Status load_dictionary();
    [[nodiscard]] Status load_coverage();
    [[nodiscard]] Result<std::optional<std::string>> meta(std::string_view name) const {
        return core_.get(core_.meta(), name);
    }

    const RocksHandles& core_;
    const FamilyMap& families_;
    Loaded out_;
};

Status Loader::load_schema() {
    PLUMBLINE_TRY(const auto identity, meta(kMetaIdentity));
    PLUMBLINE_TRY(const auto generations, meta(kMetaGeneration));
    if (!identity || !generations) {
        return Error{ErrorCode::kCorruption, core_.path + ": the database's identity is missing"};
    }
    PLUMBLINE_TRY(out_.identity, decode_identity(*identity));
    PLUMBLINE_TRY(out_.facts.generations, decode_generations(*generations));
    const uint32_t number = out_.facts.generations.published;
    PLUMBLINE_TRY(const auto stored, meta(meta_name(kMetaBundle, number)));
    if (!stored) {
        return Error{ErrorCode::kCorruption, core_.path + ": the schema is missing"};
    }
    PLUMBLINE_TRY(SchemaBundle bundle, decode_bundle(*stored));
    for (const std::string& name : generation_families(bundle.entities, number)) {
        if (!families_.contains(name)) {
            return Error{ErrorCode::kCorruption,
                         fmt::format("{}: family {} is gone", core_.path, name)};
        }
    }
    out_.published =
        make_generation(number, std::make_shared<const SchemaBundle>(std::move(bundle)), families_);
    out_.last_generation = number;
    for (const auto& [name, family] : families_) {
        out_.last_generation = std::max(out_.last_generation, family_generation(name).value_or(0));
    }
    return ok();
}

Status Loader::load_facts() {
    StoredState& facts = out_.facts;
    const uint32_t number = facts.generations.published;
    PLUMBLINE_TRY(const auto mark, meta(""));
    PLUMBLINE_TRY(const auto cursor, meta(kMetaCursor));
    PLUMBLINE_TRY(const auto totals, meta(kMetaTotals));
    PLUMBLINE_TRY(const auto tails, meta(kMetaTails));
    PLUMBLINE_TRY(const auto counts, meta(meta_name(kMetaCounts, number)));
    PLUMBLINE_TRY(const auto floor, meta(meta_name(kMetaUndoFloor, number)));
    PLUMBLINE_TRY(const auto refold, meta(kMetaRefold));
    if (!mark || !totals || !tails || !counts || !floor) {
        return Error{ErrorCode::kCorruption, core_.path + ": part of the meta family is missing"};
    }
    PLUMBLINE_TRY(facts.watermark, decode_watermark(*mark));
    PLUMBLINE_TRY(facts.totals, decode_totals(*totals));
    PLUMBLINE_TRY(facts.tails, decode_tails(*tails));
    PLUMBLINE_TRY(facts.published.counts, decode_counts(*counts));
    PLUMBLINE_TRY(facts.published.undo_floor, decode_number(*floor));
    if (facts.published.counts.rows.size() != out_.published->plans.size()) {
        return Error{ErrorCode::kCorruption, core_.path + ": row counts do not fit the schema"};
    }
    facts.needs_refold = refold.has_value();
    if (cursor) {
        PLUMBLINE_TRY(facts.cursor, decode_cursor(*cursor));
        facts.cursor->commit_num = facts.watermark.commit_num;
        facts.cursor->event_count = facts.totals.events;
    }
    return ok();
}

Status Loader::load_undo_end(const Generation& generation, GenerationFacts& facts) {
    const std::unique_ptr<rocksdb::Iterator> it = core_.iterate(generation.undo->get());
    it->SeekToLast();
    if (it->Valid() && it->key().size() == kLogKeySize) {
        facts.undo_block = load_be64(it->key().data());
        facts.undo_next = load_be32(it->key().data() + 8) + 1;
    }
    return from_rocks(it->status(), "reading undo rows");
}

Status Loader::load_journal_end() {
    const std::unique_ptr<rocksdb::Iterator> it = core_.iterate(core_.family(FamilyKind::kJournal));
    it->SeekToLast();
    if (it->Valid() && it->key().size() == sizeof(uint64_t)) {
        out_.facts.journal_last = load_be64(it->key().data());
    }
    return from_rocks(it->status(), "reading the journal");
}

Status Loader::load_dictionary() {
    const std::unique_ptr<rocksdb::Iterator> it = core_.iterate(core_.family(FamilyKind::kDict));
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
        if (it->key().empty()) {
            continue;
        }
        PLUMBLINE_TRY(const DictRow row, decode_dict(to_view(it->key()), to_view(it->value())));
        Dictionary& dictionary = out_.dictionaries[static_cast<size_t>(row.kind)];
        if (row.id != dictionary.size()) {
            return Error{ErrorCode::kCorruption, core_.path + ": a dictionary entry is missing"};
        }
        dictionary.push(row.value, row.block_num);
    }
    return from_rocks(it->status(), "reading the dictionary");
}

Status Loader::load_coverage() {
    std::map<std::string, CoverageRanges> ranges;
    const std::unique_ptr<rocksdb::Iterator> it =
        core_.iterate(core_.family(FamilyKind::kCoverage));
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
        if (it->key().empty()) {
            continue;
        }
        PLUMBLINE_TRY(CoverageRow row, decode_coverage(to_view(it->key()), to_view(it->value())));
        ranges[row.source][row.range.from] = row;
    }
    PLUMBLINE_TRY_VOID(from_rocks(it->status(), "reading coverage"));
    for (auto& [source, of_source] : ranges) {
        out_.facts.coverage[source] = std::make_shared<const CoverageRanges>(std::move(of_source));
    }
    return ok();
}

}  // namespace

Result<Loaded> load_stored(const RocksHandles& core, const FamilyMap& families) {
    return Loader{core, families}.run();
}

}  // namespace plumbline::storage
