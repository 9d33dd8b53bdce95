// What SQLite would compare, sort or calculate otherwise than numbers of any size are: to it every
// text is more than every number, texts that no collation goes with are ordered by their bytes, and
// a number that does not fit in 64 bits is calculated in floating point. Internal to query/sql.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "query/sql/sqlite.hpp"
#include "query/sql/statement_words.hpp"
#include "query/sql/table.hpp"
#include "query/sql/value_flow.hpp"
#include "query/sql/value_kind.hpp"
#include "query/sql/whole_watch.hpp"

namespace plumbline::query::sql {

/// What a floating point number in a column of the answer is.
enum class Floating : uint8_t {
    kItself,
    kPast64,  ///< of what is calculated of whole numbers alone: it did not fit in 64 bits
    kKept,    ///< a whole number that did not fit where the rows of a subquery were kept
};

/// What only the rows tell is watched while the statement runs: `Statement`.
struct WatchedValues {
    std::vector<WatchedColumn> columns;
    bool has_sum = false;      ///< none may be past 64 bits
    bool has_low_sum = false;  ///< none may be below them
    bool has_narrow_sums = false;
    bool sum_is_text = false;
    /// It compares, sorts or changes what may be calculated beyond 64 bits; of which numbers that
    /// is not so, the watch asks.
    bool uses_past_64 = false;
    bool drops_bits = false;  ///< it shifts what may not fit then
    WholeWatch::StaysWhole stays_whole;
    std::string whole_words;       ///< `Statement`
    std::vector<Floating> answer;  ///< of each column
};

struct CheckSources {
    /// Counted from 1.
    std::function<KnownValue(int parameter)> value_of_parameter;
    /// By SQLite's name of the virtual table in EXPLAIN; null: not one of ours.
    std::function<const Table*(std::string_view name)> table_of;
};

/// Read from the program that SQLite makes of `sql` (EXPLAIN), so that it is of what runs, and from
/// its `words`.
/// kInvalidArgument: the answer could be wrong, with what to write instead; kTooLarge: it is too
/// long to tell. What `sources` refers to must stay until the statement has run.
[[nodiscard]] Result<WatchedValues> check_comparisons(sqlite3* db, std::string_view sql,
                                                      const StatementWords& words,
                                                      const CheckSources& sources);

}  // namespace plumbline::query::sql
