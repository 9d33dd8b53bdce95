// What SQLite reads a text as where it needs a number, and whether its own numbers hold that.
// Pure. Internal to query/sql.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace plumbline::query::sql {

/// The number with which a text begins, behind blanks.
struct NumberPrefix {
    bool is_negative = false;
    std::string_view whole;     ///< digits; may be empty
    std::string_view fraction;  ///< digits behind the point; may be empty
    std::string_view exponent;  ///< "-7" of 1e-7; empty: none
    bool has_point = false;
    bool is_all = false;  ///< nothing but blanks stands behind it
};
/// Empty where SQLite reads 0 of it.
[[nodiscard]] std::optional<NumberPrefix> number_prefix(std::string_view text);

/// Whether its whole part fits in 64 bits.
[[nodiscard]] bool is_whole_held(const NumberPrefix& number);
/// Whether a number of SQL's holds it: 64 bits or, with a point or an exponent, a double of no more
/// than 15 digits or of exactly that value.
[[nodiscard]] bool is_held(const NumberPrefix& number);

/// The same number in its one form (`is_canonical`); empty where that is longer than any that a
/// column holds.
[[nodiscard]] std::optional<std::string> canonical_text(const NumberPrefix& number);

}  // namespace plumbline::query::sql
