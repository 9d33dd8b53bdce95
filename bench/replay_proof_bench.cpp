// The replay proof of a generated community chain: the scrub by itself, and the whole proof with
// its fold into a scratch database. RocksDB here is Debian's, built with assertions on.
#include "engine/proof/replay/replay_proof.hpp"

#include <filesystem>
#include <memory>
#include <string>

#include <benchmark/benchmark.h>

#include "bench/community_chain.hpp"
#include "core/base/check.hpp"
#include "core/evm/keccak.hpp"
#include "engine/config/config.hpp"
#include "engine/fold/rebuild.hpp"

namespace plumbline::engine {
namespace {

constexpr uint32_t kEventsPerBlock = 100;
constexpr uint64_t kEvents = 300'000;

template <typename T>
T must(Result<T> result) {
    PLUMBLINE_CHECK_MSG(result.has_value(),
                        result.has_value() ? "" : result.error().message.c_str());
    return *std::move(result);
}
void must_do(const Status& status) {
    PLUMBLINE_CHECK_MSG(status.has_value(), status ? "" : status.error().message.c_str());
}

std::string bench_path() {
    return (std::filesystem::temp_directory_path() / "plumbline_replay_bench").string();
}

evm::Hash hash_of_block(uint64_t block_num) {
    return evm::keccak256(std::to_string(block_num));
}

void append_chain(storage::Database& database) {
    const auto batch = database.make_batch();
    bench::CommunityStory story{1};
    const uint64_t blocks = kEvents / kEventsPerBlock;
    for (uint64_t block = 1; block <= blocks; ++block) {
        evm::LogBatch logs;
        story.append_block(block, kEventsPerBlock, logs);
        for (const evm::Log& log : logs.logs) {
            batch->append_log(log, logs.data(log));
        }
        batch->append_block({block, hash_of_block(block), hash_of_block(block - 1), block * 12,
                             kEventsPerBlock, storage::ProofLevel::kFetched});
        if (block % 100 == 0) {
            batch->set_cursor(block, hash_of_block(block), block * 12);
            batch->set_finalized(block);
            must_do(database.commit(*batch, storage::Durability::kBuffered));
        }
    }
}

/// 0: the scrub; 1: the proof.
void prove(benchmark::State& state) {
    std::error_code ignored;
    std::filesystem::remove_all(bench_path(), ignored);
    std::filesystem::create_directories(bench_path());
    const auto plan = must(Plan::compile(
        must(load_config(PLUMBLINE_SOURCE_DIR "/examples/community/plumbline.toml"))));
    storage::OpenOptions options;
    options.create = true;
    options.identity = storage::ChainIdentity{bench::kChainId, {}};
    options.bundle = plan->bundle();
    const auto database = must(storage::Database::open(bench_path() + "/db", options));
    append_chain(*database);
    must_do(rebuild(*database, plan));
    uint64_t rows = 0;
    for (auto _ : state) {
        const auto view = database->read_view();
        if (state.range(0) == 0) {
            const ScrubReport report = must(scrub(*view));
            PLUMBLINE_CHECK(report.findings.empty());
            rows = report.rows;
        } else {
            ReplayOptions replay;
            replay.scratch_parent = bench_path();
            const ReplayReport report = must(prove_replay(*view, plan, replay));
            PLUMBLINE_CHECK(report.is_equal());
            rows = report.rows;
        }
    }
    state.counters["events/s"] =
        benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(kEvents),
                           benchmark::Counter::kIsRate);
    state.counters["rows"] = static_cast<double>(rows);
}
BENCHMARK(prove)
    ->ArgName("fold")
    ->Arg(0)
    ->Arg(1)
    ->Iterations(2)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->MeasureProcessCPUTime();

}  // namespace
}  // namespace plumbline::engine

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    std::error_code ignored;
    std::filesystem::remove_all(plumbline::engine::bench_path(), ignored);
    return 0;
}
