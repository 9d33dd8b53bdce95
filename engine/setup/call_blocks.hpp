// Whether an endpoint answers an eth_call from the block that it is asked about. One that takes its
// newest block for every other (a cache that drops the parameter, a proxy that sets it) answers all
// else as an honest one would, and what it says of contracts' old state is wrong without a sign.
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "engine/setup/endpoint_client.hpp"

namespace plumbline::engine {

struct CallBlocks {
    unsigned right = 0;   ///< questions that were answered from their block
    std::string wrong;    ///< a sentence about the first that was not; empty where none
    std::string untried;  ///< why nothing could be told; empty where something was
};

/// Runs programs that return their block's time and number (TIMESTAMP, NUMBER) at up to two blocks
/// below `head`, none of them below `since`, by their numbers and by their hashes. `with_code_at`:
/// by a state override at an address, for nodes that run no creation. What is the head's or later
/// counts against the endpoint, and so does a number below the block's: some chains' calls run
/// between two blocks. Numbers count only where, at the head, they are the chain's own.
[[nodiscard]] CallBlocks look_at_call_blocks(EndpointClient& client, const nlohmann::json& head,
                                             uint64_t since, bool with_code_at);

}  // namespace plumbline::engine
