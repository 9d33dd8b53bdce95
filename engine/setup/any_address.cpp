#include "engine/setup/any_address.hpp"

#include <algorithm>

#include "core/evm/hex.hpp"
#include "rpc/provider.hpp"

namespace plumbline::engine {

namespace {

/// The index must not wait long for who is not there: that is told while it runs.
constexpr int64_t kTimeoutMs = 5'000;

}  // namespace

std::string refusal_of_any_address(EndpointClient& client, const evm::Hash& topic0) {
    using nlohmann::json;
    const Reply logs =
        client.ask("eth_getLogs",
                   json::array({{{"fromBlock", "latest"},
                                 {"toBlock", "latest"},
                                 {"topics", json::array({json::array({evm::to_hex(topic0)})})}}}));
    return logs.is_rpc_error ? logs.error : std::string{};
}

std::vector<AnyAddressRefusal> find_any_address_refusals(
    const Plan& plan, const std::vector<rpc::Endpoint>& endpoints, rpc::Transport& transport,
    const Clock& clock) {
    std::vector<AnyAddressRefusal> out;
    const auto& sources = plan.sources();
    const auto source = std::find_if(sources.begin(), sources.end(),
                                     [](const Source& one) { return one.any_address; });
    if (source == sources.end()) {
        return out;
    }
    for (const rpc::Endpoint& endpoint : endpoints) {
        EndpointClient client{endpoint, transport, clock, {kTimeoutMs, kTimeoutMs, {}}};
        std::string why = refusal_of_any_address(client, source->topics0.front());
        if (!why.empty()) {
            out.push_back({rpc::display_name(endpoint), std::move(why)});
        }
    }
    return out;
}

}  // namespace plumbline::engine
