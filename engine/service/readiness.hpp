// Whether a service is ready, and if not, what makes it so.
#pragma once

#include <string>
#include <vector>

#include "engine/service/service_status.hpp"

namespace plumbline::engine {

/// What makes a service that is as `status` says not ready, in words; empty where it is ready:
/// live, whole, and at most `ready_lag` blocks behind a head that is known. Last comes what it
/// waits for, which may be why; what is wrong otherwise, as events in quarantine, is no reason.
[[nodiscard]] std::vector<std::string> find_unready(const ServiceStatus& status);

}  // namespace plumbline::engine
