// What two configs say differently, by section.
#pragma once

#include <string>
#include <vector>

#include "engine/config/config.hpp"

namespace plumbline::engine {

/// The sections of which `a` and `b` say different things, as people know them: "[chain]",
/// "contracts, entities or handlers". Where in the file, and in which order of sections, is no
/// difference. [schedule] and [log] are left out: a service that reads its config again applies
/// them.
[[nodiscard]] std::vector<std::string> differing_sections(const Config& a, const Config& b);

}  // namespace plumbline::engine
