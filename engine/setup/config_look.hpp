// Looks at what a config is about before it is indexed: mistakes that would end in an empty index
// without a word.
#pragma once

#include <string>
#include <vector>

#include "engine/config/config.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/setup/contract_look.hpp"
#include "engine/setup/endpoint_client.hpp"

namespace plumbline::engine {

struct ConfigLook {
    bool has_chain = false;  ///< the endpoint told its head, and is of the config's chain
    /// A sentence where it serves another chain than the config's; else empty.
    std::string other_chain;
    std::vector<std::string> warnings;  ///< one sentence each, with what to do
    /// Nothing can come of it now: every contract starts above the head. Empty: something can.
    std::string in_vain;
};

/// A sentence where an endpoint serves another chain than the config's; else empty.
[[nodiscard]] std::string other_chain(const ChainLook& seen, const Config& config);

/// What ABIs and the chain say, of at most 16 addresses; an endpoint that does not answer says
/// nothing.
[[nodiscard]] ConfigLook look_at_config(const Config& config, const Plan& plan,
                                        EndpointClient& client);

}  // namespace plumbline::engine
