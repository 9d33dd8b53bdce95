// The lines that `plumbline run` shows below its progress bar on a terminal.
#pragma once

#include <cstddef>
#include <string>

namespace plumbline::engine {

struct ServiceStatus;

/// Chain, providers, tasks, and what is not as it should be; each line at most `width` characters,
/// newlines between.
[[nodiscard]] std::string render_details(const ServiceStatus& status, size_t width);

}  // namespace plumbline::engine
