// How long an endpoint takes for the chain's head: one that takes its time is not one that says
// nothing, though the index gets on by neither.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/clock.hpp"
#include "engine/setup/endpoint_client.hpp"

namespace plumbline::engine {

enum class Pace : uint8_t {
    kPrompt,  ///< or nobody is there, which is known at once, and others tell
    kSlow,    ///< it answers something, and later than the index waits for a head
    kSilent,  ///< no answer at all, though it was waited for as long
};

struct PaceLook {
    Pace pace = Pace::kPrompt;
    int64_t took_ms = 0;  ///< until the answer; of a silent one: waited for
};

/// Asks once, and waits for as long as `patience` says. `wait_max_ms`: for so long a head is waited
/// for while it is indexed.
[[nodiscard]] PaceLook look_at_pace(const rpc::Endpoint& endpoint, rpc::Transport& transport,
                                    const Clock& clock, EndpointPatience patience,
                                    int64_t wait_max_ms);

/// Of the provider `name`, with what to do; empty where it is prompt.
[[nodiscard]] std::string describe_pace(const std::string& name, const PaceLook& look,
                                        int64_t wait_max_ms);

}  // namespace plumbline::engine
