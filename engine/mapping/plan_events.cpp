// Events by the names that the config gives them.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/config/config_text.hpp"
#include "engine/mapping/plan_compile.hpp"

namespace plumbline::engine {

Result<size_t> add_event(CompiledPlan& plan, uint32_t source, const std::string& name,
                         SourcePos pos) {
    const std::string& contract = plan.sources[source].contract;
    auto found = plan.abis[source].find_event(name);
    if (!found) {
        return mistake_at(plan.config_path, pos,
                          fmt::format("contract '{}': {}", contract, found.error().message));
    }
    const evm::AbiEvent& abi = **found;
    for (const uint32_t index : plan.events_of_source[source]) {
        if (plan.events[index].decoder.event() == abi) {
            return size_t{index};
        }
    }
    PLUMBLINE_TRY_VOID(check_anonymous(plan, source, abi, pos));
    const std::vector<evm::Hash>& wanted = plan.sources[source].topics0;
    if (!wanted.empty() &&
        (abi.anonymous || std::ranges::find(wanted, abi.topic0()) == wanted.end())) {
        return mistake_at(plan.config_path, pos,
                          fmt::format("{}.{} is handled, but the contract's list of events "
                                      "leaves it out",
                                      contract, abi.name));
    }
    auto decoder = evm::EventDecoder::compile(abi);
    if (!decoder) {
        return mistake_at(plan.config_path, pos,
                          fmt::format("{}.{}: {}", contract, abi.name, decoder.error().message));
    }
    const auto index = static_cast<uint32_t>(plan.events.size());
    plan.events.push_back(PlanEvent{source,
                                    fmt::format("{}.{}", contract, abi.name),
                                    *std::move(decoder),
                                    false,
                                    {},
                                    {},
                                    {},
                                    {}});
    plan.events_of_source[source].push_back(index);
    return size_t{index};
}

Result<size_t> add_event(CompiledPlan& plan, const std::string& name, SourcePos pos) {
    const size_t dot = name.find('.');
    if (dot == std::string::npos || dot == 0 || dot + 1 == name.size()) {
        return mistake_at(plan.config_path, pos,
                          fmt::format("event {}: write contract.Event", in_quotes(name)));
    }
    const std::string contract = name.substr(0, dot);
    const int source = find_source(plan, contract);
    if (source < 0) {
        return mistake_at(plan.config_path, pos,
                          fmt::format("event {}: unknown contract '{}'{}", in_quotes(name),
                                      contract, suggest(contract, contract_names(plan))));
    }
    return add_event(plan, static_cast<uint32_t>(source), name.substr(dot + 1), pos);
}

}  // namespace plumbline::engine
