// From the parsed config to the plan: contracts and entities, then all that names them. The
// mistakes of either stage are told together.
#include "engine/mapping/plan_compile.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/config/config_text.hpp"
#include "engine/config/operand_parse.hpp"
#include "engine/mapping/block_tick.hpp"
#include "engine/mapping/coverage_gaps.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kEntitiesMax = 1000;
constexpr size_t kFieldsMax = 4000;

/// One compilation. One thread.
class Compiler {
  public:
    Compiler(const Config& config, CompiledPlan& plan) : config_{config}, plan_{plan} {}

    [[nodiscard]] Status run(std::vector<EventHandler> functions);

  private:
    [[nodiscard]] Error mistake(SourcePos pos, std::string_view message) const {
        return mistake_at(config_.path, pos, message);
    }
    [[nodiscard]] Status add_users(std::vector<EventHandler> functions);
    void make_bundle();
    [[nodiscard]] std::string fingerprint_with(std::vector<std::string> names);
    [[nodiscard]] Status add_contract(const ContractConfig& contract);
    void add_ticks();
    void start_ticks();
    [[nodiscard]] Status add_entity(const EntityConfig& entity);
    [[nodiscard]] Status add_indexes(const EntityConfig& entity, storage::EntityLayout& layout);
    [[nodiscard]] Status add_drop(const EntityConfig& entity, size_t index);
    [[nodiscard]] Result<evm::Abi> read_abis(const ContractConfig& contract) const;
    [[nodiscard]] Status add_factories(const ContractConfig& contract, uint32_t source);
    [[nodiscard]] Result<std::string> add_factory(const ContractConfig& contract, uint32_t source,
                                                  const FactoryConfig& factory);
    [[nodiscard]] Result<evm::ValuePath> find_addresses(const ContractConfig& contract,
                                                        const PlanEvent& event,
                                                        const FactoryConfig& factory) const;

    const Config& config_;
    CompiledPlan& plan_;
    /// Of the sources, without those of their factories.
    std::vector<std::string> own_fingerprints_;
};

Status Compiler::run(std::vector<EventHandler> functions) {
    plan_.config_path = config_.path;
    if (config_.entities.size() > kEntitiesMax) {
        return mistake({}, fmt::format("{} entities; at most {} are possible",
                                       config_.entities.size(), kEntitiesMax));
    }
    Mistakes of_what_is_named;
    for (const ContractConfig& contract : config_.contracts) {
        of_what_is_named.add(add_contract(contract));
    }
    for (const EntityConfig& entity : config_.entities) {
        of_what_is_named.add(add_entity(entity));
    }
    PLUMBLINE_TRY_VOID(of_what_is_named.all());
    add_ticks();
    PLUMBLINE_TRY_VOID(add_users(std::move(functions)));
    for (const PlanEvent& event : plan_.events) {
        plan_.needs_txn = plan_.needs_txn || event.txn_needs.any();
        plan_.has_calls = plan_.has_calls || event.has_calls;
        if (event.decoder.event().anonymous) {
            plan_.sources[event.source].abi_topics0.clear();
        }
    }
    plan_.index_events();
    make_bundle();
    name_wanted_events(plan_.sources);
    return ok();
}

/// What names contracts and entities, all of which are there.
Status Compiler::add_users(std::vector<EventHandler> functions) {
    Mistakes mistakes;
    plan_.drops.resize(plan_.entities.size());
    for (size_t i = 0; i < config_.entities.size(); ++i) {
        mistakes.add(add_drop(config_.entities[i], i));
    }
    for (uint32_t i = 0; i < config_.contracts.size(); ++i) {
        mistakes.add(add_factories(config_.contracts[i], i));
    }
    set_first_blocks(plan_.sources);
    start_ticks();
    for (const Source& source : plan_.sources) {
        own_fingerprints_.push_back(source.fingerprint);
    }
    name_children(plan_.sources);
    for (uint32_t on = 0; on < config_.handlers.size(); ++on) {
        mistakes.add(compile_handler(config_.handlers[on], on, plan_));
    }
    for (EventHandler& function : functions) {
        mistakes.add(compile_function(std::move(function), plan_));
    }
    mistakes.add(compile_states(config_, plan_));
    return mistakes.all();
}

void Compiler::make_bundle() {
    storage::SchemaBundle& bundle = plan_.bundle;
    bundle.fingerprint = schema_fingerprint(config_, plan_);
    plan_.format_one_fingerprint = fingerprint_with(std::move(own_fingerprints_));
    bundle.config_text = config_.text;
    for (const ContractConfig& contract : config_.contracts) {
        for (const AbiFile& file : contract.abis) {
            const bool is_known = std::ranges::any_of(
                bundle.abis, [&](const auto& abi) { return abi.first == file.file; });
            if (!is_known) {
                bundle.abis.emplace_back(file.file, file.text);
            }
        }
    }
    bundle.entities = plan_.entities;
}

/// That of the plan with its sources named so; empty where that is how they are named.
std::string Compiler::fingerprint_with(std::vector<std::string> names) {
    const auto swap_names = [&] {
        for (size_t i = 0; i < names.size(); ++i) {
            std::swap(plan_.sources[i].fingerprint, names[i]);
        }
    };
    swap_names();
    std::string out = schema_fingerprint(config_, plan_);
    swap_names();
    return out == plan_.bundle.fingerprint ? std::string{} : out;
}

/// All of its ABI files as one.
Result<evm::Abi> Compiler::read_abis(const ContractConfig& contract) const {
    evm::Abi out;
    for (const AbiFile& file : contract.abis) {
        auto abi = evm::read_abi(file.text, file.contract);
        if (!abi) {
            return mistake(contract.pos, fmt::format("contract '{}': ABI {}: {}", contract.name,
                                                     in_quotes(file.file), abi.error().message));
        }
        out.add(*abi);
    }
    return out;
}

Status Compiler::add_contract(const ContractConfig& contract) {
    if (find_source(plan_, contract.name) >= 0) {
        return mistake(contract.pos, fmt::format("contract '{}' stands here twice", contract.name));
    }
    PLUMBLINE_TRY(evm::Abi abi, read_abis(contract));
    Source source;
    source.contract = contract.name;
    source.addresses = contract.addresses;
    source.any_address = contract.any_address;
    source.has_factory = !contract.factories.empty();
    source.start_block = contract.start_block;
    source.end_block = contract.end_block;
    const auto add_topic = [](std::vector<evm::Hash>& topics, const evm::AbiEvent& event) {
        if (const evm::Hash topic = event.topic0();
            std::ranges::find(topics, topic) == topics.end()) {
            topics.push_back(topic);
        }
    };
    for (const evm::AbiEvent& event : abi.events) {
        if (!event.anonymous) {
            add_topic(source.abi_topics0, event);
        }
    }
    bool any_event = contract.events.empty();
    for (const std::string& name : contract.events) {
        auto found = abi.find_events(name);
        if (!found) {
            return mistake(contract.pos, fmt::format("contract '{}': events: {}", contract.name,
                                                     found.error().message));
        }
        // An anonymous event has no topic to ask for.
        any_event = any_event || found->front()->anonymous;
        add_topic(source.topics0, *found->front());
    }
    if (any_event) {
        source.topics0.clear();
    }
    PLUMBLINE_TRY_VOID(add_filters(plan_, contract, abi, source));
    if (contract.any_address) {
        if (source.topics0.empty() && contract.events.empty()) {
            source.topics0 = source.abi_topics0;
        }
        // Without a topic there would be nothing to look for but everything.
        if (source.topics0.empty() || !contract.anonymous.empty()) {
            return mistake(contract.pos,
                           fmt::format("contract '{}': of address = \"*\" only events with a topic "
                                       "of their own can be looked for; its ABI has none, or an "
                                       "anonymous one is named",
                                       contract.name));
        }
    }
    plan_.sources.push_back(std::move(source));
    plan_.abis.push_back(std::move(abi));
    plan_.events_of_source.emplace_back();
    plan_.always_anonymous.emplace_back();
    return add_anonymous(plan_, static_cast<uint32_t>(plan_.sources.size() - 1), contract);
}

/// A source for each interval of blocks that handlers name, behind the contracts.
void Compiler::add_ticks() {
    for (const HandlerConfig& handler : config_.handlers) {
        const uint64_t blocks = handler.every_blocks;
        if (blocks == 0 || find_source(plan_, tick_contract(blocks)) >= 0) {
            continue;
        }
        Source source = make_tick_source(blocks);
        ContractConfig named;
        named.name = source.contract;
        named.addresses = source.addresses;
        source.fingerprint = source_fingerprint(named, {}, source);
        plan_.sources.push_back(std::move(source));
        plan_.abis.push_back(tick_abi());
        plan_.events_of_source.emplace_back();
        plan_.always_anonymous.emplace_back();
    }
}

/// They begin where the first contract does.
void Compiler::start_ticks() {
    uint64_t first = UINT64_MAX;
    for (const Source& source : plan_.sources) {
        first = source.every_blocks == 0 ? std::min(first, source.first_block) : first;
    }
    for (Source& source : plan_.sources) {
        if (source.every_blocks != 0) {
            source.start_block = first == UINT64_MAX ? 0 : first;
            source.first_block = source.start_block;
        }
    }
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
        entity.state, [](const StateConfig& state) { return state.deleted.has_value(); });
    plan_.codecs.emplace_back(layout);
    plan_.entities.push_back(std::move(layout));
    plan_.entity_pos.push_back(entity.pos);
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
    OperandScope scope{plan_, nullptr, &plan_.entities[index], {}, {}};
    PLUMBLINE_TRY(PlanCondition condition, compile_condition(scope, *entity.drop));
    plan_.drops[index].push_back(std::move(condition));
    return ok();
}

/// Binds the event, in all of its shapes, to the children of `source`. Gives the factory as a text
/// for the fingerprint.
Result<std::string> Compiler::add_factory(const ContractConfig& contract, uint32_t source,
                                          const FactoryConfig& factory) {
    const int from = find_source(plan_, factory.contract);
    if (from < 0) {
        return mistake_at(
            config_.path, factory.pos,
            fmt::format("factory of '{}': unknown contract '{}'{}", contract.name, factory.contract,
                        suggest(factory.contract, contract_names(plan_))));
    }
    PLUMBLINE_TRY(const std::vector<size_t> shapes,
                  add_events(plan_, static_cast<uint32_t>(from), factory.event, factory.pos));
    for (const size_t index : shapes) {
        PlanEvent& event = plan_.events[index];
        PLUMBLINE_TRY_VOID(tell_anonymous(plan_, event, nullptr, factory.pos));
        auto path = find_addresses(contract, event, factory);
        if (!path) {
            return of_shape(std::move(path).error(), plan_, shapes, index);
        }
        event.children.push_back({source, *std::move(path)});
    }
    Source& child = plan_.sources[source];
    if (std::ranges::find(child.parents, static_cast<uint32_t>(from)) == child.parents.end()) {
        child.parents.push_back(static_cast<uint32_t>(from));
    }
    child.since = factory.since;
    child.since_block = factory.since_block;
    const evm::AbiEvent& abi = plan_.events[shapes.front()].decoder.event();
    return fmt::format(
        "{}.{} {}", factory.contract,
        shapes.size() == 1 && plan_.abis[static_cast<size_t>(from)].find_event(abi.signature())
            ? abi.signature()
            : abi.shape(),
        factory.address_param);
}

/// Where the factory's event has the addresses.
Result<evm::ValuePath> Compiler::find_addresses(const ContractConfig& contract,
                                                const PlanEvent& event,
                                                const FactoryConfig& factory) const {
    const std::string purpose = fmt::format("the factory address of '{}'", contract.name);
    if (auto path = event.decoder.compile_walk(factory.address_param)) {
        if (path->type.kind == evm::TypeKind::kAddress && !path->hashed) {
            return path;
        }
        if (std::ranges::find(path->steps, evm::ValuePath::kEach) != path->steps.end()) {
            return mistake_at(
                config_.path, factory.address_pos,
                fmt::format("{}: {}: '{}' is a list of {}, not of addresses", purpose, event.name,
                            factory.address_param, evm::to_string(path->type)));
        }
    }
    OperandScope scope{plan_, &event, nullptr, {}, {}};
    Operand name;
    name.kind = Operand::Kind::kName;
    name.pos = factory.address_pos;
    name.source = factory.address_param;
    for (size_t from_char = 0; from_char <= factory.address_param.size();) {
        const size_t dot =
            std::min(factory.address_param.find('.', from_char), factory.address_param.size());
        name.path.push_back(factory.address_param.substr(from_char, dot - from_char));
        from_char = dot + 1;
    }
    PLUMBLINE_TRY(PlanOperand operand,
                  compile_operand(scope, name, {storage::FieldKind::kAddress, 160}, purpose,
                                  OperandUse::kPlace));
    return std::move(operand.path);
}

Status Compiler::add_factories(const ContractConfig& contract, uint32_t source) {
    Mistakes mistakes;
    std::vector<std::string> texts;
    for (const FactoryConfig& factory : contract.factories) {
        auto text = add_factory(contract, source, factory);
        if (mistakes.add(text)) {
            texts.push_back(*std::move(text));
        }
    }
    PLUMBLINE_TRY_VOID(mistakes.all());
    plan_.sources[source].fingerprint = source_fingerprint(contract, texts, plan_.sources[source]);
    return ok();
}

}  // namespace

Status compile_plan(const Config& config, std::vector<EventHandler> handlers, CompiledPlan& plan) {
    return Compiler{config, plan}.run(std::move(handlers));
}

}  // namespace plumbline::engine
