// Helpers for messages about a config: positions, quoting, known names and "did you mean".
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "engine/config/config.hpp"

namespace plumbline::engine {

/// kInvalidArgument "path:line: message"; without ":line" where `pos` has none.
[[nodiscard]] Error mistake_at(std::string_view path, SourcePos pos, std::string_view message);
/// The same with the column: for what stands inside a value.
[[nodiscard]] Error mistake_at_column(std::string_view path, SourcePos pos,
                                      std::string_view message);

/// `text` in quotes (double ones where it has single ones itself), shortened, with control
/// characters made visible.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// "; did you mean 'x'? known: a, b, c": what to put behind "unknown ... 'y'". Long lists are cut.
[[nodiscard]] std::string suggest(std::string_view wrong, std::span<const std::string> known);

/// The known name that `wrong` is most likely a misspelling of; empty where none is near.
[[nodiscard]] std::string_view nearest(std::string_view wrong, std::span<const std::string> known);

/// [A-Za-z_][A-Za-z0-9_]* of at most 64 characters.
[[nodiscard]] bool is_identifier(std::string_view text) noexcept;
/// The same with '$' behind the first character and up to 256 characters: names in an ABI.
[[nodiscard]] bool is_solidity_name(std::string_view text) noexcept;

}  // namespace plumbline::engine
