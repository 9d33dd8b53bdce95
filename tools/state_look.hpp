// Before a run, and in a check: whether some endpoint has the state that the config's calls ask,
// and the contracts the getters that it names.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "engine/config/config.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/setup/endpoint_client.hpp"
#include "rpc/pool_options.hpp"

namespace plumbline::tools {

/// A sentence each with what to do; empty where nothing is to be told.
struct StateLook {
    /// No endpoint has the state that calls of the oldest events ask.
    std::string missing;
    /// Every endpoint of the config's chain that can be asked answers calls from another block than
    /// it is asked about (engine/setup/call_blocks.hpp).
    std::string off_block;
    /// Where only some do: of each.
    std::vector<std::string> off_blocks;
};

/// Asks one endpoint after the other, some 40 questions each: `all`, or until one has the state
/// that calls of the oldest events ask, and one answers from the right block or cannot be told that
/// it does not. Nothing is told where no call asks for any state but the head's, or where nobody
/// answers.
[[nodiscard]] StateLook look_at_states(const engine::Config& config,
                                       const std::vector<rpc::Endpoint>& endpoints,
                                       const engine::EndpointPatience& patience, bool all);

/// What `engine::find_missing_getters` says, of the first endpoint that serves the chain.
[[nodiscard]] std::vector<std::string> look_at_getters(const engine::Config& config,
                                                       const engine::Plan& plan,
                                                       const std::vector<rpc::Endpoint>& endpoints,
                                                       const engine::EndpointPatience& patience);

}  // namespace plumbline::tools
