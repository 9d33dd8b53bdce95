// Numbers with decimal places as text. A number of `places` is held as an integer that counts units
// of 10^-places: 1.5 with 3 places is 1500.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace plumbline::evm {

/// `units`, an integer in decimal, with its point: "-1500" of 3 places is "-1.5". Zeros at the end
/// and a point with nothing behind it are left out, so a number has one text.
[[nodiscard]] std::string decimal_text(std::string_view units, unsigned places);

/// The reverse: the units of "-1.5", "2" or "0.250" in decimal. Nothing where it is no such number
/// or has, but for zeros at the end, more than `places` behind the point.
[[nodiscard]] std::optional<std::string> units_of_decimal(std::string_view text, unsigned places);

}  // namespace plumbline::evm
