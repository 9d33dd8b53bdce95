// What a stranger's statement may do. Internal to query/sql.
#pragma once

#include "query/sql/session.hpp"
#include "query/sql/sqlite.hpp"

namespace plumbline::query::sql {

/// From here on the connection takes nothing but SELECT, with listed functions, within limits; it
/// touches no file and loads no code.
[[nodiscard]] Status make_safe(sqlite3* db, const SqlLimits& limits);

/// In place of SQLite's own, which take the product of what they are given. Part of `make_safe`.
[[nodiscard]] Status add_search_functions(sqlite3* db);
/// In place of SQLite's own, which write as long as they are told to. Part of `make_safe`.
[[nodiscard]] Status add_format_functions(sqlite3* db);
/// abs() in place of SQLite's own, which makes a floating point number of a text.
[[nodiscard]] Status add_exact_functions(sqlite3* db);

}  // namespace plumbline::query::sql
