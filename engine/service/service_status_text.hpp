// The lines that `plumbline run` shows below its progress bar on a terminal.
#pragma once

#include <cstddef>
#include <string>

namespace plumbline::engine {

struct ServiceStatus;

/// What is not as it should be, the gravest first; then chain, what is proven, providers, tasks and
/// the API's address. Each line at most `width` characters, newlines between: a narrow terminal
/// gets more lines, not less text.
[[nodiscard]] std::string render_details(const ServiceStatus& status, size_t width);

}  // namespace plumbline::engine
