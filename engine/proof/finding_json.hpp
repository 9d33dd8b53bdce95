// Findings for scripts: the commands' --json and the results of tasks.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/json_writer.hpp"
#include "engine/proof/finding.hpp"

namespace plumbline::engine {

/// {"kind":..,"entity":..,"key":..,"field":..,"stored":..,"expected":..,"block":..,"log_index":..,
/// "provider":..,"detail":..,"text":..}; what does not apply is left out.
void write_finding(JsonWriter& json, const Finding& finding);
/// The first `limit` of them, as an array; fewer where they would be longer than `bytes_max`.
void write_findings(JsonWriter& json, const Findings& findings, size_t limit,
                    size_t bytes_max = SIZE_MAX);

}  // namespace plumbline::engine
