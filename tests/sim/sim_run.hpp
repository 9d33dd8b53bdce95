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
#include "tests/sim/sim_config.hpp"
#include "tests/sim/sim_fault.hpp"
#include "tests/sim/sim_network.hpp"
#include "tests/sim/sim_world.hpp"

namespace plumbline::sim {

/// What the checks must see, or they are worth nothing: damage behind their backs, done after the
/// run; and a wrong engine, whose coverage does not know whose children it is of.
enum class Canary : uint8_t {
    kNone,
    kChangedRow,
    kLostLog,
    kExtraRow,
    kCoverageWithoutChildren,
};

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
    uint64_t level_checks = 0;   ///< of what the database calls proven
    uint64_t answer_checks = 0;  ///< of what the API says of it
    uint64_t proven_blocks = 0;  ///< at the end, to receipts
    uint64_t mended = 0;         ///< entries of the journal
    int64_t simulated_ms = 0;
};

[[nodiscard]] RunResult run_seed(const RunOptions& options);

/// "family key value" of an index of `chain` as it is at the end, made without faults; unless
/// `all`, of what is made of the log alone.
[[nodiscard]] std::vector<std::string> reference_index(const SimChain& chain,
                                                       const engine::Config& config,
                                                       bool all = true);

}  // namespace plumbline::sim
