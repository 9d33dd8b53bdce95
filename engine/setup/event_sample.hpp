// Looks at some of a contract's events before one indexes it: whether an ABI knows them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/evm/abi_json.hpp"
#include "core/evm/bytes.hpp"
#include "core/evm/log.hpp"
#include "engine/setup/endpoint_client.hpp"

namespace plumbline::engine {

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
    uint64_t of_proxies = 0;        ///< of `events`: those that a proxy itself has (EIP-1967)
    std::vector<Unknown> unknowns;  ///< commonest first
};
/// Upgraded, AdminChanged, BeaconUpgraded.
[[nodiscard]] bool is_of_proxies(const evm::Hash& topic0);

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
