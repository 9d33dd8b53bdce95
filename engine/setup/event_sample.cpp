#include "engine/setup/event_sample.hpp"

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

}  // namespace

bool is_of_proxies(const evm::Hash& topic0) {
    static const std::array<evm::Hash, kOfProxies> topics = [] {
        std::array<evm::Hash, kOfProxies> out;
        std::transform(kCommon.end() - kOfProxies, kCommon.end(), out.begin(),
                       [](const char* one) { return evm::keccak256(std::string_view{one}); });
        return out;
    }();
    return std::ranges::find(topics, topic0) != topics.end();
}

namespace {

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
        out.of_proxies += !log.topics.empty() && is_of_proxies(log.topics[0]) ? 1U : 0U;
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

std::optional<EventSample> sample_events(EndpointClient& client, const evm::Address& address,
                                         const EventChoice& choice, uint64_t first, uint64_t head) {
    std::optional<EventSample> out;
    for (const uint64_t span : {uint64_t{100}, uint64_t{1'000}, uint64_t{10'000}}) {
        if (head < first) {
            break;
        }
        const uint64_t from = std::max(first, head - std::min(head, span - 1));
        const Reply logs = client.ask("eth_getLogs", {json{{"address", evm::to_hex(address)},
                                                           {"fromBlock", evm::to_quantity(from)},
                                                           {"toBlock", evm::to_quantity(head)}}});
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
        return fmt::format("`events` in the config leaves {} out",
                           sample.unknown == 1 ? "it" : "them");
    }
    const bool is_one = sample.unknown_chosen == 1;
    const bool are_all = sample.unknown_chosen == sample.unknown;
    return fmt::format("{} {} stored, and nothing is made of {}{}",
                       !are_all ? format_count(sample.unknown_chosen) + " of them"
                       : is_one ? "it"
                                : "they",
                       is_one ? "is" : "are", is_one ? "it" : "them",
                       are_all ? "" : "; `events` in the config leaves out the others");
}

std::string describe_silence(const EventSample& sample) {
    if (sample.events > 0) {
        return {};
    }
    const auto [from, to] = sample.range;
    return from == to ? fmt::format("it has emitted no event in block {}", from)
                      : fmt::format("it has emitted no event in blocks {} to {}", from, to);
}

}  // namespace plumbline::engine
