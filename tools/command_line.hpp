// The command line: every subcommand's arguments and help, in one place.
#pragma once

#include "tools/command.hpp"

namespace plumbline::tools {

/// Parses the arguments and runs the subcommand they name. Help and mistakes are printed.
[[nodiscard]] ExitCode run_command_line(int argc, const char* const* argv);

}  // namespace plumbline::tools
