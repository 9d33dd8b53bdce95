// The values and conditions of the mapping, from text:
//
//   value      number | 0x hex | 'string' | true | false | $name | path | look-up
//   path       ( name | "$arg." index ) { "." ( name | index ) }
//   look-up    entity "[" value { "," value } "]" "." field       at most 4 inside each other
//   condition  value ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) value
//
// In a 'string' a quote is written twice; there is no other escape.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "engine/config/config.hpp"

namespace plumbline::engine {

inline constexpr size_t kMaxOperandBytes = 1024;
inline constexpr int kMaxLookupDepth = 4;
inline constexpr size_t kMaxPathParts = 16;
inline constexpr size_t kMaxKeyFields = 16;

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

}  // namespace plumbline::engine
