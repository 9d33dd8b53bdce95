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

/// kIncompatible where the stored config does not compile: it did in the version that stored it.
[[nodiscard]] Result<std::shared_ptr<const Plan>> stored_plan(const storage::Database& database);

/// It was compiled with handlers written in C++.
[[nodiscard]] bool has_functions(const Plan& plan);

/// True where handlers written in C++ made entities of the database. Their code is not in it: the
/// stored plan lacks them.
[[nodiscard]] bool is_made_by_functions(const storage::Database& database);

/// kIncompatible, with what to do instead, where `is_made_by_functions` and `plan` has no such
/// handlers: a fold by it would take away what they made.
[[nodiscard]] Status check_functions(const storage::Database& database, const Plan& plan);

}  // namespace plumbline::engine
