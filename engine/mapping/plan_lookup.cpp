// Rows and their fields as values: the row at hand, and look-ups of others.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/config/config_text.hpp"
#include "engine/config/operand_parse.hpp"
#include "engine/mapping/plan_value.hpp"

namespace plumbline::engine {

using storage::FieldKind;
using storage::FieldType;
using Kind = PlanOperand::Kind;

/// Reads the row at hand, as `drop` does.
Result<PlanOperand> compile_field(const OperandScope& scope, const Operand& operand) {
    const std::string name = join_path(operand.path);
    const int field = find_field(scope.row->fields, name);
    PlanOperand out;
    out.entity = static_cast<uint32_t>(scope.row - scope.plan.entities.data());
    if (const int key = find_field(scope.row->key, name); key >= 0 && scope.is_outside_fold) {
        out.kind = Kind::kKeyField;
        out.field = static_cast<uint16_t>(key);
        out.type = scope.row->key[out.field].type;
        return out;
    }
    if (field < 0 && scope.is_outside_fold) {
        std::vector<std::string> columns = names_of(scope.row->key);
        std::ranges::copy(names_of(scope.row->fields), std::back_inserter(columns));
        return mistake_at(scope.plan.config_path, operand.pos,
                          fmt::format("'{}' is no column of '{}'{}", name, scope.row->name,
                                      suggest(name, columns)));
    }
    if (field < 0) {
        const bool is_key = find_field(scope.row->key, name) >= 0;
        return mistake_at(scope.plan.config_path, operand.pos,
                          is_key ? fmt::format("drop of '{}': '{}' is part of the key; drop looks "
                                               "at the other fields",
                                               scope.row->name, name)
                                 : fmt::format("'{}' has no field '{}'{}", scope.row->name, name,
                                               suggest(name, names_of(scope.row->fields))));
    }
    out.kind = Kind::kField;
    out.field = static_cast<uint16_t>(field);
    out.type = scope.row->fields[out.field].type.required();
    return out;
}

namespace {

/// `name[0].part` is refused where the event has such a parameter and there is such an entity.
Status check_one_meaning(const OperandScope& scope, Operand operand,
                         const storage::EntityLayout& entity) {
    const bool is_numbered = entity.key.size() == 1 && entity.key[0].type.is_number();
    if (operand.keys.size() == 1 && operand.keys[0].kind == Operand::Kind::kHex && is_numbered &&
        operand.keys[0].bytes.size() <= 32) {
        operand.keys[0].kind = Operand::Kind::kNumber;  // a number in another form
        operand.keys[0].number = evm::U256::from_be(operand.keys[0].bytes);
    }
    const auto element = as_element(operand);
    const auto param = element
                           ? scope.event->decoder.compile_path(join_path(element->path), scope.each)
                           : Error{ErrorCode::kNotFound, ""};
    if (!param) {
        return ok();
    }
    const std::string index = operand.keys[0].number.to_decimal();
    const bool is_row = is_numbered && find_field(entity.fields, operand.field) >= 0;
    return mistake_at(
        scope.plan.config_path, operand.pos,
        fmt::format("'{}': both a parameter of {} and an entity are called '{}': write "
                    "$arg.{}[{}].{} for the parameter{}",
                    operand.source, scope.event->name, entity.name, param->steps.front(), index,
                    operand.field,
                    is_row ? fmt::format(", {}[uint256({})].{} for the row", entity.name, index,
                                         operand.field)
                           : ""));
}

}  // namespace

Result<PlanOperand> compile_lookup(OperandScope& scope, const Operand& operand, LookupOf of) {
    const auto entity =
        std::ranges::find(scope.plan.entities, operand.entity, &storage::EntityLayout::name);
    const bool is_entity = entity != scope.plan.entities.end();
    const auto element = of == LookupOf::kRow ? std::nullopt : as_element(operand);
    if (element && scope.event != nullptr && !is_entity) {
        return compile_param(scope, element->path, operand.pos);
    }
    if (is_entity && scope.event != nullptr && of == LookupOf::kRowOrElement) {
        PLUMBLINE_TRY_VOID(check_one_meaning(scope, operand, *entity));
    }
    PLUMBLINE_TRY(const LookupTarget target, resolve_lookup(scope.plan, operand));
    PlanOperand out;
    out.kind = Kind::kLookup;
    out.entity = target.entity;
    out.field = target.field;
    const storage::EntityLayout& layout = scope.plan.entities[target.entity];
    out.type = operand.field.empty() ? FieldType{FieldKind::kBool, 8}
                                     : layout.fields[target.field].type.required();
    for (size_t i = 0; i < operand.keys.size(); ++i) {
        const std::string purpose =
            fmt::format("key field '{}.{}'", layout.name, layout.key[i].name);
        PLUMBLINE_TRY(PlanOperand key, compile_operand(scope, operand.keys[i], layout.key[i].type,
                                                       purpose, OperandUse::kStore));
        out.keys.push_back(std::move(key));
    }
    return out;
}

Result<PlanOperand> compile_row(OperandScope& scope, const Operand& operand) {
    return compile_lookup(scope, operand, LookupOf::kRow);
}

Result<PlanOperand> compile_optional(OperandScope& scope, const Operand& operand) {
    if (operand.kind == Operand::Kind::kName && scope.row == nullptr &&
        !names_optional(scope, operand)) {
        return never_missing(
            scope, operand,
            fmt::format("'{}' is always there: exists takes a row, entity[key], an optional field "
                        "of one, entity[key].field, or a $call.NAME without a default",
                        operand.source));
    }
    PLUMBLINE_TRY(PlanOperand out, operand.kind == Operand::Kind::kLookup
                                       ? compile_row(scope, operand)
                                       : compile_leaf(scope, operand));
    out.target = out.type;
    out.source = operand.source.empty() ? join_path(operand.path) : operand.source;
    if (!names_optional(scope, operand)) {
        return mistake_at(scope.plan.config_path, operand.pos,
                          fmt::format("'{}' is set wherever there is the row: only an optional "
                                      "field, as of type \"{}?\", may be unset",
                                      operand.source, to_string(out.type)));
    }
    out.takes_null = true;
    return out;
}

bool names_optional(const OperandScope& scope, const Operand& operand) noexcept {
    const bool is_field = operand.kind == Operand::Kind::kName && scope.row != nullptr;
    if (!is_field && names_call(operand)) {
        return call_may_lack(scope, operand);
    }
    const storage::EntityLayout* layout = scope.row;
    if (operand.kind == Operand::Kind::kLookup) {
        const auto found =
            std::ranges::find(scope.plan.entities, operand.entity, &storage::EntityLayout::name);
        layout = found == scope.plan.entities.end() ? nullptr : &*found;
    } else if (!is_field) {
        return false;
    }
    const int at = layout == nullptr ? -1
                                     : find_field(layout->fields, is_field ? join_path(operand.path)
                                                                           : operand.field);
    return at >= 0 && layout->fields[static_cast<size_t>(at)].type.optional;
}

Result<LookupTarget> resolve_lookup(const CompiledPlan& plan, const Operand& operand) {
    const auto entity =
        std::ranges::find(plan.entities, operand.entity, &storage::EntityLayout::name);
    if (entity == plan.entities.end()) {
        std::vector<std::string> known;
        for (const storage::EntityLayout& layout : plan.entities) {
            known.push_back(layout.name);
        }
        return mistake_at(plan.config_path, operand.pos,
                          fmt::format("unknown entity '{}' in '{}'{}", operand.entity,
                                      operand.source, suggest(operand.entity, known)));
    }
    if (operand.keys.size() != entity->key.size()) {
        return mistake_at(
            plan.config_path, operand.pos,
            fmt::format("'{}': the key of '{}' has {} field{} ({}), not {}", operand.source,
                        entity->name, entity->key.size(), entity->key.size() == 1 ? "" : "s",
                        fmt::join(names_of(entity->key), ", "), operand.keys.size()));
    }
    const int field = operand.field.empty() ? 0 : find_field(entity->fields, operand.field);
    if (field < 0) {
        return mistake_at(
            plan.config_path, operand.pos,
            fmt::format("'{}': '{}' has no field '{}'{}", operand.source, entity->name,
                        operand.field, suggest(operand.field, names_of(entity->fields))));
    }
    return LookupTarget{static_cast<uint32_t>(entity - plan.entities.begin()),
                        static_cast<uint16_t>(field)};
}

}  // namespace plumbline::engine
