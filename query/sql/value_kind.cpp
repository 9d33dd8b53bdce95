#include "query/sql/value_kind.hpp"

#include <algorithm>

#include "core/base/ascii.hpp"
#include "query/sql/connection.hpp"
#include "query/sql/json_kinds.hpp"
#include "query/sql/number.hpp"
#include "query/sql/number_prefix.hpp"

namespace plumbline::query::sql {

namespace {

using storage::FieldKind;

bool is_hex_with_capitals(std::string_view text) {
    if (!starts_with_ignoring_case(text, "0x")) {
        return false;
    }
    const auto is_hex = [](char c) {
        const char low = ascii_lower(c);
        return is_ascii_digit(c) || (low >= 'a' && low <= 'f');
    };
    return std::ranges::all_of(text.substr(2), is_hex) &&
           std::ranges::any_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}

/// Whether a reader would take it for a number, right as it is written or not.
bool looks_like_number(std::string_view text) {
    const size_t first = text.find_first_not_of(" +-.");
    const bool is_short = text.size() <= 100;
    const auto may_be_in_one = [](char c) {
        return is_ascii_digit(c) ||
               std::string_view{" +-._,eExXabcdfABCDF"}.find(c) != std::string_view::npos;
    };
    return first != std::string_view::npos && is_ascii_digit(text[first]) && is_short &&
           std::ranges::all_of(text, may_be_in_one);
}

Verdict judge_numbers(Kinds a, Kinds b, const Comparing& how) {
    const Kinds both = a | b;
    if ((both & kRoundedDecimal) != 0) {
        return Verdict::kWatchDigits;
    }
    if (a == kInteger || b == kInteger || both == kReal) {
        return (both & kRounded) != 0 ? Verdict::kWatchLeast : Verdict::kRight;
    }
    if (both == kUint64) {
        return how.is_order && how.collation != kNumberCollation ? Verdict::kWatchWhole
                                                                 : Verdict::kRight;
    }
    return Verdict::kWatchWhole;
}

Verdict judge_texts(Kinds a, Kinds b, const Comparing& how) {
    const Kinds both = a | b;
    if (how.collation == kNumberCollation) {
        return Verdict::kRight;  // Where one is no canonical number, the collation says so.
    }
    if ((both & kHex) != 0 && (both & kUpperHex) != 0) {
        return how.collation == "NOCASE" ? Verdict::kRight : Verdict::kCase;
    }
    const bool has_wide = (both & kWideTexts) != 0;
    if (has_wide && (both & kLooseText) != 0) {
        return Verdict::kLoose;
    }
    if (!how.is_order) {
        return Verdict::kRight;
    }
    if (!has_wide) {
        const bool is_said = !how.collation.empty() || (both & kSaidText) != 0;
        return !is_said && (both & (kNumberText | kBigText)) != 0 ? Verdict::kTextOrder
                                                                  : Verdict::kRight;
    }
    return Verdict::kBytesOrder;
}

/// Of one kind each, and no affinity makes one of the other. `a` is an integer as JSON has it.
Verdict judge_json_whole(Kinds a, Kinds b, const Comparing& how) {
    if ((b & (kText | kHex | kUpperHex | kBigText)) != 0) {
        const bool is_number = b == kBigText || how.collation == kNumberCollation;
        return !how.is_order ? Verdict::kRight
               : is_number   ? Verdict::kNumberAndText
                             : Verdict::kBytesOrder;
    }
    const bool has_sign = ((a | b) & kJsonInt) != 0;
    if ((b & kJsonWholes) != 0) {  // Equal ones have one form.
        return !how.is_order                       ? Verdict::kRight
               : has_sign                          ? Verdict::kNumberAndText
               : how.collation == kNumberCollation ? Verdict::kRight
                                                   : Verdict::kBytesOrder;
    }
    // The texts are above all integers that JSON has as such, but for negative ones.
    return b == kInteger && how.is_json_range && !(how.is_order && has_sign)
               ? Verdict::kRight
               : Verdict::kNumberAndText;
}

/// Of one kind each.
Verdict judge_pair(Kinds a, Kinds b, const Comparing& how) {
    const bool a_is_number = (a & (kNumbers | kJsonWholes)) != 0;
    const bool b_is_number = (b & (kNumbers | kJsonWholes)) != 0;
    if (how.affinity == Affinity::kNumeric) {
        a = convert(a, Affinity::kNumeric);
        b = convert(b, Affinity::kNumeric);
    } else if (how.affinity == Affinity::kText && a_is_number != b_is_number) {
        a = convert(a, Affinity::kText);
        b = convert(b, Affinity::kText);
    }
    if (((a | b) & kJsonWholes) != 0) {
        return (a & kJsonWholes) != 0 ? judge_json_whole(a, b, how) : judge_json_whole(b, a, how);
    }
    if ((a & kNumbers) != 0 && (b & kNumbers) != 0) {
        return judge_numbers(a, b, how);
    }
    if ((a & kNumbers) != 0 || (b & kNumbers) != 0) {
        // What the text makes as a number is seen when it comes; two of them may be one as doubles.
        const bool is_large = ((a | b) & (kRounded | kRoundedDecimal)) != 0;
        if (how.affinity == Affinity::kNumeric && (((a | b) & kSaidText) != 0 || is_large)) {
            return Verdict::kWatchWhole;
        }
        constexpr Kinds kNumberTexts = kWideTexts | kNumberText | kBigText | kLooseText;
        return ((a | b) & kNumberTexts) != 0 ? Verdict::kNumberAndText : Verdict::kRight;
    }
    return judge_texts(a, b, how);
}

/// Of a number below -2^63 that an affinity makes -2^63.
Verdict judge_least(Kinds a, Kinds b, const Comparing& how) {
    const bool meets_integer = ((a & kLeastText) != 0 && (b & kInteger) != 0) ||
                               ((b & kLeastText) != 0 && (a & kInteger) != 0);
    return meets_integer && how.affinity != Affinity::kText ? Verdict::kLeast : Verdict::kRight;
}

/// Of texts that were made of wide numbers, which SQL knows nothing of.
Verdict judge_parts(Kinds a, Kinds b, const Comparing& how) {
    if (((a | b) & kWidePart) == 0) {
        return Verdict::kRight;
    }
    if (how.is_order && how.collation != kNumberCollation) {
        return Verdict::kBytesOrder;
    }
    const bool meets_number = ((a & kWidePart) != 0 && (b & kNumbers) != 0) ||
                              ((b & kWidePart) != 0 && (a & kNumbers) != 0);
    return meets_number && how.affinity != Affinity::kText ? Verdict::kNumberAndText
                                                           : Verdict::kRight;
}

}  // namespace

Kinds kinds_of(const Column& column) {
    if (!column.type) {
        return column.shape == nullptr ? Kinds{kText} : kinds_of_json(*column.shape);
    }
    const storage::FieldType type = *column.type;
    switch (type.kind) {
        case FieldKind::kBool: return kInteger;
        case FieldKind::kUint:
        case FieldKind::kInt:
            return is_wide(type)                                      ? kWide
                   : type.kind == FieldKind::kUint && type.bits == 64 ? kUint64
                                                                      : kInteger;
        case FieldKind::kDecimal: return kDecimal;
        case FieldKind::kAddress:
        case FieldKind::kFixedBytes:
        case FieldKind::kBytes: return kHex;
        case FieldKind::kString:
        case FieldKind::kEnum: return kText;
    }
    return kText;
}

bool is_text_column(const Column& column) {
    return column.type && column.type->kind == FieldKind::kString;
}

Kinds kinds_of_text(std::string_view text) {
    const auto number = number_prefix(text);
    const Kinds past = number && !is_held(*number) ? Kinds{kPastNumber} : Kinds{0};
    if (is_canonical(text)) {
        const bool is_rounded = text.find('.') != std::string_view::npos && !fits_double(text);
        const Kinds big = becomes_least(text) ? kBigText | kLeastText : Kinds{kBigText};
        return is_rounded           ? Kinds{kLooseText} | past
               : fits_integer(text) ? Kinds{kNumberText}
                                    : big;
    }
    if (is_hex_with_capitals(text)) {
        return kUpperHex;
    }
    return (looks_like_number(text) ? kLooseText : kText) | past;
}

Affinity affinity_of(int letter) noexcept {
    switch (letter & 0x47) {
        case 'B': return Affinity::kText;
        case 'C':
        case 'D':
        case 'E':
        case 'F': return Affinity::kNumeric;
        default: return Affinity::kNone;
    }
}

Kinds convert(Kinds kinds, Affinity affinity) noexcept {
    Kinds out = kinds;
    const auto turn = [&](Kinds from, Kinds to) {
        if ((kinds & from) != 0) {
            out = static_cast<Kinds>((out & ~from) | to);
        }
    };
    if (affinity == Affinity::kText) {
        turn(kInteger, kNumberText);
        turn(kReal, kLooseText);
        turn(kUint64 | kRounded | kJsonWholes, kWide);
        turn(kRoundedDecimal, kDecimal);
    } else if (affinity == Affinity::kNumeric) {
        turn(kNumberText, kInteger);
        turn(kBigText, kReal);
        turn(kUint64 | kWide | kJsonUint, kRounded);
        turn(kJsonInt, kInteger);
        turn(kDecimal, kRoundedDecimal);
    }
    return out;
}

Verdict judge(Kinds a, Kinds b, const Comparing& comparing) noexcept {
    Verdict out = std::max(judge_parts(a, b, comparing), judge_least(a, b, comparing));
    for (Kinds left = 1; left <= kLastKind && left <= a; left = static_cast<Kinds>(left << 1)) {
        for (Kinds right = 1; right <= kLastKind && right <= b;
             right = static_cast<Kinds>(right << 1)) {
            if ((a & left) != 0 && (b & right) != 0) {
                out = std::max(out, judge_pair(left, right, comparing));
            }
        }
    }
    return out;
}

Verdict judge_key(Kinds kinds, const Comparing& comparing) noexcept {
    Comparing how = comparing;
    constexpr Kinds kOthers = static_cast<Kinds>(~kWideTexts);
    // Texts of the statement among themselves are what they are: texts.
    Verdict out = judge(kinds & kWideTexts, kinds, how);
    if (how.collation.empty()) {
        how.collation = "BINARY";
    }
    return std::max(out, judge(kinds & kOthers, kinds & kOthers, how));
}

}  // namespace plumbline::query::sql
