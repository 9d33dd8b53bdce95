// The fold by itself: events of a generated community chain to rows, with all rows in the cache,
// and a rebuild of a stored log. RocksDB here is Debian's, built with assertions on.
#include "engine/fold/fold.hpp"

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include <benchmark/benchmark.h>

#include "bench/community_index.hpp"
#include "bench/community_story.hpp"
#include "bench/must.hpp"
#include "core/base/check.hpp"
#include "engine/config/config.hpp"
#include "engine/fold/rebuild.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/database.hpp"
#include "tests/support/paths.hpp"

namespace plumbline::engine {
namespace {

using bench::community_plan;
using bench::kEventsPerBlock;
using bench::must;
using bench::must_do;
using bench::open_fresh;
using bench::store_story;

constexpr uint64_t kFoldEvents = 200'000;
constexpr uint64_t kRebuildEvents = 1'000'000;
constexpr size_t kCommitBytes = size_t{8} << 20;

/// A vote is a row, counts for its question, for the community that the question knows, for its
/// voter.
constexpr std::string_view kVotes = R"(
[entities.user]
key = { account = "address" }
fields = { vote_count = "uint64" }
[entities.community]
key = { id = "uint256" }
fields = { vote_count = "uint64" }
[entities.question]
key = { id = "uint256" }
fields = { community_id = "uint256", vote_count = "uint64", weight = "uint128" }
[entities.vote]
key = { question_id = "uint256", voter = "address" }
fields = { option = "uint8", weight = "uint128", cast_at = "uint64" }
[[on]]
event = "hub.CommunityCreated"
insert = "community"
key = { id = "communityId" }
[[on]]
event = "hub.QuestionOpened"
insert = "question"
key = { id = "questionId" }
set = { community_id = "communityId" }
[[on]]
event = "hub.VoteCast"
insert = "vote"
key = { question_id = "questionId", voter = "voter" }
set = { option = "option", weight = "weight", cast_at = "$block.timestamp" }
[[on]]
event = "hub.VoteCast"
update = "question"
key = { id = "questionId" }
add = { vote_count = 1, weight = "weight" }
[[on]]
event = "hub.VoteCast"
update = "community"
key = { id = "question[questionId].community_id" }
add = { vote_count = 1 }
[[on]]
event = "hub.VoteCast"
upsert = "user"
key = { account = "voter" }
add = { vote_count = 1 }
)";

/// The same with ten operators an event in the values of the votes.
std::string calculated_votes() {
    std::string out{kVotes};
    const auto change = [&out](std::string_view from, std::string_view to) {
        const size_t at = out.find(from);
        PLUMBLINE_CHECK(at != std::string::npos);
        out.replace(at, from.size(), to);
    };
    change(
        R"~(option = "option", weight = "weight")~",
        R"~(option = "option", weight = "((weight * 3 + option) / 2 - weight / 4) % 1000000007")~");
    change(R"~(vote_count = 1, weight = "weight")~",
           R"~(vote_count = 1, weight = "if(option > 1, weight * 2, weight + 1) - weight / 2")~");
    return out;
}

std::shared_ptr<const Plan> votes_plan(std::string_view mapping) {
    Config config = must(load_config(source_dir() + "/examples/community/plumbline.toml"));
    const std::string abi = config.contracts[0].abis[0].text;
    const std::string text =
        std::string{
            "[chain]\nid = 31337\nrpc = [\"http://127.0.0.1:1\"]\n"
            "[contracts.hub]\nabi = \"CommunityHub.json\"\naddress = \""} +
        std::string{bench::kContractAddress} + "\"\n" + std::string{mapping};
    return must(Plan::compile(must(parse_config(
        text, "votes.toml", [&abi](const std::string&) -> Result<std::string> { return abi; }))));
}

std::string bench_path() {
    return (std::filesystem::temp_directory_path() / "plumbline_fold_bench").string();
}
/// Events folded and flushed, nothing committed: the fold's own cost. Google Benchmark's
/// `state.range`: 0 = the mapping above, 1 = the whole example, 2 = that above with ten operators
/// an event.
void fold_in_memory(benchmark::State& state) {
    const auto plan = state.range(0) == 0   ? votes_plan(kVotes)
                      : state.range(0) == 1 ? community_plan()
                                            : votes_plan(calculated_votes());
    evm::LogBatch logs;
    bench::CommunityStory story{1};
    for (uint64_t block = 1; block <= kFoldEvents / kEventsPerBlock; ++block) {
        story.append_block(block, kEventsPerBlock, logs);
    }
    FoldStats stats;
    for (auto _ : state) {
        state.PauseTiming();
        const auto database = open_fresh(bench_path(), *plan);
        auto batch = database->make_batch();
        auto fold = std::make_unique<Fold>(plan, *database, FoldOptions{size_t{2} << 30, true});
        state.ResumeTiming();
        uint64_t block_num = 0;
        for (const evm::Log& log : logs.logs) {
            if (log.block_num != block_num) {
                block_num = log.block_num;
                if (fold->pending_bytes() > kCommitBytes) {
                    must_do(fold->flush(*batch));
                    batch->clear();
                }
                fold->begin_block({block_num, {}, block_num * 12, false});
            }
            must_do(fold->apply(log, logs.data(log), nullptr));
        }
        must_do(fold->flush(*batch));
        state.PauseTiming();
        batch.reset();
        stats = fold->stats();
        fold.reset();
        state.ResumeTiming();
    }
    const auto events = static_cast<double>(state.iterations()) * static_cast<double>(kFoldEvents);
    state.counters["events/s"] = benchmark::Counter(events, benchmark::Counter::kIsRate);
    state.counters["rows/event"] =
        static_cast<double>(stats.row_changes) / static_cast<double>(stats.events);
    state.counters["quarantined"] = static_cast<double>(stats.quarantined);
}
BENCHMARK(fold_in_memory)->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

/// A whole `rebuild` of a stored log of a million events.
void rebuild_stored_log(benchmark::State& state) {
    const auto plan = state.range(0) == 0 ? votes_plan(kVotes) : community_plan();
    const auto database = open_fresh(bench_path(), *plan);
    store_story(*database, kRebuildEvents);
    must_do(database->sync());
    RebuildProgress last;
    RebuildOptions options;
    options.on_progress = [&last](const RebuildProgress& progress) { last = progress; };
    if (const char* text = std::getenv("COMMIT_MIB")) {
        options.commit_bytes = std::strtoul(text, nullptr, 10) << 20U;
    }
    for (auto _ : state) {
        must_do(rebuild(*database, plan, options));
    }
    const auto events =
        static_cast<double>(state.iterations()) * static_cast<double>(kRebuildEvents);
    state.counters["events/s"] = benchmark::Counter(events, benchmark::Counter::kIsRate);
    state.counters["rows_written"] = static_cast<double>(last.stats.rows_written);
    state.counters["db_reads"] = static_cast<double>(last.stats.database_reads);
    state.counters["quarantined"] = static_cast<double>(last.stats.quarantined);
}
BENCHMARK(rebuild_stored_log)
    ->Arg(0)
    ->Arg(1)
    ->Iterations(2)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->MeasureProcessCPUTime();

}  // namespace
}  // namespace plumbline::engine

BENCHMARK_MAIN();
