// SQLite's values as numbers of any size, and what functions give of them. Internal to query/sql.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "query/sql/number.hpp"
#include "query/sql/sqlite.hpp"

namespace plumbline::query::sql {

/// Until the value changes.
[[nodiscard]] std::string_view view_of(sqlite3_value* value);
/// For a message; ".." behind it where that is not all.
[[nodiscard]] std::string cut(std::string_view text);

void give_text(sqlite3_context* context, const std::string& text);
void give_error(sqlite3_context* context, const std::string& message);

/// A whole or decimal number; empty for anything else.
[[nodiscard]] std::optional<Number> number_in(sqlite3_value* value);
/// The same; an error of the statement for anything else.
[[nodiscard]] std::optional<Number> read_number(sqlite3_context* context, sqlite3_value* value,
                                                std::string_view function);

}  // namespace plumbline::query::sql
