// Comparisons of calculated numbers that SQLite would get wrong in silence: to it every text is
// more than every number, and texts of no column are compared by their bytes. Internal to
// query/sql.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "query/sql/sqlite.hpp"

namespace plumbline::query::sql {

struct MixedComparisons {
    /// Functions ("sum", "u256_mul") whose results are compared with a number...
    std::set<std::string> with_number;
    /// ... or sorted, ordered against another value or given to max() or min(), where no collation
    /// says how.
    std::set<std::string> by_bytes;
    /// A number written as text that is ordered against what is calculated, where no collation says
    /// how.
    std::optional<std::string> literal;
};

enum class ParameterKind : uint8_t { kNumber, kNumberAsText, kOther };

/// Read from the program that SQLite makes of the statement (EXPLAIN), so that it is of the
/// comparisons that run; `kind_of` is asked for parameters, counted from 1. What passes through a
/// sorted or stored intermediate table on its way is not seen.
[[nodiscard]] Result<MixedComparisons> find_mixed_comparisons(
    sqlite3* db, std::string_view sql, const std::function<ParameterKind(int parameter)>& kind_of);

}  // namespace plumbline::query::sql
