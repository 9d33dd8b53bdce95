// What the pool tells of questions that wait: who, what, which blocks, and in whose words.
#include "rpc/wait_board.hpp"

#include <gtest/gtest.h>

#include "rpc/provider_pool.hpp"
#include "tests/rpc/fake_network.hpp"

namespace plumbline::rpc::wait_board_test {
namespace {

using namespace test;

constexpr const char* kUrlA = "http://a.example/secret-key-a";
constexpr const char* kUrlB = "http://b.example/secret-key-b";

Call logs_call(evm::BlockRange range) {
    Call call;
    call.kind = Call::Kind::kLogs;
    call.range = range;
    return call;
}

TEST(WaitBoardTest, AQuestionIsOldFromItsLastProgressOnAndGoneOnceAnswered) {
    WaitBoard board;
    auto old = board.open("eth_getLogs", evm::BlockRange{1, 9}, 1'000);
    const auto young = board.open("eth_chainId", std::nullopt, 4'000);
    old->on_asked("a", logs_call({1, 4}), 1'000);
    old->on_refused("a", "too busy");
    auto waits = board.older_than(2'000, 5'000);
    ASSERT_EQ(waits.size(), 1U);
    EXPECT_EQ(waits[0].method, "eth_getLogs");
    EXPECT_EQ(waits[0].range, (evm::BlockRange{1, 4}));
    EXPECT_EQ(waits[0].provider, "a");
    EXPECT_EQ(waits[0].reason, "too busy");
    EXPECT_EQ(waits[0].attempts, 1U);
    EXPECT_EQ(waits[0].waiting_ms, 4'000);
    EXPECT_EQ(board.older_than(0, 5'000).size(), 2U);
    old->on_progress(4'500);
    EXPECT_TRUE(board.older_than(2'000, 5'000).empty());
    EXPECT_EQ(board.older_than(0, 5'000)[1].reason, "");
    old->close();
    EXPECT_EQ(board.size(), 1U);
    old->on_refused("a", "late");
    old.reset();
    EXPECT_EQ(board.size(), 1U);
}

TEST(WaitBoardTest, WhoHangsIsNamedAndNotWhoSaidSomethingBefore) {
    WaitBoard board;
    const auto ticket = board.open("eth_call", std::nullopt, 0);
    ticket->on_asked("silent", logs_call({1, 4}), 1'000);
    ticket->on_asked("quick", logs_call({5, 9}), 2'000);
    ticket->on_back("quick");
    ticket->on_refused("quick", "too busy");
    auto waits = board.older_than(10'000, 10'500);
    ASSERT_EQ(waits.size(), 1U);
    EXPECT_EQ(waits[0].provider, "quick") << "the other one may still answer";
    waits = board.older_than(10'000, 12'000);
    ASSERT_EQ(waits.size(), 1U);
    EXPECT_EQ(waits[0].provider, "silent");
    EXPECT_EQ(waits[0].reason, "no answer yet; quick: too busy");
    EXPECT_EQ(waits[0].out_ms, 11'000);
    ticket->on_back("silent");
    EXPECT_FALSE(board.older_than(10'000, 12'000)[0].out_ms);
    EXPECT_EQ(board.older_than(10'000, 12'000)[0].reason, "too busy");
}

class PoolWaitsTest : public ::testing::Test {
  protected:
    FakeNode& add(const char* url) {
        options_.endpoints.push_back({url, {}, {}});
        return transport_.add(url, chain_);
    }
    void make() { pool_ = std::make_unique<ProviderPool>(options_, transport_, clock_, nullptr); }
    void poll_for(int64_t ms) {
        for (const int64_t end = clock_.monotonic_ms() + ms; clock_.monotonic_ms() < end;) {
            pool_->poll(100);
        }
    }
    void ask_range() {
        pool_->get_range({{make_address(1)}, {}}, {10, 20}, false, [](Result<RangeLogs>) {});
    }

    FakeChain chain_{100};
    ManualClock clock_;
    FakeTransport transport_{clock_};
    PoolOptions options_;
    std::unique_ptr<ProviderPool> pool_;
};

TEST_F(PoolWaitsTest, ARangeThatIsRefusedTellsProviderMethodBlocksAndTheProvidersOwnText) {
    add(kUrlA).answer = [](const std::string& method, const json&) -> std::optional<json> {
        return method == "eth_getLogs"
                   ? std::optional{rpc_error(-32005, "slow down, the disk is on fire")}
                   : std::nullopt;
    };
    make();
    ask_range();
    poll_for(12'000);
    const auto waits = pool_->waits(10'000);
    ASSERT_EQ(waits.size(), 1U);
    EXPECT_EQ(waits[0].method, "eth_getLogs");
    ASSERT_TRUE(waits[0].range);
    EXPECT_TRUE(waits[0].range->from >= 10 && waits[0].range->to <= 20) << waits[0].range->from;
    EXPECT_EQ(waits[0].provider, "http://a.example");
    EXPECT_NE(waits[0].reason.find("the disk is on fire"), std::string::npos) << waits[0].reason;
    EXPECT_GE(waits[0].attempts, 2U);
    EXPECT_GE(waits[0].waiting_ms, 10'000);
}

TEST_F(PoolWaitsTest, ALimitedProviderIsNamedAlsoForQuestionsThatNeverReachedIt) {
    FakeNode& node = add(kUrlA);
    make();
    pool_->get_heads([](Result<Heads>) {});
    poll_for(1'000);
    node.http = [](const HttpRequest&) {
        HttpCompletion out = http_status(429, "come back in an hour");
        out.retry_after_ms = 3'600'000;
        return std::optional{out};
    };
    pool_->get_headers({5}, [](auto) {});
    poll_for(1'000);
    ask_range();  // finds the provider waiting
    poll_for(12'000);
    const auto waits = pool_->waits(10'000);
    ASSERT_EQ(waits.size(), 2U);
    for (const OpenWait& wait : waits) {
        EXPECT_NE(wait.reason.find("come back in an hour"), std::string::npos) << wait.reason;
        EXPECT_EQ(wait.provider, "http://a.example");
        EXPECT_EQ(wait.reason.find("secret"), std::string::npos);
    }
}

TEST_F(PoolWaitsTest, WhatAProviderSaidOfAMethodIsNamedThoughItAnswersOthers) {
    bool is_on_fire = true;
    FakeNode& node = add(kUrlA);
    node.answer = [&](const std::string& method, const json&) -> std::optional<json> {
        return method == "eth_getLogs" && is_on_fire
                   ? std::optional{rpc_error(-32005, "too many requests, the disk is on fire")}
                   : std::nullopt;
    };
    make();
    for (int second = 0; second < 40; ++second) {
        if (second % 8 == 0) {
            ask_range();  // Most wait for their turn.
        }
        pool_->get_heads([](Result<Heads>) {});
        poll_for(1'000);
        for (const OpenWait& wait : pool_->waits(10'000)) {
            EXPECT_EQ(wait.provider, "http://a.example") << second;
            EXPECT_EQ(wait.method, "eth_getLogs") << second;
            EXPECT_TRUE(wait.range) << second;
            EXPECT_NE(wait.reason.find("the disk is on fire"), std::string::npos)
                << second << ": " << wait.reason;
        }
    }
    EXPECT_EQ(pool_->stats()[0].last_refusal.find("eth_getLogs: "), 0U)
        << pool_->stats()[0].last_refusal;
    is_on_fire = false;
    poll_for(60'000);
    EXPECT_EQ(pool_->stats()[0].last_refusal, "");
}

TEST_F(PoolWaitsTest, ASilentProviderIsNamed) {
    add(kUrlA).http = [](const HttpRequest&) {
        return std::optional{transport_error(TransportError::kTimeout)};
    };
    make();
    pool_->get_heads([](Result<Heads>) {});
    poll_for(7'000);  // the probe is given 8 s
    const auto waits = pool_->waits(5'000);
    ASSERT_EQ(waits.size(), 1U);
    EXPECT_EQ(waits[0].method, "eth_getBlockByNumber");
    EXPECT_EQ(waits[0].provider, "http://a.example");
    EXPECT_EQ(waits[0].reason, "no answer yet");
}

TEST_F(PoolWaitsTest, WhoLimitsTheRateOfTheFirstQuestionIsToldInItsOwnWords) {
    for (const char* url : {kUrlA, kUrlB}) {
        add(url).http = [](const HttpRequest&) {
            HttpCompletion out = http_status(429, R"({"error":"rate limit exceeded"})");
            out.retry_after_ms = 5'000;
            return std::optional{out};
        };
    }
    make();
    pool_->get_heads([](Result<Heads>) {});
    poll_for(12'000);
    const auto waits = pool_->waits(10'000);
    ASSERT_EQ(waits.size(), 1U);
    EXPECT_EQ(waits[0].method, "eth_getBlockByNumber");
    EXPECT_NE(waits[0].reason.find("rate limit exceeded"), std::string::npos) << waits[0].reason;
    EXPECT_EQ(waits[0].reason.find("no answer"), std::string::npos) << waits[0].reason;
    EXPECT_GE(waits[0].attempts, 4U) << "each is asked again once it may be";
}

TEST_F(PoolWaitsTest, WhatOnlyWaitsForItsTurnIsNotWaitedFor) {
    FakeNode& node = add(kUrlA);
    node.latency_ms = 3'000;
    options_.in_flight_max = 1;
    make();
    pool_->get_heads([](Result<Heads>) {});
    poll_for(7'000);
    for (int i = 0; i < 8; ++i) {
        ask_range();
    }
    for (int second = 0; second < 20; ++second) {
        poll_for(1'000);
        for (const OpenWait& wait : pool_->waits(10'000)) {
            ADD_FAILURE() << "after " << second << " s: " << wait.method << ": " << wait.reason;
        }
    }
    EXPECT_FALSE(pool_->waits(0).empty()) << "all is answered, so nothing was in line";
    node.latency_ms = 60'000;
    poll_for(20'000);
    EXPECT_FALSE(pool_->waits(10'000).empty()) << "nobody is answered any more";
}

TEST_F(PoolWaitsTest, WhatIsAnsweredWaitsNoLonger) {
    add(kUrlA);
    make();
    pool_->get_heads([](Result<Heads>) {});
    ask_range();
    poll_for(5'000);
    EXPECT_TRUE(pool_->waits(0).empty());
}

}  // namespace
}  // namespace plumbline::rpc::wait_board_test
