// The plan that a database was built with, from what the database itself carries: offline tools
// need nothing but its directory.
#pragma once

#include <memory>

#include "core/base/result.hpp"
#include "engine/config/config.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/database.hpp"

namespace plumbline::engine {

/// The config as the database keeps it: without secrets.
[[nodiscard]] Result<Config> stored_config(const storage::Database& database);

/// kCorruption where the stored config does not compile (it did when it was stored).
[[nodiscard]] Result<std::shared_ptr<const Plan>> stored_plan(const storage::Database& database);

}  // namespace plumbline::engine
