#include "engine/setup/contract_look.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "core/evm/hex.hpp"

namespace plumbline::engine {

using nlohmann::json;

namespace {

// EIP-1967: keccak256("eip1967.proxy.implementation") - 1, and of "beacon".
constexpr const char* kImplementationSlot =
    "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc";
constexpr const char* kBeaconSlot =
    "0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50";
// EIP-1167: the bytes around the implementation's address.
constexpr std::string_view kCloneHead = "0x363d3d373d3d3d363d73";
constexpr std::string_view kCloneTail = "5af43d82803e903d91602b57fd5bf3";
std::string block_text(uint64_t number) {
    return evm::to_quantity(number);
}

/// The address in the low bytes of a storage word; zero where there is none.
evm::Address address_in(const Reply& word) {
    evm::Address out;
    if (word.result && word.result->is_string()) {
        const auto hash = evm::parse_hash(word.result->get_ref<const std::string&>());
        if (hash) {
            std::copy(hash->bytes.end() - 20, hash->bytes.end(), out.bytes.begin());
        }
    }
    return out;
}

bool is_code(const Reply& reply) {
    return reply.result && reply.result->is_string() &&
           reply.result->get_ref<const std::string&>().size() > 2;
}

Reply code_at(EndpointClient& client, const evm::Address& address, uint64_t block_num) {
    return client.ask("eth_getCode", {evm::to_hex(address), block_text(block_num)});
}

void find_proxy(EndpointClient& client, const evm::Address& address, const std::string& code,
                ContractLook& out) {
    if (code.starts_with(kCloneHead) && code.size() >= kCloneHead.size() + 40 + kCloneTail.size()) {
        const auto target = evm::parse_address("0x" + code.substr(kCloneHead.size(), 40));
        if (target && code.substr(kCloneHead.size() + 40).starts_with(kCloneTail)) {
            out.proxy = "EIP-1167 clone";
            out.implementation = *target;
            return;
        }
    }
    const auto slot = [&](const char* which) {
        return address_in(client.ask("eth_getStorageAt", {evm::to_hex(address), which, "latest"}));
    };
    out.implementation = slot(kImplementationSlot);
    if (out.implementation != evm::Address{}) {
        out.proxy = "EIP-1967 proxy";
        return;
    }
    const evm::Address beacon = slot(kBeaconSlot);
    if (beacon == evm::Address{}) {
        return;
    }
    // implementation()
    out.implementation = address_in(client.ask(
        "eth_call", {json{{"to", evm::to_hex(beacon)}, {"data", "0x5c60da1b"}}, "latest"}));
    if (out.implementation != evm::Address{}) {
        out.proxy = "EIP-1967 beacon proxy";
    }
}

/// A contract that had destroyed itself and came again may be found at either block.
std::optional<uint64_t> find_deployment(EndpointClient& client, const evm::Address& address,
                                        uint64_t head) {
    uint64_t without = 0;
    uint64_t with = head;
    const Reply first = code_at(client, address, 0);
    if (!first.result) {
        return std::nullopt;  // No state of old blocks, mostly.
    }
    if (is_code(first)) {
        return 0;
    }
    while (with - without > 1) {
        const uint64_t middle = without + (with - without) / 2;
        const Reply code = code_at(client, address, middle);
        if (!code.result) {
            return std::nullopt;
        }
        (is_code(code) ? with : without) = middle;
    }
    return with;
}

}  // namespace

Result<ChainLook> look_at_chain(EndpointClient& client) {
    const Reply id = client.ask("eth_chainId");
    const auto chain_id = id.result ? quantity_of(*id.result) : std::nullopt;
    const Reply head = chain_id ? client.ask("eth_blockNumber") : id;
    const auto number = head.result ? quantity_of(*head.result) : std::nullopt;
    if (!chain_id || !number) {
        const std::string why = head.error.empty() ? "its answer is no number" : head.error;
        return Error{
            ErrorCode::kUnavailable,
            chain_id ? fmt::format("serves chain {} and does not tell its head: {}", *chain_id, why)
                     : "does not tell its chain: " + why};
    }
    return ChainLook{*chain_id, *number};
}

Result<ContractLook> look_at_contract(EndpointClient& client, const evm::Address& address,
                                      const ChainLook& chain, bool with_deployment) {
    ContractLook out;
    const Reply code = client.ask("eth_getCode", {evm::to_hex(address), "latest"});
    if (!code.result) {
        return Error{ErrorCode::kUnavailable, "eth_getCode: " + code.error};
    }
    out.has_code = is_code(code);
    if (!out.has_code) {
        return out;
    }
    find_proxy(client, address, code.result->get_ref<const std::string&>(), out);
    if (with_deployment) {
        out.deployed_in = find_deployment(client, address, chain.head);
    }
    return out;
}

std::optional<bool> had_code(EndpointClient& client, const evm::Address& address,
                             uint64_t block_num) {
    const Reply code = code_at(client, address, block_num);
    return code.result ? std::optional{is_code(code)} : std::nullopt;
}

}  // namespace plumbline::engine
