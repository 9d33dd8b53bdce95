// What the log proof costs: indexes a chain to its head, then proves all of it, level by level.
// usage: verify_log_bench CONFIG --rpc URL [--label TEXT] [--json]
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "bench/must.hpp"
#include "core/base/check.hpp"
#include "core/base/logging.hpp"
#include "engine/ingest/indexer.hpp"
#include "engine/proof/log/log_proof_run.hpp"
#include "rpc/curl_transport.hpp"
#include "rpc/provider_pool.hpp"

namespace plumbline::engine {
namespace {

using bench::must;

struct Run {
    LogProofOutcome outcome;
    double seconds = 0;
    double cpu_seconds = 0;  ///< of this process: the node's are its own
    uint64_t requests = 0;
    uint64_t received = 0;
};

Run prove(const storage::Database& database, const std::shared_ptr<const Plan>& plan,
          const rpc::PoolOptions& options, storage::ProofLevel level) {
    rpc::CurlTransport transport;
    rpc::ProviderPool pool{options, transport, system_clock()};
    LogProofOptions proof;
    proof.range = {0, database.cursor()->block_num};
    proof.level = level;
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t cpu = std::clock();
    Run run;
    run.outcome =
        must(prove_range(pool, must(read_log_proof_input(database)), plan, system_clock(), proof));
    run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    run.cpu_seconds = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
    run.requests = pool.stats().front().requests;
    run.received = pool.stats().front().received_bytes;
    return run;
}

int measure(const std::string& config_path, const std::string& url, const std::string& label) {
    logging::configure(logging::Level::kWarning, logging::Format::kText);
    std::string pattern = (std::filesystem::temp_directory_path() / "plumbline-XXXXXX").string();
    PLUMBLINE_CHECK(mkdtemp(pattern.data()) != nullptr);
    IndexerOptions options;
    options.config = must(load_config(config_path));
    options.db_path = pattern + "/db";
    options.until.head = true;
    const auto plan = must(Plan::compile(options.config));
    rpc::PoolOptions pool;
    pool.endpoints.push_back({url, {}, {}});
    bool all_good = true;
    {
        const auto chain = rpc::make_chain_source(pool);
        const auto indexer = must(Indexer::open(std::move(options), *chain));
        const Status ended = indexer->run({}, nullptr);
        PLUMBLINE_CHECK_MSG(ended.has_value(),
                            ended.has_value() ? "" : ended.error().message.c_str());
        const storage::Database& database = *indexer->database();
        for (const storage::ProofLevel level :
             {storage::ProofLevel::kLinked, storage::ProofLevel::kBloom,
              storage::ProofLevel::kReceipts}) {
            const Run run = prove(database, plan, pool, level);
            const LogProofCounts& counts = run.outcome.counts;
            const auto blocks = static_cast<double>(counts.blocks);
            fmt::print("| {} | {} | {} | {} | {} | {:.1f} | {} | {:.2f} | {:.2f} | {:.0f} |\n",
                       label, to_string(run.outcome.level), counts.blocks, counts.receipts_calls,
                       counts.logs, static_cast<double>(run.received) / 1e6, run.requests,
                       run.seconds, run.cpu_seconds, blocks / run.seconds);
            std::fflush(stdout);
            all_good = all_good && run.outcome.level == level && run.outcome.findings.empty();
            if (!run.outcome.reason.empty()) {
                fmt::print(stderr, "{}: {}\n", to_string(level), run.outcome.reason);
            }
        }
    }
    std::filesystem::remove_all(pattern);
    return all_good ? 0 : 1;
}

}  // namespace
}  // namespace plumbline::engine

int main(int argc, char** argv) {
    std::string config;
    std::string url;
    std::string label = "chain";
    CLI::App app{"Measures the log proof of a whole chain"};
    app.add_option("CONFIG", config, "What to index")->required();
    app.add_option("--rpc", url, "The node")->required();
    app.add_option("--label", label, "The table's first column");
    CLI11_PARSE(app, argc, argv);
    return plumbline::engine::measure(config, url, label);
}
