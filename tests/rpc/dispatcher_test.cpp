// The dispatcher's own rules. What it makes of providers' behaviour is in provider_pool_test.cpp.
#include "rpc/dispatcher.hpp"

#include <gtest/gtest.h>

#include "tests/rpc/fake_network.hpp"

namespace plumbline::rpc::dispatcher_test {
namespace {

using namespace test;

/// Says of every request that it is complete, as often as it is polled.
class EchoingTransport final : public Transport {
  public:
    uint64_t submit(HttpRequest /*request*/) override { return ++last_id_; }
    void poll(int64_t /*wait_ms*/, std::vector<HttpCompletion>& completions) override {
        if (last_id_ > 0) {
            completions.push_back(http_status(500));
            completions.back().id = last_id_;
        }
    }
    [[nodiscard]] size_t in_flight() const override { return 0; }

  private:
    uint64_t last_id_ = 0;
};

class DispatcherTest : public ::testing::Test {
  protected:
    DispatcherTest() { options_.endpoints = {{"http://a.example", {}, {}}}; }
    static CallGroup one_header(uint64_t block_num) {
        CallGroup group;
        group.calls.resize(1);
        group.calls[0].kind = Call::Kind::kHeaderByNum;
        group.calls[0].block_num = block_num;
        return group;
    }

    FakeChain chain_{100};
    ManualClock clock_;
    FakeTransport transport_{clock_};
    PoolOptions options_;
};
using DispatcherDeathTest = DispatcherTest;

TEST_F(DispatcherTest, EachGroupIsAnsweredOnceAndNotBeforePoll) {
    transport_.add("http://a.example", chain_);
    Dispatcher dispatcher{options_, transport_, clock_, nullptr};
    std::vector<int> answered(20);
    for (size_t i = 0; i < answered.size(); ++i) {
        CallGroup group = one_header(i);
        group.done = [&answered, i](const GroupResult& result) {
            EXPECT_EQ(result.answers.at(0).get<evm::Header>()->block_num, i);
            ++answered[i];
        };
        dispatcher.send(std::move(group));
    }
    EXPECT_EQ(answered, std::vector<int>(20, 0));
    for (int i = 0; i < 50; ++i) {
        dispatcher.poll(100);
    }
    EXPECT_EQ(answered, std::vector<int>(20, 1));
}

TEST_F(DispatcherTest, WhatACallbackSendsGoesOutInTheSamePoll) {
    FakeNode& node = transport_.add("http://a.example", chain_);
    Dispatcher dispatcher{options_, transport_, clock_, nullptr};
    bool is_sent = false;
    CallGroup group = one_header(1);
    group.done = [&](const GroupResult&) {
        dispatcher.send(one_header(2));
        is_sent = true;
    };
    dispatcher.send(std::move(group));
    while (!is_sent) {
        EXPECT_LT(node.calls["eth_getBlockByNumber"], 5U);
        dispatcher.poll(100);
    }
    EXPECT_EQ(transport_.in_flight(), 1U);
}

TEST_F(DispatcherTest, WithoutEndpointsEveryGroupFails) {
    options_.endpoints.clear();
    Dispatcher dispatcher{options_, transport_, clock_, nullptr};
    std::optional<Error> error;
    CallGroup group = one_header(1);
    group.done = [&](GroupResult result) { error = std::move(result.error); };
    dispatcher.send(std::move(group));
    EXPECT_FALSE(error);
    dispatcher.poll(0);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, ErrorCode::kInvalidArgument);
}

TEST_F(DispatcherDeathTest, AGroupWithoutCallsIsRefusedAtOnceBecauseItWouldNeverEnd) {
    Dispatcher dispatcher{options_, transport_, clock_, nullptr};
    EXPECT_DEATH(dispatcher.send(CallGroup{}), "without calls");
}

TEST_F(DispatcherDeathTest, ATransportCompletesARequestOnce) {
    EchoingTransport transport;
    Dispatcher dispatcher{options_, transport, clock_, nullptr};
    dispatcher.send(one_header(1));
    dispatcher.poll(0);
    EXPECT_DEATH(dispatcher.poll(0), "completed a request twice");
}

}  // namespace
}  // namespace plumbline::rpc::dispatcher_test
