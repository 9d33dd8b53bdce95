#include "tools/state_look.hpp"

#include <functional>
#include <optional>

#include "core/base/clock.hpp"
#include "engine/setup/contract_look.hpp"
#include "engine/setup/getter_look.hpp"
#include "engine/setup/state_depth.hpp"
#include "rpc/curl_transport.hpp"
#include "rpc/provider.hpp"

namespace plumbline::tools {

namespace {

/// True: the others need not be asked.
using AskEndpoint = std::function<bool(
    const rpc::Endpoint& endpoint, engine::EndpointClient& client, const engine::ChainLook& chain)>;

/// One after the other those that serve the config's chain.
void ask_endpoints(const engine::Config& config, const std::vector<rpc::Endpoint>& endpoints,
                   const engine::EndpointPatience& patience, const AskEndpoint& ask) {
    for (const rpc::Endpoint& endpoint : endpoints) {
        rpc::CurlTransport transport;
        engine::EndpointClient client{endpoint, transport, system_clock(), patience};
        const auto chain = engine::look_at_chain(client);
        if (chain && chain->chain_id == config.chain.id && ask(endpoint, client, *chain)) {
            return;
        }
    }
}

}  // namespace

std::string look_at_states(const engine::Config& config,
                           const std::vector<rpc::Endpoint>& endpoints,
                           const engine::EndpointPatience& patience) {
    const auto calls = engine::find_old_calls(config);
    if (!calls) {
        return {};
    }
    std::string missing;
    std::optional<uint64_t> best;
    ask_endpoints(config, endpoints, patience,
                  [&](const rpc::Endpoint& endpoint, engine::EndpointClient& client,
                      const engine::ChainLook& chain) {
                      const engine::StateDepth depth =
                          engine::find_state_depth(client, chain.head, calls->from);
                      if (patience.should_stop && patience.should_stop()) {
                          missing.clear();
                          return true;
                      }
                      const std::string lacks = engine::describe_missing_state(
                          *calls, rpc::display_name(endpoint), depth);
                      if (lacks.empty()) {
                          missing.clear();
                          return true;
                      }
                      // Of several the one that goes back furthest.
                      if (missing.empty() || (depth.since && (!best || *depth.since < *best))) {
                          missing = lacks;
                          best = depth.since;
                      }
                      return false;
                  });
    return missing;
}

std::vector<std::string> look_at_getters(const engine::Config& config, const engine::Plan& plan,
                                         const std::vector<rpc::Endpoint>& endpoints,
                                         const engine::EndpointPatience& patience) {
    std::vector<std::string> out;
    ask_endpoints(config, endpoints, patience,
                  [&](const rpc::Endpoint& /*endpoint*/, engine::EndpointClient& client,
                      const engine::ChainLook& /*chain*/) {
                      out = engine::find_missing_getters(plan, client);
                      return true;
                  });
    return out;
}

}  // namespace plumbline::tools
