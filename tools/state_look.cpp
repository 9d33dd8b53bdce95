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
std::string off_block_of(engine::EndpointClient& client, uint64_t head,
                         const engine::StateDepth& depth) {
    const engine::Reply header =
        client.ask("eth_getBlockByNumber", nlohmann::json::array({evm::to_quantity(head), false}));
    if (!header.result || !header.result->is_object()) {
        return {};
    }
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

StateLook look_at_states(const engine::Config& config, const std::vector<rpc::Endpoint>& endpoints,
                         const engine::EndpointPatience& patience, bool all) {
    const auto calls = engine::find_old_calls(config);
    if (!calls) {
        return {};
    }
    StateLook out;
    bool is_state_there = false;
    bool is_block_right = false;
    std::optional<uint64_t> best;
    ask_endpoints(
        config, endpoints, patience,
        [&](const rpc::Endpoint& endpoint, engine::EndpointClient& client,
            const engine::ChainLook& chain) {
            const std::string name = rpc::display_name(endpoint);
            const engine::StateDepth depth =
                engine::find_state_depth(client, chain.head, calls->from);
            const std::string off =
                is_block_right && !all ? std::string{} : off_block_of(client, chain.head, depth);
            if (patience.should_stop && patience.should_stop()) {
                out = {};
                return true;
            }
            is_block_right = is_block_right || off.empty();
            if (!off.empty()) {
                out.off_block = fmt::format(
                    "contract calls ask the state of events' blocks, and {} has none to give "
                    "({}): use another endpoint, and `verify` what this one told",
                    name, off);
                out.off_blocks.push_back(out.off_block);
            }
            const std::string lacks =
                is_state_there ? "" : engine::describe_missing_state(*calls, name, depth);
            is_state_there = is_state_there || lacks.empty();
            // Of several the one that goes back furthest.
            if (is_state_there) {
                out.missing.clear();
            } else if (out.missing.empty() || (depth.since && (!best || *depth.since < *best))) {
                out.missing = lacks;
                best = depth.since;
            }
            return is_state_there && is_block_right && !all;
        });
    if (is_block_right) {
        out.off_block.clear();
    } else {
        out.off_blocks.clear();
    }
    return out;
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
