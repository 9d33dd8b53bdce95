// What refused batches teach.
#include "rpc/batch_limit.hpp"

#include <gtest/gtest.h>

namespace plumbline::rpc::batch_limit_test {
namespace {

TEST(BatchLimitTest, WordsAboutBatchesLowerItForGood) {
    BatchLimit limit{50};
    limit.on_too_large(50, std::nullopt);
    EXPECT_EQ(limit.size(0), 25U);
    limit.on_too_large(25, 10);
    EXPECT_EQ(limit.size(0), 10U);
    limit.on_too_large(40, 30);  // was out before the limit was learnt
    EXPECT_EQ(limit.size(INT64_MAX), 10U);
    limit.on_too_large(1, 0);
    EXPECT_EQ(limit.size(0), 1U);
}

TEST(BatchLimitTest, ADoubtfulBatchGoesSinglyAndWhatIsAnsweredThenIsLearnt) {
    BatchLimit limit{50};
    EXPECT_TRUE(limit.on_doubtful_batch(1'000));
    EXPECT_TRUE(limit.on_doubtful_batch(1'001));  // the second of two that were out
    EXPECT_EQ(limit.size(1'002), 1U);
    EXPECT_TRUE(limit.on_single_answered(1'010));
    EXPECT_FALSE(limit.on_single_answered(1'020));
    EXPECT_EQ(limit.size(500'000), 1U);
}

TEST(BatchLimitTest, BatchesAreTriedAgainAfterAWhileAndThenAfterTwice) {
    BatchLimit limit{50};
    ASSERT_TRUE(limit.on_doubtful_batch(0));
    ASSERT_TRUE(limit.on_single_answered(10));
    EXPECT_EQ(limit.size(600'009), 1U);
    EXPECT_EQ(limit.size(600'010), 50U);
    ASSERT_TRUE(limit.on_doubtful_batch(600'020));
    ASSERT_TRUE(limit.on_single_answered(600'030));
    EXPECT_EQ(limit.size(1'800'029), 1U);
    EXPECT_EQ(limit.size(1'800'030), 50U);
}

TEST(BatchLimitTest, WhereSingleCallsAreRefusedAsWellItWasNotTheBatch) {
    BatchLimit limit{50};
    for (int i = 0; i < 2; ++i) {
        EXPECT_TRUE(limit.on_doubtful_batch(i));
        limit.on_single_refused();
        EXPECT_EQ(limit.size(i), 50U);
    }
    EXPECT_FALSE(limit.on_doubtful_batch(10));  // and no further request is spent on it
    EXPECT_EQ(limit.size(10), 50U);
    limit.on_batch_answered(50, 15);
    EXPECT_TRUE(limit.on_doubtful_batch(20));
}

TEST(BatchLimitTest, ADoubtThatNothingSettlesEndsByItself) {
    BatchLimit limit{50};
    ASSERT_TRUE(limit.on_doubtful_batch(0));
    EXPECT_EQ(limit.size(59'999), 1U);
    EXPECT_EQ(limit.size(60'000), 50U);
}

TEST(BatchLimitTest, ABatchThatComesBackInVainTwiceIsHalvedAndThenEachTimeUntilOneIsAnswered) {
    BatchLimit limit{50};
    EXPECT_FALSE(limit.on_vain_batch(50, 0, 10));
    EXPECT_FALSE(limit.on_vain_batch(50, 5, 11)) << "it was out together with the first";
    EXPECT_EQ(limit.size(11), 50U);
    limit.on_batch_answered(3, 20);  // A smaller request says nothing of it.
    EXPECT_TRUE(limit.on_vain_batch(50, 100, 110));
    EXPECT_EQ(limit.size(110), 25U);
    EXPECT_TRUE(limit.on_vain_batch(50, 105, 115)) << "it was out when that was learnt";
    EXPECT_EQ(limit.size(115), 25U);
    for (const uint32_t size : {25U, 12U, 6U, 3U}) {
        EXPECT_TRUE(limit.on_vain_batch(size, 1'000 - size, 1'000 - size));
        EXPECT_EQ(limit.size(1'000), size / 2);
    }
    EXPECT_FALSE(limit.on_vain_batch(1, 1'010, 1'020)) << "alone it cannot be for its size";
    EXPECT_EQ(limit.size(1'020), 1U);
}

TEST(BatchLimitTest, OneVainBatchBetweenGoodOnesIsAnAccident) {
    BatchLimit limit{50};
    for (int64_t now = 0; now < 100; now += 10) {
        EXPECT_FALSE(limit.on_vain_batch(50, now, now + 1));
        limit.on_batch_answered(50, now + 5);
    }
    EXPECT_FALSE(limit.on_vain_batch(50, 100, 101));
    EXPECT_FALSE(limit.on_vain_batch(50, 200'000, 200'001)) << "the other was long ago";
    EXPECT_EQ(limit.size(200'001), 50U);
}

TEST(BatchLimitTest, BatchesThatAreAnsweredGrowAgainAndForAWhileNotToTheSizeThatWasInVain) {
    BatchLimit limit{50};
    EXPECT_FALSE(limit.on_vain_batch(50, 10, 20));
    EXPECT_TRUE(limit.on_vain_batch(50, 30, 40));
    EXPECT_TRUE(limit.on_vain_batch(25, 50, 60));
    EXPECT_EQ(limit.size(60), 12U);
    for (int i = 0; i < 7; ++i) {
        limit.on_batch_answered(12, 100);
    }
    EXPECT_EQ(limit.size(100), 12U);
    limit.on_batch_answered(12, 100);
    EXPECT_EQ(limit.size(100), 15U);
    for (int i = 0; i < 200; ++i) {
        limit.on_batch_answered(limit.size(200), 200);
    }
    EXPECT_EQ(limit.size(200), 24U);
    for (int i = 0; i < 200; ++i) {
        limit.on_batch_answered(limit.size(700'000), 700'000);
    }
    EXPECT_EQ(limit.size(700'000), 50U);
}

}  // namespace
}  // namespace plumbline::rpc::batch_limit_test
