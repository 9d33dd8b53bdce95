// Events by the names that the config gives them.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/config/config_text.hpp"
#include "engine/mapping/plan_compile.hpp"

namespace plumbline::engine {

namespace {

/// The one of that shape, as an index into `plan.events`.
Result<size_t> add_shape(CompiledPlan& plan, uint32_t source, const evm::AbiEvent& abi,
                         SourcePos pos) {
    const std::string& contract = plan.sources[source].contract;
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
                          fmt::format("{}.{} is handled, but the contract's `events` leaves it "
                                      "out, or its `filter` alone says what is asked for",
                                      contract, abi.name));
    }
    auto decoder = evm::EventDecoder::compile(abi);
    if (!decoder) {
        return mistake_at(plan.config_path, pos,
                          fmt::format("{}.{}: {}", contract, abi.name, decoder.error().message));
    }
    const auto index = static_cast<uint32_t>(plan.events.size());
    plan.events.push_back(
        PlanEvent{source, fmt::format("{}.{}", contract, abi.name), *std::move(decoder)});
    plan.events_of_source[source].push_back(index);
    return size_t{index};
}

}  // namespace

Result<std::vector<size_t>> add_events(CompiledPlan& plan, uint32_t source, const std::string& name,
                                       SourcePos pos) {
    if (plan.abis[source].events.empty()) {
        // One sentence, however many handlers name it.
        return mistake_at(plan.config_path, {},
                          fmt::format("contract '{}': its ABI has no events; of a proxy, give the "
                                      "ABI of its implementation",
                                      plan.sources[source].contract));
    }
    auto found = plan.abis[source].find_events(name);
    if (!found) {
        return mistake_at(
            plan.config_path, pos,
            fmt::format("contract '{}': {}", plan.sources[source].contract, found.error().message));
    }
    std::vector<size_t> out;
    for (const evm::AbiEvent* event : *found) {
        PLUMBLINE_TRY(const size_t index, add_shape(plan, source, *event, pos));
        out.push_back(index);
    }
    return out;
}

Error of_shape(Error error, const CompiledPlan& plan, const std::vector<size_t>& shapes,
               size_t index) {
    if (shapes.size() < 2) {
        return error;
    }
    std::string choices;
    for (const size_t shape : shapes) {
        const PlanEvent& event = plan.events[shape];
        choices += fmt::format("{}{}.{}", choices.empty() ? "" : " or ",
                               plan.sources[event.source].contract, event.decoder.event().shape());
    }
    error.message += fmt::format(" (in the shape {}; to handle one only, write {})",
                                 plan.events[index].decoder.event().shape(), choices);
    return error;
}

Result<std::vector<size_t>> add_events(CompiledPlan& plan, const std::string& name, SourcePos pos) {
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
    return add_events(plan, static_cast<uint32_t>(source), name.substr(dot + 1), pos);
}

}  // namespace plumbline::engine
