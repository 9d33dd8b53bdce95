#include "core/evm/decimal_text.hpp"

#include <algorithm>

#include "core/base/ascii.hpp"

namespace plumbline::evm {

std::string decimal_text(std::string_view units, unsigned places) {
    const bool is_negative = units.starts_with('-');
    units.remove_prefix(is_negative ? 1 : 0);
    const std::string digits =
        units.size() > places ? std::string{units}
                              : std::string(places + 1 - units.size(), '0') + std::string{units};
    std::string behind = digits.substr(digits.size() - places);
    behind.erase(behind.find_last_not_of('0') + 1);
    std::string out = is_negative ? "-" : "";
    out.append(digits, 0, digits.size() - places);
    if (!behind.empty()) {
        out += '.';
        out += behind;
    }
    return out;
}

std::optional<std::string> units_of_decimal(std::string_view text, unsigned places) {
    const bool is_negative = text.starts_with('-');
    text.remove_prefix(is_negative ? 1 : 0);
    const size_t point = std::min(text.find('.'), text.size());
    const std::string_view before = text.substr(0, point);
    std::string_view behind = point < text.size() ? text.substr(point + 1) : std::string_view{};
    const bool has_digits = !before.empty() && (point == text.size() || !behind.empty()) &&
                            std::ranges::all_of(before, is_ascii_digit) &&
                            std::ranges::all_of(behind, is_ascii_digit);
    behind = behind.substr(0, behind.find_last_not_of('0') + 1);
    if (!has_digits || behind.size() > places) {
        return std::nullopt;
    }
    std::string out{before};
    out += behind;
    out.append(places - behind.size(), '0');
    out.erase(0, std::min(out.find_first_not_of('0'), out.size() - 1));
    return is_negative && out != "0" ? "-" + out : out;
}

}  // namespace plumbline::evm
