#include "tools/state_look.hpp"

#include <optional>

#include "core/base/clock.hpp"
#include "engine/setup/contract_look.hpp"
#include "engine/setup/state_depth.hpp"
#include "rpc/curl_transport.hpp"
#include "rpc/provider.hpp"

namespace plumbline::tools {

std::string look_at_states(const engine::Config& config,
                           const std::vector<rpc::Endpoint>& endpoints,
                           const engine::EndpointPatience& patience) {
    const auto calls = engine::find_old_calls(config);
    if (!calls) {
        return {};
    }
    std::string missing;
    std::optional<uint64_t> best;
    for (const rpc::Endpoint& endpoint : endpoints) {
        rpc::CurlTransport transport;
        engine::EndpointClient client{endpoint, transport, system_clock(), patience};
        const auto chain = engine::look_at_chain(client);
        if (!chain || chain->chain_id != config.chain.id) {
            continue;
        }
        const engine::StateDepth depth = engine::find_state_depth(client, chain->head, calls->from);
        if (patience.should_stop && patience.should_stop()) {
            return {};
        }
        const std::string lacks = engine::describe_missing_state(
            *calls, rpc::display_name(endpoint.url, endpoint.is_host_public), depth);
        if (lacks.empty()) {
            return {};
        }
        // Of several the one that goes back furthest.
        if (missing.empty() || (depth.since && (!best || *depth.since < *best))) {
            missing = lacks;
            best = depth.since;
        }
    }
    return missing;
}

}  // namespace plumbline::tools
