#include "rpc/range_controller.hpp"

#include <gtest/gtest.h>

namespace plumbline::rpc::range_controller_test {
namespace {

class RangeControllerTest : public ::testing::Test {
  protected:
    // One answered request; returns its size.
    uint64_t succeed(uint64_t logs = 0) {
        const uint64_t size = ranges_.take_size();
        ranges_.on_success(size, logs, 0, 10);
        return size;
    }
    ManualClock clock_;
    RangeOptions options_{.blocks_initial = 1'000};
    RangeController ranges_{options_, clock_};
};

TEST_F(RangeControllerTest, GrowsExponentiallyThroughEmptyHistory) {
    int requests = 0;
    while (ranges_.size() < options_.blocks_max) {
        succeed();
        ASSERT_LT(++requests, 8);
    }
}

TEST_F(RangeControllerTest, TheFirstQuestionIsSmallAndSparseHistoryStillTakesFewRequests) {
    RangeController fresh{RangeOptions{}, clock_};
    EXPECT_LE(fresh.size(), 2U) << "10,000 logs a block are 9 MB a block";
    int requests = 0;
    for (uint64_t done = 0; done < 1'000'000; ++requests) {
        const uint64_t size = fresh.take_size();
        fresh.on_success(size, size / 100, 0, 10);
        done += size;
    }
    EXPECT_LE(requests, 14) << "a million blocks with a log in each hundred";
}

TEST_F(RangeControllerTest, SizesFollowTheDensityOfLogs) {
    // Ten logs a block: near the target, but not beyond it.
    for (int i = 0; i < 20; ++i) {
        const uint64_t size = ranges_.take_size();
        ranges_.on_success(size, size * 10, 0, 10);
    }
    EXPECT_LE(ranges_.size() * 10, options_.logs_target);
    EXPECT_GE(ranges_.size() * 10, options_.logs_target / 4);
}

TEST_F(RangeControllerTest, BytesAndTimeShrinkAsLogsDo) {
    ranges_.on_success(1000, 0, 10 * options_.bytes_target, 10);
    EXPECT_LE(ranges_.size(), 100U);
    RangeController slow{options_, clock_};
    slow.on_success(1000, 0, 0, 4 * options_.answer_ms_target);
    EXPECT_LE(slow.size(), 250U);
}

TEST_F(RangeControllerTest, OneDenseBlockShrinksNothing) {
    succeed();
    const uint64_t before = ranges_.size();
    ranges_.on_success(1, 500'000, 400U << 20U, 60'000);
    EXPECT_EQ(ranges_.size(), before);
}

TEST_F(RangeControllerTest, ADensePlaceIsForgottenAfterIt) {
    for (int i = 0; i < 4; ++i) {
        succeed();
    }
    const uint64_t before = ranges_.size();
    for (int i = 0; i < 6; ++i) {
        ranges_.on_too_dense(ranges_.size());
    }
    EXPECT_LT(ranges_.size(), before / 32);
    for (int i = 0; i < 4; ++i) {
        succeed();
    }
    EXPECT_GE(ranges_.size(), before);
}

TEST_F(RangeControllerTest, ANamedCapIsKeptAndTriedAgainWhenItExpires) {
    ranges_.on_too_many_blocks(1000, 500);
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(succeed(), 500U);
    }
    clock_.advance(options_.cap_expiry_ms + 1);
    EXPECT_EQ(ranges_.take_size(), 1000U);
    // Only one request at a time goes above.
    EXPECT_EQ(ranges_.take_size(), 500U);
    ranges_.on_too_many_blocks(1000, 500);
    EXPECT_EQ(ranges_.take_size(), 500U);
    // It proved right: the next try is later.
    clock_.advance(options_.cap_expiry_ms + 1);
    EXPECT_EQ(ranges_.take_size(), 500U);
    clock_.advance(options_.cap_expiry_ms);
    EXPECT_EQ(ranges_.take_size(), 1000U);
    ranges_.on_success(1000, 0, 0, 10);
    EXPECT_FALSE(ranges_.cap());
    EXPECT_GT(succeed(), 500U);
}

TEST_F(RangeControllerTest, ManyGoodAnswersTryTheCapToo) {
    ranges_.on_too_many_blocks(1000, 500);
    for (uint32_t i = 0; i < options_.cap_successes; ++i) {
        EXPECT_EQ(succeed(), 500U);
    }
    EXPECT_EQ(ranges_.take_size(), 1000U);
}

TEST_F(RangeControllerTest, ALimitNobodyNamesIsClosedInOn) {
    constexpr uint64_t kLimit = 333;
    int refused = 0;
    for (int i = 0; i < 60; ++i) {
        const uint64_t size = ranges_.take_size();
        if (size > kLimit) {
            ++refused;
            ranges_.on_too_many_blocks(size, std::nullopt);
        } else {
            ranges_.on_success(size, 0, 0, 10);
        }
    }
    EXPECT_LE(refused, 6);
    EXPECT_LE(*ranges_.cap(), kLimit);
    EXPECT_GE(*ranges_.cap(), kLimit * 8 / 10);
}

TEST_F(RangeControllerTest, AHintThatHelpsNothingIsNotBelieved) {
    ranges_.on_too_many_blocks(10, 10'000);
    EXPECT_EQ(ranges_.size(), 5U);
    ranges_.on_too_many_blocks(1, 0);
    EXPECT_EQ(ranges_.size(), 1U);
}

TEST_F(RangeControllerTest, RefusalsOfRequestsSentBeforeTheCapWasLearntDoNotLowerIt) {
    for (int i = 0; i < 8; ++i) {
        ranges_.on_too_many_blocks(1000, std::nullopt);
    }
    EXPECT_EQ(ranges_.cap(), 500U);
}

TEST_F(RangeControllerTest, NeverBelowOneNorAboveTheMaximum) {
    for (int i = 0; i < 100; ++i) {
        ranges_.on_too_dense(ranges_.size());
        EXPECT_GE(ranges_.size(), 1U);
    }
    for (int i = 0; i < 100; ++i) {
        succeed();
        EXPECT_LE(ranges_.size(), options_.blocks_max);
    }
}

}  // namespace
}  // namespace plumbline::rpc::range_controller_test
