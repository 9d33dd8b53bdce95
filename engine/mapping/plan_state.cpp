// `state` and `count`: which getters tell the same facts, checked against the ABI so that the state
// proof has nothing left to look up by name.
#include <algorithm>

#include <fmt/format.h>

#include "engine/config/config_text.hpp"
#include "engine/config/operand_parse.hpp"
#include "engine/mapping/expression_program.hpp"
#include "engine/mapping/plan_compile.hpp"

namespace plumbline::engine {

namespace {

using storage::FieldKind;
using storage::FieldType;

bool fits(FieldType from, FieldType to) noexcept {
    const auto is_whole = [](FieldType type) {
        return type.is_integer() || type.kind == FieldKind::kEnum;
    };
    return from == to || (is_whole(from) && is_whole(to));
}

StateOperand to_state(const PlanOperand& literal) {
    StateOperand out;
    out.kind = StateOperand::Kind::kLiteral;
    out.type = literal.type;
    out.word = literal.word;
    out.bytes = literal.bytes;
    return out;
}

/// One entity's `state`. One thread.
class StateCompiler {
  public:
    StateCompiler(CompiledPlan& plan, uint32_t entity)
        : plan_{plan},
          entity_{entity},
          layout_{plan.entities[entity]} {}

    [[nodiscard]] Status add(const StateConfig& config);
    [[nodiscard]] Status add_count(const std::string& call, SourcePos pos);

  private:
    [[nodiscard]] Error mistake(SourcePos pos, std::string_view message) const {
        return mistake_at(plan_.config_path, pos,
                          fmt::format("state of '{}': {}", layout_.name, message));
    }
    [[nodiscard]] Result<uint32_t> source_of(const std::string& contract, SourcePos pos) const;
    [[nodiscard]] Result<const evm::AbiFunction*> getter(uint32_t source,
                                                         const std::string& function,
                                                         SourcePos pos) const;
    [[nodiscard]] Result<StateOperand> operand(const Operand& value, FieldType target,
                                               const std::string& purpose) const;
    [[nodiscard]] Result<StateOperand> expression(const Operand& value, FieldType target,
                                                  const std::string& purpose) const;
    [[nodiscard]] Status add_args(const StateConfig& config, const evm::AbiFunction& function,
                                  StatePlan& out) const;
    [[nodiscard]] Status add_returns(const StateConfig& config, const evm::AbiFunction& function,
                                     StatePlan& out) const;
    [[nodiscard]] Status add_deleted(const StateConfig& config, const evm::AbiFunction& function,
                                     const std::vector<const evm::AbiType*>& types,
                                     StatePlan& out) const;
    [[nodiscard]] Result<StatePlan::Return> one_return(const StateConfig::Return& value,
                                                       const evm::AbiType& type,
                                                       const std::string& what,
                                                       SourcePos pos) const;
    [[nodiscard]] Result<StatePlan::Slot> one_slot(const SlotConfig& value) const;
    [[nodiscard]] Status check_address(const StateConfig& config, uint32_t source) const;

    CompiledPlan& plan_;
    uint32_t entity_;
    const storage::EntityLayout& layout_;
};

Result<uint32_t> StateCompiler::source_of(const std::string& contract, SourcePos pos) const {
    const int found = find_source(plan_, contract);
    if (found < 0) {
        return mistake(pos, fmt::format("unknown contract '{}'{}", contract,
                                        suggest(contract, contract_names(plan_))));
    }
    return static_cast<uint32_t>(found);
}

Result<const evm::AbiFunction*> StateCompiler::getter(uint32_t source, const std::string& function,
                                                      SourcePos pos) const {
    const std::string& contract = plan_.sources[source].contract;
    auto abi = plan_.abis[source].find_function(function);
    if (!abi) {
        return mistake(pos, fmt::format("contract '{}': {}", contract, abi.error().message));
    }
    if (!(*abi)->read_only) {
        return mistake(pos, fmt::format("{}.{} is no getter: it may change the contract", contract,
                                        (*abi)->signature()));
    }
    return abi;
}

Result<StateOperand> StateCompiler::operand(const Operand& value, FieldType target,
                                            const std::string& purpose) const {
    if (is_literal(value)) {
        auto literal = compile_literal(plan_, value, target, purpose);
        if (!literal) {
            return std::move(literal).error();
        }
        return to_state(*literal);
    }
    if (value.kind == Operand::Kind::kCall) {
        return expression(value, target, purpose);
    }
    StateOperand out;
    if (value.kind == Operand::Kind::kLookup) {
        PLUMBLINE_TRY(const LookupTarget lookup, resolve_lookup(plan_, value));
        const storage::EntityLayout& other = plan_.entities[lookup.entity];
        out.kind = StateOperand::Kind::kLookup;
        out.entity = lookup.entity;
        out.column = lookup.field;
        out.type = other.fields[lookup.field].type.required();
        for (size_t i = 0; i < value.keys.size(); ++i) {
            PLUMBLINE_TRY(StateOperand key,
                          operand(value.keys[i], other.key[i].type,
                                  fmt::format("key field '{}.{}'", other.name, other.key[i].name)));
            out.keys.push_back(std::move(key));
        }
    } else if (value.kind == Operand::Kind::kName) {
        const std::string name = join_path(value.path);
        const int column = layout_.find_column(name);
        if (column < 0) {
            std::vector<std::string> known = names_of(layout_.key);
            const std::vector<std::string> fields = names_of(layout_.fields);
            known.insert(known.end(), fields.begin(), fields.end());
            return mistake(value.pos,
                           fmt::format("unknown field '{}'{}", name, suggest(name, known)));
        }
        const auto index = static_cast<size_t>(column);
        const bool is_key = index < layout_.key.size();
        out.kind = is_key ? StateOperand::Kind::kKey : StateOperand::Kind::kField;
        out.column = static_cast<uint16_t>(is_key ? index : index - layout_.key.size());
        out.type = layout_.column(index).type.required();
    } else {
        return mistake(value.pos,
                       fmt::format("'{}' belongs to an event; here only fields, literals "
                                   "and look-ups have a value",
                                   value.source));
    }
    if (!fits(out.type, target)) {
        return mistake(value.pos,
                       fmt::format("{} is {}, but '{}' is {}", purpose, to_string(target),
                                   value.source, to_string(out.type)));
    }
    return out;
}

/// Over the row's own columns: other rows are looked up by a look-up that stands alone.
Result<StateOperand> StateCompiler::expression(const Operand& value, FieldType target,
                                               const std::string& purpose) const {
    OperandScope scope{plan_, nullptr, &layout_, {}, {}, true};
    PLUMBLINE_TRY(const PlanOperand compiled,
                  compile_operand(scope, value, target, purpose, OperandUse::kStore));
    StateOperand out;
    out.kind = StateOperand::Kind::kExpression;
    out.type = target;
    out.program = compiled.program;
    for (const PlanOperand& leaf : out.program->leaves) {
        if (leaf.kind == PlanOperand::Kind::kLookup) {
            return mistake(
                value.pos,
                fmt::format("{}: {} looks at another row; in an expression here only the "
                            "row's own columns stand, a look-up stands alone",
                            purpose, in_quotes(leaf.source)));
        }
        out.names_fields = out.names_fields || leaf.kind == PlanOperand::Kind::kField;
    }
    return out;
}

Status StateCompiler::add_args(const StateConfig& config, const evm::AbiFunction& function,
                               StatePlan& out) const {
    if (config.args.size() != function.inputs.size()) {
        return mistake(config.pos,
                       fmt::format("{} takes {} argument{}, not {}", function.signature(),
                                   function.inputs.size(), function.inputs.size() == 1 ? "" : "s",
                                   config.args.size()));
    }
    Mistakes mistakes;
    for (size_t i = 0; i < config.args.size(); ++i) {
        FieldType type;
        if (!field_type_of(function.inputs[i].type, type)) {
            mistakes.add(Status{
                mistake(config.pos,
                        fmt::format("argument {} of {} is {}, which no field holds", i + 1,
                                    function.signature(), to_string(function.inputs[i].type)))});
            continue;
        }
        auto arg = operand(config.args[i], type,
                           fmt::format("argument {} of {}", i + 1, function.signature()));
        if (mistakes.add(arg)) {
            out.args.push_back(*std::move(arg));
            out.arg_types.push_back(to_string(function.inputs[i].type));
        }
    }
    return mistakes.all();
}

Result<StatePlan::Return> StateCompiler::one_return(const StateConfig::Return& value,
                                                    const evm::AbiType& type,
                                                    const std::string& what, SourcePos pos) const {
    StatePlan::Return out;
    out.abi_type = to_string(type);
    if (value.kind == StateConfig::Return::Kind::kIgnored) {
        return out;
    }
    FieldType returned;
    if (!field_type_of(type, returned)) {
        return mistake(pos, fmt::format("{} is {}, which no field holds; leave it out with \"_\"",
                                        what, out.abi_type));
    }
    if (value.kind == StateConfig::Return::Kind::kLiteral) {
        PLUMBLINE_TRY(const PlanOperand literal,
                      compile_literal(plan_, value.literal, returned, what));
        out.kind = StatePlan::Return::Kind::kLiteral;
        out.literal = to_state(literal);
        return out;
    }
    if (value.kind == StateConfig::Return::Kind::kExpression) {
        out.kind = StatePlan::Return::Kind::kExpression;
        PLUMBLINE_TRY(out.literal, expression(value.literal, returned, what));
        return out;
    }
    const int column = layout_.find_column(value.field);
    if (column < 0) {
        return mistake(pos,
                       fmt::format("returns: '{}' has no field '{}'{}", layout_.name, value.field,
                                   suggest(value.field, names_of(layout_.fields))));
    }
    const auto index = static_cast<size_t>(column);
    if (!fits(layout_.column(index).type.required(), returned)) {
        return mistake(pos, fmt::format("{} is {}, but field '{}' is {}", what, out.abi_type,
                                        value.field, to_string(layout_.column(index).type)));
    }
    const bool is_key = index < layout_.key.size();
    out.kind = is_key ? StatePlan::Return::Kind::kKey : StatePlan::Return::Kind::kField;
    out.field = static_cast<uint16_t>(is_key ? index : index - layout_.key.size());
    return out;
}

Status StateCompiler::add_returns(const StateConfig& config, const evm::AbiFunction& function,
                                  StatePlan& out) const {
    std::vector<const evm::AbiType*> types;
    std::vector<std::string> shown;
    const auto add = [&](const evm::AbiType& type, const std::string& name) {
        types.push_back(&type);
        shown.push_back(name.empty() ? to_string(type)
                                     : fmt::format("{} {}", to_string(type), name));
    };
    out.returns_tuple =
        function.outputs.size() == 1 && function.outputs[0].type.kind == evm::TypeKind::kTuple;
    if (out.returns_tuple) {
        const evm::AbiType& tuple = function.outputs[0].type;
        for (size_t i = 0; i < tuple.children.size(); ++i) {
            add(tuple.children[i], i < tuple.names.size() ? tuple.names[i] : std::string{});
        }
    } else {
        for (const evm::AbiParam& output : function.outputs) {
            add(output.type, output.name);
        }
    }
    if (config.returns.size() != types.size()) {
        return mistake(config.pos,
                       fmt::format("{} returns {} value{} ({}), not {}; leave one out "
                                   "with \"_\"",
                                   function.signature(), types.size(), types.size() == 1 ? "" : "s",
                                   fmt::join(shown, ", "), config.returns.size()));
    }
    Mistakes mistakes;
    for (size_t i = 0; i < types.size(); ++i) {
        auto value =
            one_return(config.returns[i], *types[i],
                       fmt::format("return {} of {}", i + 1, function.signature()), config.pos);
        if (mistakes.add(value)) {
            out.returns.push_back(*std::move(value));
        }
    }
    mistakes.add(add_deleted(config, function, types, out));
    PLUMBLINE_TRY_VOID(mistakes.all());
    const auto is_ignored = [](const StatePlan::Return& item) {
        return item.kind == StatePlan::Return::Kind::kIgnored;
    };
    if (std::ranges::all_of(out.returns, is_ignored)) {
        return mistake(config.pos,
                       fmt::format("nothing of what {} returns is compared: name a field in "
                                   "returns, or a literal that it must equal",
                                   function.signature()));
    }
    return ok();
}

/// `types` are those of what the getter returns.
Status StateCompiler::add_deleted(const StateConfig& config, const evm::AbiFunction& function,
                                  const std::vector<const evm::AbiType*>& types,
                                  StatePlan& out) const {
    if (!config.deleted) {
        return ok();
    }
    out.has_gone = true;
    out.deleted_reverts = config.deleted->reverts;
    if (out.deleted_reverts) {
        return ok();
    }
    if (config.deleted->values.size() != types.size()) {
        return mistake(config.pos, fmt::format("deleted names {} value{}, but {} returns {}",
                                               config.deleted->values.size(),
                                               config.deleted->values.size() == 1 ? "" : "s",
                                               function.signature(), types.size()));
    }
    Mistakes mistakes;
    for (size_t i = 0; i < types.size(); ++i) {
        FieldType type;
        if (!field_type_of(*types[i], type)) {
            out.deleted.emplace_back();
            continue;
        }
        const auto literal =
            compile_literal(plan_, config.deleted->values[i], type,
                            fmt::format("deleted value {} of {}", i + 1, function.signature()));
        if (mistakes.add(literal)) {
            out.deleted.push_back(to_state(*literal));
        }
    }
    return mistakes.all();
}

Result<StatePlan::Slot> StateCompiler::one_slot(const SlotConfig& value) const {
    const int field = find_field(layout_.fields, value.field);
    if (field < 0) {
        return mistake(value.pos, fmt::format("slots: unknown field '{}'{}", value.field,
                                              suggest(value.field, names_of(layout_.fields))));
    }
    StatePlan::Slot slot;
    slot.field = static_cast<uint16_t>(field);
    slot.word = value.word;
    slot.offset = value.offset;
    const FieldType type = layout_.fields[slot.field].type;
    if (const std::string wrong = slot_mistake(value, type, "field"); !wrong.empty()) {
        return mistake(value.pos, "slots: " + wrong);
    }
    PLUMBLINE_TRY(const PlanOperand base,
                  compile_literal(plan_, value.base, {FieldKind::kUint, 256},
                                  fmt::format("base of '{}'", value.field)));
    slot.base = base.word;
    for (const Operand& key : value.keys) {
        // A mapping's key has the type of what stands there: a field's, else a uint256's.
        FieldType key_type{FieldKind::kUint, 256};
        if (key.kind == Operand::Kind::kName) {
            if (const int column = layout_.find_column(join_path(key.path)); column >= 0) {
                key_type = layout_.column(static_cast<size_t>(column)).type.required();
            }
        } else if (key.kind == Operand::Kind::kLookup) {
            PLUMBLINE_TRY(const LookupTarget lookup, resolve_lookup(plan_, key));
            key_type = plan_.entities[lookup.entity].fields[lookup.field].type.required();
        } else if (key.kind == Operand::Kind::kString) {
            key_type = {FieldKind::kString, 0};
        }
        PLUMBLINE_TRY(StateOperand compiled,
                      operand(key, key_type, fmt::format("a key of '{}'", value.field)));
        slot.keys.push_back(std::move(compiled));
    }
    return slot;
}

Status StateCompiler::check_address(const StateConfig& config, uint32_t source) const {
    const Source& from = plan_.sources[source];
    if (from.any_address) {
        return mistake(config.pos,
                       fmt::format("contract '{}' is whoever emits its events: what such contracts "
                                   "tell of themselves proves nothing, so there is no state and "
                                   "no count of it",
                                   from.contract));
    }
    if (!config.at && (from.has_factory || from.addresses.size() != 1)) {
        return mistake(
            config.pos,
            fmt::format("contract '{}' has {}: say with `at` which one to "
                        "ask",
                        from.contract, from.has_factory ? "a factory" : "several addresses"));
    }
    return ok();
}

Status StateCompiler::add(const StateConfig& config) {
    StatePlan out;
    out.entity = entity_;
    out.pos = config.pos;
    PLUMBLINE_TRY(out.source, source_of(config.contract, config.pos));
    Mistakes mistakes;
    mistakes.add(check_address(config, out.source));
    if (config.at) {
        auto at = operand(*config.at, {FieldKind::kAddress, 160}, "at");
        if (mistakes.add(at)) {
            out.at = *std::move(at);
        }
    }
    const auto function = getter(out.source, config.function, config.pos);
    if (mistakes.add(function)) {
        out.signature = (*function)->signature();
        out.selector = (*function)->selector();
        mistakes.add(add_args(config, **function, out));
        mistakes.add(add_returns(config, **function, out));
    }
    for (const SlotConfig& value : config.slots) {
        auto slot = one_slot(value);
        if (mistakes.add(slot)) {
            out.slots.push_back(*std::move(slot));
        }
    }
    PLUMBLINE_TRY_VOID(mistakes.all());
    plan_.states.push_back(std::move(out));
    return ok();
}

Status StateCompiler::add_count(const std::string& call, SourcePos pos) {
    const size_t dot = call.find('.');
    if (dot == std::string::npos) {
        return mistake(pos, fmt::format("count {}: write contract.getter", in_quotes(call)));
    }
    CountPlan out;
    out.entity = entity_;
    PLUMBLINE_TRY(out.source, source_of(call.substr(0, dot), pos));
    PLUMBLINE_TRY(const evm::AbiFunction* function, getter(out.source, call.substr(dot + 1), pos));
    if (!function->inputs.empty() || function->outputs.size() != 1 ||
        function->outputs[0].type.kind != evm::TypeKind::kUint) {
        return mistake(pos, fmt::format("count {}: it must take nothing and return one uint",
                                        in_quotes(call)));
    }
    StateConfig where;
    where.pos = pos;
    PLUMBLINE_TRY_VOID(check_address(where, out.source));
    out.signature = function->signature();
    out.selector = function->selector();
    plan_.counts.push_back(std::move(out));
    return ok();
}

}  // namespace

Status compile_states(const Config& config, CompiledPlan& plan) {
    Mistakes mistakes;
    for (uint32_t i = 0; i < config.entities.size(); ++i) {
        StateCompiler compiler{plan, i};
        for (const StateConfig& state : config.entities[i].state) {
            mistakes.add(compiler.add(state));
        }
        if (!config.entities[i].count.empty()) {
            mistakes.add(compiler.add_count(config.entities[i].count, config.entities[i].pos));
        }
    }
    return mistakes.all();
}

}  // namespace plumbline::engine
