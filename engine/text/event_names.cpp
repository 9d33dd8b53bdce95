#include "engine/text/event_names.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "core/base/near_name.hpp"

namespace plumbline::engine {

namespace {

using Names = std::vector<std::string>;

void add_once(Names& names, const std::string& name) {
    if (std::ranges::find(names, name) == names.end()) {
        names.push_back(name);
    }
}

bool has(const Names& names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
}

}  // namespace

Status check_event_names(const Plan& plan, std::string_view contract, std::string_view event) {
    Names contracts;
    Names events;
    for (size_t i = 0; i < plan.sources().size(); ++i) {
        const std::string& name = plan.sources()[i].contract;
        add_once(contracts, name);
        if (!contract.empty() && name != contract) {
            continue;
        }
        for (const evm::AbiEvent& known : plan.abi(i).events) {
            add_once(events, known.name);
        }
    }
    if (!contract.empty() && !has(contracts, contract)) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("no contract '{}'{}", contract, suggest(contract, contracts))};
    }
    if (!event.empty() && !has(events, event)) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("no event '{}'{}{}", event,
                                 contract.empty() ? "" : fmt::format(" of {}", contract),
                                 suggest(event, events))};
    }
    return ok();
}

Status check_event_pattern(const Plan& plan, std::string_view pattern) {
    const size_t dot = pattern.find('.');
    if (dot == 0 || dot == std::string_view::npos || dot + 1 == pattern.size()) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("'{}' is no event: write CONTRACT.EVENT or CONTRACT.*", pattern)};
    }
    const std::string_view event = pattern.substr(dot + 1);
    return check_event_names(plan, pattern.substr(0, dot), event == "*" ? "" : event);
}

}  // namespace plumbline::engine
