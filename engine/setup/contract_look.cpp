#include "engine/setup/contract_look.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "engine/text/duration.hpp"

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
constexpr size_t kTopicsShown = 3;

/// What people meet most, and the events that a proxy itself has.
constexpr std::array<const char*, 13> kCommon{
    "Transfer(address,address,uint256)",
    "Approval(address,address,uint256)",
    "ApprovalForAll(address,address,bool)",
    "TransferSingle(address,address,address,uint256,uint256)",
    "TransferBatch(address,address,address,uint256[],uint256[])",
    "OwnershipTransferred(address,address)",
    "RoleGranted(bytes32,address,address)",
    "Swap(address,uint256,uint256,uint256,uint256,address)",
    "Sync(uint112,uint112)",
    "Initialized(uint8)",
    "Upgraded(address)",
    "AdminChanged(address,address)",
    "BeaconUpgraded(address)"};
constexpr size_t kOfProxies = 3;  ///< the last of them

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

bool is_known(const evm::Abi& abi, const std::optional<evm::Hash>& topic0) {
    for (size_t i = kCommon.size() - kOfProxies; i < kCommon.size(); ++i) {
        if (topic0 == evm::keccak256(std::string_view{kCommon[i]})) {
            return true;
        }
    }
    return std::ranges::any_of(abi.events, [&](const evm::AbiEvent& event) {
        return event.anonymous || event.topic0() == topic0;
    });
}

EventSample count(const json& logs, const evm::Abi& abi, evm::BlockRange range) {
    EventSample out;
    out.range = range;
    std::map<evm::Hash, uint64_t> unknown;
    for (const json& log : logs) {
        ++out.events;
        std::optional<evm::Hash> topic0;
        if (log.is_object() && log.contains("topics") && log["topics"].is_array() &&
            !log["topics"].empty() && log["topics"][0].is_string()) {
            topic0 = evm::parse_hash(log["topics"][0].get_ref<const std::string&>());
        }
        if (!is_known(abi, topic0)) {
            ++out.unknown;
            ++unknown[topic0.value_or(evm::Hash{})];
        }
    }
    out.topics.assign(unknown.begin(), unknown.end());
    std::ranges::stable_sort(out.topics,
                             [](const auto& a, const auto& b) { return a.second > b.second; });
    return out;
}

}  // namespace

Result<ChainLook> look_at_chain(EndpointClient& client) {
    const Reply id = client.ask("eth_chainId");
    const auto chain_id = id.result ? quantity_of(*id.result) : std::nullopt;
    const Reply head = chain_id ? client.ask("eth_blockNumber") : id;
    const auto number = head.result ? quantity_of(*head.result) : std::nullopt;
    if (!chain_id || !number) {
        return Error{ErrorCode::kUnavailable,
                     head.error.empty() ? "its answer is no number" : head.error};
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

std::optional<EventSample> sample_events(EndpointClient& client, const evm::Address& address,
                                         const evm::Abi& abi, uint64_t first, uint64_t head) {
    std::optional<EventSample> out;
    for (const uint64_t span : {uint64_t{100}, uint64_t{1'000}, uint64_t{10'000}}) {
        if (head < first) {
            break;
        }
        const uint64_t from = std::max(first, head - std::min(head, span - 1));
        const Reply logs = client.ask("eth_getLogs", {json{{"address", evm::to_hex(address)},
                                                           {"fromBlock", block_text(from)},
                                                           {"toBlock", block_text(head)}}});
        if (!logs.result || !logs.result->is_array()) {
            break;
        }
        out = count(*logs.result, abi, {from, head});
        if (out->events > 0 || from == first) {
            break;
        }
    }
    return out;
}

std::string describe(const EventSample& sample) {
    std::string out =
        fmt::format("{} of {} events in blocks {} to {} {} not in the ABI: topic0 ",
                    format_count(sample.unknown), format_count(sample.events), sample.range.from,
                    sample.range.to, sample.unknown == 1 ? "is" : "are");
    for (size_t i = 0; i < std::min(sample.topics.size(), kTopicsShown); ++i) {
        const auto& [topic0, times] = sample.topics[i];
        const auto* const known = std::ranges::find(kCommon, topic0, [](const char* signature) {
            return evm::keccak256(std::string_view{signature});
        });
        out += fmt::format("{}{} ({}{})", i == 0 ? "" : ", ", evm::to_hex(topic0),
                           known == kCommon.end() ? "" : std::string{*known} + ", ",
                           times == 1 ? "once" : format_count(times) + " times");
    }
    return out + (sample.topics.size() > kTopicsShown ? ", and others" : "");
}

}  // namespace plumbline::engine
