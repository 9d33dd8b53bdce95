// Looks at a contract before one indexes it: whether there is one, what it is, since when, and
// whether an ABI knows its events.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/abi_json.hpp"
#include "core/evm/bytes.hpp"
#include "core/evm/log.hpp"
#include "engine/setup/endpoint_client.hpp"

namespace plumbline::engine {

struct ChainLook {
    uint64_t chain_id = 0;
    uint64_t head = 0;
};
/// Two questions. kUnavailable: no answer, with what the endpoint said.
[[nodiscard]] Result<ChainLook> look_at_chain(EndpointClient& client);

struct ContractLook {
    bool has_code = false;
    /// Of a proxy: "EIP-1967 proxy", "EIP-1967 beacon proxy", "EIP-1167 clone"; else empty.
    std::string proxy;
    evm::Address implementation;  ///< of a proxy
    /// The first block with code; empty where the node keeps no state of old blocks.
    std::optional<uint64_t> deployed_in;
};
/// Up to some 70 questions, most of them for `deployed_in` (a binary search, only if asked for).
[[nodiscard]] Result<ContractLook> look_at_contract(EndpointClient& client,
                                                    const evm::Address& address,
                                                    const ChainLook& chain, bool with_deployment);

/// Whether there was code at the end of `block_num`; empty where the node keeps no state of then.
[[nodiscard]] std::optional<bool> had_code(EndpointClient& client, const evm::Address& address,
                                           uint64_t block_num);

/// Which of a contract's events are indexed. Used while `abi` lives.
struct EventChoice {
    const evm::Abi& abi;
    /// Of the config's `events`; empty: all that the contract emits.
    std::vector<evm::Hash> topics0;
};

/// Some of a contract's events, held against an ABI as the index will hold them: by topic0, by what
/// is indexed, by what decodes.
struct EventSample {
    struct Unknown {
        evm::Hash topic0;
        uint64_t times = 0;
        /// How it differs from the event of that topic0 in the ABI; empty: there is none.
        std::string difference;
    };
    evm::BlockRange range;
    uint64_t events = 0;
    uint64_t chosen = 0;            ///< of `events`: are indexed
    uint64_t unknown = 0;           ///< of `events`
    uint64_t unknown_chosen = 0;    ///< of `chosen`
    std::vector<Unknown> unknowns;  ///< commonest first
};
/// The newest events from `first` on: the last 100 blocks, 1,000, 10,000, until there are some.
/// Empty where the node refuses. Events of proxies themselves (EIP-1967) count as known.
[[nodiscard]] std::optional<EventSample> sample_events(EndpointClient& client,
                                                       const evm::Address& address,
                                                       const EventChoice& choice, uint64_t first,
                                                       uint64_t head);

/// "35 of 40 events in blocks 1 to 9 are not in the ABI: topic0 0xddf2..
/// (Transfer(address,address,uint256) with 2 parameters indexed where the ABI has 3, 35 times)"
[[nodiscard]] std::string describe(const EventSample& sample);
/// What becomes of them: "they are stored, and nothing is made of them", unless `events` leaves
/// them out.
[[nodiscard]] std::string fate_of_unknown(const EventSample& sample);
/// "it has emitted no event in blocks 5 to 90", where there is none; else empty.
[[nodiscard]] std::string describe_silence(const EventSample& sample);

}  // namespace plumbline::engine
