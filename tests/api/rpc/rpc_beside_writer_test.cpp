// /rpc while blocks are committed: what a client hears of, it may ask for.
#include <atomic>
#include <thread>

#include "api/rpc/subscriptions.hpp"
#include "tests/api/api_world.hpp"

namespace plumbline::api::test::rpc_beside_writer_test {
namespace {

using nlohmann::json;

constexpr uint64_t kFirst = 13;  ///< the first block behind those of ApiWorld
constexpr uint64_t kLast = 3'000;
constexpr const char* kHub = "0x00000000000000000000000000000000000000aa";

/// A block without events, fetched and known so.
void commit_block(ApiWorld& api, uint64_t block_num) {
    storage::Database& database = *api.world.database;
    const auto batch = database.make_batch();
    const evm::Hash hash = storage::test::hash_of(block_num);
    batch->append_block({block_num, hash, storage::test::hash_of(block_num - 1), block_num, 0,
                         storage::ProofLevel::kFetched});
    batch->extend_coverage({api.mapping.plan->sources()[0].fingerprint,
                            {block_num == kFirst ? 0 : block_num, block_num},
                            "one",
                            storage::ProofLevel::kFetched});
    batch->set_cursor(block_num, hash, block_num);
    ASSERT_OK(database.commit(*batch, storage::Durability::kBuffered));
}

TEST(RpcBesideWriterTest, TheNewestBlockIsNeverCalledNotFetched) {
    ApiWorld api;
    commit_block(api, kFirst);
    std::atomic<bool> is_over{false};
    std::atomic<uint64_t> asked{0};
    std::thread by_http{[&] {
        const std::string body =
            std::string{R"({"id":1,"method":"eth_getLogs","params":[{"address":")"} + kHub +
            R"("}]})";
        for (; !is_over; ++asked) {
            const json answer = json::parse(api.send("POST", "/rpc", {}, body).body);
            ASSERT_TRUE(answer.contains("result")) << answer;
        }
    }};
    std::thread by_subscription{[&] {
        const auto subscriptions = api.router.open_subscriptions("somebody");
        Request request{"POST", "/rpc", "",
                        std::string{R"({"id":1,"method":"eth_subscribe","params":["logs",)"} +
                            R"({"address":")" + kHub + R"("}]})"};
        request.subscriptions = subscriptions.get();
        ASSERT_TRUE(json::parse(api.router.handle(request).body).contains("result"));
        for (; !is_over; ++asked) {
            const auto news = api.router.rpc_news(*subscriptions);
            ASSERT_TRUE(news) << storage::test::message_of(news);
        }
    }};
    for (uint64_t block_num = kFirst + 1; block_num <= kLast; ++block_num) {
        commit_block(api, block_num);
    }
    is_over = true;
    by_http.join();
    by_subscription.join();
    EXPECT_GT(asked.load(), 20U);
}

}  // namespace
}  // namespace plumbline::api::test::rpc_beside_writer_test
