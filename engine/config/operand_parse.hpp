// The values and conditions of the mapping, from text:
//
//   expression  the operators below over values, from the loosest to the tightest:
//               or | and | not | == != < <= > >= | "|" | ^ | & | << >> | + - | * / % | - ~ | ** |
//               ??
//   value       number | 0x hex | 'string' | true | false | null | $name | path | look-up
//               | ( expression ) | function "(" expression { "," expression } ")"
//               | exists "(" ( row | look-up | name ) ")"
//   path        ( name | "$arg." index ) { "." ( name | index ) | "[" index "]" }
//   look-up     row "." field                                  at most 4 inside each other
//   row         entity "[" expression { "," expression } "]"
//   condition   an expression that is a comparison, or true or false
//
// Operators of one level are taken from left to right, ** from right to left; comparisons do not
// chain. In a 'string' a quote is written twice; there is no other escape.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "engine/config/config.hpp"

namespace plumbline::engine {

inline constexpr size_t kMaxOperandBytes = 1024;
inline constexpr int kMaxLookupDepth = 4;
inline constexpr size_t kMaxPathParts = 16;
inline constexpr size_t kMaxKeyFields = 16;
inline constexpr int kMaxExpressionDepth = 32;
inline constexpr size_t kMaxArguments = 16;

/// How the config writes them; a text that begins with one of these begins with the first that
/// fits.
inline constexpr std::array<std::pair<std::string_view, CompareOp>, 6> kCompareOps{{
    {"==", CompareOp::kEq},
    {"!=", CompareOp::kNe},
    {"<=", CompareOp::kLe},
    {">=", CompareOp::kGe},
    {"<", CompareOp::kLt},
    {">", CompareOp::kGt},
}};
/// Null where `sign` compares nothing.
[[nodiscard]] constexpr const CompareOp* find_compare_op(std::string_view sign) noexcept {
    const auto found =
        std::ranges::find(kCompareOps, sign, &std::pair<std::string_view, CompareOp>::first);
    return found == kCompareOps.end() ? nullptr : &found->second;
}

/// Where a piece of text stands, for messages and for `Operand::pos`.
struct TextOrigin {
    std::string_view file;
    SourcePos pos;         ///< of the first character
    bool is_exact = true;  ///< false: the text was written with escapes, so columns stay at `pos`
};

/// kInvalidArgument "file:line:column: in 'text': expected ..., found ..." on any mistake.
[[nodiscard]] Result<Operand> parse_operand(std::string_view text, const TextOrigin& origin);
[[nodiscard]] Result<Condition> parse_condition(std::string_view text, const TextOrigin& origin);

/// "name", "a.b", "$arg.3": how a path is written.
[[nodiscard]] std::string join_path(const std::vector<std::string>& path);

/// `list[2].field` reads as a look-up too: the parameter's element that it is where there is no
/// such entity.
[[nodiscard]] std::optional<Operand> as_element(const Operand& operand);

/// The functions there are, besides the casts, whose names are those of the types.
[[nodiscard]] std::span<const std::string_view> function_names() noexcept;

}  // namespace plumbline::engine
