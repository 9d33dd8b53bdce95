// Before a run, and in a check: whether some endpoint has the state that the config's calls ask,
// which endpoints answer them from another one, and whether the contracts have the getters that it
// names.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "engine/config/config.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/setup/call_blocks.hpp"
#include "engine/setup/endpoint_client.hpp"
#include "rpc/pool_options.hpp"

namespace plumbline::tools {

/// Asks one endpoint after the other, some 30 questions each, until one has the state that calls of
/// the oldest events ask. A sentence with what to do where none has; empty where one has, where no
/// call asks for any, or where nobody answers.
[[nodiscard]] std::string look_at_states(const engine::Config& config,
                                         const std::vector<rpc::Endpoint>& endpoints,
                                         const engine::EndpointPatience& patience);

/// Endpoints that answer calls from another block than they are asked about.
struct BlocksLook {
    std::vector<std::string> wrong;  ///< a sentence each, with what to do
    bool are_all_wrong = false;      ///< there is no other endpoint
};
/// Asks each endpoint, some 30 questions at most, where the config has calls of their events'
/// blocks. Who cannot tell, or does not answer, is not held for one.
[[nodiscard]] BlocksLook look_at_blocks_of_calls(const engine::Config& config,
                                                 const std::vector<rpc::Endpoint>& endpoints,
                                                 const engine::EndpointPatience& patience);
[[nodiscard]] std::string describe_off_block(const std::string& endpoint,
                                             const engine::CallBlocks& look);

/// What `engine::find_missing_getters` says, of the first endpoint that serves the chain.
[[nodiscard]] std::vector<std::string> look_at_getters(const engine::Config& config,
                                                       const engine::Plan& plan,
                                                       const std::vector<rpc::Endpoint>& endpoints,
                                                       const engine::EndpointPatience& patience);

}  // namespace plumbline::tools
