#include "rpc/heads_job.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace plumbline::rpc {
namespace {

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

}  // namespace
}  // namespace plumbline::rpc
