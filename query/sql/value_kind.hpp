// What a value of a running statement may be, as far as SQLite's rules of comparison tell values
// apart, and where these rules give another answer than numbers of any size have. Pure. Internal to
// query/sql.
#pragma once

#include <cstdint>
#include <string_view>

#include "query/sql/table.hpp"

namespace plumbline::query::sql {

/// A set of `Kind`s; the empty one is null, which every value may be.
using Kinds = uint32_t;

enum Kind : Kinds {
    kInteger = 1 << 0,
    kReal = 1 << 1,
    kUint64 = 1 << 2,          ///< an integer; from 2^63 on a canonical text
    kRounded = 1 << 3,         ///< a whole number of any size that an affinity made a number
    kRoundedDecimal = 1 << 4,  ///< a decimal, likewise
    kWide = 1 << 5,            ///< a whole number as canonical text
    kDecimal = 1 << 6,         ///< a decimal number as canonical text
    kNumberText = 1 << 7,      ///< a canonical text of the statement that fits in an integer
    kBigText = 1 << 8,         ///< one that does not
    kLooseText = 1 << 9,       ///< no number in its one form: '007', '0x10'; or a long fraction
    kHex = 1 << 10,            ///< of a column of addresses or bytes: lower case
    kUpperHex = 1 << 11,       ///< hex with capital letters
    kText = 1 << 12,
    kSaidText = 1 << 13,  ///< of `cast(.. as text)`: whatever its digits, a text
    // Found in JSON, which has numbers below 2^53 and canonical texts from there on:
    kJsonUint = 1 << 14,  ///< of a type of 54 to 64 bits
    kJsonInt = 1 << 15,   ///< the same with a sign, texts of negative ones too
    /// Beside kInteger: SQLite calculated it, and if it did not fit in 64 bits, as a floating point
    /// number.
    kPast64 = 1 << 16,
    // Beside kText and all else:
    kWidePart = 1 << 17,  ///< a text that a function made of a wide number: perhaps its digits
    kWideJson = 1 << 18,  ///< JSON in which there are numbers as texts
    kHexJson = 1 << 19,   ///< JSON in which there are addresses or bytes
    /// Beside kBigText: a whole number below -2^63 of which a floating point number makes -2^63.
    kLeastText = 1 << 20,
    kCutText = 1 << 21,     ///< a part of a text of a column
    kPastNumber = 1 << 22,  ///< a text of the statement; as a number, SQL's own do not hold it
};
/// The last that is no more than a word beside another.
inline constexpr Kinds kLastKind = kJsonInt;
/// Numbers or texts, whichever way they are read.
inline constexpr Kinds kJsonWholes = kJsonUint | kJsonInt;
/// JSON's own integers are below 2 to that, however wide their type (core/evm/json_integer.hpp).
inline constexpr unsigned kJsonBits = 53;
inline constexpr Kinds kNumbers = kInteger | kReal | kUint64 | kRounded | kRoundedDecimal;
inline constexpr Kinds kWideTexts = kWide | kDecimal;
/// Texts that are, or may be, numbers.
inline constexpr Kinds kMaybeWideTexts = kWideTexts | kJsonWholes | kWidePart;
/// Of nothing that is known.
inline constexpr Kinds kAnything = kInteger | kReal | kText;

[[nodiscard]] Kinds kinds_of(const Column& column);
/// Whether it has texts that may be anything.
[[nodiscard]] bool is_text_column(const Column& column);
/// Of a text in a statement or its parameters.
[[nodiscard]] Kinds kinds_of_text(std::string_view text);

enum class Affinity : uint8_t { kNone, kText, kNumeric };
/// Of SQLite's letter: 'B' text, 'C' to 'E' numeric, 'A' and all else none.
[[nodiscard]] Affinity affinity_of(int letter) noexcept;
[[nodiscard]] Kinds convert(Kinds kinds, Affinity affinity) noexcept;

/// How two values are compared.
struct Comparing {
    bool is_order = false;  ///< else only whether they are equal
    Affinity affinity = Affinity::kNone;
    std::string_view collation{};  ///< "u256", "BINARY", "NOCASE"; empty: none says how
    bool is_json_range = false;    ///< all that is kInteger is below 2^kJsonBits, negative or not
};

/// From right to wrong.
enum class Verdict : uint8_t {
    kRight,
    kWatchLeast,     ///< right as long as no number below -2^63 becomes that as a double
    kWatchDigits,    ///< right as long as decimals have no more digits than a double tells apart
    kWatchWhole,     ///< right as long as all values are whole and fit in an integer
    kTextOrder,      ///< a number in quotes is ordered, and nothing says whether as a text
    kCase,           ///< hex is compared with other letters
    kLeast,          ///< such a number is in the statement
    kLoose,          ///< a text that is no number in its one form
    kBytesOrder,     ///< wide numbers by their bytes
    kNumberAndText,  ///< to SQL any text is more than any number
};

/// The worst that can come of values of these kinds.
[[nodiscard]] Verdict judge(Kinds a, Kinds b, const Comparing& comparing) noexcept;
/// Of values of one column, sorted or grouped among themselves.
[[nodiscard]] Verdict judge_key(Kinds kinds, const Comparing& comparing) noexcept;

}  // namespace plumbline::query::sql
