// Whose contracts become known by the logs of which others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/mapping/plan.hpp"

namespace plumbline::engine {

/// The sources, ascending, whose contracts those of `source` announce, to any depth; without
/// `source` itself.
[[nodiscard]] inline std::vector<uint32_t> descendants_of(uint32_t source,
                                                          const std::vector<Source>& sources) {
    std::vector<bool> member(sources.size(), false);
    member[source] = true;
    // A chain of factories is no longer than there are sources.
    for (size_t round = 0; round < sources.size(); ++round) {
        for (size_t i = 0; i < sources.size(); ++i) {
            for (const uint32_t parent : sources[i].parents) {
                member[i] = member[i] || member[parent];
            }
        }
    }
    std::vector<uint32_t> out;
    for (uint32_t i = 0; i < sources.size(); ++i) {
        if (member[i] && i != source) {
            out.push_back(i);
        }
    }
    return out;
}

}  // namespace plumbline::engine
