// What the program of a statement no longer tells, read from its words. Internal to query/sql.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace plumbline::query::sql {

/// Behind the quoted text, name or comment that begins at `at`; `at` itself where none does.
[[nodiscard]] size_t skip_quoted_or_comment(std::string_view sql, size_t at);
/// Of names and numbers.
[[nodiscard]] bool is_name_part(char c) noexcept;

struct StatementWords {
    size_t orders = 0;            ///< how often ORDER BY is written
    bool has_window = false;      ///< OVER is written
    bool has_json_tree = false;   ///< json_tree() is asked
    bool has_outer_join = false;  ///< LEFT, RIGHT or FULL is written
    /// It asks one table about columns held against values, joined by AND, and calculates nothing:
    /// then the table compares all.
    bool is_plain = false;
    /// The most arguments that a min() or max() has.
    size_t extreme_arguments = 0;
    /// The same of printf() and others that take any number.
    size_t list_arguments = 1;
};
[[nodiscard]] StatementWords read_words(std::string_view sql);

/// The same statement with `cast(likely(..) as text)` for `cast(.. as text)`, which SQLite would
/// order and compare as what is in it: a column's collation goes through a cast, and not through a
/// function.
[[nodiscard]] std::string with_casts_to_text(std::string_view sql);

}  // namespace plumbline::query::sql
