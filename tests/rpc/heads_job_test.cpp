#include "rpc/heads_job.hpp"

#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "tests/rpc/fake_network.hpp"

namespace plumbline::rpc::heads_job_test {
namespace {

using namespace test;

TEST(BelievedHeadsTest, TheHighestThatIsNotFarAboveAllOthers) {
    constexpr uint64_t kFar = kHeadOutlierBlocks + 1;
    struct Case {
        const char* name;
        std::vector<uint64_t> told;
        uint64_t expected;
    };
    const std::vector<Case> cases = {
        {"one", {100}, 100},
        {"the highest", {100, 103, 101}, 103},
        {"of two nobody can say which is wrong", {100, 100 + kFar}, 100 + kFar},
        {"three, one far above", {100, 100 + kFar, 99}, 100},
        {"as far as may be", {100, 100 + kHeadOutlierBlocks, 99}, 100 + kHeadOutlierBlocks},
        {"two that are far above agree", {100, 100 + kFar, 101 + kFar}, 101 + kFar},
        {"two far above, each alone", {100, 99, 100 + kFar, 100 + 2 * kFar}, 100},
        {"two are left: the higher of them", {100, 100 + kFar, 100 + 2 * kFar}, 100 + kFar},
    };
    for (const Case& test : cases) {
        std::vector<Heads> told;
        for (const uint64_t block_num : test.told) {
            told.emplace_back().latest.block_num = block_num;
        }
        EXPECT_EQ(believed_heads(std::move(told)).latest.block_num, test.expected) << test.name;
    }
}

TEST(HeadsJobTest, AProbeThatFailsAfterTheAnswerDoesNotAnswerAgain) {
    const FakeChain chain{100};
    ManualClock clock;
    FakeTransport transport{clock};
    PoolOptions options;
    options.endpoints = {{"http://fast.example", {}, {}}, {"http://slow.example", {}, {}}};
    transport.add("http://fast.example", chain);
    FakeNode& slow = transport.add("http://slow.example", chain);
    slow.latency_ms = 3 * options.heads_grace_ms;
    slow.answer = [](const std::string&, const json&) {
        return std::optional{rpc_error(-32000, "not ready")};
    };
    Dispatcher dispatcher{options, transport, clock, nullptr};
    std::vector<Result<Heads>> answers;
    std::make_shared<HeadsJob>(dispatcher, [&](Result<Heads> heads) {
        answers.push_back(std::move(heads));
    })->start();
    while (slow.requests == 0 || transport.in_flight() > 0) {
        dispatcher.poll(100);
    }
    dispatcher.poll(0);
    ASSERT_EQ(answers.size(), 1U);
    ASSERT_TRUE(answers[0]);
    EXPECT_EQ(answers[0]->latest.block_num, 100U);
}

}  // namespace
}  // namespace plumbline::rpc::heads_job_test
