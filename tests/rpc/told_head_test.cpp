// A balancer over backends that are apart: one tells a head, another lacks it.
#include "rpc/told_head.hpp"

#include <random>

#include <gtest/gtest.h>

#include "rpc/provider_pool.hpp"
#include "tests/rpc/fake_network.hpp"

namespace plumbline::rpc::told_head_test {
namespace {

using namespace test;

constexpr int64_t kPollMs = 800;

TEST(ToldHeadTest, TheHighestHeadCountsUntilItIsLongAgo) {
    ToldHead told{kPollMs};
    EXPECT_FALSE(told.holds(1, 0));
    told.on_told(100, 0);
    told.on_told(80, 1'000);
    EXPECT_TRUE(told.holds(100, 1'000));
    EXPECT_FALSE(told.holds(101, 1'000));
    EXPECT_FALSE(told.holds(100, 10'000)) << "nobody has told it for ten seconds";
    told.on_told(80, 10'000);
    EXPECT_FALSE(told.holds(81, 10'000)) << "the chain is shorter";
    told.forget();
    EXPECT_FALSE(told.holds(1, 10'000));
}

TEST(ToldHeadTest, PausesGrowToTheIntervalOfPollsAndBeginAnewOnceItIsShown) {
    ToldHead told{kPollMs};
    told.on_told(100, 0);
    int64_t now = 0;
    for (const int64_t pause : {100, 200, 400, 800, 800}) {
        told.on_lacked(100, now);
        told.on_lacked(99, now) /* was under way at the same time */;
        EXPECT_EQ(told.ask_at_ms() - now, pause);
        now = told.ask_at_ms();
    }
    told.on_shown(99);
    EXPECT_EQ(told.ask_at_ms(), now) << "not what was lacking";
    told.on_shown(100);
    EXPECT_EQ(told.ask_at_ms(), 0);
    told.on_lacked(101, now);
    EXPECT_EQ(told.ask_at_ms(), now + 100);
}

class BalancerTest : public ::testing::Test {
  protected:
    /// Each request meets one of two backends, one of them 20 blocks behind.
    FakeNode& add(const char* url) {
        options_.endpoints.push_back({url, {}, {}});
        FakeNode& node = transport_.add(url, chain_);
        node.http = [this, &node](const HttpRequest&) -> std::optional<HttpCompletion> {
            node.head = random_() % 2 == 0 ? std::optional<uint64_t>{80} : std::nullopt;
            return std::nullopt;
        };
        return node;
    }
    void make() {
        options_.head_poll_ms = kPollMs;
        pool_ = std::make_unique<ProviderPool>(options_, transport_, clock_, nullptr);
        while (heads() != 100) {
        }
    }
    uint64_t heads() {
        const auto told =
            await<Heads>(*pool_, 600'000, [&](auto done) { pool_->get_heads(std::move(done)); });
        return told ? told->latest.block_num : 0;
    }
    Result<std::vector<evm::Header>> ask_headers(const std::vector<uint64_t>& block_nums) {
        return await<std::vector<evm::Header>>(
            *pool_, 600'000, [&](auto done) { pool_->get_headers(block_nums, std::move(done)); });
    }
    /// How long the newest blocks take.
    int64_t ask_newest() {
        const int64_t begun = clock_.monotonic_ms();
        const auto answer = await<RangeLogs>(*pool_, 600'000, [&](auto done) {
            pool_->get_range({{make_address(1)}, {}}, {90, 100}, true, std::move(done));
        });
        EXPECT_TRUE(answer) << answer.error().message;
        return clock_.monotonic_ms() - begun;
    }

    FakeChain chain_{100};
    ManualClock clock_;
    FakeTransport transport_{clock_};
    PoolOptions options_ = wide_options();
    std::unique_ptr<ProviderPool> pool_;
    std::minstd_rand random_{1};
};

TEST_F(BalancerTest, WhatTheOnlyProviderToldAndLacksIsAskedAgainUntilTheBackendThatHasItAnswers) {
    const FakeNode& node = add("http://a.example");
    make();
    const uint64_t before = node.requests;
    int64_t longest = 0;
    int64_t all = 0;
    for (int i = 0; i < 40; ++i) {
        const int64_t took = ask_newest();
        longest = std::max(longest, took);
        all += took;
        heads();  // As the index does, whatever backend answers that.
        clock_.advance(kPollMs);
    }
    EXPECT_LE(all / 40, kPollMs) << "every second request is answered";
    EXPECT_LE(longest, 8 * kPollMs);
    EXPECT_LE(node.requests - before, 40U * 6);
}

TEST_F(BalancerTest, NoNullOfOneBackendIsTheWordOnHeadersByNumber) {
    const FakeNode& node = add("http://a.example");
    make();
    const uint64_t before = node.requests;
    for (int i = 0; i < 40; ++i) {
        const auto headers = ask_headers({70, 85, 95, 100});
        ASSERT_TRUE(headers) << headers.error().message;
        ASSERT_EQ(headers->size(), 4U);
        for (const evm::Header& header : *headers) {
            EXPECT_EQ(header.hash, chain_.blocks[header.block_num].header.hash);
        }
        heads();
    }
    EXPECT_LE(node.requests - before, 40U * 10);
}

TEST_F(BalancerTest, ABlockOfWhichOneOfTwoBackendsHasNoMoreIsAskedAgain) {
    FakeNode& node = add("http://a.example");
    make();
    node.http = nullptr;
    int turn = 0;
    for (const json& no_block : {json{{"result", nullptr}}, rpc_error(-32000, "block not found")}) {
        node.answer = [&](const std::string& method, const json& params) -> std::optional<json> {
            const bool is_old = method == "eth_getBlockByNumber" && params[0] == "0x5";
            return is_old && turn++ == 0 ? std::optional{no_block} : std::nullopt;
        };
        const auto headers = ask_headers({4, 5, 9});
        ASSERT_TRUE(headers) << headers.error().message;
        EXPECT_EQ((*headers)[1].hash, chain_.blocks[5].header.hash);
        turn = 0;
    }
}

TEST_F(BalancerTest, AHeaderThatNobodyGivesIsAnErrorAfterAFewRequests) {
    FakeNode& node = add("http://a.example");
    make();
    node.http = nullptr;
    node.answer = [](const std::string& method, const json& params) -> std::optional<json> {
        const bool is_it = method == "eth_getBlockByNumber" && params[0] == "0x5f";
        return is_it ? std::optional{json{{"result", nullptr}}} : std::nullopt;
    };
    const uint64_t before = node.requests;
    const int64_t begun = clock_.monotonic_ms();
    const auto headers = ask_headers({94, 95, 96});
    ASSERT_FALSE(headers);
    EXPECT_EQ(headers.error().code, ErrorCode::kNotFound);
    EXPECT_NE(headers.error().message.find("no provider has block 95"), std::string::npos)
        << headers.error().message;
    EXPECT_LE(node.requests - before, 40U);
    EXPECT_LE(clock_.monotonic_ms() - begun, 10 * kPollMs);
}

TEST_F(BalancerTest, WhereAllLackItAllAreAskedAgain) {
    add("http://a.example");
    add("http://b.example");
    make();
    for (int i = 0; i < 40; ++i) {
        EXPECT_LE(ask_newest(), 8 * kPollMs);
        heads();
        clock_.advance(kPollMs);
    }
}

TEST_F(BalancerTest, ABlockThatWasToldAndIsGoneIsAnErrorAfterAFewRequests) {
    FakeNode& node = add("http://a.example");
    make();
    node.http = nullptr;
    node.head = 80;
    const uint64_t before = node.requests;
    const int64_t begun = clock_.monotonic_ms();
    const auto answer = await<RangeLogs>(*pool_, 600'000, [&](auto done) {
        pool_->get_range({{make_address(1)}, {}}, {90, 100}, true, std::move(done));
    });
    ASSERT_FALSE(answer);
    EXPECT_NE(answer.error().message.find("does not have block"), std::string::npos)
        << answer.error().message;
    EXPECT_LE(node.requests - before, 40U);
    EXPECT_LE(clock_.monotonic_ms() - begun, 60'000);
}

}  // namespace
}  // namespace plumbline::rpc::told_head_test
