// One simulated life of an index: the real pool, indexer, writer, fold and database over a
// simulated chain, network and file system, with faults; then calm; then a comparison with an index
// of the same chain made without faults.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/config/config.hpp"
#include "tests/sim/sim_chain.hpp"
#include "tests/sim/sim_fault.hpp"
#include "tests/sim/sim_network.hpp"

namespace plumbline::sim {

/// Damage behind all checks, done after the run: the comparison must see each of them.
enum class Canary : uint8_t { kNone, kChangedRow, kLostLog, kExtraRow };

struct RunOptions {
    uint64_t seed = 1;
    bool verbose = false;      ///< every fault and every log line
    bool hidden_lies = false;  ///< also lies that only receipts can tell: these must corrupt
    bool long_life = false;    ///< some hundred blocks and dozens of stops, crashes and disk faults
    Canary canary = Canary::kNone;
};

struct RunResult {
    std::string failure;  ///< empty: all is well
    FaultCounts faults;
    ForkCounts forks;
    uint64_t requests = 0;
    uint64_t events = 0;
    uint64_t quarantined = 0;
    uint64_t reorgs = 0;
    uint64_t opens = 0;
    uint64_t lies_named = 0;
    int64_t simulated_ms = 0;
};

[[nodiscard]] RunResult run_seed(const RunOptions& options);

/// The config that the simulation indexes by.
struct ConfigOptions {
    uint64_t finality_depth = 0;  ///< 0: the chain's own `finalized`
    int64_t poll_interval_ms = 1'000;
    bool names_txns = false;
    uint64_t start_block = 0;
};
[[nodiscard]] engine::Config make_config(const ConfigOptions& options);

/// "family key value" of an index of `chain` as it is at the end, made without faults.
[[nodiscard]] std::vector<std::string> reference_index(const SimChain& chain,
                                                       const engine::Config& config);

}  // namespace plumbline::sim
