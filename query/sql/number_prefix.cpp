#include "query/sql/number_prefix.hpp"

#include <charconv>

#include <fmt/format.h>

#include "core/base/ascii.hpp"
#include "query/sql/number.hpp"

namespace plumbline::query::sql {

namespace {

constexpr std::string_view kSqlBlanks = " \t\n\v\f\r";
/// More digits than any column has, before and behind the point.
constexpr int kPlacesShown = 400;

std::string_view take_digits(std::string_view& text) {
    size_t end = 0;
    while (end < text.size() && is_ascii_digit(text[end])) {
        ++end;
    }
    const std::string_view out = text.substr(0, end);
    text.remove_prefix(end);
    return out;
}

/// "-7" of "e-7"; nothing is taken where no digit follows.
std::string_view take_exponent(std::string_view& text) {
    if (text.empty() || ascii_lower(text[0]) != 'e') {
        return {};
    }
    const size_t sign = text.size() > 1 && (text[1] == '-' || text[1] == '+') ? 1 : 0;
    std::string_view rest = text.substr(1 + sign);
    const std::string_view digits = take_digits(rest);
    if (digits.empty()) {
        return {};
    }
    const std::string_view out = text.substr(1, sign + digits.size());
    text = rest;
    return out;
}

/// Without zeros in front and at the end of a fraction; no minus before a zero.
std::string in_one_form(bool is_negative, std::string whole, std::string fraction) {
    whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
    fraction.erase(fraction.find_last_not_of('0') + 1);
    std::string out = whole.empty() ? "0" : whole;
    out += fraction.empty() ? "" : "." + fraction;
    return is_negative && out != "0" ? "-" + out : out;
}

}  // namespace

std::optional<NumberPrefix> number_prefix(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(kSqlBlanks), text.size()));
    NumberPrefix out;
    if (text.starts_with('-') || text.starts_with('+')) {
        out.is_negative = text[0] == '-';
        text.remove_prefix(1);
    }
    out.whole = take_digits(text);
    if (text.starts_with('.')) {
        out.has_point = true;
        text.remove_prefix(1);
        out.fraction = take_digits(text);
    }
    if (out.whole.empty() && out.fraction.empty()) {
        return std::nullopt;
    }
    out.exponent = take_exponent(text);
    out.is_all = text.find_first_not_of(kSqlBlanks) == std::string_view::npos;
    return out;
}

bool is_whole_held(const NumberPrefix& number) {
    return fits_integer(in_one_form(number.is_negative, std::string{number.whole}, ""));
}

bool is_held(const NumberPrefix& number) {
    if (!number.has_point && number.exponent.empty()) {
        return is_whole_held(number);
    }
    const std::string text = fmt::format(
        "{}{}.{}{}{}", number.is_negative ? "-" : "", number.whole.empty() ? "0" : number.whole,
        number.fraction.empty() ? "0" : number.fraction, number.exponent.empty() ? "" : "e",
        number.exponent.substr(number.exponent.starts_with('+') ? 1 : 0));
    double value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc{}) {
        return false;
    }
    // Of the digits alone, wherever the point is.
    const std::string_view kept =
        number.fraction.substr(0, number.fraction.find_last_not_of('0') + 1);
    if (fits_double(in_one_form(false, std::string{number.whole} + std::string{kept}, ""))) {
        return true;
    }
    const std::string all_digits = fmt::format("{:.{}f}", value, kPlacesShown);
    const auto exact = number_prefix(all_digits);
    const auto wanted = canonical_text(number);
    return exact && wanted && canonical_text(*exact) == wanted;
}

std::optional<std::string> canonical_text(const NumberPrefix& number) {
    std::string whole{number.whole};
    std::string fraction{number.fraction};
    if (!number.exponent.empty()) {
        const std::string_view digits =
            number.exponent.substr(number.exponent.starts_with('+') ? 1 : 0);
        int shift = 0;
        const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), shift);
        if (read.ec != std::errc{} || shift > kPlacesShown || shift < -kPlacesShown) {
            return std::nullopt;
        }
        for (; shift > 0; --shift) {
            whole += fraction.empty() ? '0' : fraction.front();
            fraction.erase(0, 1);
        }
        for (; shift < 0; ++shift) {
            fraction.insert(0, 1, whole.empty() ? '0' : whole.back());
            whole.erase(whole.empty() ? 0 : whole.size() - 1);
        }
    }
    std::string out = in_one_form(number.is_negative, std::move(whole), std::move(fraction));
    return out.size() > 2 * kPlacesShown ? std::nullopt : std::optional{std::move(out)};
}

}  // namespace plumbline::query::sql
