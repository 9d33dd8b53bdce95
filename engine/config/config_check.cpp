// Checks across the sections of a config: contracts, entities and fields that are named must exist.
// What only an ABI can tell (events, parameters, types) is the plan's to check.
#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "engine/config/config_parts.hpp"
#include "engine/config/config_text.hpp"
#include "engine/config/operand_parse.hpp"

namespace plumbline::engine {

namespace {

template <typename Item>
std::vector<std::string> names_of(const std::vector<Item>& items) {
    std::vector<std::string> out;
    out.reserve(items.size());
    for (const Item& item : items) {
        out.push_back(item.name);
    }
    return out;
}

std::vector<std::string> columns_of(const EntityConfig& entity) {
    std::vector<std::string> out = names_of(entity.key);
    for (const storage::Field& field : entity.fields) {
        out.push_back(field.name);
    }
    return out;
}

/// One config. One thread.
class Checker {
  public:
    Checker(std::string_view path, const Config& config)
        : path_{path},
          config_{config},
          contract_names_{names_of(config.contracts)},
          entity_names_{names_of(config.entities)} {}

    [[nodiscard]] Status run() const {
        Mistakes mistakes;
        for (const ContractConfig& contract : config_.contracts) {
            mistakes.add(factory(contract));
        }
        for (const EntityConfig& entity : config_.entities) {
            mistakes.add(this->entity(entity));
        }
        for (const HandlerConfig& handler : config_.handlers) {
            mistakes.add(this->handler(handler));
        }
        return mistakes.all();
    }

  private:
    /// Whether names are an entity's own columns (state, drop) or event parameters (handlers).
    struct Scope {
        const EntityConfig* entity = nullptr;
        std::string_view where;
        bool has_each = false;
        bool has_expressions = true;
    };

    [[nodiscard]] Error unknown(SourcePos pos, std::string_view where, std::string_view kind,
                                std::string_view name, std::span<const std::string> known) const {
        return mistake_at(
            path_, pos,
            fmt::format("{}: unknown {} {}{}", where, kind, in_quotes(name), suggest(name, known)));
    }

    /// The same of what a value names: with the column.
    [[nodiscard]] Error unknown(const Operand& value, std::string_view where, std::string_view kind,
                                std::string_view name, std::span<const std::string> known) const {
        return mistake_at(
            path_, value.pos,
            fmt::format("{}: unknown {} {}{}", where, kind, in_quotes(name), suggest(name, known)));
    }

    [[nodiscard]] Status contract_exists(SourcePos pos, std::string_view where,
                                         std::string_view name) const {
        if (std::ranges::find(contract_names_, name) == contract_names_.end()) {
            return unknown(pos, where, "contract", name, contract_names_);
        }
        return ok();
    }

    [[nodiscard]] const EntityConfig* find_entity(std::string_view name) const {
        const auto found = std::ranges::find(config_.entities, name, &EntityConfig::name);
        return found == config_.entities.end() ? nullptr : &*found;
    }

    /// The contracts that announce it exist, and every chain of factories ends.
    [[nodiscard]] Status factory(const ContractConfig& contract) const {
        const std::string where = fmt::format("factory of [contracts.{}]", contract.name);
        for (const FactoryConfig& item : contract.factories) {
            PLUMBLINE_TRY_VOID(contract_exists(item.pos, where, item.contract));
        }
        std::vector<std::string_view> above;  // whoever announces it, directly or not
        const auto add_parents = [&above](const ContractConfig& child) {
            for (const FactoryConfig& item : child.factories) {
                if (std::ranges::find(above, item.contract) == above.end()) {
                    above.push_back(item.contract);
                }
            }
        };
        add_parents(contract);
        for (size_t i = 0; i < above.size(); ++i) {
            if (above[i] == contract.name) {
                return mistake_at(
                    path_, contract.factories.front().pos,
                    fmt::format("{} goes in a circle: it would announce itself", where));
            }
            const auto parent =
                std::ranges::find(config_.contracts, above[i], &ContractConfig::name);
            if (parent != config_.contracts.end()) {
                add_parents(*parent);
            }
        }
        return ok();
    }

    [[nodiscard]] Status operand(const Operand& value, const Scope& scope) const {
        switch (value.kind) {
            case Operand::Kind::kNumber:
            case Operand::Kind::kBool:
            case Operand::Kind::kHex:
            case Operand::Kind::kString:
            case Operand::Kind::kNull: return ok();
            case Operand::Kind::kName:
                if (scope.entity != nullptr) {
                    return own_column(value, scope);
                }
                return ok();
            case Operand::Kind::kLookup: return lookup(value, scope);
            case Operand::Kind::kCall: return call(value, scope);
            case Operand::Kind::kEachIndex:
                if (scope.entity == nullptr && !scope.has_each) {
                    return mistake_at(path_, value.pos,
                                      "$each.index needs each in the same [[on]]");
                }
                break;
            default: break;
        }
        if (scope.entity != nullptr) {
            return mistake_at(path_, value.pos,
                              fmt::format("{}: {} is known while an event is applied only",
                                          scope.where, value.source));
        }
        return ok();
    }

    [[nodiscard]] Status call(const Operand& value, const Scope& scope) const {
        if (!scope.has_expressions) {
            return mistake_at(
                path_, value.pos,
                fmt::format("{}: {} is an expression; fields, look-ups and literals stand here",
                            scope.where, in_quotes(value.source)));
        }
        for (const Operand& argument : value.keys) {
            PLUMBLINE_TRY_VOID(operand(argument, scope));
        }
        return ok();
    }

    [[nodiscard]] Status own_column(const Operand& value, const Scope& scope) const {
        const std::vector<std::string> columns = columns_of(*scope.entity);
        const std::string name = join_path(value.path);
        if (std::ranges::find(columns, name) == columns.end()) {
            return unknown(value, scope.where, "field", name, columns);
        }
        return ok();
    }

    [[nodiscard]] Status lookup(const Operand& value, const Scope& scope) const {
        const std::string where = fmt::format("look-up {}", in_quotes(value.source));
        const EntityConfig* entity = find_entity(value.entity);
        if (entity == nullptr && scope.entity == nullptr && as_element(value)) {
            return ok();  // of a parameter, which the event knows
        }
        if (entity == nullptr) {
            return unknown(value, where, "entity", value.entity, entity_names_);
        }
        if (value.keys.size() != entity->key.size()) {
            return mistake_at(
                path_, value.pos,
                fmt::format("{}: the key of {} has {} field{} ({}), not {}", where, entity->name,
                            entity->key.size(), entity->key.size() == 1 ? "" : "s",
                            fmt::join(names_of(entity->key), ", "), value.keys.size()));
        }
        const std::vector<std::string> columns = columns_of(*entity);
        if (!value.field.empty() && std::ranges::find(columns, value.field) == columns.end()) {
            Error out = unknown(value, where, "field", value.field, columns);
            if (scope.entity == nullptr && as_element(value)) {
                out.message += fmt::format(" (of an event's array of that name: $arg.N[{}].{})",
                                           value.keys[0].number.to_decimal(), value.field);
            }
            return out;
        }
        for (const Operand& key : value.keys) {
            PLUMBLINE_TRY_VOID(operand(key, scope));
        }
        return ok();
    }

    /// `drop` looks at the row after a change: the fields that change, and literals.
    [[nodiscard]] Status drop(const EntityConfig& entity) const {
        const std::string where = fmt::format("drop of [entities.{}]", entity.name);
        for (const Operand* side : {&entity.drop->left, &entity.drop->right}) {
            PLUMBLINE_TRY_VOID(drop_side(*side, entity, where));
        }
        return ok();
    }

    [[nodiscard]] Status drop_side(const Operand& side, const EntityConfig& entity,
                                   std::string_view where) const {
        if (side.kind == Operand::Kind::kLookup) {
            return mistake_at(
                path_, side.pos,
                fmt::format("{} compares the entity's own fields and literals only", where));
        }
        if (side.kind == Operand::Kind::kName &&
            std::ranges::find(entity.key, join_path(side.path), &storage::Field::name) !=
                entity.key.end()) {
            return mistake_at(path_, side.pos,
                              fmt::format("{}: '{}' is in the key, which never changes", where,
                                          join_path(side.path)));
        }
        if (side.kind == Operand::Kind::kCall) {
            for (const Operand& argument : side.keys) {
                PLUMBLINE_TRY_VOID(drop_side(argument, entity, where));
            }
            return ok();
        }
        return operand(side, {&entity, where, false});
    }

    [[nodiscard]] Status entity(const EntityConfig& entity) const {
        Mistakes mistakes;
        if (entity.drop) {
            mistakes.add(drop(entity));
        }
        if (!entity.count.empty()) {
            mistakes.add(count(entity));
        }
        for (const StateConfig& state : entity.state) {
            mistakes.add(this->state(entity, state));
        }
        return mistakes.all();
    }

    [[nodiscard]] Status count(const EntityConfig& entity) const {
        const std::string where = fmt::format("count of [entities.{}]", entity.name);
        const std::string contract = entity.count.substr(0, entity.count.find('.'));
        PLUMBLINE_TRY_VOID(contract_exists(entity.pos, where, contract));
        return goes_on(entity.pos, where, contract);
    }

    /// A contract whose events end is not asked: it goes on where its rows do not.
    [[nodiscard]] Status goes_on(SourcePos pos, std::string_view where,
                                 std::string_view name) const {
        const auto found = std::ranges::find(config_.contracts, name, &ContractConfig::name);
        if (found->end_block == UINT64_MAX) {
            return ok();
        }
        return mistake_at(path_, pos,
                          fmt::format("{}: [contracts.{}] has an end_block: the contract goes on, "
                                      "and rows that stand still cannot be compared with it",
                                      where, name));
    }

    [[nodiscard]] Status state(const EntityConfig& entity, const StateConfig& state) const {
        const std::string where = fmt::format("state of [entities.{}]", entity.name);
        const Scope scope{&entity, where, false};
        Mistakes mistakes;
        if (mistakes.add(contract_exists(state.pos, where, state.contract))) {
            mistakes.add(goes_on(state.pos, where, state.contract));
        }
        if (state.at) {
            mistakes.add(operand(*state.at, scope));
        }
        for (const Operand& arg : state.args) {
            mistakes.add(operand(arg, scope));
        }
        for (const SlotConfig& slot : state.slots) {
            for (const Operand& key : slot.keys) {
                mistakes.add(operand(key, scope));
            }
        }
        for (const StateConfig::Return& item : state.returns) {
            if (item.kind == StateConfig::Return::Kind::kField) {
                mistakes.add(own_column(item.literal, scope));
            } else if (item.kind == StateConfig::Return::Kind::kExpression) {
                mistakes.add(operand(item.literal, scope));
            }
        }
        return mistakes.all();
    }

    [[nodiscard]] Status handler(const HandlerConfig& handler) const {
        Mistakes mistakes;
        for (const std::string& event : handler.events) {
            mistakes.add(contract_exists(handler.pos, fmt::format("event '{}'", event),
                                         event.substr(0, event.find('.'))));
        }
        const Scope scope{nullptr, "[[on]]", !handler.each.empty()};
        for (const CallConfig& call : handler.calls) {
            mistakes.add(this->call(call, scope));
        }
        for (const Condition& condition : handler.when) {
            mistakes.add(operand(condition.left, scope));
            mistakes.add(operand(condition.right, scope));
        }
        const EntityConfig* entity = find_entity(handler.entity);
        if (entity == nullptr) {
            mistakes.add(
                Status{unknown(handler.pos, "[[on]]", "entity", handler.entity, entity_names_)});
            return mistakes.all();
        }
        handler_key(handler, *entity, scope, mistakes);
        changes(handler.set, "set", *entity, scope, mistakes);
        changes(handler.add, "add", *entity, scope, mistakes);
        changes(handler.sub, "sub", *entity, scope, mistakes);
        changes(handler.min, "min", *entity, scope, mistakes);
        changes(handler.max, "max", *entity, scope, mistakes);
        return mistakes.all();
    }

    [[nodiscard]] Status call(const CallConfig& call, const Scope& scope) const {
        const std::string where = fmt::format("call '{}' of [[on]]", call.name);
        if (!call.contract.empty()) {
            PLUMBLINE_TRY_VOID(contract_exists(call.pos, where, call.contract));
        }
        if (call.at) {
            PLUMBLINE_TRY_VOID(operand(*call.at, scope));
        }
        for (const Operand& arg : call.args) {
            PLUMBLINE_TRY_VOID(operand(arg, scope));
        }
        return ok();
    }

    void handler_key(const HandlerConfig& handler, const EntityConfig& entity, const Scope& scope,
                     Mistakes& mistakes) const {
        const std::vector<std::string> fields = names_of(entity.key);
        bool are_known = true;
        for (const Assignment& item : handler.key) {
            if (std::ranges::find(fields, item.field) == fields.end()) {
                are_known = false;
                mistakes.add(
                    Status{unknown(item.pos, fmt::format("key of {} in [[on]]", entity.name),
                                   "field", item.field, fields)});
                continue;
            }
            mistakes.add(operand(item.value, scope));
        }
        for (const std::string& field : fields) {
            // A misspelt one may be the one that is missing.
            if (are_known &&
                std::ranges::find(handler.key, field, &Assignment::field) == handler.key.end()) {
                mistakes.add(Status{
                    mistake_at(path_, handler.pos,
                               fmt::format("key of {} in [[on]] leaves out '{}'; its key is: {}",
                                           entity.name, field, fmt::join(fields, ", ")))});
            }
        }
    }

    void changes(const std::vector<Assignment>& items, std::string_view op,
                 const EntityConfig& entity, const Scope& scope, Mistakes& mistakes) const {
        for (const Assignment& item : items) {
            mistakes.add(change(item, op, entity, scope));
        }
    }

    [[nodiscard]] Status change(const Assignment& item, std::string_view op,
                                const EntityConfig& entity, const Scope& scope) const {
        const std::string where = fmt::format("{} of {} in [[on]]", op, entity.name);
        if (std::ranges::find(entity.key, item.field, &storage::Field::name) != entity.key.end()) {
            return mistake_at(
                path_, item.pos,
                fmt::format("{}: '{}' is in the key, which never changes", where, item.field));
        }
        const auto field = std::ranges::find(entity.fields, item.field, &storage::Field::name);
        if (field == entity.fields.end()) {
            return unknown(item.pos, where, "field", item.field, names_of(entity.fields));
        }
        if (op != "set" && !field->type.is_number()) {
            return mistake_at(path_, item.pos,
                              fmt::format("{}: '{}' is of type {}, and {} works on numbers only",
                                          where, item.field, storage::to_string(field->type), op));
        }
        return operand(item.value, scope);
    }

    std::string_view path_;
    const Config& config_;
    std::vector<std::string> contract_names_;
    std::vector<std::string> entity_names_;
};

}  // namespace

Status check_config(std::string_view path, const Config& config) {
    return Checker{path, config}.run();
}

}  // namespace plumbline::engine
