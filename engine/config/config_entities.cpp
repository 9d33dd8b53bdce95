// [entities.NAME]: key, fields, indexes, drop, and how the contract tells the same facts.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/config/config_parts.hpp"
#include "engine/config/config_section.hpp"
#include "engine/config/config_slots.hpp"
#include "engine/config/config_text.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kMaxEntities = 256;
constexpr size_t kMaxFields = 256;
constexpr size_t kMaxIndexes = 32;
constexpr size_t kMaxStates = 16;
constexpr uint64_t kMaxShownDecimals = 77;  ///< a uint256 has 78 digits

/// `{ enum = ["open", "closed"] }`
Result<storage::FieldType> read_enum(const Section& fields, const TomlEntry& entry) {
    PLUMBLINE_TRY(const Section section,
                  Section::open(fields.path(), fmt::format("{} in {}", entry.key, fields.name()),
                                entry.value));
    PLUMBLINE_TRY_VOID(section.allow_only({"enum", "optional"}));
    bool is_optional = false;
    if (const TomlValue* optional = section.find("optional")) {
        if (optional->kind != TomlValue::Kind::kBool) {
            return section.wrong_type(*optional, "optional", "true or false");
        }
        is_optional = optional->boolean;
    }
    PLUMBLINE_TRY(const TomlValue* value, section.need("enum"));
    PLUMBLINE_TRY(const auto items, section.strings(*value, "enum", storage::kEnumNamesMax));
    storage::EnumNames names;
    for (const TomlValue* item : items) {
        if (!is_identifier(item->text)) {
            return section.mistake(item->pos,
                                   fmt::format("{} cannot name a value: use up to 64 letters, "
                                               "digits and _, no digit first",
                                               in_quotes(item->text)));
        }
        if (std::ranges::find(names, item->text) != names.end()) {
            return section.mistake(item->pos, fmt::format("{} is there twice in {}",
                                                          in_quotes(item->text), section.name()));
        }
        if (is_optional && item->text == "null") {
            return section.mistake(
                item->pos,
                fmt::format("null cannot name a value of {}, which may be unset", section.name()));
        }
        names.push_back(item->text);
    }
    if (names.empty()) {
        return section.mistake(value->pos,
                               fmt::format("enum in {} is an empty list", section.name()));
    }
    return storage::FieldType{storage::FieldKind::kEnum, 8, 0, is_optional,
                              storage::intern_enum(std::move(names))};
}

Status check_optional(const Section& section, const TomlEntry& entry, std::string_view key,
                      storage::FieldType type) {
    if (type.optional && key == "key") {
        return section.mistake(entry.value.pos,
                               fmt::format("{} in {}: a part of the key is always set, so it "
                                           "cannot be optional",
                                           entry.key, section.name()));
    }
    return ok();
}

/// `{ type = "uint256", decimals = 18 }`
Result<storage::FieldType> read_scaled(const Section& fields, const TomlEntry& entry,
                                       EntityConfig& entity) {
    PLUMBLINE_TRY(const Section section,
                  Section::open(fields.path(), fmt::format("{} in {}", entry.key, fields.name()),
                                entry.value));
    PLUMBLINE_TRY_VOID(section.allow_only({"type", "decimals"}));
    PLUMBLINE_TRY(const TomlValue* value, section.need("type"));
    PLUMBLINE_TRY(const std::string text, section.string(*value, "type"));
    const auto type = storage::parse_field_type(text);
    if (!type) {
        return section.mistake(value->pos,
                               fmt::format("type in {}: {}", section.name(), type.error().message));
    }
    const TomlValue* decimals = section.find("decimals");
    if (decimals == nullptr) {
        return *type;
    }
    PLUMBLINE_TRY(const uint64_t places,
                  section.integer(*decimals, "decimals", 1, kMaxShownDecimals));
    if (type->kind == storage::FieldKind::kDecimal) {
        return section.mistake(decimals->pos,
                               fmt::format("decimals in {}: a {} has its decimal places already",
                                           section.name(), text));
    }
    if (!type->is_number()) {
        return section.mistake(decimals->pos, fmt::format("decimals in {}: {} is no number",
                                                          section.name(), in_quotes(text)));
    }
    entity.decimals.emplace_back(entry.key, static_cast<uint8_t>(places));
    return *type;
}

Result<storage::FieldType> read_table_type(const Section& fields, const TomlEntry& entry,
                                           EntityConfig& entity) {
    return entry.value.find("type") != nullptr ? read_scaled(fields, entry, entity)
                                               : read_enum(fields, entry);
}

/// The type of a field that is not a table.
Result<storage::FieldType> read_plain_type(const Section& section, const TomlEntry& entry) {
    if (entry.value.kind != TomlValue::Kind::kString) {
        return section.wrong_type(entry.value, entry.key,
                                  "a type like \"uint256\", { enum = [..] }, or { type = "
                                  "\"uint256\", decimals = 18 }");
    }
    if (entry.value.text.ends_with(']') || entry.value.text.starts_with('(')) {
        return section.mistake(
            entry.value.pos,
            fmt::format("{} in {}: {} does not fit a field; store the parts of a tuple one by "
                        "one, and the items of an array with each",
                        entry.key, section.name(), in_quotes(entry.value.text)));
    }
    auto type = storage::parse_field_type(entry.value.text);
    if (!type) {
        return section.mistake(entry.value.pos, fmt::format("{} in {}: {}", entry.key,
                                                            section.name(), type.error().message));
    }
    return *type;
}

/// One name with its type. `taken` holds the names so far: also of those whose type is a mistake.
Status read_field(const Section& section, const TomlEntry& entry, std::string_view key,
                  std::vector<std::string>& taken, EntityConfig& config) {
    if (!is_identifier(entry.key) || entry.key == "_" || entry.key == "true" ||
        entry.key == "false" || entry.key == "null") {
        return section.mistake(
            entry.pos, fmt::format("{} cannot name a field: use up to 64 letters, digits and "
                                   "_, no digit first, and not true, false, null or _ alone",
                                   in_quotes(entry.key)));
    }
    if (std::ranges::find(taken, entry.key) != taken.end()) {
        return section.mistake(entry.pos, fmt::format("{} is in key and in fields of [entities.{}]",
                                                      in_quotes(entry.key), config.name));
    }
    taken.push_back(entry.key);
    PLUMBLINE_TRY(const storage::FieldType type, entry.value.kind == TomlValue::Kind::kTable
                                                     ? read_table_type(section, entry, config)
                                                     : read_plain_type(section, entry));
    PLUMBLINE_TRY_VOID(check_optional(section, entry, key, type));
    (key == "key" ? config.key : config.fields).push_back({entry.key, type});
    return ok();
}

/// `key` and `fields`: names with their types, in file order.
Status read_fields(const Section& entity, const TomlValue& value, std::string_view key,
                   std::vector<std::string>& taken, EntityConfig& config) {
    PLUMBLINE_TRY(const Section section,
                  Section::open(entity.path(), fmt::format("{} of {}", key, entity.name()), value));
    Mistakes mistakes;
    for (const TomlEntry& entry : section.entries()) {
        mistakes.add(read_field(section, entry, key, taken, config));
    }
    return mistakes.all();
}

Result<std::vector<std::string>> read_index(const Section& entity, const TomlValue& value,
                                            const std::vector<std::string>& columns) {
    if (value.kind != TomlValue::Kind::kArray) {
        return entity.mistake(value.pos,
                              fmt::format("index in {} must be a list of lists of fields, as in "
                                          "[[\"owner\"]]: this item is {}",
                                          entity.name(), kind_name(value.kind)));
    }
    PLUMBLINE_TRY(const auto items, entity.strings(value, "index", kMaxKeyFields));
    std::vector<std::string> out;
    for (const TomlValue* item : items) {
        if (std::ranges::find(columns, item->text) == columns.end()) {
            return entity.mistake(item->pos,
                                  fmt::format("index in {}: unknown field {}{}", entity.name(),
                                              in_quotes(item->text), suggest(item->text, columns)));
        }
        if (std::ranges::find(out, item->text) != out.end()) {
            return entity.mistake(item->pos, fmt::format("index in {} names {} twice in one index",
                                                         entity.name(), in_quotes(item->text)));
        }
        out.push_back(item->text);
    }
    return out;
}

Status read_indexes(const Section& entity, const TomlValue& value,
                    const std::vector<std::string>& columns, EntityConfig& out) {
    if (value.kind != TomlValue::Kind::kArray) {
        return entity.wrong_type(value, "index", "a list of lists of fields, as in [[\"owner\"]]");
    }
    if (value.items.size() > kMaxIndexes) {
        return entity.mistake(value.pos,
                              fmt::format("{} may have at most {} indexes, not {}", entity.name(),
                                          kMaxIndexes, value.items.size()));
    }
    Mistakes mistakes;
    for (const TomlValue& item : value.items) {
        auto index = read_index(entity, item, columns);
        if (!mistakes.add(index)) {
            continue;
        }
        if (std::ranges::find(out.indexes, *index) != out.indexes.end()) {
            mistakes.add(Status{entity.mistake(
                item.pos, fmt::format("index in {} has the same index twice", entity.name()))});
        }
        out.indexes.push_back(*std::move(index));
    }
    return mistakes.all();
}

bool is_literal(const Operand& operand) {
    return operand.kind == Operand::Kind::kNumber || operand.kind == Operand::Kind::kBool ||
           operand.kind == Operand::Kind::kHex || operand.kind == Operand::Kind::kString;
}

Status read_deleted(const Section& section, const TomlValue& value, StateConfig& out) {
    StateConfig::Deleted deleted;
    if (value.kind == TomlValue::Kind::kString) {
        if (value.text != "revert") {
            return section.mistake(value.pos,
                                   fmt::format("deleted in {} must be \"revert\" or a list of "
                                               "literals, not {}",
                                               section.name(), in_quotes(value.text)));
        }
        deleted.reverts = true;
        out.deleted = std::move(deleted);
        return ok();
    }
    if (value.kind != TomlValue::Kind::kArray) {
        return section.wrong_type(value, "deleted", "\"revert\" or a list of literals");
    }
    PLUMBLINE_TRY(deleted.values, read_operands(section, value, "deleted"));
    for (const Operand& operand : deleted.values) {
        if (!is_literal(operand)) {
            return section.mistake(operand.pos,
                                   fmt::format("deleted in {} takes literals only, not {}",
                                               section.name(), in_quotes(operand.source)));
        }
    }
    if (deleted.values.size() != out.returns.size()) {
        return section.mistake(
            value.pos, fmt::format("deleted in {} must have as many values as "
                                   "returns: {}, not {}",
                                   section.name(), out.returns.size(), deleted.values.size()));
    }
    out.deleted = std::move(deleted);
    return ok();
}

Status read_returns(const Section& section, const TomlValue& value, StateConfig& out) {
    PLUMBLINE_TRY(auto operands, read_operands(section, value, "returns"));
    if (operands.empty()) {
        return section.mistake(value.pos,
                               fmt::format("returns in {} is an empty list", section.name()));
    }
    for (Operand& operand : operands) {
        StateConfig::Return item;
        if (operand.kind == Operand::Kind::kName && operand.path.size() == 1) {
            item.kind = operand.path.front() == "_" ? StateConfig::Return::Kind::kIgnored
                                                    : StateConfig::Return::Kind::kField;
            item.field = operand.path.front();
        } else if (is_literal(operand)) {
            item.kind = StateConfig::Return::Kind::kLiteral;
        } else if (operand.kind == Operand::Kind::kCall) {
            item.kind = StateConfig::Return::Kind::kExpression;
        } else {
            return section.mistake(operand.pos,
                                   fmt::format("returns in {} takes fields, expressions over "
                                               "them, \"_\" and literals, not {}",
                                               section.name(), in_quotes(operand.source)));
        }
        item.literal = std::move(operand);
        out.returns.push_back(std::move(item));
    }
    return ok();
}

Result<MemberName> read_function(const Section& section, const TomlValue& value,
                                 std::string_view key) {
    PLUMBLINE_TRY(const std::string text, section.string(value, key));
    auto member = parse_member(text);
    if (!member) {
        return section.mistake(value.pos, fmt::format("{} in {} must be contract.function or "
                                                      "contract.function(types), not {}",
                                                      key, section.name(), in_quotes(text)));
    }
    return *std::move(member);
}

Result<StateConfig> read_state(const Section& entity, const TomlValue& value) {
    PLUMBLINE_TRY(const Section section,
                  Section::open(entity.path(), fmt::format("state of {}", entity.name()), value));
    PLUMBLINE_TRY_VOID(
        section.allow_only({"call", "at", "args", "returns", "deleted", "gone", "slots"}));
    StateConfig out;
    out.pos = section.pos();
    PLUMBLINE_TRY(const TomlValue* call, section.need("call"));
    PLUMBLINE_TRY(MemberName member, read_function(section, *call, "call"));
    out.contract = std::move(member.contract);
    out.function = std::move(member.member);
    if (const TomlValue* at = section.find("at")) {
        PLUMBLINE_TRY(out.at, section.operand(*at, "at"));
    }
    if (const TomlValue* args = section.find("args")) {
        PLUMBLINE_TRY(out.args, read_operands(section, *args, "args"));
    }
    PLUMBLINE_TRY(const TomlValue* returns, section.need("returns"));
    PLUMBLINE_TRY_VOID(read_returns(section, *returns, out));
    // `gone` is what 0.1 called it; configs kept in databases still do.
    const TomlValue* deleted = section.find("deleted");
    const TomlValue* gone = section.find("gone");
    if (deleted != nullptr && gone != nullptr) {
        return section.mistake(gone->pos, fmt::format("{} has both deleted and its old name gone: "
                                                      "leave gone out",
                                                      section.name()));
    }
    if (const TomlValue* found = deleted != nullptr ? deleted : gone) {
        PLUMBLINE_TRY_VOID(read_deleted(section, *found, out));
    }
    if (const TomlValue* slots = section.find("slots")) {
        PLUMBLINE_TRY_VOID(read_slots(section, *slots, out.slots));
    }
    return out;
}

Status read_states(const Section& entity, const TomlValue& value, EntityConfig& out) {
    if (value.kind == TomlValue::Kind::kArray) {
        if (value.items.size() > kMaxStates) {
            return entity.mistake(
                value.pos, fmt::format("{} may have at most {} states, not {}", entity.name(),
                                       kMaxStates, value.items.size()));
        }
        for (const TomlValue& item : value.items) {
            PLUMBLINE_TRY(StateConfig state, read_state(entity, item));
            out.state.push_back(std::move(state));
        }
        return ok();
    }
    PLUMBLINE_TRY(StateConfig state, read_state(entity, value));
    out.state.push_back(std::move(state));
    return ok();
}

Status read_key(const Section& section, const TomlValue& value, std::vector<std::string>& columns,
                EntityConfig& out) {
    PLUMBLINE_TRY_VOID(read_fields(section, value, "key", columns, out));
    if (out.key.empty() || out.key.size() > kMaxKeyFields) {
        return section.mistake(value.pos,
                               fmt::format("key of {} needs 1 to {} fields, not {}", section.name(),
                                           kMaxKeyFields, out.key.size()));
    }
    return ok();
}

Status read_other_fields(const Section& section, const TomlValue& value,
                         std::vector<std::string>& columns, EntityConfig& out) {
    PLUMBLINE_TRY_VOID(read_fields(section, value, "fields", columns, out));
    if (out.fields.size() > kMaxFields) {
        return section.mistake(value.pos,
                               fmt::format("{} may have at most {} fields, not {}", section.name(),
                                           kMaxFields, out.fields.size()));
    }
    return ok();
}

Result<EntityConfig> read_entity(std::string_view path, const TomlEntry& entry) {
    if (!is_identifier(entry.key)) {
        return mistake_at(path, entry.pos,
                          fmt::format("{} cannot name an entity: use up to 64 letters, digits and "
                                      "_, no digit first",
                                      in_quotes(entry.key)));
    }
    PLUMBLINE_TRY(const Section section,
                  Section::open(path, fmt::format("[entities.{}]", entry.key), entry.value));
    SectionMistakes mistakes{section, {"key", "fields", "index", "state", "count", "drop"}};
    EntityConfig out;
    out.name = entry.key;
    out.pos = section.pos();
    std::vector<std::string> columns;
    const TomlValue* key = mistakes.need("key");
    if (key != nullptr) {
        mistakes.add(read_key(section, *key, columns, out));
    }
    if (const TomlValue* fields = section.find("fields")) {
        mistakes.add(read_other_fields(section, *fields, columns, out));
    }
    // Which fields there are is known where no key of the table is misspelt.
    if (const TomlValue* index = section.find("index");
        index != nullptr && key != nullptr && mistakes.are_known()) {
        mistakes.add(read_indexes(section, *index, columns, out));
    }
    if (const TomlValue* state = section.find("state")) {
        mistakes.add(read_states(section, *state, out));
    }
    if (const TomlValue* count = section.find("count")) {
        if (const auto member = read_function(section, *count, "count"); mistakes.add(member)) {
            out.count = fmt::format("{}.{}", member->contract, member->member);
        }
    }
    if (const TomlValue* drop = section.find("drop")) {
        mistakes.take(out.drop, section.condition(*drop, "drop"));
    }
    PLUMBLINE_TRY_VOID(mistakes.all());
    return out;
}

}  // namespace

Status read_entities(std::string_view path, const TomlValue& table, Config& config) {
    PLUMBLINE_TRY(const Section entities, Section::open(path, "[entities]", table));
    if (entities.entries().size() > kMaxEntities) {
        return entities.mistake(
            entities.pos(),
            fmt::format("at most {} entities, not {}", kMaxEntities, entities.entries().size()));
    }
    Mistakes mistakes;
    for (const TomlEntry& entry : entities.entries()) {
        auto entity = read_entity(path, entry);
        if (mistakes.add(entity)) {
            config.entities.push_back(*std::move(entity));
        }
    }
    return mistakes.all();
}

}  // namespace plumbline::engine
