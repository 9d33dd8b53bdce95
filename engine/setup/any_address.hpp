// Whether endpoints can be asked for what `address = "*"` wants: logs by topic, of whatever
// contract. Some providers refuse that, whatever the range.
#pragma once

#include <string>
#include <vector>

#include "core/base/clock.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/setup/endpoint_client.hpp"
#include "rpc/pool_options.hpp"
#include "rpc/transport.hpp"

namespace plumbline::engine {

/// Empty where the endpoint answers for one block's logs of `topic0`, or says nothing at all: an
/// outage is no refusal. Else its words.
[[nodiscard]] std::string refusal_of_any_address(EndpointClient& client, const evm::Hash& topic0);

struct AnyAddressRefusal {
    std::string endpoint;  ///< without secrets
    std::string why;
};
/// Those of `endpoints` that refuse it; nobody is asked where no source of the plan needs it.
[[nodiscard]] std::vector<AnyAddressRefusal> find_any_address_refusals(
    const Plan& plan, const std::vector<rpc::Endpoint>& endpoints, rpc::Transport& transport,
    const Clock& clock);

}  // namespace plumbline::engine
