// Since which block an endpoint has state, and which calls of a config ask older blocks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/config/config.hpp"
#include "engine/setup/endpoint_client.hpp"

namespace plumbline::engine {

struct StateDepth {
    /// The lowest block whose state is there; empty: not even the head's.
    std::optional<uint64_t> since;
    bool is_whole = false;  ///< `since` is the lowest block that was asked about
    unsigned asked = 0;     ///< questions
    std::string why;        ///< what it said where there is none
};

/// Questions that `find_state_depth` asks at most.
inline constexpr unsigned kStateQuestionsMax = 35;

/// By eth_getBalance: at `from`, at the head, and between them by a binary search, for a node has
/// the state of all blocks from some on. Refusals in words that do not mean missing state are asked
/// once more.
[[nodiscard]] StateDepth find_state_depth(EndpointClient& client, uint64_t head, uint64_t from);

/// Contract calls that are asked of their events' blocks, which may be as old as `from`.
struct OldCalls {
    uint64_t from = 0;
    std::vector<std::string> names;  ///< as the config has them, each once
};
/// Empty where no call is, or all have state = "head".
[[nodiscard]] std::optional<OldCalls> find_old_calls(const Config& config);

/// A sentence with what to do, where `endpoint` lacks states that `calls` may ask; else empty.
[[nodiscard]] std::string describe_missing_state(const OldCalls& calls, const std::string& endpoint,
                                                 const StateDepth& depth);

}  // namespace plumbline::engine
