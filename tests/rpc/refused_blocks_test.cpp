// What a provider's refusals tell of the blocks that it does not have.
#include "rpc/refused_blocks.hpp"

#include <gtest/gtest.h>

namespace plumbline::rpc::refused_blocks_test {
namespace {

TEST(RefusedBlocksTest, IsBelievedAfterSoManyInARowAndReachesFurtherEachTimeItIsRefusedBeyond) {
    RefusedBlocks blocks{3};
    EXPECT_FALSE(blocks.on_refused(1, {}, 0));
    EXPECT_FALSE(blocks.on_refused(2, {}, 0));
    EXPECT_FALSE(blocks.holds(2, 0));
    EXPECT_TRUE(blocks.on_refused(3, {}, 0));
    EXPECT_TRUE(blocks.holds(1'003, 0));
    EXPECT_FALSE(blocks.holds(1'004, 0));
    EXPECT_FALSE(blocks.on_refused(1'004, {}, 0)) << "known before";
    EXPECT_TRUE(blocks.holds(3'004, 0));
    EXPECT_FALSE(blocks.holds(3'005, 0));
}

TEST(RefusedBlocksTest, EndsWhereTheProviderSaysOrWhereItAnswers) {
    RefusedBlocks told{1};
    EXPECT_TRUE(told.on_refused(7, 500, 0));
    EXPECT_TRUE(told.holds(499, 0));
    EXPECT_FALSE(told.holds(500, 0));

    RefusedBlocks found{1};
    EXPECT_TRUE(found.on_refused(7, {}, 0));
    found.on_answered(400);
    EXPECT_TRUE(found.holds(399, 0));
    EXPECT_FALSE(found.holds(400, 0));
    EXPECT_FALSE(found.on_refused(399, {}, 0));
    EXPECT_FALSE(found.holds(400, 0)) << "it has answered that one";
}

TEST(RefusedBlocksTest, AnAnswerToWhatWasRefusedEndsItAndSomeBetweenRefusalsAreNoRow) {
    RefusedBlocks known{1};
    EXPECT_TRUE(known.on_refused(7, {}, 0));
    known.on_answered(6);
    EXPECT_FALSE(known.holds(6, 0));
    EXPECT_TRUE(known.on_refused(7, {}, 0));

    RefusedBlocks dense{2};
    for (uint64_t block = 10; block < 100; block += 10) {
        EXPECT_FALSE(dense.on_refused(block, {}, 0));
        dense.on_answered(block + 1);
    }
}

TEST(RefusedBlocksTest, IsForgottenAfterAWhileAndThenAfterTwice) {
    RefusedBlocks blocks{1};
    EXPECT_TRUE(blocks.on_refused(7, {}, 0));
    EXPECT_TRUE(blocks.holds(7, 599'999));
    EXPECT_FALSE(blocks.holds(7, 600'000));
    EXPECT_FALSE(blocks.on_refused(7, {}, 600'000));
    EXPECT_TRUE(blocks.holds(7, 1'799'999));
    EXPECT_FALSE(blocks.holds(7, 1'800'000));
}

}  // namespace
}  // namespace plumbline::rpc::refused_blocks_test
