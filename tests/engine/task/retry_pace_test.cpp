// What cannot succeed is tried seldom, and not more often the longer it lasts.
#include "engine/task/retry_pace.hpp"

#include <gtest/gtest.h>

namespace plumbline::engine::retry_pace_test {
namespace {

using storage::TaskRow;
using storage::TaskState;

TaskRow row(TaskState state) {
    TaskRow out;
    out.state = state;
    return out;
}

TEST(RetryPaceTest, WaitsGrowFromAMinuteToSixHours) {
    EXPECT_EQ(wait_after_dead_ms(0), 0);
    EXPECT_EQ(wait_after_dead_ms(1), 60'000);
    EXPECT_EQ(wait_after_dead_ms(2), 240'000);
    for (size_t dead = 1; dead < 100; ++dead) {
        EXPECT_LE(wait_after_dead_ms(dead), wait_after_dead_ms(dead + 1));
    }
    EXPECT_EQ(wait_after_dead_ms(SIZE_MAX), 6 * 3'600'000);
}

TEST(RetryPaceTest, ASuccessBeginsAnew) {
    EXPECT_EQ(dead_in_a_row({}), 0U);
    EXPECT_EQ(dead_in_a_row({row(TaskState::kDead), row(TaskState::kDead), row(TaskState::kDone),
                             row(TaskState::kDead)}),
              2U);
    EXPECT_EQ(dead_in_a_row({row(TaskState::kDone), row(TaskState::kDead)}), 0U);
}

}  // namespace
}  // namespace plumbline::engine::retry_pace_test
