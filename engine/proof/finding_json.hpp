// Findings for scripts: the commands' --json and the results of tasks.
#pragma once

#include <cstddef>

#include <nlohmann/json.hpp>

#include "engine/proof/finding.hpp"

namespace plumbline::engine {

/// {"kind":..,"entity":..,"key":..,"field":..,"stored":..,"expected":..,"block":..,"log_index":..,
/// "provider":..,"detail":..,"text":..}; what does not apply is left out.
[[nodiscard]] nlohmann::ordered_json to_json(const Finding& finding);
/// The first `limit` of them, as an array.
[[nodiscard]] nlohmann::ordered_json to_json(const Findings& findings, size_t limit);

}  // namespace plumbline::engine
