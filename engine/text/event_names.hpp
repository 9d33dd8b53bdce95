// Whether a contract or an event that a question names is one of the config's.
#pragma once

#include <string_view>

#include "core/base/result.hpp"
#include "engine/mapping/plan.hpp"

namespace plumbline::engine {

/// kInvalidArgument, with the names that there are, where the config has no such contract, or no
/// ABI (of that contract) such an event. Empty: any. A contract whose ABI has no events may be
/// asked for.
[[nodiscard]] Status check_event_names(const Plan& plan, std::string_view contract,
                                       std::string_view event);

/// The same of "hub.VoteCast" or "hub.*", as the live stream and webhooks name events.
[[nodiscard]] Status check_event_pattern(const Plan& plan, std::string_view pattern);

}  // namespace plumbline::engine
