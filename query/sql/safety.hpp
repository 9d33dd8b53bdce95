// What a stranger's statement may do. Internal to query/sql.
#pragma once

#include "query/sql/session.hpp"
#include "query/sql/sqlite.hpp"

namespace plumbline::query::sql {

/// From here on the connection takes nothing but SELECT, with listed functions, within limits; it
/// touches no file and loads no code.
[[nodiscard]] Status make_safe(sqlite3* db, const SqlLimits& limits);

}  // namespace plumbline::query::sql
