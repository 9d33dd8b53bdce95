// How answers show a repair.
#pragma once

#include <optional>

#include "core/base/json_writer.hpp"
#include "engine/task/repair_runs.hpp"

namespace plumbline::api {

/// null where there is none.
void write_repair_run(JsonWriter& json, const std::optional<engine::RepairRun>& run);

}  // namespace plumbline::api
