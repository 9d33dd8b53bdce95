// What the handlers did with one event, for people who write them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/mapping/compiled_plan.hpp"

namespace plumbline::engine {

/// Of the event that was applied last, for all contracts whose it is. One thread.
struct EventTrace {
    struct Step {
        const PlanHandler* handler = nullptr;
        bool is_wanted = false;  ///< false: its `when` left the event, or the item of `each`, out
    };
    const PlanEvent* event = nullptr;  ///< null where nobody handles it; of several the last one
    std::vector<Step> steps;
    std::string violation;  ///< empty: all of it applied
    /// The handler of the config that found it; null where it is of the event itself.
    const PlanHandler* failed = nullptr;
};

}  // namespace plumbline::engine
