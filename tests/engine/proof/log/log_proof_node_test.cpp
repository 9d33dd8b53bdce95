// The log proof and the doctor against a real node.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/base/logging.hpp"
#include "engine/ingest/indexer.hpp"
#include "engine/proof/log/log_proof_run.hpp"
#include "engine/setup/doctor.hpp"
#include "rpc/curl_transport.hpp"
#include "rpc/provider_pool.hpp"
#include "tests/e2e/chain.hpp"

namespace plumbline::engine::log_proof_node_test {
namespace {

using plumbline::test::Anvil;
using plumbline::test::TempDir;

Config emitter_config(const std::string& url, const std::string& emitter) {
    auto config = parse_config(fmt::format(R"(
[chain]
id = 31337
rpc = "{}"
finality = 1
[contracts.emitter]
abi = "emitter.json"
address = "{}"
[entities.ping]
key = {{ n = "uint256" }}
fields = {{ block = "uint64" }}
[[on]]
event = "emitter.Ping"
upsert = "ping"
key = {{ n = "n" }}
set = {{ block = "$block.number" }}
)",
                                           url, emitter),
                               "test.toml", [](const std::string&) {
                                   return Result<std::string>{R"([{"type":"event","name":"Ping",
"inputs":[{"name":"n","type":"uint256","indexed":false}]}])"};
                               });
    PLUMBLINE_CHECK_MSG(config.has_value(), config ? "" : config.error().message.c_str());
    return *std::move(config);
}

std::string lower(std::string text) {
    for (char& c : text) {
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    return text;
}

TEST(LogProofNodeTest, EveryTransactionTypeProvesToReceiptsAndTheDoctorIsContent) {
    logging::configure(logging::Level::kOff, logging::Format::kText);
    Anvil anvil{{"--slots-in-an-epoch", "1"}};
    const auto filled = plumbline::test::run_script("tests/contracts/all_types.mjs",
                                                    {"--rpc", anvil.url(), "--blocks", "8"});
    ASSERT_EQ(filled.code, 0) << filled.err;
    const auto truth = nlohmann::json::parse(filled.out);
    ASSERT_EQ(truth.at("types"), (nlohmann::json{0, 1, 2, 3, 4}));
    ASSERT_GT(truth.at("reverted"), 5);

    const TempDir directory;
    IndexerOptions options;
    options.config = emitter_config(anvil.url(), lower(truth.at("emitter").get<std::string>()));
    options.db_path = directory.sub("db");
    options.until.head = true;
    rpc::PoolOptions pool;
    pool.endpoints.push_back({anvil.url(), {}, {}});
    const auto chain = rpc::make_chain_source(pool);
    {
        auto indexer = Indexer::open(std::move(options), *chain);
        ASSERT_TRUE(indexer.has_value()) << indexer.error().message;
        const Status ended = (*indexer)->run({}, nullptr);
        ASSERT_TRUE(ended.has_value()) << ended.error().message;
        const storage::Database& database = *(*indexer)->database();
        LogProofOptions proof;
        proof.range = {0, database.cursor()->block_num};
        auto input = read_log_proof_input(database);
        ASSERT_TRUE(input.has_value());
        auto plan = Plan::compile(
            emitter_config(anvil.url(), lower(truth.at("emitter").get<std::string>())));
        ASSERT_TRUE(plan.has_value());
        const auto own = rpc::make_chain_source(pool);
        const auto outcome = prove_range(*own, *std::move(input), *plan, system_clock(), proof);
        ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
        EXPECT_EQ(outcome->level, storage::ProofLevel::kReceipts) << outcome->reason;
        EXPECT_TRUE(outcome->is_complete);
        EXPECT_TRUE(outcome->findings.empty());
        EXPECT_EQ(outcome->profile.kind, ChainKind::kEthereum);
        EXPECT_EQ(outcome->counts.blocks, truth.at("head").get<uint64_t>() + 1);
        EXPECT_EQ(outcome->counts.logs,
                  truth.at("sent").get<uint64_t>() - truth.at("reverted").get<uint64_t>());
    }

    rpc::CurlTransport transport;
    const auto report = examine_endpoint({anvil.url(), {}, {}}, transport, system_clock());
    ASSERT_TRUE(report.has_value()) << report.error().message;
    std::string text;
    for (const DoctorCheck& check : report->checks) {
        text += fmt::format("{} {}: {} {}\n", to_string(check.result), check.name, check.found,
                            check.advice);
    }
    EXPECT_TRUE(report->is_fine()) << text;
    EXPECT_EQ(report->chain_id, 31337U);
    EXPECT_TRUE(report->receipts) << text;
    EXPECT_TRUE(report->proofs) << text;
    EXPECT_TRUE(report->overrides) << text;
    EXPECT_TRUE(report->creates) << text;
    EXPECT_TRUE(report->profile.receipts && report->profile.blooms) << text;
    EXPECT_GT(report->profile.receipts_tried, 0U) << text;
    EXPECT_GT(report->blocks_compared, 3U) << text;
    EXPECT_EQ(report->batch, 1'000U) << text;
}

TEST(DoctorTest, WhatIsNotThereIsUnavailable) {
    rpc::CurlTransport transport;
    const auto report = examine_endpoint({"http://127.0.0.1:9", {}, {}}, transport, system_clock());
    ASSERT_FALSE(report.has_value());
    EXPECT_EQ(report.error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace plumbline::engine::log_proof_node_test
