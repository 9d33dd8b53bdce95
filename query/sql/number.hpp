// Numbers of any size as SQL sees them: text in one form only, digits without leading zeros, a
// minus where they are negative, a point where they have decimal places, no zeros at their end. So
// texts are equal where the numbers are, and the order is by sign, length and bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/evm/int512.hpp"

namespace plumbline::query::sql {

/// "0", "-17", "2.5"; not "007", "-0", "1.50", "1e18", "0x10", " 1".
[[nodiscard]] bool is_canonical(std::string_view text) noexcept;

/// Whether a canonical number is whole and an SQL integer.
[[nodiscard]] bool fits_integer(std::string_view text) noexcept;
/// Whether a double tells it from all others of so many digits.
[[nodiscard]] bool fits_double(std::string_view text) noexcept;

/// Whether a canonical number is none of 64 bits but -2^63 as a double.
[[nodiscard]] bool becomes_least(std::string_view text) noexcept;

/// Negative, 0 or positive. Both must be canonical.
[[nodiscard]] int compare_canonical(std::string_view a, std::string_view b) noexcept;

/// A number: units of 10^-places.
struct Number {
    evm::Int512 units;
    unsigned places = 0;  ///< at most `kPlacesMax`
};
inline constexpr unsigned kPlacesMax = 72;

/// Empty where the text is not canonical or too large.
[[nodiscard]] std::optional<Number> parse_number(std::string_view text);
/// Canonical.
[[nodiscard]] std::string to_text(const Number& number);

/// The same number in units of 10^-places; false where that would lose digits or is too large.
[[nodiscard]] bool rescale(Number& number, unsigned places) noexcept;

enum class Operation : uint8_t { kAdd, kSub, kMul, kDiv, kMod };

/// Exact; division truncates towards zero to `places` (kMod: of whole numbers only). Empty where
/// the result does not fit or the divisor is zero.
[[nodiscard]] std::optional<Number> calculate(Operation operation, const Number& a, const Number& b,
                                              unsigned places = 0);

/// A number held against whole units of 10^-places: `units` of them are at or below it.
struct Units {
    evm::Int512 units;
    bool has_rest = false;  ///< it lies above `units`
};
/// Empty where the text is not canonical. What is beyond 512 bits is the end of their range.
[[nodiscard]] std::optional<Units> units_of(std::string_view text, unsigned places);

}  // namespace plumbline::query::sql
