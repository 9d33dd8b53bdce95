// What a comparison in SQL asks of a column, as a condition on stored values: exact, or refused.
// Internal to query/sql.
#pragma once

#include <optional>

#include "query/condition.hpp"
#include "query/sql/sqlite.hpp"

namespace plumbline::query::sql {

/// What a comparison comes to.
struct Asked {
    bool is_never = false;   ///< no value can be so
    bool is_always = false;  ///< every value is so, but for null
    Condition condition;     ///< else; its column is the caller's to set
};

/// `column <compare> value` for a column of `type`; not for kIn. Null equals nothing: `IS NULL` is
/// not asked here. kInvalidArgument where SQL's own
/// rules would compare something else than what is written: a number that is no canonical decimal
/// text held against a wide column, a text that is no address against an address.
[[nodiscard]] Result<Asked> ask_value(storage::FieldType type, Compare compare,
                                      sqlite3_value* value);

/// `column in (...)`, with the values that `sqlite3_vtab_in` gave as one.
[[nodiscard]] Result<Asked> ask_in(storage::FieldType type, sqlite3_value* list);

}  // namespace plumbline::query::sql
