// The commonest mistake of TOML: a text without its quotes, which a parser takes for a number, a
// time or a boolean that goes wrong.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace plumbline::engine {

/// "; a text stands in quotes: \"127.0.0.1:8080\"", where the parser's `description` speaks of a
/// value that it cannot read, and the raw value at byte `at` of `line` is a text without quotes;
/// else empty. What may be a secret is not shown.
[[nodiscard]] std::string quotes_hint(std::string_view description, std::string_view line,
                                      size_t at);

}  // namespace plumbline::engine
