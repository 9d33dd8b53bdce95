#include "engine/service/progress_history.hpp"

#include <gtest/gtest.h>

namespace plumbline::engine::progress_history_test {
namespace {

TEST(ProgressHistoryTest, ASampleEveryTenSecondsAndTheLastHourOfThem) {
    ProgressHistory history;
    EXPECT_TRUE(history.samples()->empty());
    for (int64_t second = 0; second < 4'000; ++second) {
        ProgressSample sample;
        sample.time_s = second;
        history.tell(second * 1'000, sample);
    }
    const auto samples = history.samples();
    ASSERT_EQ(samples->size(), 360U);
    EXPECT_EQ(samples->front().time_s, 400);
    EXPECT_EQ(samples->back().time_s, 3'990);
}

TEST(ProgressHistoryTest, WhatWasGivenOutStaysAsItWas) {
    ProgressHistory history;
    history.tell(0, {});
    const auto before = history.samples();
    history.tell(ProgressHistory::kEveryMs, {});
    EXPECT_EQ(before->size(), 1U);
    EXPECT_EQ(history.samples()->size(), 2U);
}

}  // namespace
}  // namespace plumbline::engine::progress_history_test
