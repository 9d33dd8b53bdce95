// The config that the simulation indexes by, and how its owner changes it in mid-life.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/config/config.hpp"
#include "tests/sim/random.hpp"
#include "tests/support/test_chain.hpp"

namespace plumbline::sim {

/// From where on a child's logs count.
struct Since {
    engine::ChildSince kind = engine::ChildSince::kBlock;
    uint64_t block = 0;  ///< of kNumber
};

/// What the config says of the second hub, whose announcements may be of the first one's vaults.
enum class Annex : uint8_t {
    kNone,
    kSecondAddress,  ///< the hub has two addresses
    kContract,       ///< a factory of its own, with children of another name
};

struct ConfigOptions {
    uint64_t chain_id = test::kChainId;
    uint64_t finality_depth = 0;  ///< 0: the chain's own `finalized`
    int64_t poll_interval_ms = 1'000;
    bool names_txns = false;
    bool names_calls = false;  ///< the hub is asked for something at each deposit
    // What its owner changes of these calls; withdrawals name the same ones.
    bool withdrawals_call = false;
    bool is_first_once = true;  ///< of deposits
    bool is_their_first_once = false;
    uint64_t call_changes = 0;  ///< so far
    uint64_t proof_range_blocks = 1'000;
    // What its owner changes.
    uint64_t start_block = 0;  ///< the hub's
    bool hub_notes = true;     ///< else the hub's events are narrowed
    Annex annex = Annex::kNone;
    bool has_vaults = true;
    bool vault_pings = true;  ///< else announcements only
    uint64_t vault_start = 0;
    uint64_t vault_end = UINT64_MAX;
    Since vault_since;
    bool has_pods = true;
    uint64_t pod_end = UINT64_MAX;
    Since pod_since;
    bool doubles = false;        ///< a handler does something else
    uint64_t every_blocks = 0;   ///< a handler runs every so many blocks; 0: none
    bool changes_every = false;  ///< its owner changes that too
};

/// A contract of the config, as the text says it.
struct SimContract {
    std::string name;
    std::string abi;
    std::vector<evm::Address> addresses;  ///< empty with a factory
    std::string factory;                  ///< contract.Event(type); empty: none
    std::string parameter;                ///< of the factory's event
    Since since;
    uint64_t start_block = 0;
    std::vector<std::string> events;  ///< signatures; empty: all
    uint64_t end_block = UINT64_MAX;
};

/// The log index that stands for a handler of every `every_blocks`th block, whose block divides it.
inline constexpr uint32_t kTickIndex = uint32_t{1} << 31U;
/// From where on such handlers run: the first block whose logs count.
[[nodiscard]] uint64_t first_tick_block(const ConfigOptions& options);

[[nodiscard]] std::vector<SimContract> contracts_of(const ConfigOptions& options);
[[nodiscard]] engine::Config make_config(const ConfigOptions& options);
/// What an owner may change, in one line.
[[nodiscard]] std::string describe(const ConfigOptions& options);
/// How often a handler of blocks runs; 0: never.
[[nodiscard]] uint64_t pick_every_blocks(Random& random);
/// One change of those that owners make: starts, contracts, events, factories, `since`, handlers.
/// `blocks`: about as many the chain has.
void change_config(ConfigOptions& options, Random& random, uint64_t blocks);

}  // namespace plumbline::sim
