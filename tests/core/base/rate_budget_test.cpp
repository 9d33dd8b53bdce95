#include "core/base/rate_budget.hpp"

#include <gtest/gtest.h>

namespace plumbline::rate_budget_test {
namespace {

TEST(RateBudgetTest, WithoutABoundEverythingIsGranted) {
    RateBudget budget{0};
    EXPECT_EQ(budget.cap(1'000'000), 1'000'000U);
    for (int i = 0; i < 1'000; ++i) {
        EXPECT_TRUE(budget.take(1'000'000, 5));
    }
    EXPECT_EQ(budget.free_at_ms(5), -1);
}

TEST(RateBudgetTest, AGrantIsPaidOffBeforeTheNext) {
    RateBudget budget{10};
    EXPECT_EQ(budget.free_at_ms(1'000), -1);
    EXPECT_TRUE(budget.take(5, 1'000));
    EXPECT_EQ(budget.free_at_ms(1'000), 1'500);
    EXPECT_FALSE(budget.take(1, 1'499));
    EXPECT_EQ(budget.free_at_ms(1'499), 1'500);
    EXPECT_TRUE(budget.take(1, 1'500));
    EXPECT_EQ(budget.free_at_ms(1'500), 1'600);
}

TEST(RateBudgetTest, ARefusalCostsNothing) {
    RateBudget budget{1};
    EXPECT_TRUE(budget.take(1, 0));
    for (int64_t now = 1; now < 1'000; ++now) {
        EXPECT_FALSE(budget.take(1, now));
    }
    EXPECT_TRUE(budget.take(1, 1'000));
}

TEST(RateBudgetTest, IdleTimeIsNotSavedUp) {
    RateBudget budget{2};
    EXPECT_TRUE(budget.take(2, 60'000));
    EXPECT_FALSE(budget.take(1, 60'999));
    EXPECT_TRUE(budget.take(1, 61'000));
}

TEST(RateBudgetTest, OneTakeIsAtMostASecondsWorth) {
    const RateBudget budget{30};
    EXPECT_EQ(budget.cap(29), 29U);
    EXPECT_EQ(budget.cap(31), 30U);
}

TEST(RateBudgetTest, OverTimeTheRateIsReachedAndNeverPassed) {
    for (const uint64_t rate : {3U, 7U, 300U, 1'000U, 3'000U}) {
        RateBudget budget{rate};
        uint64_t granted = 0;
        for (int64_t now = 0; now < 10'000; ++now) {
            const uint64_t calls = rate > 1'000 ? 100 : 1;
            granted += budget.take(calls, now) ? calls : 0;
        }
        // The last grant may be paid off after the end; each waits for a whole millisecond.
        EXPECT_LE(granted, 10 * rate + rate) << rate;
        EXPECT_GE(granted, 10 * rate * 75 / 100) << rate;
    }
}

}  // namespace
}  // namespace plumbline::rate_budget_test
