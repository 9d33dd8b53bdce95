// From the parsed config to the plan: contracts, entities, handlers, factories. The first mistake
// ends it.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/config/config_text.hpp"
#include "engine/config/operand_parse.hpp"
#include "engine/mapping/plan_impl.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kEntitiesMax = 1000;
constexpr size_t kFieldsMax = 4000;

/// One compilation. One thread.
class Compiler {
  public:
    Compiler(const Config& config, Plan::Impl& plan) : config_{config}, plan_{plan} {}

    [[nodiscard]] Status run(std::vector<EventHandler> functions);

  private:
    [[nodiscard]] Error mistake(SourcePos pos, std::string_view message) const {
        return mistake_at(config_.path, pos, message);
    }
    [[nodiscard]] Status add_contract(const ContractConfig& contract);
    [[nodiscard]] Status add_entity(const EntityConfig& entity);
    [[nodiscard]] Status add_indexes(const EntityConfig& entity, storage::EntityLayout& layout);
    [[nodiscard]] Status add_drop(const EntityConfig& entity, size_t index);
    [[nodiscard]] Status add_factory(const ContractConfig& contract, uint32_t source);
    [[nodiscard]] Status add_handler(const HandlerConfig& handler);
    [[nodiscard]] Status add_function(EventHandler function);

    struct EventRef {
        uint32_t source = 0;
        size_t event = 0;  ///< index into plan_.events
    };
    /// "contract.Event"
    [[nodiscard]] Result<EventRef> event_named(const std::string& name, SourcePos pos);
    [[nodiscard]] Result<size_t> event_of(uint32_t source, const std::string& name, SourcePos pos);
    [[nodiscard]] Status check_anonymous(uint32_t source, const evm::AbiEvent& event,
                                         SourcePos pos) const;

    [[nodiscard]] Status bind_handler(const HandlerConfig& handler, uint32_t entity,
                                      PlanEvent& event);
    [[nodiscard]] Status bind_each(const HandlerConfig& handler, const PlanEvent& event,
                                   PlanHandler& out) const;
    [[nodiscard]] Status bind_key(const HandlerConfig& handler, OperandScope& scope,
                                  PlanHandler& out) const;
    [[nodiscard]] Status bind_ops(const std::vector<Assignment>& list, OpKind kind,
                                  OperandScope& scope, PlanHandler& out) const;
    [[nodiscard]] Result<PlanFunction::Param> bind_param(const PlanEvent& event,
                                                         const std::string& text) const;

    const Config& config_;
    Plan::Impl& plan_;
};

std::string_view word_of(HandlerAction action) noexcept {
    switch (action) {
        case HandlerAction::kInsert: return "insert";
        case HandlerAction::kUpsert: return "upsert";
        case HandlerAction::kUpdate: return "update";
        case HandlerAction::kDelete: return "delete";
    }
    return "handler";
}

std::string_view word_of(OpKind kind) noexcept {
    switch (kind) {
        case OpKind::kSet: return "set";
        case OpKind::kAdd: return "add";
        case OpKind::kSub: return "sub";
        case OpKind::kMin: return "min";
        case OpKind::kMax: return "max";
    }
    return "op";
}

Status Compiler::run(std::vector<EventHandler> functions) {
    plan_.config_path = config_.path;
    for (const ContractConfig& contract : config_.contracts) {
        PLUMBLINE_TRY_VOID(add_contract(contract));
    }
    if (config_.entities.size() > kEntitiesMax) {
        return mistake({}, fmt::format("{} entities; at most {} are possible",
                                       config_.entities.size(), kEntitiesMax));
    }
    for (const EntityConfig& entity : config_.entities) {
        PLUMBLINE_TRY_VOID(add_entity(entity));
    }
    plan_.drops.resize(plan_.entities.size());
    for (size_t i = 0; i < config_.entities.size(); ++i) {
        PLUMBLINE_TRY_VOID(add_drop(config_.entities[i], i));
    }
    for (uint32_t i = 0; i < config_.contracts.size(); ++i) {
        PLUMBLINE_TRY_VOID(add_factory(config_.contracts[i], i));
    }
    for (const HandlerConfig& handler : config_.handlers) {
        PLUMBLINE_TRY_VOID(add_handler(handler));
    }
    for (EventHandler& function : functions) {
        PLUMBLINE_TRY_VOID(add_function(std::move(function)));
    }
    PLUMBLINE_TRY_VOID(compile_states(config_, plan_));
    for (const PlanEvent& event : plan_.events) {
        plan_.needs_txn = plan_.needs_txn || event.needs_txn;
    }
    plan_.index_events();

    storage::SchemaBundle& bundle = plan_.bundle;
    bundle.fingerprint = schema_fingerprint(config_, plan_);
    bundle.config_text = config_.text;
    for (const ContractConfig& contract : config_.contracts) {
        const bool known = std::ranges::any_of(
            bundle.abis, [&](const auto& abi) { return abi.first == contract.abi_file; });
        if (!known) {
            bundle.abis.emplace_back(contract.abi_file, contract.abi_json);
        }
    }
    bundle.entities = plan_.entities;
    return ok();
}

Status Compiler::add_contract(const ContractConfig& contract) {
    if (find_source(plan_, contract.name) >= 0) {
        return mistake(contract.pos, fmt::format("contract '{}' stands here twice", contract.name));
    }
    auto abi = evm::read_abi(contract.abi_json);
    if (!abi) {
        return mistake(contract.pos,
                       fmt::format("contract '{}': ABI {}: {}", contract.name,
                                   in_quotes(contract.abi_file), abi.error().message));
    }
    Source source;
    source.contract = contract.name;
    source.addresses = contract.addresses;
    source.has_factory = contract.factory.has_value();
    source.start_block = contract.start_block;
    for (const evm::AbiEvent& event : abi->events) {
        if (!event.anonymous) {
            source.abi_topics0.push_back(event.topic0());
        }
    }
    bool any_event = contract.events.empty();
    for (const std::string& name : contract.events) {
        auto event = abi->find_event(name);
        if (!event) {
            return mistake(contract.pos, fmt::format("contract '{}': events: {}", contract.name,
                                                     event.error().message));
        }
        // An anonymous event has no topic to ask for.
        any_event = any_event || (*event)->anonymous;
        source.topics0.push_back((*event)->topic0());
    }
    if (any_event) {
        source.topics0.clear();
    }
    plan_.sources.push_back(std::move(source));
    plan_.abis.push_back(*std::move(abi));
    plan_.events_of_source.emplace_back();
    return ok();
}

Status Compiler::add_entity(const EntityConfig& entity) {
    storage::EntityLayout layout;
    layout.name = entity.name;
    layout.key = entity.key;
    layout.fields = entity.fields;
    if (std::ranges::find(plan_.entities, entity.name, &storage::EntityLayout::name) !=
        plan_.entities.end()) {
        return mistake(entity.pos, fmt::format("entity '{}' stands here twice", entity.name));
    }
    if (entity.key.empty()) {
        return mistake(entity.pos, fmt::format("entity '{}' has no key", entity.name));
    }
    if (layout.column_count() > kFieldsMax) {
        return mistake(entity.pos, fmt::format("entity '{}' has {} fields; at most {} are possible",
                                               entity.name, layout.column_count(), kFieldsMax));
    }
    for (size_t i = 0; i < layout.column_count(); ++i) {
        if (layout.find_column(layout.column(i).name) != static_cast<int>(i)) {
            return mistake(entity.pos, fmt::format("entity '{}' has two fields '{}'", entity.name,
                                                   layout.column(i).name));
        }
    }
    PLUMBLINE_TRY_VOID(add_indexes(entity, layout));
    layout.keep_tombstones = std::ranges::any_of(
        entity.state, [](const StateConfig& state) { return state.gone.has_value(); });
    plan_.codecs.emplace_back(layout);
    plan_.entities.push_back(std::move(layout));
    return ok();
}

Status Compiler::add_indexes(const EntityConfig& entity, storage::EntityLayout& layout) {
    for (const std::vector<std::string>& names : entity.indexes) {
        std::vector<uint16_t> columns;
        for (const std::string& name : names) {
            const int column = layout.find_column(name);
            if (column < 0) {
                std::vector<std::string> known = names_of(layout.key);
                const std::vector<std::string> fields = names_of(layout.fields);
                known.insert(known.end(), fields.begin(), fields.end());
                return mistake(entity.pos, fmt::format("index of '{}': unknown field '{}'{}",
                                                       entity.name, name, suggest(name, known)));
            }
            columns.push_back(static_cast<uint16_t>(column));
        }
        if (columns.empty() || std::ranges::find(layout.indexes, columns) != layout.indexes.end()) {
            return mistake(entity.pos,
                           fmt::format("index of '{}': {}", entity.name,
                                       columns.empty() ? "it names no field"
                                                       : "the same index stands here twice"));
        }
        layout.indexes.push_back(std::move(columns));
    }
    return ok();
}

Status Compiler::add_drop(const EntityConfig& entity, size_t index) {
    if (!entity.drop) {
        return ok();
    }
    OperandScope scope{plan_, nullptr, &plan_.entities[index], {}, false};
    PLUMBLINE_TRY(PlanCondition condition, compile_condition(scope, *entity.drop));
    plan_.drops[index].push_back(std::move(condition));
    return ok();
}

Status Compiler::add_factory(const ContractConfig& contract, uint32_t source) {
    std::string signature;
    if (contract.factory) {
        const FactoryConfig& factory = *contract.factory;
        const int from = find_source(plan_, factory.contract);
        if (from < 0) {
            return mistake(
                factory.pos,
                fmt::format("factory of '{}': unknown contract '{}'{}", contract.name,
                            factory.contract, suggest(factory.contract, contract_names(plan_))));
        }
        PLUMBLINE_TRY(const size_t index,
                      event_of(static_cast<uint32_t>(from), factory.event, factory.pos));
        PlanEvent& event = plan_.events[index];
        OperandScope scope{plan_, &event, nullptr, {}, false};
        Operand name;
        name.kind = Operand::Kind::kName;
        name.pos = factory.pos;
        name.source = factory.address_param;
        for (size_t from_char = 0; from_char <= factory.address_param.size();) {
            const size_t dot =
                std::min(factory.address_param.find('.', from_char), factory.address_param.size());
            name.path.push_back(factory.address_param.substr(from_char, dot - from_char));
            from_char = dot + 1;
        }
        PLUMBLINE_TRY(PlanOperand operand,
                      compile_operand(scope, name, {storage::FieldKind::kAddress, 160},
                                      fmt::format("the factory address of '{}'", contract.name),
                                      OperandUse::kStore));
        signature = fmt::format("{}.{} {}", factory.contract, event.decoder.event().signature(),
                                factory.address_param);
        event.children.emplace_back(source, std::move(operand.path));
    }
    plan_.sources[source].fingerprint =
        source_fingerprint(contract, signature, plan_.sources[source]);
    return ok();
}

Status Compiler::check_anonymous(uint32_t source, const evm::AbiEvent& event, SourcePos pos) const {
    if (!event.anonymous) {
        return ok();
    }
    for (const evm::AbiEvent& other : plan_.abis[source].events) {
        if (other.anonymous && !(other == event) && other.topic_count() == event.topic_count()) {
            return mistake(pos, fmt::format("{}: the anonymous events {} and {} both have {} "
                                            "topic{}: their logs cannot be told apart",
                                            plan_.sources[source].contract, event.signature(),
                                            other.signature(), event.topic_count(),
                                            event.topic_count() == 1 ? "" : "s"));
        }
    }
    return ok();
}

Result<size_t> Compiler::event_of(uint32_t source, const std::string& name, SourcePos pos) {
    const std::string& contract = plan_.sources[source].contract;
    auto found = plan_.abis[source].find_event(name);
    if (!found) {
        return mistake(pos, fmt::format("contract '{}': {}", contract, found.error().message));
    }
    const evm::AbiEvent& abi = **found;
    for (const uint32_t index : plan_.events_of_source[source]) {
        if (plan_.events[index].decoder.event() == abi) {
            return size_t{index};
        }
    }
    PLUMBLINE_TRY_VOID(check_anonymous(source, abi, pos));
    const std::vector<evm::Hash>& wanted = plan_.sources[source].topics0;
    if (!wanted.empty() &&
        (abi.anonymous || std::ranges::find(wanted, abi.topic0()) == wanted.end())) {
        return mistake(pos, fmt::format("{}.{} is handled, but the contract's list of events "
                                        "leaves it out",
                                        contract, abi.name));
    }
    auto decoder = evm::EventDecoder::compile(abi);
    if (!decoder) {
        return mistake(pos, fmt::format("{}.{}: {}", contract, abi.name, decoder.error().message));
    }
    const auto index = static_cast<uint32_t>(plan_.events.size());
    plan_.events.push_back(PlanEvent{
        source, fmt::format("{}.{}", contract, abi.name), *std::move(decoder), false, {}, {}, {}});
    plan_.events_of_source[source].push_back(index);
    return size_t{index};
}

Result<Compiler::EventRef> Compiler::event_named(const std::string& name, SourcePos pos) {
    const size_t dot = name.find('.');
    if (dot == std::string::npos || dot == 0 || dot + 1 == name.size()) {
        return mistake(pos, fmt::format("event {}: write contract.Event", in_quotes(name)));
    }
    const std::string contract = name.substr(0, dot);
    const int source = find_source(plan_, contract);
    if (source < 0) {
        return mistake(pos, fmt::format("event {}: unknown contract '{}'{}", in_quotes(name),
                                        contract, suggest(contract, contract_names(plan_))));
    }
    PLUMBLINE_TRY(const size_t event,
                  event_of(static_cast<uint32_t>(source), name.substr(dot + 1), pos));
    return EventRef{static_cast<uint32_t>(source), event};
}

Status Compiler::add_handler(const HandlerConfig& handler) {
    const auto entity =
        std::ranges::find(plan_.entities, handler.entity, &storage::EntityLayout::name);
    if (entity == plan_.entities.end()) {
        std::vector<std::string> known;
        for (const storage::EntityLayout& layout : plan_.entities) {
            known.push_back(layout.name);
        }
        return mistake(handler.pos,
                       fmt::format("{}: unknown entity '{}'{}", word_of(handler.action),
                                   handler.entity, suggest(handler.entity, known)));
    }
    if (handler.events.empty()) {
        return mistake(handler.pos, "the handler names no event");
    }
    std::vector<size_t> seen;
    for (const std::string& name : handler.events) {
        PLUMBLINE_TRY(const EventRef ref, event_named(name, handler.pos));
        if (std::ranges::find(seen, ref.event) != seen.end()) {
            return mistake(handler.pos, fmt::format("event {} stands here twice", in_quotes(name)));
        }
        seen.push_back(ref.event);
        PLUMBLINE_TRY_VOID(bind_handler(handler,
                                        static_cast<uint32_t>(entity - plan_.entities.begin()),
                                        plan_.events[ref.event]));
    }
    return ok();
}

Status Compiler::bind_handler(const HandlerConfig& handler, uint32_t entity, PlanEvent& event) {
    PlanHandler out;
    out.action = handler.action;
    out.entity = entity;
    PLUMBLINE_TRY_VOID(bind_each(handler, event, out));
    OperandScope scope{plan_, &event, nullptr, out.each_names, false};
    for (const Condition& condition : handler.when) {
        PLUMBLINE_TRY(PlanCondition compiled, compile_condition(scope, condition));
        out.when.push_back(std::move(compiled));
    }
    PLUMBLINE_TRY_VOID(bind_key(handler, scope, out));
    PLUMBLINE_TRY_VOID(bind_ops(handler.set, OpKind::kSet, scope, out));
    PLUMBLINE_TRY_VOID(bind_ops(handler.add, OpKind::kAdd, scope, out));
    PLUMBLINE_TRY_VOID(bind_ops(handler.sub, OpKind::kSub, scope, out));
    PLUMBLINE_TRY_VOID(bind_ops(handler.min, OpKind::kMin, scope, out));
    PLUMBLINE_TRY_VOID(bind_ops(handler.max, OpKind::kMax, scope, out));
    event.needs_txn = event.needs_txn || scope.needs_txn;
    event.handlers.push_back(std::move(out));
    return ok();
}

Status Compiler::bind_each(const HandlerConfig& handler, const PlanEvent& event,
                           PlanHandler& out) const {
    for (const std::string& name : handler.each) {
        auto path = event.decoder.compile_path(name);
        if (!path) {
            return mistake(handler.pos,
                           fmt::format("each: {}: {}", event.name, path.error().message));
        }
        if (path->hashed) {
            return mistake(handler.pos, fmt::format("each: {}: '{}' is indexed: a log holds only "
                                                    "its hash",
                                                    event.name, name));
        }
        if (!path->type.is_array()) {
            return mistake(handler.pos, fmt::format("each: {}: '{}' is {}, not an array",
                                                    event.name, name, to_string(path->type)));
        }
        out.each.push_back(*std::move(path));
        out.each_names.push_back(name);
    }
    return ok();
}

/// Whether the decoded log alone tells the value.
bool is_of_event(const PlanOperand& operand) noexcept {
    using Kind = PlanOperand::Kind;
    switch (operand.kind) {
        case Kind::kParam:
        case Kind::kLiteral:
        case Kind::kTxnHash:
        case Kind::kTxnIndex:
        case Kind::kLogIndex:
        case Kind::kLogAddress:
        case Kind::kEachIndex: return true;
        default: return false;
    }
}

Status Compiler::bind_key(const HandlerConfig& handler, OperandScope& scope,
                          PlanHandler& out) const {
    const storage::EntityLayout& layout = plan_.entities[out.entity];
    for (const Assignment& assignment : handler.key) {
        if (find_field(layout.key, assignment.field) < 0) {
            return mistake(
                assignment.pos,
                fmt::format("'{}' is no key field of '{}'{}", assignment.field, layout.name,
                            suggest(assignment.field, names_of(layout.key))));
        }
    }
    for (const storage::Field& field : layout.key) {
        const auto found = std::ranges::find(handler.key, field.name, &Assignment::field);
        if (found == handler.key.end()) {
            return mistake(handler.pos,
                           fmt::format("{} of '{}': key field '{}' is missing; the key is {}",
                                       word_of(handler.action), layout.name, field.name,
                                       fmt::join(names_of(layout.key), ", ")));
        }
        PLUMBLINE_TRY(PlanOperand operand,
                      compile_operand(scope, found->value, field.type,
                                      fmt::format("key field '{}.{}'", layout.name, field.name),
                                      OperandUse::kStore));
        out.key.push_back(std::move(operand));
    }
    out.has_early_key = std::ranges::all_of(out.key, is_of_event);
    return ok();
}

Status Compiler::bind_ops(const std::vector<Assignment>& list, OpKind kind, OperandScope& scope,
                          PlanHandler& out) const {
    const storage::EntityLayout& layout = plan_.entities[out.entity];
    for (const Assignment& assignment : list) {
        if (out.action == HandlerAction::kDelete) {
            return mistake(assignment.pos,
                           fmt::format("delete of '{}' takes no {}", layout.name, word_of(kind)));
        }
        const int index = find_field(layout.fields, assignment.field);
        if (index < 0) {
            if (find_field(layout.key, assignment.field) >= 0) {
                return mistake(assignment.pos,
                               fmt::format("{}: '{}' is part of the key of '{}': a row keeps its "
                                           "key, so delete and insert instead",
                                           word_of(kind), assignment.field, layout.name));
            }
            return mistake(
                assignment.pos,
                fmt::format("{}: '{}' has no field '{}'{}", word_of(kind), layout.name,
                            assignment.field, suggest(assignment.field, names_of(layout.fields))));
        }
        PlanOp op;
        op.kind = kind;
        op.field = static_cast<uint16_t>(index);
        const storage::FieldType type = layout.fields[op.field].type;
        if (kind != OpKind::kSet && !type.is_number()) {
            return mistake(assignment.pos,
                           fmt::format("{}: field '{}.{}' is {}, not a number", word_of(kind),
                                       layout.name, assignment.field, to_string(type)));
        }
        PLUMBLINE_TRY(
            op.value,
            compile_operand(scope, assignment.value, type,
                            fmt::format("field '{}.{}'", layout.name, assignment.field),
                            kind == OpKind::kSet ? OperandUse::kStore : OperandUse::kAmount));
        out.ops.push_back(std::move(op));
    }
    return ok();
}

Result<PlanFunction::Param> Compiler::bind_param(const PlanEvent& event,
                                                 const std::string& text) const {
    const auto located = [&](std::span<const std::string> each) -> Result<evm::ValuePath> {
        auto path = event.decoder.compile_path(text, each);
        if (!path) {
            return mistake({}, fmt::format("{}: {}", event.name, path.error().message));
        }
        return path;
    };
    PlanFunction::Param param;
    PLUMBLINE_TRY(param.path, located({}));
    if (param.path.type.is_array() && !param.path.hashed) {
        param.is_array = true;
        param.array = param.path;
        PLUMBLINE_TRY(param.path, located(std::span{&text, 1}));
    }
    if (!field_type_of(param.path.type, param.type)) {
        return mistake({}, fmt::format("{}: '{}' is {}, not one value or an array of them",
                                       event.name, text, to_string(param.path.type)));
    }
    return param;
}

Status Compiler::add_function(EventHandler function) {
    const auto in_handler = [&function](Error error) {
        return std::move(error).with_context(fmt::format("C++ handler '{}'", function.name));
    };
    if (function.name.empty() || function.version.empty() || !function.run) {
        return in_handler(
            Error{ErrorCode::kInvalidArgument, "it needs a name, a version and a function"});
    }
    auto ref = event_named(function.event, {});
    if (!ref) {
        return in_handler(std::move(ref).error());
    }
    PlanEvent& event = plan_.events[ref->event];
    PlanFunction bound;
    for (const std::string& name : function.params) {
        auto param = bind_param(event, name);
        if (!param) {
            return in_handler(std::move(param).error());
        }
        bound.params.push_back(*std::move(param));
    }
    event.needs_txn = event.needs_txn || function.needs_txn;
    bound.handler = std::move(function);
    event.functions.push_back(std::move(bound));
    return ok();
}

}  // namespace

Result<std::shared_ptr<const Plan>> Plan::compile(const Config& config) {
    return compile(config, {});
}

Result<std::shared_ptr<const Plan>> Plan::compile(const Config& config,
                                                  std::vector<EventHandler> handlers) {
    auto impl = std::make_unique<Impl>();
    PLUMBLINE_TRY_VOID(Compiler(config, *impl).run(std::move(handlers)));
    return std::shared_ptr<const Plan>{std::make_shared<Plan>(std::move(impl))};
}

}  // namespace plumbline::engine
