#include "engine/setup/getter_look.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "engine/setup/contract_look.hpp"

namespace plumbline::engine {

namespace {

using nlohmann::json;

constexpr size_t kGettersMax = 16;
constexpr size_t kWordDigits = 64;

/// True too where nobody can tell.
bool may_name(EndpointClient& client, const evm::Address& address, std::string_view selector) {
    const Reply code = client.ask("eth_getCode", {evm::to_hex(address), "latest"});
    return !code.result || !code.result->is_string() ||
           code.result->get_ref<const std::string&>().find(selector) != std::string::npos;
}

/// Called with zeros: as a contract does that has no such function, it answers nothing, or reverts
/// without a word.
bool gives_nothing(EndpointClient& client, const evm::Address& address, const StatePlan& getter) {
    const std::string data =
        evm::to_hex(getter.selector) + std::string(getter.arg_types.size() * kWordDigits, '0');
    const Reply reply =
        client.ask("eth_call", {json{{"to", evm::to_hex(address)}, {"data", data}}, "latest"});
    if (reply.result) {
        return reply.result->is_string() && reply.result->get_ref<const std::string&>() == "0x";
    }
    return reply.is_rpc_error && !reply.has_data &&
           reply.error.find("revert") != std::string::npos &&
           reply.error.find("revert:") == std::string::npos &&
           reply.error.find("reverted:") == std::string::npos;
}

bool is_missing(EndpointClient& client, const evm::Address& address, const StatePlan& getter) {
    const std::string selector = evm::to_hex(getter.selector).substr(2);
    if (may_name(client, address, selector)) {
        return false;
    }
    const auto look = look_at_contract(client, address, {}, false);
    return look && look->has_code &&
           (look->proxy.empty() || !may_name(client, look->implementation, selector)) &&
           gives_nothing(client, address, getter);
}

}  // namespace

std::vector<std::string> find_missing_getters(const Plan& plan, EndpointClient& client) {
    std::vector<std::string> out;
    size_t asked = 0;
    for (const StatePlan& getter : plan.state_plans()) {
        const Source& source = plan.sources()[getter.source];
        if (getter.at || source.addresses.empty() || asked == kGettersMax ||
            client.has_given_up()) {
            continue;
        }
        ++asked;
        const evm::Address& address = source.addresses.front();
        if (is_missing(client, address, getter)) {
            out.push_back(fmt::format(
                "{} ({}) has no function {}, which [entities.{}.state] asks: no row of {} can be "
                "compared with the contract; is it the ABI of the contract at this address?",
                evm::to_hex(address), source.contract, getter.signature,
                plan.entities()[getter.entity].name, plan.entities()[getter.entity].name));
        }
    }
    return out;
}

}  // namespace plumbline::engine
