// Single lives told apart from the many: a silent omission that the bloom can tell, and a whole day
// of blocks in a few seconds.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <rocksdb/env.h>

#include "core/base/logging.hpp"
#include "engine/ingest/indexer.hpp"
#include "rpc/provider_pool.hpp"
#include "storage/inspect.hpp"
#include "tests/sim/sim_run.hpp"
#include "tests/support/process.hpp"

namespace plumbline::sim::sim_test {
namespace {

class Recorder final : public rpc::PoolObserver {
  public:
    void on_event(rpc::LogLevel /*level*/, const std::string& message) override {
        lines.push_back(message);
    }
    [[nodiscard]] size_t count(const std::string& a, const std::string& b) const {
        return static_cast<size_t>(std::ranges::count_if(lines, [&](const std::string& line) {
            return line.find(a) != std::string::npos && line.find(b) != std::string::npos;
        }));
    }
    std::vector<std::string> lines;
};

/// An index in a directory that follows a chain by the network given to it.
struct Life {
    Life(SimNetwork& network, ManualClock& time, const engine::Config& config,
         std::vector<std::string> urls, bool until_head, rocksdb::Env* env)
        : clock{time} {
        rpc::PoolOptions pool_options;
        pool_options.chain_id = kChainId;
        for (std::string& url : urls) {
            pool_options.endpoints.push_back({std::move(url), {}, {}});
        }
        pool = std::make_unique<rpc::ProviderPool>(pool_options, network, clock, &recorder);
        engine::IndexerOptions options;
        options.config = config;
        options.db_path = env != nullptr ? "/db" : directory.sub("db");
        options.env = env;
        options.clock = &clock;
        options.until.head = until_head;
        auto opened = engine::Indexer::open(std::move(options), *pool);
        PLUMBLINE_CHECK(opened.has_value());
        indexer = *std::move(opened);
    }
    void step(int64_t wait_ms) {
        const int64_t before = clock.monotonic_ms();
        if (!indexer->step_writer() && !indexer->step_network(wait_ms) &&
            clock.monotonic_ms() == before) {
            clock.advance(5);
        }
    }
    ManualClock& clock;
    test::TempDir directory;
    Recorder recorder;
    std::unique_ptr<rpc::ProviderPool> pool;
    std::unique_ptr<engine::Indexer> indexer;
};

TEST(OmissionTest, ALogThatOneOfTwoProvidersLeavesOutIsNeverMissingAndTheProviderIsNamed) {
    logging::configure(logging::Level::kOff, logging::Format::kText);
    uint64_t left_out = 0;
    uint64_t named = 0;
    for (uint64_t seed = 1; seed <= 160; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        ChainOptions chain_options;
        chain_options.seed = seed;
        chain_options.blocks_at_start = 120;
        chain_options.reorg_chance = 0;
        const SimChain chain{chain_options};
        ManualClock clock;
        FaultCounts faults;
        SimNetwork network{chain, clock, seed, faults};
        NodeOptions liar;
        liar.url = "http://liar.sim:8545";
        liar.latency_ms_max = 10;  // the faster one, so it is asked
        liar.lies = 0.3;
        liar.weak_lies = 0.3;
        network.add(liar);
        NodeOptions honest;
        honest.url = "http://honest.sim:8545";
        honest.latency_ms_min = 40;
        network.add(honest);
        const engine::Config config = make_config({});
        const std::unique_ptr<rocksdb::Env> memory{rocksdb::NewMemEnv(rocksdb::Env::Default())};
        Life life{network, clock, config, {liar.url, honest.url}, true, memory.get()};
        clock.advance(chain.end_ms() + 1);
        for (int i = 0; i < 200'000 && !life.indexer->is_done() && !life.indexer->failure(); ++i) {
            life.step(20);
        }
        ASSERT_TRUE(life.indexer->is_done());
        ASSERT_TRUE(life.indexer->stop().has_value());
        storage::DumpOptions options;
        options.want = [](std::string_view family) { return family != "coverage"; };
        std::vector<std::string> wanted = reference_index(chain, config);
        std::erase_if(wanted, [](const std::string& line) { return line.starts_with("coverage"); });
        EXPECT_EQ(*storage::dump_lines(*life.indexer->database(), options), wanted);
        const uint64_t lies = faults.of(Fault::kDropped) + faults.of(Fault::kDroppedWeak) +
                              faults.of(Fault::kAltered) + faults.of(Fault::kInvented);
        left_out += faults.of(Fault::kDropped) + faults.of(Fault::kDroppedWeak);
        const size_t told = life.recorder.count("liar.sim", "answered wrongly") +
                            life.recorder.count("liar.sim", "not used");
        EXPECT_TRUE(lies == 0 || told > 0) << lies << " lies and nobody named";
        EXPECT_EQ(life.recorder.count("honest.sim", "answered wrongly"), 0U)
            << "the honest one was blamed";
        named += told;
        life.indexer.reset();
    }
    EXPECT_GT(left_out, 20U);
    std::printf("%lu logs left out, the provider named %lu times, none missing\n", left_out, named);
}

size_t resident_kib() {
    std::ifstream file{"/proc/self/statm"};
    size_t size = 0;
    size_t resident = 0;
    file >> size >> resident;
    return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE)) / 1024;
}

/// But for table files that are there: the database holds each of them open, and their number grows
/// with the index. One that was deleted counts.
size_t open_descriptors() {
    size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) {
        std::error_code gone;
        count += std::filesystem::read_symlink(entry.path(), gone).extension() == ".sst" ? 0U : 1U;
    }
    return count;
}

/// Takes more than a minute: `tools/test slow` runs it.
TEST(DayTest, DISABLED_ADayOfBlocksIsFollowedWithFlatMemoryAndNoDescriptorLeft) {
    logging::configure(logging::Level::kOff, logging::Format::kText);
    ChainOptions chain_options;
    chain_options.seed = 24;
    chain_options.blocks_at_start = 20;
    chain_options.blocks_live = 7'200;
    chain_options.block_ms = 12'000;
    chain_options.reorg_chance = 0.01;
    const SimChain chain{chain_options};
    ManualClock clock;
    FaultCounts faults;
    SimNetwork network{chain, clock, 24, faults};
    NodeOptions node;
    node.url = "http://one.sim:8545";
    network.add(node);
    NodeOptions other;
    other.url = "http://two.sim:8545";
    other.latency_ms_min = 50;
    network.add(other);
    ConfigOptions config_options;
    config_options.poll_interval_ms = 4'000;
    engine::Config config = make_config(config_options);
    // Caches are full after hours and not after weeks: what still grows then has no bound.
    config.memory_mib = 8;
    Life life{network, clock, config, {node.url, other.url}, false, nullptr};

    size_t memory_after_warm_up = 0;
    size_t memory_most = 0;
    size_t descriptors_after_warm_up = 0;
    size_t descriptors_most = 0;
    int64_t look_at_ms = 0;
    while (clock.monotonic_ms() < chain.end_ms() + 60'000) {
        life.step(4'000);
        ASSERT_FALSE(life.indexer->failure().has_value()) << life.indexer->failure()->message;
        if (clock.monotonic_ms() < look_at_ms) {
            continue;
        }
        look_at_ms = clock.monotonic_ms() + 600'000;
        const size_t memory = resident_kib();
        const size_t descriptors = open_descriptors();
        if (clock.monotonic_ms() < chain.end_ms() / 3) {
            memory_after_warm_up = std::max(memory_after_warm_up, memory);
            descriptors_after_warm_up = std::max(descriptors_after_warm_up, descriptors);
        } else {
            memory_most = std::max(memory_most, memory);
            descriptors_most = std::max(descriptors_most, descriptors);
        }
    }
    const auto cursor = life.indexer->database()->cursor();
    ASSERT_TRUE(cursor.has_value());
    EXPECT_EQ(cursor->block_num, chain.final_view().head);
    std::printf(
        "%.1f h, %lu blocks, %lu forks, %lu rollbacks; memory %zu KiB after 8 h, at most %zu KiB "
        "later; "
        "descriptors %zu, then at most %zu\n",
        static_cast<double>(chain.end_ms()) / 3'600'000, cursor->block_num,
        chain.forks().same_height + chain.forks().longer + chain.forks().shorter +
            chain.forks().back,
        life.indexer->progress().reorgs.load(), memory_after_warm_up, memory_most,
        descriptors_after_warm_up, descriptors_most);
    EXPECT_LT(memory_most, memory_after_warm_up + 8 * 1024) << "memory grows";
    EXPECT_LE(descriptors_most, descriptors_after_warm_up + 4) << "descriptors are left open";
    EXPECT_TRUE(life.indexer->stop().has_value());
}

/// Lives in which something was wrong once.
TEST(SeedTest, LivesThatOnceShowedADefectAreWell) {
    for (const uint64_t seed :
         {19U,    32U,    52U,    625U,   772U,   872U,   898U,    945U,    1653U,   1726U,
          1750U,  2558U,  3034U,  3187U,  5007U,  5089U,  6057U,   6312U,   6414U,   10192U,
          20388U, 20541U, 30142U, 30180U, 50869U, 62077U, 101962U, 600328U, 700095U, 800731U}) {
        RunOptions options;
        options.seed = seed;
        EXPECT_EQ(run_seed(options).failure, "") << "seed " << seed;
    }
}

TEST(SeedTest, CoverageThatDoesNotKnowWhoseChildrenItIsOfIsSeen) {
    RunOptions options;
    options.seed = 4;  // Before the fold that mends it; most seeds do not look then.
    options.canary = Canary::kCoverageWithoutChildren;
    const std::string failure = run_seed(options).failure;
    EXPECT_NE(failure.find(" is called "), std::string::npos) << failure;
}

}  // namespace
}  // namespace plumbline::sim::sim_test
