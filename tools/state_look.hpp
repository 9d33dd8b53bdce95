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

/// Asks one endpoint after the other, some 30 questions each, until one has the state that calls of
/// the oldest events ask. A sentence with what to do where none has; empty where one has, where no
/// call asks for any, or where nobody answers.
[[nodiscard]] std::string look_at_states(const engine::Config& config,
                                         const std::vector<rpc::Endpoint>& endpoints,
                                         const engine::EndpointPatience& patience);

/// Where the config has calls of events' own blocks, and every endpoint of its chain that can be
/// asked answers them from another block than it is asked about (engine/setup/call_blocks.hpp): a
/// sentence with what to do. Empty where one does not, or cannot be told so.
[[nodiscard]] std::string look_at_call_blocks(const engine::Config& config,
                                              const std::vector<rpc::Endpoint>& endpoints,
                                              const engine::EndpointPatience& patience);

/// What `engine::find_missing_getters` says, of the first endpoint that serves the chain.
[[nodiscard]] std::vector<std::string> look_at_getters(const engine::Config& config,
                                                       const engine::Plan& plan,
                                                       const std::vector<rpc::Endpoint>& endpoints,
                                                       const engine::EndpointPatience& patience);

}  // namespace plumbline::tools
