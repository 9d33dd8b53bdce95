#include "engine/fold/corrections.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/evm/hex.hpp"
#include "engine/fold/fold.hpp"
#include "engine/text/entity_text.hpp"
#include "storage/correction_store.hpp"
#include "storage/key_text.hpp"
#include "storage/row.hpp"

namespace plumbline::engine {

namespace {

using storage::CorrectionRow;
using storage::EntityLayout;
using storage::Field;
using storage::FieldKind;
using storage::FieldType;
using storage::KeyValue;
using storage::NamedRow;
using storage::NamedValue;
using storage::RowCodec;

constexpr std::string_view kNullText = "null";
constexpr size_t kShownFields = 4;   ///< of a refused correction
constexpr size_t kShownBytes = 100;  ///< of a value
constexpr size_t kJournalRows = 4'096;

/// Fields that the journal tells to be corrected, by entity and key.
using CorrectedFields = std::map<std::pair<std::string, std::string>, std::set<std::string>>;

std::string type_name(FieldType type) {
    if (type.kind == FieldKind::kEnum) {
        return type.optional ? "enum?" : "enum";
    }
    return storage::to_string(type);
}

/// What `type` has for the value; empty where it has no place there.
std::optional<KeyValue> value_as(FieldType type, const NamedValue& value) {
    std::string_view old_type = value.type;
    if (old_type.ends_with('?')) {
        old_type.remove_suffix(1);
        if (value.text == kNullText) {
            return type.optional ? std::optional{KeyValue{{}, {}, true}} : std::nullopt;
        }
    }
    if (old_type != type_name(type.required())) {
        return std::nullopt;
    }
    auto out = parse_value(type.required(), value.text);
    return out ? std::optional{*std::move(out)} : std::nullopt;
}

bool is_deletion(const CorrectionRow& row) {
    static const RowCodec kAnyLayout{EntityLayout{}};  // Tombstones are the same in all.
    return row.row.empty() || (kAnyLayout.check(row.row) && RowCodec::is_tombstone(row.row));
}

/// Of a whole row as stored, or of those of its fields that `only` has; empty where it is none of
/// `layout`.
std::optional<NamedRow> name_row(const EntityLayout& layout, const CorrectionRow& correction,
                                 const std::set<std::string>* only) {
    const RowCodec codec{layout};
    const auto key = storage::decode_key(correction.key, layout.key);
    if (!key || !codec.check(correction.row)) {
        return std::nullopt;
    }
    NamedRow out;
    out.is_whole = only == nullptr;
    for (size_t i = 0; i < layout.key.size(); ++i) {
        out.key.push_back(name_value(layout.key[i], (*key)[i]));
    }
    for (size_t i = 0; i < layout.fields.size(); ++i) {
        const Field& field = layout.fields[i];
        if (only == nullptr || only->contains(field.name)) {
            out.fields.push_back(name_value(field, codec.value(correction.row, i)));
        }
    }
    return out;
}

Result<CorrectedFields> read_corrected_fields(const storage::ReadView& view) {
    CorrectedFields out;
    uint64_t seq = 0;
    for (;;) {
        PLUMBLINE_TRY(const auto rows, view.list_journal(seq, kJournalRows));
        for (const storage::JournalRow& row : rows) {
            if (row.kind == kRowCorrected) {
                out[{row.entity, row.key}].insert(row.after.substr(0, row.after.find('=')));
            }
        }
        if (rows.size() < kJournalRows) {
            return out;
        }
        seq = rows.back().seq;
    }
}

std::string shown(const NamedValue& value) {
    if (value.text.size() <= kShownBytes) {
        return fmt::format("{} = {}", value.name, value.text);
    }
    return fmt::format("{} of {} bytes", value.name, value.text.size());
}

std::string columns_text(const std::vector<Field>& fields) {
    std::string out;
    for (const Field& field : fields) {
        out += fmt::format("{}{} {}", out.empty() ? "" : ", ", field.name,
                           storage::to_string(field.type));
    }
    return out;
}

/// One correction held against one mapping.
struct Placing {
    PlacedCorrection out;
    std::string id;  ///< the row's: equal in corrections of the same one
    /// Names of fields, of all and of those that stand in the mapping with another type.
    std::set<std::string> names;
    std::set<std::string> lost;
};

void refuse(Placing& to, const NamedRow& row, std::string_view why) {
    std::string key;
    for (const NamedValue& value : row.key) {
        key += fmt::format("{}{}={}", key.empty() ? "" : ",", value.name, value.text);
    }
    std::string values;
    size_t count = 0;
    for (const NamedValue& value : row.fields) {
        if (to.lost.empty() || to.lost.contains(value.name)) {
            if (++count <= kShownFields) {
                values += (values.empty() ? "" : ", ") + shown(value);
            }
        }
    }
    if (count > kShownFields) {
        values += fmt::format(" and {} more", count - kShownFields);
    }
    to.out.refusal =
        fmt::format("{}: {}, as the contract told, has no place: {}", key, values, why);
}

/// The key as the mapping has it; empty where its columns are others.
std::optional<std::string> place_key(const EntityLayout& layout, const NamedRow& row) {
    if (row.key.size() != layout.key.size()) {
        return std::nullopt;
    }
    std::string out;
    for (const Field& field : layout.key) {
        const auto named = std::ranges::find(row.key, field.name, &NamedValue::name);
        const auto value = named == row.key.end() ? std::nullopt : value_as(field.type, *named);
        if (!value) {
            return std::nullopt;
        }
        append_key_value(out, field.type, *value);
    }
    return out;
}

void place_fields(Placing& to, const EntityLayout& layout, const NamedRow& row) {
    std::string why;
    for (const NamedValue& value : row.fields) {
        const auto field = std::ranges::find(layout.fields, value.name, &Field::name);
        if (field == layout.fields.end()) {
            continue;
        }
        if (auto placed = value_as(field->type, value)) {
            to.out.fields.emplace_back(static_cast<size_t>(field - layout.fields.begin()),
                                       *std::move(placed));
            continue;
        }
        to.lost.insert(value.name);
        why += fmt::format("{}'{}' is {} now", why.empty() ? "" : ", ", value.name,
                           storage::to_string(field->type));
    }
    to.out.applies = !to.out.fields.empty();
    to.out.makes_row = row.is_whole;
    if (!to.out.applies || !to.lost.empty()) {
        refuse(to, row, why.empty() ? "the entity has no such field" : why);
    }
}

/// Of whom nothing tells the columns: what versions before wrote under a mapping that is gone.
void refuse_unnamed(Placing& to, const CorrectionRow& row, std::string_view why) {
    to.out.refusal = fmt::format("key {}: {}", evm::to_hex(as_bytes(row.key)), why);
}

Placing place(const CorrectionRow& correction, const Plan& plan) {
    Placing to;
    to.id = correction.entity + '\0' + correction.key;
    std::optional<NamedRow> named;
    if (storage::is_named_row(correction.row)) {
        auto row = storage::decode_named_row(correction.row);
        if (!row) {
            refuse_unnamed(to, correction, row.error().message);
            return to;
        }
        named = *std::move(row);
    }
    const int entity = plan.find_entity(correction.entity);
    const EntityLayout* layout =
        entity < 0 ? nullptr : &plan.entities()[static_cast<size_t>(entity)];
    if (layout != nullptr && !named && !is_deletion(correction)) {
        named = name_row(*layout, correction, nullptr);
    }
    if (named) {
        for (const NamedValue& value : named->fields) {
            to.names.insert(value.name);
        }
    }
    if (layout == nullptr) {
        constexpr std::string_view kNone = "the mapping has no such entity";
        named ? refuse(to, *named, kNone) : refuse_unnamed(to, correction, kNone);
        return to;
    }
    to.out.entity = static_cast<size_t>(entity);
    if (is_deletion(correction)) {
        to.out.key = correction.key;
        to.out.deletes = storage::decode_key(correction.key, layout->key).has_value();
        to.out.applies = to.out.deletes;
        if (!to.out.deletes) {
            refuse_unnamed(to, correction,
                           "its deletion has no place: the entity's key is " +
                               columns_text(layout->key) + " now");
        }
        return to;
    }
    if (!named) {
        refuse_unnamed(to, correction,
                       "a row of an older mapping, whose fields nothing tells any more");
        return to;
    }
    const auto key = place_key(*layout, *named);
    if (!key) {
        refuse(to, *named, "the entity's key is " + columns_text(layout->key) + " now");
        return to;
    }
    to.out.key = *key;
    to.id = correction.entity + '\0' + *key;
    place_fields(to, *layout, *named);
    return to;
}

/// Whether `later`, of the same row, says anew all of `earlier` that is refused.
bool replaces(const Placing& later, const Placing& earlier) {
    const std::set<std::string>& needed = later.out.applies ? earlier.lost : earlier.names;
    return later.out.deletes || std::ranges::includes(later.names, needed);
}

/// Whether anything is left.
Result<bool> drop_refused(CorrectionRow& row, const Placing& placing) {
    if (!placing.out.applies) {
        return false;
    }
    PLUMBLINE_TRY(NamedRow named, storage::decode_named_row(row.row));
    std::erase_if(named.fields, [&placing](const NamedValue& value) {
        return placing.lost.contains(value.name);
    });
    row.row = encode_named_row(named);
    return true;
}

}  // namespace

NamedValue name_value(const Field& field, const KeyValue& value) {
    return {field.name, type_name(field.type),
            value.is_null ? std::string{kNullText} : value_to_text(field.type, value)};
}

Result<CorrectionRow> make_correction(uint64_t block_num, const EntityLayout& layout,
                                      std::string_view key, std::vector<NamedValue> fields) {
    PLUMBLINE_TRY(const auto values, storage::decode_key(key, layout.key));
    NamedRow row;
    for (size_t i = 0; i < layout.key.size(); ++i) {
        row.key.push_back(name_value(layout.key[i], values[i]));
    }
    row.fields = std::move(fields);
    return CorrectionRow{
        block_num, 0, layout.name, std::string{key}, encode_named_row(row), "the contract's state"};
}

Result<std::vector<CorrectionRow>> list_named_corrections(const storage::ReadView& view) {
    PLUMBLINE_TRY(std::vector<CorrectionRow> rows, view.list_corrections());
    std::optional<CorrectedFields> told;
    const std::vector<EntityLayout>& entities = view.bundle().entities;
    for (CorrectionRow& row : rows) {
        const auto layout = std::ranges::find(entities, row.entity, &EntityLayout::name);
        if (storage::is_named_row(row.row) || layout == entities.end() || is_deletion(row)) {
            continue;
        }
        if (!told) {
            PLUMBLINE_TRY(told.emplace(), read_corrected_fields(view));
        }
        const auto of_row = told->find({row.entity, storage::key_text(*layout, row.key)});
        auto named = name_row(*layout, row, of_row == told->end() ? nullptr : &of_row->second);
        if (named && named->fields.empty()) {
            named = name_row(*layout, row, nullptr);
        }
        if (named) {
            row.row = encode_named_row(*named);
        }
    }
    return rows;
}

PlacedCorrection place_correction(const CorrectionRow& row, const Plan& plan) {
    return place(row, plan).out;
}

Result<std::vector<CorrectionRow>> without_replaced(std::vector<CorrectionRow> rows,
                                                    const Plan& plan) {
    std::map<std::string, std::vector<Placing>> later;
    std::vector<CorrectionRow> out;
    for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
        Placing placing = place(*row, plan);
        std::vector<Placing>& of_row = later[placing.id];
        bool stays = true;
        if (!placing.out.refusal.empty() &&
            std::ranges::any_of(
                of_row, [&placing](const Placing& next) { return replaces(next, placing); })) {
            PLUMBLINE_TRY(stays, drop_refused(*row, placing));
        }
        if (stays) {
            out.push_back(std::move(*row));
        }
        of_row.push_back(std::move(placing));
    }
    std::ranges::reverse(out);
    return out;
}

Result<std::vector<storage::QuarantineRow>> refused_corrections(const storage::ReadView& view) {
    return storage::list_quarantined_corrections(view, kCorrectionLogIndex);
}

bool is_of_older_version(const storage::QuarantineRow& refused) {
    return refused.reason == "the mapping has no such entity" ||
           refused.reason == "its key or row does not fit the mapping";
}

}  // namespace plumbline::engine
