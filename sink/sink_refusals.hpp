// What would stop a sink at its start, found without taking anything over: for `check`, the doctor,
// and the sink itself before it takes its cursor.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "engine/config/config.hpp"
#include "engine/mapping/plan.hpp"

namespace plumbline::sink {

/// Each with what to do; changes nothing. kUnavailable where PostgreSQL does not answer.
[[nodiscard]] Result<std::vector<std::string>> find_refusals(const engine::SinkConfig& config,
                                                             const engine::Plan& plan,
                                                             uint64_t chain_id, int64_t silence_ms);

}  // namespace plumbline::sink
