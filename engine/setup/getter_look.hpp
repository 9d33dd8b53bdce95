// Looks whether contracts have the getters that `state` asks: a mistake that only a proof would
// tell.
#pragma once

#include <string>
#include <vector>

#include "engine/mapping/plan.hpp"
#include "engine/setup/endpoint_client.hpp"

namespace plumbline::engine {

/// A sentence for each getter that a contract lacks: neither its code nor that behind it (EIP-1967,
/// EIP-1167) names the function, and a call of it gives nothing. One address a contract, at most 16
/// getters; children of factories, and what the endpoint does not answer, are not looked at.
[[nodiscard]] std::vector<std::string> find_missing_getters(const Plan& plan,
                                                            EndpointClient& client);

}  // namespace plumbline::engine
