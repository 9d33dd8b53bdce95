#include "query/sql/asked_value.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "core/base/ascii.hpp"
#include "core/base/visible_text.hpp"
#include "core/evm/hex.hpp"
#include "engine/text/entity_text.hpp"
#include "query/sql/number.hpp"
#include "query/sql/number_prefix.hpp"
#include "query/sql/table.hpp"

namespace plumbline::query::sql {

namespace {

using evm::Int512;
using storage::FieldKind;
using storage::FieldType;

std::string_view text_of(sqlite3_value* value) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(value));
    return text == nullptr
               ? std::string_view{}
               : std::string_view{text, static_cast<size_t>(sqlite3_value_bytes(value))};
}

/// As it is written in SQL, cut.
std::string shown(sqlite3_value* value) {
    constexpr size_t kShownMax = 80;
    const bool is_text = sqlite3_value_type(value) == SQLITE_TEXT;
    const std::string_view all = text_of(value);
    const std::string text =
        visible_text(all.substr(0, kShownMax)) + (all.size() > kShownMax ? ".." : "");
    return is_text ? "'" + text + "'" : text;
}

Error refuse(FieldType type, sqlite3_value* value, std::string_view why) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{} cannot be compared with a column of type {}: {}", shown(value),
                             storage::to_string(type), why)};
}

Asked never() {
    Asked out;
    out.is_never = true;
    return out;
}
Asked always() {
    Asked out;
    out.is_always = true;
    return out;
}
Asked ask(Compare compare, std::string value) {
    Asked out;
    out.condition.compare = compare;
    out.condition.values.push_back(std::move(value));
    return out;
}

bool is_upward(Compare compare) noexcept {
    return compare == Compare::kGt || compare == Compare::kGe;
}

/// A whole number of units held against the type's range.
Asked ask_units(FieldType type, Compare compare, const Units& asked) {
    const bool is_signed = type.is_signed();
    const int bits = type.kind == FieldKind::kBool ? 1 : type.bits;
    Units units = asked;
    if (units.has_rest) {
        switch (compare) {  // What lies between two units is above the lower one.
            case Compare::kEq:
            case Compare::kIn: return never();
            case Compare::kNe: return always();
            case Compare::kGe: compare = Compare::kGt; break;
            case Compare::kLt: compare = Compare::kLe; break;
            case Compare::kGt:
            case Compare::kLe: break;
        }
    }
    const bool fits = is_signed ? units.units.fits_signed(bits) : units.units.fits_unsigned(bits);
    if (!fits) {
        const bool is_below = units.units.is_negative();
        const bool holds =
            compare == Compare::kNe || (compare != Compare::kEq && is_upward(compare) == is_below);
        return holds ? always() : never();
    }
    return ask(compare, encode_value(type, {units.units.low_word(), {}}));
}

constexpr const char* kWriteAsText =
    "write numbers of wide columns as text, digits without zeros in front: '1000000000000000000'";

/// Beyond this a floating point number no longer tells which whole number was meant.
constexpr double kExactMax = 9007199254740992.0;

/// A whole number of which nothing but that is told.
bool is_inexact(double number) noexcept {
    return !(std::abs(number) < kExactMax);
}

/// Of an inexact one: whether each number that it may stand for is beyond all of the type's.
bool is_beyond(FieldType type, double number) noexcept {
    const double end = std::ldexp(1.0, type.is_signed() ? type.bits - 1 : type.bits);
    return end < kExactMax || (number < 0 && !type.is_signed()) || std::abs(number) > end;
}

Result<Asked> ask_number(FieldType type, Compare compare, sqlite3_value* value) {
    const bool wide = is_wide(type);
    switch (sqlite3_value_type(value)) {
        case SQLITE_INTEGER: {
            Int512 units{static_cast<int64_t>(sqlite3_value_int64(value))};
            static_cast<void>(evm::mul(units, evm::power_of_ten(type.places), units));
            return ask_units(type, compare, {units, false});
        }
        case SQLITE_FLOAT: {
            const double number = sqlite3_value_double(value);
            if (wide) {
                return refuse(type, value, kWriteAsText);
            }
            if (is_inexact(number)) {
                if (is_beyond(type, number)) {
                    const bool is_upward_from = is_upward(compare) == (number < 0);
                    return compare == Compare::kNe || (compare != Compare::kEq && is_upward_from)
                               ? always()
                               : never();
                }
                return refuse(type, value,
                              fmt::format("from 2^53 on a floating point number does not tell "
                                          "which whole number is meant: write its digits, in "
                                          "quotes, '{:.0f}'",
                                          number));
            }
            const double below = std::floor(number);
            return ask_units(type, compare, {Int512{static_cast<int64_t>(below)}, below != number});
        }
        case SQLITE_TEXT: {
            const auto units = units_of(text_of(value), type.places);
            if (!units) {
                const auto prefix = number_prefix(text_of(value));
                const auto digits = prefix && prefix->is_all ? canonical_text(*prefix)
                                                             : std::optional<std::string>{};
                return refuse(type, value,
                              digits ? fmt::format("the one form of that number is '{}'", *digits)
                              : wide ? kWriteAsText
                                     : "it is not a number");
            }
            return ask_units(type, compare, *units);
        }
        default: return refuse(type, value, "it is a blob");
    }
}

/// A text in the order of the texts that hex columns show: which bytes are at or above it.
struct HexBound {
    enum class Kind : uint8_t {
        kBelowAll,
        kAboveAll,
        kFrom,   ///< bytes from `bytes` on are above it, all others below
        kEqual,  ///< it is the text of `bytes`
        kAfter,  ///< `bytes` themselves are below it, longer ones that begin with them above
    };
    Kind kind = Kind::kEqual;
    std::string bytes;
};

int hex_digit(char c) noexcept {
    return is_ascii_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string pack(const std::string& nibbles) {
    std::string out;
    for (size_t i = 0; i < nibbles.size(); i += 2) {
        const int low = i + 1 < nibbles.size() ? nibbles[i + 1] : 0;
        out.push_back(static_cast<char>(nibbles[i] * 16 + low));
    }
    return out;
}

HexBound hex_bound(std::string_view text) {
    using Kind = HexBound::Kind;
    constexpr std::string_view kHead = "0x";
    std::string nibbles;  // values, not characters
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = ascii_lower(text[i]);
        if (i < kHead.size()) {
            if (c != kHead[i]) {
                return {static_cast<unsigned char>(c) < static_cast<unsigned char>(kHead[i])
                            ? Kind::kBelowAll
                            : Kind::kAboveAll,
                        {}};
            }
            continue;
        }
        if (const int digit = hex_digit(c); digit >= 0) {
            nibbles.push_back(static_cast<char>(digit));
            continue;
        }
        if (static_cast<unsigned char>(c) < '0') {  // Below every digit that could stand here.
            return {nibbles.size() % 2 == 0 ? Kind::kAfter : Kind::kFrom, pack(nibbles)};
        }
        if (static_cast<unsigned char>(c) < 'a') {  // Between 9 and a.
            nibbles.push_back(10);
            return {Kind::kFrom, pack(nibbles)};
        }
        while (!nibbles.empty() && nibbles.back() == 15) {
            nibbles.pop_back();
        }
        if (nibbles.empty()) {
            return {Kind::kAboveAll, {}};
        }
        nibbles.back() = static_cast<char>(nibbles.back() + 1);
        return {Kind::kFrom, pack(nibbles)};
    }
    if (text.size() < kHead.size()) {
        return {Kind::kBelowAll, {}};
    }
    return {nibbles.size() % 2 == 0 ? Kind::kEqual : Kind::kFrom, pack(nibbles)};
}

/// How a column's bytes are compared with those of the bound, given how the texts are.
Compare hex_compare(HexBound::Kind kind, bool upward, Compare compare) noexcept {
    switch (kind) {
        case HexBound::Kind::kFrom: return upward ? Compare::kGe : Compare::kLt;
        case HexBound::Kind::kAfter: return upward ? Compare::kGt : Compare::kLe;
        case HexBound::Kind::kBelowAll:
        case HexBound::Kind::kAboveAll:
        case HexBound::Kind::kEqual: break;
    }
    return compare;
}

Result<Asked> ask_hex_range(FieldType type, Compare compare, std::string_view text) {
    const HexBound bound = hex_bound(text);
    const bool upward = is_upward(compare);
    using Kind = HexBound::Kind;
    if (bound.kind == Kind::kBelowAll || bound.kind == Kind::kAboveAll) {
        return upward == (bound.kind == Kind::kBelowAll) ? always() : never();
    }
    if (type.is_dynamic()) {
        // Without its end mark it stands before all bytes that begin with it.
        std::string value = encode_value(type, {{}, bound.bytes});
        value.resize(value.size() - (bound.kind == Kind::kFrom ? 2 : 0));
        return ask(hex_compare(bound.kind, upward, compare), std::move(value));
    }
    // Behind a column others follow in a key, so it is asked for with a value of its own width:
    // fewer bytes are below all that begin with them, more are above what they begin with.
    const size_t width = type.width();
    Kind kind = bound.kind;
    if (bound.bytes.size() != width) {
        kind = bound.bytes.size() < width ? Kind::kFrom : Kind::kAfter;
    }
    std::string value;
    if (type.optional) {
        storage::append_key_presence(value, false);
    }
    value += bound.bytes.substr(0, width);
    value.append(width - std::min(width, bound.bytes.size()), '\0');
    return ask(hex_compare(kind, upward, compare), std::move(value));
}

Result<Asked> ask_hex(FieldType type, Compare compare, sqlite3_value* value) {
    if (sqlite3_value_type(value) != SQLITE_TEXT) {
        return refuse(type, value, "write it as text: '0x...'");
    }
    if (compare != Compare::kEq && compare != Compare::kNe) {
        return ask_hex_range(type, compare, text_of(value));
    }
    std::string text{text_of(value)};
    std::ranges::transform(text, text.begin(), ascii_lower);  // "0X" too: upper() makes it.
    const auto parsed = engine::parse_value(type, text);
    if (!parsed) {
        return parsed.error();
    }
    return ask(compare, encode_value(type, *parsed));
}

}  // namespace

Result<Asked> ask_value(FieldType type, Compare compare, sqlite3_value* value) {
    if (sqlite3_value_type(value) == SQLITE_NULL) {
        return never();  // No comparison with null is true, but for IS of a column that may be
                         // null.
    }
    switch (type.kind) {
        case FieldKind::kUint:
        case FieldKind::kInt:
        case FieldKind::kDecimal:
        case FieldKind::kBool: return ask_number(type, compare, value);
        case FieldKind::kAddress:
        case FieldKind::kFixedBytes:
        case FieldKind::kBytes: return ask_hex(type, compare, value);
        case FieldKind::kEnum: {
            const auto parsed = engine::parse_value(type, text_of(value));
            if (!parsed) {
                return parsed.error();
            }
            return ask(compare, encode_value(type, *parsed));
        }
        case FieldKind::kString:
            if (sqlite3_value_type(value) == SQLITE_BLOB) {
                return refuse(type, value, "it is a blob");
            }
            return ask(compare, encode_value(type, {{}, std::string{text_of(value)}}));
    }
    return never();
}

Result<Asked> ask_in(FieldType type, sqlite3_value* list) {
    Asked out;
    out.condition.compare = Compare::kIn;
    sqlite3_value* value = nullptr;
    int code = sqlite3_vtab_in_first(list, &value);
    for (; code == SQLITE_OK && value != nullptr; code = sqlite3_vtab_in_next(list, &value)) {
        const bool is_floating = sqlite3_value_type(value) == SQLITE_FLOAT && !is_wide(type);
        const double number = is_floating ? sqlite3_value_double(value) : 0;
        if (is_inexact(number) && !is_beyond(type, number)) {
            return refuse(type, value,
                          "it is a floating point number, which SQLite makes of numbers from 2^63 "
                          "on in an IN, and in an OR of several =, also where they stand in "
                          "quotes: say u256_add(column, 0) in ('5', '9223372036854775808'), all "
                          "in quotes");
        }
        PLUMBLINE_TRY(Asked one, ask_value(type, Compare::kEq, value));
        if (!one.is_never) {
            out.condition.values.push_back(std::move(one.condition.values.front()));
        }
    }
    if (code != SQLITE_OK && code != SQLITE_DONE) {
        return Error{ErrorCode::kIo, "SQLite did not give the values of an IN list"};
    }
    out.is_never = out.condition.values.empty();
    return out;
}

}  // namespace plumbline::query::sql
