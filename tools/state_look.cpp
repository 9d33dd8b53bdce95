#include "tools/state_look.hpp"

#include <functional>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/clock.hpp"
#include "core/evm/hex.hpp"
#include "engine/setup/call_blocks.hpp"
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

/// What shows that calls are answered from another block; empty where nothing does.
std::string off_block_of(engine::EndpointClient& client, uint64_t head, uint64_t from) {
    const engine::Reply header =
        client.ask("eth_getBlockByNumber", nlohmann::json::array({evm::to_quantity(head), false}));
    if (!header.result || !header.result->is_object()) {
        return {};
    }
    const engine::StateDepth depth = engine::find_state_depth(client, head, from);
    for (const bool with_code_at : {false, true}) {
        const engine::CallBlocks seen = engine::look_at_call_blocks(
            client, *header.result, depth.since.value_or(head), with_code_at);
        if (!seen.wrong.empty() || seen.right > 0) {
            return seen.wrong;
        }
    }
    return {};
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

std::string look_at_call_blocks(const engine::Config& config,
                                const std::vector<rpc::Endpoint>& endpoints,
                                const engine::EndpointPatience& patience) {
    const auto calls = engine::find_old_calls(config);
    if (!calls) {
        return {};
    }
    std::string wrong;
    ask_endpoints(config, endpoints, patience,
                  [&](const rpc::Endpoint& endpoint, engine::EndpointClient& client,
                      const engine::ChainLook& chain) {
                      std::string said = off_block_of(client, chain.head, calls->from);
                      if (said.empty() || (patience.should_stop && patience.should_stop())) {
                          wrong.clear();
                          return true;
                      }
                      wrong = fmt::format(
                          "contract calls ask the state of events' blocks, and {} has none to give "
                          "({}): use another endpoint, and `verify` what this one told",
                          rpc::display_name(endpoint), said);
                      return false;
                  });
    return wrong;
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
