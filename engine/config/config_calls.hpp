// `calls` of a [[on]], as the file says it.
#pragma once

#include "engine/config/config.hpp"
#include "engine/config/config_section.hpp"
#include "engine/config/operand_scanner.hpp"

namespace plumbline::engine {

/// Into `out.calls`; names of contracts and functions are for the plan to look up.
[[nodiscard]] Status read_calls(const Section& handler, HandlerConfig& out);

}  // namespace plumbline::engine
