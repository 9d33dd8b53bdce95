// A provider that answers everything but one method, which it leaves open: whoever else is there is
// asked instead, long before the request runs out of time. And one endpoint that is given twice.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rpc/provider_pool.hpp"
#include "rpc/slow_methods.hpp"
#include "tests/rpc/fake_network.hpp"

namespace plumbline::rpc::hanging_method_test {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Nothing comes until the request runs out of time.
auto hang_on(std::string method) {
    return [method = std::move(method)](const HttpRequest& request) {
        return request.body.find("\"" + method + "\"") == std::string::npos
                   ? std::nullopt
                   : std::optional{transport_error(TransportError::kTimeout)};
    };
}

size_t asked_for(const FakeNode& node, const std::string& method) {
    return static_cast<size_t>(std::ranges::count_if(node.seen, [&](const HttpRequest& request) {
        return request.body.find("\"" + method + "\"") != std::string::npos;
    }));
}

class HangingMethodTest : public ::testing::Test {
  protected:
    void SetUp() override {
        for (uint64_t num = 1; num < 100; num += 3) {
            chain_.add_log(num, 1, 10, false);
        }
        chain_.make_provable();
        a_ = &add("http://a.example");
        b_ = &add("http://b.example");
        for (FakeNode* node : {a_, b_}) {
            node->answer = [](const std::string& method,
                              const json& params) -> std::optional<json> {
                return method == "eth_call" ? std::optional{json{{"result", params[0]["data"]}}}
                                            : std::nullopt;
            };
        }
    }
    FakeNode& add(const std::string& url) {
        options_.endpoints.push_back({url, {}, {}});
        return transport_.add(url, chain_);
    }
    ProviderPool& pool() {
        if (!pool_) {
            pool_ = std::make_unique<ProviderPool>(options_, transport_, clock_, &recorder_);
        }
        return *pool_;
    }
    Result<CallAnswers> call(std::optional<size_t> provider = std::nullopt) {
        std::vector<CallRequest> requests(3);
        for (CallRequest& request : requests) {
            request.to.emplace().bytes[19] = 1;
            request.data = {7};
        }
        return await<CallAnswers>(pool(), 600'000, [&](auto done) {
            pool().call(std::move(requests), {{90, chain_.blocks[90].header.hash}, false}, provider,
                        std::move(done));
        });
    }
    Result<RangeLogs> range() {
        return await<RangeLogs>(pool(), 600'000, [&](auto done) {
            pool().get_range({{make_address(1)}, {make_topic(10)}}, {1, 99}, false,
                             std::move(done));
        });
    }
    int64_t now() const { return clock_.monotonic_ms(); }

    FakeChain chain_{100};
    ManualClock clock_;
    FakeTransport transport_{clock_};
    Recorder recorder_;
    PoolOptions options_ = wide_options();
    FakeNode* a_ = nullptr;
    FakeNode* b_ = nullptr;
    std::unique_ptr<ProviderPool> pool_;
};

TEST_F(HangingMethodTest, ACallIsAskedOfAnotherAndTheHangerIsAskedLastFromThenOn) {
    a_->http = hang_on("eth_call");
    a_->latency_ms = 1;  // Preferred by all that is known of it.
    const int64_t start = now();
    for (int i = 0; i < 30; ++i) {
        const auto answers = call();
        ASSERT_TRUE(answers) << answers.error().message;
        for (const CallResult& result : answers->results) {
            EXPECT_EQ(result.kind, CallResult::Kind::kAnswered);
            EXPECT_EQ(result.provider, "http://b.example");
        }
    }
    EXPECT_LT(now() - start, 10'000);
    EXPECT_EQ(asked_for(*a_, "eth_call"), 1U);
    EXPECT_THAT(pool().stats()[0].last_refusal, HasSubstr("eth_call: no answer yet"));
    clock_.advance(61'000);  // After a while it is tried again, and is well.
    a_->http = nullptr;
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(call());
    }
    EXPECT_GT(asked_for(*a_, "eth_call"), 1U);
    EXPECT_EQ(pool().stats()[0].last_refusal, "");
}

/// Overload, a crash, no answer that can be read: of one method, while all others work.
TEST_F(HangingMethodTest, AnIllnessOfOneMethodIsToldOnceAndIsNotTheProviders) {
    for (const char* said : {"flurb overload in shard 7", "server overloaded, try later"}) {
        options_.endpoints.clear();
        recorder_.events.clear();
        pool_.reset();
        FakeNode& only = add("http://only.example");
        only.answer = [said](const std::string& method,
                             const json& /*params*/) -> std::optional<json> {
            return method == "eth_getLogs"
                       ? std::optional{json{{"error", {{"code", -32603}, {"message", said}}}}}
                       : std::nullopt;
        };
        size_t down = 0;
        for (int i = 0; i < 40; ++i) {
            static_cast<void>(range());  // What it lacks in the end its receipts tell.
            const auto heads = await<Heads>(pool(), 600'000,
                                            [&](auto done) { pool().get_heads(std::move(done)); });
            EXPECT_TRUE(heads) << said << ": " << heads.error().message;
            down += pool().stats()[0].usable ? 0U : 1U;
            clock_.advance(1'000);
        }
        EXPECT_LE(down, 1U) << said;
        EXPECT_LE(recorder_.count("is not asked for a while"), 1U) << said;
        EXPECT_THAT(pool().stats()[0].last_refusal, HasSubstr(said));
        only.answer = nullptr;
        EXPECT_TRUE(range()) << "once it answers all is well";
    }
}

TEST_F(HangingMethodTest, LogsAreAskedOfAnotherBeforeTheirTimeIsOver) {
    a_->http = hang_on("eth_getLogs");
    a_->latency_ms = 1;
    const int64_t start = now();
    for (int i = 0; i < 30; ++i) {
        const auto answer = range();
        ASSERT_TRUE(answer) << answer.error().message;
        EXPECT_EQ(answer->logs.logs.size(), 33U);
    }
    EXPECT_LT(now() - start, 60'000);
    EXPECT_LE(asked_for(*a_, "eth_getLogs"), 3U);
}

TEST_F(HangingMethodTest, ReceiptsOfAHangerAreAskedOfAnotherOnceItsFirstRanOutOfTime) {
    a_->http = hang_on("eth_getBlockReceipts");
    a_->latency_ms = 1;
    for (int i = 0; i < 10; ++i) {
        const auto receipts = await<evm::ReceiptBatch>(pool(), 600'000, [&](auto done) {
            pool().get_receipts(chain_.blocks[4].header.hash, std::move(done));
        });
        ASSERT_TRUE(receipts) << receipts.error().message;
    }
    EXPECT_EQ(asked_for(*a_, "eth_getBlockReceipts"), 1U);
}

TEST_F(HangingMethodTest, ALateAnswerCountsWhereNobodyWasQuicker) {
    a_->latency_ms = 1;
    ASSERT_TRUE(call());
    a_->latency_ms = 7'000;  // Longer than anybody waits for at first.
    b_->http = hang_on("eth_call");
    const int64_t start = now();
    const auto answers = call();
    ASSERT_TRUE(answers) << answers.error().message;
    for (const CallResult& result : answers->results) {
        EXPECT_EQ(result.kind, CallResult::Kind::kAnswered);
        EXPECT_EQ(result.provider, "http://a.example");
    }
    EXPECT_EQ(asked_for(*b_, "eth_call"), 1U);
    EXPECT_LT(now() - start, 8'000);
}

TEST_F(HangingMethodTest, WhoIsNamedAndHangsGivesWayToWhoIsIdleAsSoonAsAnUnnamedOneDoes) {
    a_->http = hang_on("eth_call");
    a_->latency_ms = 1;
    ASSERT_TRUE(call(1)) << "it is known to be there";
    const int64_t start = now();
    for (int i = 0; i < 20; ++i) {
        const auto answers = call(0);
        ASSERT_FALSE(answers);
        EXPECT_EQ(answers.error().code, ErrorCode::kUnavailable);
        EXPECT_THAT(answers.error().message,
                    HasSubstr("http://a.example: no answer to eth_call in time"));
    }
    EXPECT_LT(now() - start, 10'000);
    EXPECT_EQ(asked_for(*a_, "eth_call"), 1U);
    ASSERT_TRUE(call(1));
}

TEST_F(HangingMethodTest, WhoLimitsCallsAloneIsAskedLastWhileAnotherIsIdle) {
    a_->latency_ms = 1;
    auto count = std::make_shared<int>(0);
    a_->answer = [count, usual = a_->answer](const std::string& method, const json& params) {
        return method == "eth_call" && ++*count % 2 == 0
                   ? std::optional{rpc_error(429, "Too Many Requests")}
                   : usual(method, params);
    };
    const int64_t start = now();
    for (int i = 0; i < 100; ++i) {
        const auto answers = call();
        ASSERT_TRUE(answers) << answers.error().message;
        EXPECT_EQ(answers->results[0].kind, CallResult::Kind::kAnswered);
    }
    EXPECT_LT(now() - start, 5'000);
    EXPECT_LE(*count, 6);
}

TEST_F(HangingMethodTest, WithNobodyElseItIsWaitedForAsLongAsARequestMayTake) {
    options_.endpoints.pop_back();
    a_->http = hang_on("eth_call");
    const int64_t start = now();
    const auto answers = call();
    ASSERT_TRUE(answers) << answers.error().message;
    EXPECT_EQ(answers->results[0].kind, CallResult::Kind::kRefused);
    EXPECT_GE(now() - start, options_.request_timeout_ms);
    EXPECT_EQ(asked_for(*a_, "eth_call"), 1U);
}

TEST_F(HangingMethodTest, OneEndpointIsAskedOnceHoweverOftenItIsGiven) {
    for (const char* again : {"http://a.example/", "HTTP://A.example:80", "http://b.example#x"}) {
        add(again);
    }
    add("http://a.example/v2/key");
    EXPECT_THAT(pool().provider_names(),
                ElementsAre("http://a.example", "http://b.example", "http://a.example#2"));
    EXPECT_EQ(recorder_.count("given more than once"), 3U);
    EXPECT_EQ(recorder_.count("key"), 0U);
}

TEST(SlowMethodTest, WhatWasOutTogetherIsLateOnce) {
    SlowMethod logs{2, 1'000};
    logs.on_overdue(0, 1'000);
    logs.on_overdue(10, 1'010);
    logs.on_timeout(0, 30'000);
    EXPECT_FALSE(logs.is_last(30'000));
    logs.on_timeout(1'020, 31'020);
    EXPECT_TRUE(logs.is_last(31'020));
    EXPECT_TRUE(logs.hangs(31'020));
    EXPECT_FALSE(logs.is_last(31'020 + 60'000));
}

TEST(SlowMethodTest, WhoHasTakenLongIsWaitedForLonger) {
    SlowMethod calls{1, 1'000};
    EXPECT_EQ(calls.patience_ms(), 1'000);
    calls.on_overdue(0, 1'000);
    EXPECT_TRUE(calls.is_overdue());
    calls.on_answered(2'000, 2'000);
    EXPECT_EQ(calls.patience_ms(), 8'000);
    EXPECT_FALSE(calls.is_overdue());
    EXPECT_FALSE(calls.hangs(2'000));
    for (int i = 0; i < 50; ++i) {
        calls.on_answered(10, 3'000);
    }
    EXPECT_EQ(calls.patience_ms(), 1'000);
}

TEST(SlowMethodTest, ItIsLastForLongerEachTimeUntilItAnswersInItsTurn) {
    SlowMethod calls{1, 1'000};
    int64_t now = 0;
    for (const int64_t expected : {60'000, 120'000, 240'000}) {
        calls.on_refused(now);
        EXPECT_TRUE(calls.is_last(now + expected - 1));
        now += expected;
        EXPECT_FALSE(calls.is_last(now));
    }
    calls.on_answered(10, now);
    calls.on_refused(now);
    EXPECT_FALSE(calls.is_last(now + 60'000));
}

}  // namespace
}  // namespace plumbline::rpc::hanging_method_test
