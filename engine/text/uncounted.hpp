// Stored logs of which nothing is made although the config knows whose they are: why.
#pragma once

#include <optional>
#include <string>

#include "core/evm/log.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/mapping/source_map.hpp"

namespace plumbline::engine {

struct Uncounted {
    std::string contract;  ///< as the config calls it, or "every 20 blocks"
    std::string why;       ///< "before its start_block 100": behind what the log is
    auto operator<=>(const Uncounted&) const = default;
};

/// `map` is of the plan, with all children. Empty where some source wants the log, and where its
/// address is of none.
[[nodiscard]] std::optional<Uncounted> find_uncounted(const Plan& plan, const SourceMap& map,
                                                      const evm::Log& log);

}  // namespace plumbline::engine
