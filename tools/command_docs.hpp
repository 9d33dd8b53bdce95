// The manual page and the completions of shells, made of the command line's own definitions.
#pragma once

#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

namespace plumbline::tools {

/// roff, for section 1.
[[nodiscard]] std::string man_page(const CLI::App& app);
/// `shell`: "bash", "zsh" or "fish". Completes commands, options and words that an option takes;
/// elsewhere file names.
[[nodiscard]] std::string completion_script(const CLI::App& app, std::string_view shell);

}  // namespace plumbline::tools
