// Who answers late is told as slow, who answers nothing as silent.
#include "engine/setup/pace_look.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/rpc/fake_network.hpp"

namespace plumbline::engine::pace_look_test {
namespace {

using rpc::test::FakeChain;
using rpc::test::FakeNode;

constexpr const char* kUrl = "http://node.example";
constexpr int64_t kWaitMaxMs = 8'000;
constexpr int64_t kPatienceMs = 30'000;

class PaceLookTest : public ::testing::Test {
  protected:
    PaceLook look(int64_t latency_ms) {
        node_.latency_ms = latency_ms;
        EndpointPatience patience;
        patience.timeout_ms = kPatienceMs;
        patience.silence_ms_max = kPatienceMs;
        return look_at_pace({kUrl, {}, {}}, transport_, clock_, patience, kWaitMaxMs);
    }
    FakeChain chain_{40};
    ManualClock clock_;
    rpc::test::FakeTransport transport_{clock_};
    FakeNode& node_ = transport_.add(kUrl, chain_);
};

TEST_F(PaceLookTest, WhoTellsItsHeadInTimeIsPromptAndNothingIsSaidOfIt) {
    const PaceLook prompt = look(kWaitMaxMs - 1'000);
    EXPECT_EQ(prompt.pace, Pace::kPrompt);
    EXPECT_EQ(describe_pace("node", prompt, kWaitMaxMs), "");
}

TEST_F(PaceLookTest, WhoTellsItsHeadLaterThanItIsWaitedForIsSlowAndNotSilent) {
    const PaceLook slow = look(13'000);
    EXPECT_EQ(slow.pace, Pace::kSlow);
    EXPECT_EQ(describe_pace("node", slow, kWaitMaxMs),
              "provider node is slow: it tells the chain's head after 13s, and for that it is "
              "waited for 8s: put a faster one into [chain] rpc");
}

TEST_F(PaceLookTest, WhoAnswersNothingIsSilent) {
    node_.http = [](const rpc::HttpRequest&) {
        return std::optional{rpc::test::transport_error(rpc::TransportError::kTimeout)};
    };
    const PaceLook silent = look(0);
    EXPECT_EQ(silent.pace, Pace::kSilent);
    EXPECT_EQ(describe_pace("node", silent, kWaitMaxMs),
              "provider node is silent: it has answered nothing within 30s: check that the node "
              "runs, or put another one into [chain] rpc");
}

TEST_F(PaceLookTest, WhereNobodyIsThereItIsKnownAtOnceAndNothingIsSaidOfThePace) {
    node_.http = [](const rpc::HttpRequest&) {
        return std::optional{rpc::test::transport_error(rpc::TransportError::kUnreachable)};
    };
    EXPECT_EQ(look(10).pace, Pace::kPrompt);
}

TEST_F(PaceLookTest, WhoRefusesLateIsSlowAllTheSame) {
    node_.answer = [](const std::string&, const nlohmann::json&) {
        return std::optional{
            nlohmann::json{{"error", {{"code", -32601}, {"message", "no such method"}}}}};
    };
    EXPECT_EQ(look(13'000).pace, Pace::kSlow);
    EXPECT_EQ(look(1'000).pace, Pace::kPrompt);
}

}  // namespace
}  // namespace plumbline::engine::pace_look_test
