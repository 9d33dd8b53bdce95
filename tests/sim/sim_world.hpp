// What a seed decides before time starts: the chain, who tells of it, what the index's owner wants,
// and when its disk fails.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/ingest/ingest_options.hpp"
#include "tests/sim/sim_chain.hpp"
#include "tests/sim/sim_config.hpp"
#include "tests/sim/sim_fault.hpp"
#include "tests/sim/sim_network.hpp"

namespace plumbline::sim {

struct RunOptions;

/// When the file system fails, and how.
struct DiskFault {
    int64_t at_ms = 0;
    Fault kind = Fault::kCrash;
    uint64_t op = 1;
    int64_t lasts_ms = 0;
};

struct World {
    std::unique_ptr<SimChain> chain;
    /// Of the same id and beginning: the first node is on it, and more than one on `chain`. May be
    /// null.
    std::unique_ptr<SimChain> other_chain;
    ConfigOptions config;
    uint64_t blocks_at_start = 0;
    std::vector<NodeOptions> nodes;
    uint64_t network_seed = 0;
    std::vector<DiskFault> disk_faults;  ///< the last one comes first
    Provability provability = Provability::kAll;
    bool has_state_syncs = false;
    bool keeps_finality = true;   ///< what was called final stays
    bool has_proofs = false;      ///< the service's log proof runs beside the index
    bool has_liar = false;        ///< the first node; what it tells reaches the log
    uint64_t config_changes = 0;  ///< in mid-life
    /// The first node tells what is not so; the others never do.
    [[nodiscard]] bool lies() const {
        return has_liar || nodes.front().lies > 0 || nodes.front().weak_lies > 0;
    }
    /// In few words.
    [[nodiscard]] std::string describe() const;
};

/// `random` is the life's. What came later is decided by the seed alone, so that worlds without it
/// stay what they were.
[[nodiscard]] World make_world(const RunOptions& options, Random& random);

[[nodiscard]] engine::IngestOptions random_ingest(Random& random);

}  // namespace plumbline::sim
