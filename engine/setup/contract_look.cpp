#include "engine/setup/contract_look.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/evm/abi_decode.hpp"
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

bool is_of_proxies(const evm::Hash& topic0) {
    return std::any_of(kCommon.end() - kOfProxies, kCommon.end(), [&](const char* signature) {
        return topic0 == evm::keccak256(std::string_view{signature});
    });
}

/// A log as a node tells it.
struct ToldLog {
    std::vector<evm::Hash> topics;
    Bytes data;
};

ToldLog read_log(const json& log) {
    ToldLog out;
    if (!log.is_object()) {
        return out;
    }
    if (const auto topics = log.find("topics"); topics != log.end() && topics->is_array()) {
        for (const json& topic : *topics) {
            const auto hash = topic.is_string()
                                  ? evm::parse_hash(topic.get_ref<const std::string&>())
                                  : std::nullopt;
            out.topics.push_back(hash.value_or(evm::Hash{}));
        }
    }
    if (const auto data = log.find("data"); data != log.end() && data->is_string()) {
        out.data = evm::parse_hex(data->get_ref<const std::string&>()).value_or(Bytes{});
    }
    return out;
}

/// Holds logs against the ABI as the index does.
class EventJudge {
  public:
    explicit EventJudge(const EventChoice& choice) : choice_{choice} {
        for (const evm::AbiEvent& event : choice.abi.events) {
            // An anonymous event may be whatever no other event explains.
            has_anonymous_ = has_anonymous_ || event.anonymous;
            if (auto decoder = evm::EventDecoder::compile(event); decoder && !event.anonymous) {
                decoders_.push_back(*std::move(decoder));
            }
        }
    }

    [[nodiscard]] bool is_chosen(const ToldLog& log) const {
        return choice_.topics0.empty() ||
               (!log.topics.empty() &&
                std::ranges::find(choice_.topics0, log.topics[0]) != choice_.topics0.end());
    }
    /// Empty where the ABI knows it; else how the ABI's event of that topic0 differs, if any does.
    [[nodiscard]] std::optional<std::string> unknown(const ToldLog& log) {
        if (has_anonymous_ || (!log.topics.empty() && is_of_proxies(log.topics[0]))) {
            return std::nullopt;
        }
        std::string indexed;
        bool is_same_count = false;
        for (const evm::EventDecoder& decoder : decoders_) {
            if (log.topics.empty() || decoder.topic0() != log.topics[0]) {
                continue;
            }
            if (decoder.decode(log.topics, log.data, event_) == evm::AbiError::kNone) {
                return std::nullopt;
            }
            is_same_count = is_same_count || decoder.topic_count() == log.topics.size();
            indexed +=
                fmt::format("{}{}", indexed.empty() ? "" : " or ", decoder.topic_count() - 1);
        }
        if (indexed.empty()) {
            return std::string{};
        }
        const size_t count = log.topics.size() - 1;
        return is_same_count ? "whose values do not fit the ABI's types"
                             : fmt::format("with {} parameter{} indexed where the ABI has {}",
                                           count, count == 1 ? "" : "s", indexed);
    }

  private:
    const EventChoice& choice_;
    std::vector<evm::EventDecoder> decoders_;
    evm::DecodedEvent event_;
    bool has_anonymous_ = false;
};

EventSample count(const json& logs, const EventChoice& choice, evm::BlockRange range) {
    EventSample out;
    out.range = range;
    EventJudge judge{choice};
    std::map<std::pair<evm::Hash, std::string>, uint64_t> unknowns;
    for (const json& told : logs) {
        const ToldLog log = read_log(told);
        const bool is_chosen = judge.is_chosen(log);
        ++out.events;
        out.chosen += is_chosen ? 1 : 0;
        if (auto difference = judge.unknown(log)) {
            ++out.unknown;
            out.unknown_chosen += is_chosen ? 1 : 0;
            ++unknowns[{log.topics.empty() ? evm::Hash{} : log.topics[0], *std::move(difference)}];
        }
    }
    for (const auto& [which, times] : unknowns) {
        out.unknowns.push_back({which.first, times, which.second});
    }
    std::ranges::stable_sort(out.unknowns, std::ranges::greater{}, &EventSample::Unknown::times);
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
                                         const EventChoice& choice, uint64_t first, uint64_t head) {
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
        out = count(*logs.result, choice, {from, head});
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
    for (size_t i = 0; i < std::min(sample.unknowns.size(), kTopicsShown); ++i) {
        const auto& [topic0, times, difference] = sample.unknowns[i];
        const auto* const known = std::ranges::find(kCommon, topic0, [](const char* signature) {
            return evm::keccak256(std::string_view{signature});
        });
        const std::string name = known == kCommon.end() ? std::string{} : *known;
        out += fmt::format("{}{} ({}{}{}{}{})", i == 0 ? "" : ", ", evm::to_hex(topic0), name,
                           name.empty() || difference.empty() ? "" : " ", difference,
                           name.empty() && difference.empty() ? "" : ", ",
                           times == 1 ? "once" : format_count(times) + " times");
    }
    return out + (sample.unknowns.size() > kTopicsShown ? ", and others" : "");
}

std::string fate_of_unknown(const EventSample& sample) {
    if (sample.unknown_chosen == 0) {
        return "`events` in the config leaves them out";
    }
    const bool are_all = sample.unknown_chosen == sample.unknown;
    return fmt::format("{} stored, and nothing is made of them{}",
                       are_all ? "they are" : format_count(sample.unknown_chosen) + " of them are",
                       are_all ? "" : "; `events` in the config leaves out the others");
}

std::string describe_silence(const EventSample& sample) {
    return sample.events > 0 ? std::string{}
                             : fmt::format("it has emitted no event in blocks {} to {}",
                                           sample.range.from, sample.range.to);
}

}  // namespace plumbline::engine
