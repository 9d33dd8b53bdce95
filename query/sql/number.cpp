#include "query/sql/number.hpp"

#include <algorithm>
#include <charconv>

#include "core/base/ascii.hpp"
#include "core/evm/decimal_text.hpp"

namespace plumbline::query::sql {

namespace {

using evm::Int512;

struct Parts {
    bool negative = false;
    std::string_view whole;
    std::string_view fraction;
};

bool all_digits(std::string_view text) noexcept {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

Parts split(std::string_view text) noexcept {
    Parts out;
    out.negative = text.starts_with('-');
    text.remove_prefix(out.negative ? 1 : 0);
    const size_t point = std::min(text.find('.'), text.size());
    out.whole = text.substr(0, point);
    out.fraction = point < text.size() ? text.substr(point + 1) : std::string_view{};
    return out;
}

/// False where it does not fit; `digits` are digits.
bool read_digits(std::string_view digits, Int512& out) noexcept {
    constexpr size_t kChunk = 18;
    while (!digits.empty()) {
        const size_t size = std::min(digits.size(), kChunk);
        int64_t part = 0;
        int64_t scale = 1;
        for (const char c : digits.substr(0, size)) {
            part = part * 10 + (c - '0');
            scale *= 10;
        }
        digits.remove_prefix(size);
        if (!evm::mul(out, Int512{scale}, out) || !evm::add(out, Int512{part}, out)) {
            return false;
        }
    }
    return true;
}

Int512 end_of_range(bool negative) noexcept {
    Int512 out;
    out.limb.fill(~uint64_t{0});
    out.limb[7] >>= 1;  // 2^511 - 1
    if (negative) {
        static_cast<void>(evm::negate(out, out));
    }
    return out;
}

}  // namespace

bool is_canonical(std::string_view text) noexcept {
    const Parts parts = split(text);
    if (!all_digits(parts.whole) || (parts.whole.size() > 1 && parts.whole[0] == '0')) {
        return false;
    }
    const bool has_point = text.find('.') != std::string_view::npos;
    if (has_point && (!all_digits(parts.fraction) || parts.fraction.back() == '0')) {
        return false;
    }
    return !parts.negative || parts.whole != "0" || has_point;
}

bool fits_integer(std::string_view text) noexcept {
    int64_t value = 0;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, value);
    return read.ec == std::errc{} && read.ptr == end;
}

bool fits_double(std::string_view text) noexcept {
    constexpr std::ptrdiff_t kDigits = 15;
    return std::ranges::count_if(text, is_ascii_digit) <= kDigits;
}

bool becomes_least(std::string_view text) noexcept {
    double number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number == static_cast<double>(INT64_MIN) && !fits_integer(text);
}

int compare_canonical(std::string_view a, std::string_view b) noexcept {
    const Parts left = split(a);
    const Parts right = split(b);
    if (left.negative != right.negative) {
        return left.negative ? -1 : 1;
    }
    int found = 0;
    if (left.whole.size() != right.whole.size()) {
        found = left.whole.size() < right.whole.size() ? -1 : 1;
    } else if (found = left.whole.compare(right.whole); found == 0) {
        found = left.fraction.compare(right.fraction);
    }
    return left.negative ? -found : found;
}

std::optional<Number> parse_number(std::string_view text) {
    if (!is_canonical(text)) {
        return std::nullopt;
    }
    const Parts parts = split(text);
    Number out;
    out.places = static_cast<unsigned>(std::min<size_t>(parts.fraction.size(), kPlacesMax + 1));
    if (out.places > kPlacesMax || !read_digits(parts.whole, out.units) ||
        !read_digits(parts.fraction, out.units) ||
        (parts.negative && !evm::negate(out.units, out.units))) {
        return std::nullopt;
    }
    return out;
}

std::string to_text(const Number& number) {
    return evm::decimal_text(number.units.to_decimal(), number.places);
}

bool rescale(Number& number, unsigned places) noexcept {
    Int512 rest;
    if (places >= number.places) {
        if (places - number.places > 153 ||
            !evm::mul(number.units, evm::power_of_ten(places - number.places), number.units)) {
            return false;
        }
    } else if (Int512 units; !evm::div_mod(number.units, evm::power_of_ten(number.places - places),
                                           units, rest) ||
                             !rest.is_zero()) {
        return false;
    } else {
        number.units = units;
    }
    number.places = places;
    return true;
}

std::optional<Number> calculate(Operation operation, const Number& a, const Number& b,
                                unsigned places) {
    Number left = a;
    Number right = b;
    Number out;
    Int512 rest;
    bool fits = false;
    switch (operation) {
        case Operation::kAdd:
        case Operation::kSub:
            out.places = std::max(a.places, b.places);
            fits = rescale(left, out.places) && rescale(right, out.places) &&
                   (operation == Operation::kAdd ? evm::add(left.units, right.units, out.units)
                                                 : evm::sub(left.units, right.units, out.units));
            break;
        case Operation::kMul:
            out.places = a.places + b.places;
            fits = out.places <= kPlacesMax && evm::mul(a.units, b.units, out.units);
            break;
        case Operation::kDiv:
            // a / 10^pa / (b / 10^pb) in units of 10^-places.
            out.places = places;
            fits = places <= kPlacesMax &&
                   evm::mul(a.units, evm::power_of_ten(places + b.places), left.units) &&
                   evm::mul(b.units, evm::power_of_ten(a.places), right.units) &&
                   evm::div_mod(left.units, right.units, out.units, rest);
            break;
        case Operation::kMod:
            fits =
                a.places == 0 && b.places == 0 && evm::div_mod(a.units, b.units, rest, out.units);
            break;
    }
    return fits ? std::optional{out} : std::nullopt;
}

std::optional<Units> units_of(std::string_view text, unsigned places) {
    if (!is_canonical(text)) {
        return std::nullopt;
    }
    const Parts parts = split(text);
    std::string digits{parts.whole};
    const std::string_view kept = parts.fraction.substr(0, places);
    digits += kept;
    digits.append(places - kept.size(), '0');
    Units out;
    if (!read_digits(digits, out.units)) {
        return Units{end_of_range(parts.negative), false};
    }
    out.has_rest = parts.fraction.size() > places;
    if (parts.negative) {
        static_cast<void>(evm::negate(out.units, out.units));
        if (out.has_rest) {  // Units are at or below the number.
            static_cast<void>(evm::sub(out.units, Int512{1}, out.units));
        }
    }
    return out;
}

}  // namespace plumbline::query::sql
