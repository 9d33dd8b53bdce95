// What another config than the stored one would take from a database, before anything is touched.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/database.hpp"

namespace plumbline::engine {

/// Asked before a database is folded by `plan`, which may not be what it was made by.
/// kIncompatible, unless `may_replace`, where it holds rows and `plan` follows no contract that
/// they are of, so that none of them would stay: such a config was hardly meant for it. The message
/// says what is there, what `plan` has instead, and what to do; `config` is how people know that
/// config. Of a lesser change a line of the log says what it takes away.
[[nodiscard]] Status check_change(const storage::Database& database, const Plan& plan,
                                  std::string_view config, bool may_replace);

/// Contracts, parts of their events, and entities with their rows that the stored config has and
/// `plan` has not: "contract hub (0x5FbD...), entity vote (12 rows)".
[[nodiscard]] std::string describe_dropped(const storage::Database& database, const Plan& stored,
                                           const Plan& plan);

}  // namespace plumbline::engine
