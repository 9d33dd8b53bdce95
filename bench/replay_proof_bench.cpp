// The replay proof of a generated community chain: the scrub by itself, and the whole proof with
// its fold into a scratch database. RocksDB here is Debian's, built with assertions on.
#include "engine/proof/replay/replay_proof.hpp"

#include <filesystem>
#include <memory>
#include <string>

#include <benchmark/benchmark.h>

#include "bench/community_index.hpp"
#include "bench/must.hpp"
#include "engine/fold/rebuild.hpp"

namespace plumbline::engine {
namespace {

using bench::must;
using bench::must_do;

constexpr uint64_t kEvents = 300'000;

std::string bench_path() {
    return (std::filesystem::temp_directory_path() / "plumbline_replay_bench").string();
}

/// 0: the scrub; 1: the proof.
void prove(benchmark::State& state) {
    std::error_code ignored;
    std::filesystem::remove_all(bench_path(), ignored);
    std::filesystem::create_directories(bench_path());
    const auto plan = bench::community_plan();
    const auto database = bench::open_fresh(bench_path() + "/db", *plan);
    bench::store_story(*database, kEvents);
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
