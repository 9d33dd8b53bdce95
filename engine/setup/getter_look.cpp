#include "engine/setup/getter_look.hpp"

#include <map>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "engine/setup/contract_look.hpp"

namespace plumbline::engine {

namespace {

using nlohmann::json;

constexpr size_t kGettersMax = 16;
constexpr size_t kWordDigits = 64;

/// Asks for each code and each proxy once.
class GetterLook {
  public:
    explicit GetterLook(EndpointClient& client) : client_{client} {}

    bool is_missing(const evm::Address& address, const StatePlan& getter) {
        const std::string selector = evm::to_hex(getter.selector).substr(2);
        if (may_name(address, selector)) {
            return false;
        }
        const auto [at, is_new] = looks_.try_emplace(address);
        if (is_new) {
            if (auto look = look_at_contract(client_, address, {}, false)) {
                at->second = *std::move(look);
            }
        }
        const ContractLook& look = at->second;
        return look.has_code && (look.proxy.empty() || !may_name(look.implementation, selector)) &&
               gives_nothing(address, getter);
    }

  private:
    /// True too where nobody can tell.
    bool may_name(const evm::Address& address, std::string_view selector) {
        const auto [at, is_new] = codes_.try_emplace(address);
        if (is_new) {
            const Reply code = client_.ask("eth_getCode", {evm::to_hex(address), "latest"});
            if (code.result && code.result->is_string()) {
                at->second = code.result->get<std::string>();
            }
        }
        return !at->second || at->second->find(selector) != std::string::npos;
    }

    /// Called with zeros: as a contract does that has no such function, it answers nothing, or
    /// reverts without a word.
    bool gives_nothing(const evm::Address& address, const StatePlan& getter) {
        const std::string data =
            evm::to_hex(getter.selector) + std::string(getter.arg_types.size() * kWordDigits, '0');
        const Reply reply =
            client_.ask("eth_call", {json{{"to", evm::to_hex(address)}, {"data", data}}, "latest"});
        if (reply.result) {
            return reply.result->is_string() && reply.result->get_ref<const std::string&>() == "0x";
        }
        return reply.is_rpc_error && !reply.has_data &&
               reply.error.find("revert") != std::string::npos &&
               reply.error.find("revert:") == std::string::npos &&
               reply.error.find("reverted:") == std::string::npos;
    }

    EndpointClient& client_;
    std::map<evm::Address, std::optional<std::string>> codes_;  ///< empty: it was not told
    std::map<evm::Address, ContractLook> looks_;                ///< without code: not told
};

}  // namespace

std::vector<std::string> find_missing_getters(const Plan& plan, EndpointClient& client) {
    GetterLook look{client};
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
        if (look.is_missing(address, getter)) {
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
