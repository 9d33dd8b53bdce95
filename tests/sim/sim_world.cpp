#include "tests/sim/sim_world.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "tests/sim/sim_run.hpp"

namespace plumbline::sim {

namespace {

NodeOptions random_node(Random& random, size_t index, double trouble) {
    NodeOptions node;
    node.url = fmt::format("http://node{}.sim:8545", index);
    node.latency_ms_min = static_cast<int64_t>(random.between(1, 40));
    node.latency_ms_max = node.latency_ms_min + static_cast<int64_t>(random.between(0, 300));
    node.words = static_cast<unsigned>(random.below(12));
    node.beyond_head_is_error = random.chance(0.5);
    node.keeps_side_blocks = random.chance(0.4);
    if (random.chance(0.4)) {
        node.blocks_cap = random.between(5, 100);
    }
    if (random.chance(0.3)) {
        node.results_cap = random.between(3, 60);
    }
    if (random.chance(0.3)) {
        node.batch_cap = random.between(2, 20);
    }
    if (random.chance(0.3)) {
        node.addresses_cap = random.between(2, 8);
    }
    if (random.chance(0.3)) {
        node.lag_ms = static_cast<int64_t>(random.between(0, 30'000));
    }
    if (random.chance(0.25)) {
        node.other_lag_ms = static_cast<int64_t>(random.between(0, 60'000));
    }
    const auto rate = [&](double share, double most) {
        return random.chance(share)
                   ? trouble * most * static_cast<double>(random.between(1, 10)) / 10.0
                   : 0.0;
    };
    node.transport_faults = rate(0.6, 0.2);
    node.http_faults = rate(0.5, 0.15);
    node.body_faults = rate(0.5, 0.15);
    node.refusals = rate(0.5, 0.1);
    node.nulls = rate(0.3, 0.05);
    node.wrong_answers = rate(0.4, 0.1);
    return node;
}

ChainOptions make_chain_options(const RunOptions& options, Random& random) {
    ChainOptions chain;
    chain.seed = random.next();
    chain.blocks_at_start = random.between(1, 220);
    chain.blocks_live = random.between(10, 90) * (options.long_life ? 6 : 1);
    chain.block_ms = static_cast<int64_t>(random.between(300, 12'000));
    chain.reorg_chance =
        random.chance(0.2) ? 0.0 : 0.02 * static_cast<double>(random.between(1, 12));
    chain.reorg_depth_max = random.between(1, 8);
    chain.finality_depth = random.between(10, 24);
    chain.empty_share = 0.1 * static_cast<double>(random.between(0, 8));
    chain.logs_max = random.between(1, 14);
    if (random.chance(0.15)) {
        chain.deep_reorg_chance = 0.03;
    }
    if (options.seed % 8 == 5) {
        chain.gap_chance = 0.02 * static_cast<double>(1 + options.seed / 8 % 10);
    }
    return chain;
}

/// Most are of one chain, and always there; so that they are heard, both chains are long enough for
/// a final block where they have parted.
void prepare_two_chains(ChainOptions& chain, uint64_t seed) {
    chain.deep_reorg_chance = 0;
    chain.blocks_at_start = std::max(chain.blocks_at_start, chain.finality_depth + 40);
    chain.parts_at = 1 + seed / 17 % (chain.blocks_at_start - chain.finality_depth - 10);
}

/// By the seed alone.
void make_odd(const RunOptions& options, World& world, ChainOptions& chain) {
    const uint64_t seed = options.seed;
    if (options.hidden_lies) {
        return;  // These must do harm: nothing may mend it.
    }
    world.has_proofs = seed % 4 != 0;
    world.config_changes = seed % 3 == 1 ? 2 + seed % 5 : 0;
    world.has_liar = seed % 5 == 2;
    if (options.canary == Canary::kCoverageWithoutChildren) {
        world.has_proofs = false;
        world.has_liar = false;
        world.config_changes = 6;
    } else if (options.canary != Canary::kNone) {
        world.config_changes = 0;
    }
    switch (seed % 13) {
        case 6:
            chain.chain_id = 137;
            chain.state_sync_chance = 0.05 + 0.05 * static_cast<double>(seed / 13 % 10);
            break;
        case 9: chain.provability = Provability::kNoHeaders; break;
        case 11: chain.provability = Provability::kNoReceipts; break;
        default: break;
    }
    if (chain.provability != Provability::kAll) {
        world.has_liar = false;  // Nothing convicts there.
    }
    world.has_proofs = world.has_proofs || world.has_liar;
    if (world.config_changes > 0 || seed % 7 == 3) {
        chain.annex_chance = 0.3;
    }
    if (seed % 17 == 5) {
        world.has_liar = false;
        prepare_two_chains(chain, seed);
    }
    if (seed % 50 == 17) {
        chain.crowd = 1'000 + seed % 7 * 500;
    }
    if (seed % 11 == 4) {
        Random every{seed ^ 0x71c5};
        world.config.every_blocks = std::max<uint64_t>(1, pick_every_blocks(every));
        world.config.changes_every = true;
    }
    world.keeps_finality = chain.deep_reorg_chance == 0;
    world.provability = chain.provability;
    world.has_state_syncs = chain.state_sync_chance > 0;
}

/// Whoever else there is must be able to contradict a liar.
void make_honest(std::vector<NodeOptions>& nodes, Random& random) {
    for (size_t i = 1; i < nodes.size(); ++i) {
        nodes[i] = NodeOptions{};
        nodes[i].url = fmt::format("http://node{}.sim:8545", i);
        nodes[i].latency_ms_max = 200;
        nodes[i].keeps_side_blocks = true;
        nodes[i].blocks_cap = random.chance(0.5) ? random.between(10, 100) : UINT64_MAX;
        nodes[i].words = static_cast<unsigned>(random.below(12));
    }
}

std::vector<NodeOptions> make_nodes(const World& world, Random& random) {
    const size_t count = random.between(1, 4);
    const double trouble =
        random.chance(0.15) ? 0.0 : static_cast<double>(random.between(1, 10)) / 10.0;
    std::vector<NodeOptions> nodes;
    for (size_t i = 0; i < count; ++i) {
        nodes.push_back(random_node(random, i, trouble));
    }
    if (random.chance(0.3)) {
        // One is away for an hour. The others, if any, go on.
        NodeOptions& node = nodes[random.below(count)];
        node.down_from_ms =
            static_cast<int64_t>(random.below(static_cast<uint64_t>(world.chain->end_ms())));
        node.down_to_ms = node.down_from_ms + 3'600'000;
    }
    if (count > 1 && random.chance(0.5)) {
        NodeOptions& liar = nodes.front();
        liar.lies = 0.02 * static_cast<double>(random.between(1, 10));
        liar.results_cap = UINT64_MAX;
        liar.addresses_cap = UINT64_MAX;
        make_honest(nodes, random);
        if (random.chance(0.5)) {
            liar.weak_lies = liar.lies;
        }
    }
    return nodes;
}

/// What this one tells is committed; a hash or a root convicts it sooner or later.
void make_liar(World& world, uint64_t seed) {
    Random random{seed ^ 0x11a4};
    if (world.nodes.size() == 1) {
        world.nodes.emplace_back();
    }
    make_honest(world.nodes, random);
    NodeOptions& liar = world.nodes.front();
    if (random.chance(0.7)) {
        liar.latency_ms_max = liar.latency_ms_min = 1;  // The fastest is asked most.
    }
    liar.hidden_lies = 0.05 * static_cast<double>(random.between(1, 8));
    liar.hidden_lies_to = world.chain->final_view().finalized;
    liar.header_lies = 0.02 * static_cast<double>(random.between(0, 5));
    liar.receipt_lies = random.chance(0.5) ? 0.3 : 0;
}

void make_two_chains(World& world, const ChainOptions& chain, uint64_t seed) {
    world.other_chain = std::make_unique<SimChain>(chain);
    Random random{seed ^ 0x2c4a};
    while (world.nodes.size() < 3) {
        world.nodes.emplace_back();
    }
    make_honest(world.nodes, random);
    NodeOptions& other = world.nodes.front();
    other.lies = other.weak_lies = 0;
    if (random.chance(0.5)) {
        other.latency_ms_max = other.latency_ms_min = 1;  // The fastest is asked most.
    }
    if (random.chance(0.5)) {
        other.lag_ms = static_cast<int64_t>(random.below(20)) * chain.block_ms;
    }
}

std::vector<DiskFault> make_disk_faults(const World& world, bool is_long, Random& random) {
    std::vector<DiskFault> out;
    if (random.chance(0.2) && !is_long) {
        return out;
    }
    const uint64_t count = is_long ? random.between(20, 60) : random.between(1, 7);
    for (uint64_t left = count; left > 0; --left) {
        DiskFault fault;
        const bool early = random.chance(is_long ? 0.1 : 0.5);
        fault.at_ms = static_cast<int64_t>(
            random.below(early ? 4'000 : static_cast<uint64_t>(world.chain->end_ms())));
        constexpr std::array<Fault, 6> kKinds{Fault::kCrash,    Fault::kPowerCut,
                                              Fault::kIoOnce,   Fault::kIoForAWhile,
                                              Fault::kDiskFull, Fault::kStopped};
        fault.kind = kKinds[random.below(kKinds.size())];
        fault.op = random.between(1, random.chance(0.5) ? 20 : 150);
        fault.lasts_ms = static_cast<int64_t>(random.between(10, 90'000));
        out.push_back(fault);
    }
    return out;
}

}  // namespace

std::string World::describe() const {
    std::string out;
    const auto add = [&out](bool is_so, const std::string& text) {
        out += is_so ? (out.empty() ? "" : ", ") + text : "";
    };
    add(provability == Provability::kNoHeaders, "headers do not hash");
    add(provability == Provability::kNoReceipts, "receipts have no root");
    add(has_state_syncs, "state syncs");
    add(has_proofs, "proofs");
    add(has_liar, "a liar");
    add(other_chain != nullptr, "another chain of the id");
    add(config.names_calls, "contract calls");
    add(config.every_blocks > 0, "handlers of blocks");
    add(config_changes > 0, fmt::format("{} changes of the config", config_changes));
    add(chain->has_crowd(), "a crowd of children");
    return out.empty() ? "plain" : out;
}

World make_world(const RunOptions& options, Random& random) {
    World world;
    ChainOptions chain = make_chain_options(options, random);
    make_odd(options, world, chain);
    const uint64_t parts_at = std::exchange(chain.parts_at, 0);
    world.chain = std::make_unique<SimChain>(chain);
    world.blocks_at_start = chain.blocks_at_start;
    ConfigOptions& config = world.config;
    config.chain_id = chain.chain_id;
    config.finality_depth = random.chance(0.3) ? chain.finality_depth : 0;
    config.poll_interval_ms = static_cast<int64_t>(random.between(200, 4'000));
    config.names_txns = random.chance(0.25);
    config.names_calls =
        options.seed % 3 == 0 || (world.config_changes > 0 && options.seed % 4 == 0);
    config.start_block = random.chance(0.2) ? random.below(chain.blocks_at_start) : 0;
    config.proof_range_blocks = 10 + options.seed % 190;
    world.network_seed = random.next();
    world.nodes = make_nodes(world, random);
    if (world.has_liar) {
        make_liar(world, options.seed);
    }
    if (parts_at > 0) {
        chain.parts_at = parts_at;
        make_two_chains(world, chain, options.seed);
    }
    if (options.hidden_lies) {
        world.nodes.front().hidden_lies = 0.3;
    }
    if (world.has_state_syncs) {
        world.nodes.back().gives_state_syncs = options.seed % 2 == 0;
    }
    world.disk_faults = make_disk_faults(world, options.long_life, random);
    for (uint64_t i = 1; i <= world.config_changes; ++i) {
        // So that there is a start to change it at.
        DiskFault stop;
        stop.kind = Fault::kStopped;
        stop.at_ms = static_cast<int64_t>(static_cast<uint64_t>(world.chain->end_ms()) * i /
                                          (world.config_changes + 1));
        world.disk_faults.push_back(stop);
    }
    std::ranges::sort(world.disk_faults, std::ranges::greater{}, &DiskFault::at_ms);
    return world;
}

engine::IngestOptions random_ingest(Random& random) {
    engine::IngestOptions options;
    if (random.chance(0.3)) {
        return options;
    }
    options.in_flight_max = random.between(1, 6);
    options.ahead_max = random.between(1, 12);
    options.ahead_bytes_max = random.between(1, 60'000);
    options.queue_bytes_max = random.between(1, 60'000);
    options.range_blocks_max = random.between(1, 200);
    options.tail_blocks_max = random.between(1, 16);
    options.child_addresses_max = random.chance(0.5) ? 2 : 100;
    options.commit_events_max = random.between(1, 80);
    options.commit_bytes_max = random.between(1, 30'000);
    options.fold_cache_bytes = random.chance(0.5) ? 1 : 1U << 20U;
    options.sync_interval_ms = static_cast<int64_t>(random.between(1, 5'000));
    return options;
}

}  // namespace plumbline::sim
