// What is wrong with a command line, in one sentence that says what to do.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace CLI {
class App;
}

namespace plumbline::tools {

/// Of the commands right below `app`, in their order.
[[nodiscard]] std::vector<std::string> command_names(const CLI::App& app);

/// Commands are words without a dash in front: what comes first must be one. kInvalidArgument where
/// one of `words` should be a command and is none.
[[nodiscard]] Status check_commands(const CLI::App& app, std::span<const char* const> words);

/// "init needs DIR, --address": all that the parsed `app` lacks, where `said`, which is CLI11's,
/// names the first; with it an option that there is not, which is often what it lacks, misspelt.
[[nodiscard]] Error explain_missing(const CLI::App& app, const std::string& said);

/// "run has no option '--untill'; did you mean '--until'?"
[[nodiscard]] Error explain_unexpected(const CLI::App& app, const std::string& said);

/// "list: --limit takes a number from 1 to 1000000000, not 'x'": a value that an option does not
/// take, or one that it has not got, of what CLI11 says.
[[nodiscard]] Error explain_value(const CLI::App& app, const std::string& said);

}  // namespace plumbline::tools
