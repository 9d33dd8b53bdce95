#include "engine/ingest/sync_timer.hpp"

#include <gtest/gtest.h>

namespace plumbline::engine::sync_timer_test {
namespace {

TEST(SyncTimerTest, NothingIsDueUntilSomethingWasWrittenAndTheIntervalHasPassed) {
    SyncTimer timer{100, 1'000};
    EXPECT_FALSE(timer.is_due(5'000)) << "nothing waits";
    timer.on_buffered_write();
    EXPECT_FALSE(timer.is_due(1'099));
    EXPECT_TRUE(timer.is_due(1'100));
}

TEST(SyncTimerTest, TheNextTurnIsCountedFromTheLastSync) {
    SyncTimer timer{100, 0};
    timer.on_buffered_write();
    timer.on_synced(500);
    EXPECT_FALSE(timer.is_due(10'000)) << "nothing waits";
    timer.on_buffered_write();
    EXPECT_FALSE(timer.is_due(599));
    EXPECT_TRUE(timer.is_due(600));
}

TEST(SyncTimerTest, ASyncOfOtherWorkTakesWhatWaitsWithItAndLeavesTheTurn) {
    SyncTimer timer{100, 0};
    timer.on_buffered_write();
    timer.on_synced();
    EXPECT_FALSE(timer.is_due(10'000));
    timer.on_buffered_write();
    EXPECT_TRUE(timer.is_due(100));
}

}  // namespace
}  // namespace plumbline::engine::sync_timer_test
