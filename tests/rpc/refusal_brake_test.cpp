#include "rpc/refusal_brake.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace plumbline::rpc::refusal_brake_test {
namespace {

/// Asks as often as it may, `at_once` at a time, for a minute after the first ten; how many were
/// refused in that minute. Every `answered_every`th is answered; 0: none.
int refused_in_a_minute(size_t at_once, int answered_every) {
    RefusalBrake brake;
    int refused = 0;
    int asked = 0;
    for (int64_t now = 0; now < 660'000; now += 50) {
        const int64_t sent = now;
        size_t out = 0;
        while (out < at_once && now >= brake.free_at_ms()) {
            brake.on_sent(sent);
            ++out;
        }
        for (; out > 0; --out) {
            if (answered_every > 0 && ++asked % answered_every == 0) {
                brake.on_answered(now + 10);
            } else {
                brake.on_refused(sent, now + 10);
                refused += now >= 600'000 ? 1 : 0;
            }
        }
    }
    return refused;
}

TEST(RefusalBrakeTest, WhatIsAlwaysRefusedIsAskedAFewTimesAMinuteHoweverManyAskAtOnce) {
    EXPECT_LE(refused_in_a_minute(1, 0), 4);
    EXPECT_LE(refused_in_a_minute(16, 0), 4);
}

TEST(RefusalBrakeTest, WhereMostIsRefusedFewerThanFiftyAreAMinute) {
    for (const int answered_every : {3, 5, 20}) {
        EXPECT_LE(refused_in_a_minute(1, answered_every), 50) << answered_every;
        EXPECT_LE(refused_in_a_minute(16, answered_every), 50) << answered_every;
    }
}

TEST(RefusalBrakeTest, WhereAtLeastAsManyAreAnsweredNothingWaits) {
    RefusalBrake brake;
    for (int64_t now = 0; now < 10'000; ++now) {
        ASSERT_GE(now, brake.free_at_ms());
        brake.on_sent(now);
        now % 2 == 0 ? brake.on_answered(now) : brake.on_refused(now, now);
        ASSERT_FALSE(brake.is_on());
    }
}

TEST(RefusalBrakeTest, OnceAnsweredTheNextGoesAtOnceAndAfterSomeAllOfThem) {
    RefusalBrake brake;
    for (int64_t now = 0; !brake.is_on(); ++now) {
        brake.on_refused(now, now);
    }
    const int64_t start = brake.free_at_ms();
    for (int i = 0; i < 20; ++i) {
        brake.on_sent(start);
        brake.on_answered(start);
        EXPECT_EQ(brake.free_at_ms(), start);
    }
    EXPECT_FALSE(brake.is_on());
}

TEST(RefusalBrakeTest, ARequestThatSaysNothingOfItKeepsNobodyWaiting) {
    RefusalBrake brake;
    for (int64_t now = 0; !brake.is_on(); ++now) {
        brake.on_refused(now, now);
    }
    const int64_t start = brake.free_at_ms();
    brake.on_sent(start);
    EXPECT_GT(brake.free_at_ms(), start);
    brake.on_back(start + 5);
    EXPECT_EQ(brake.free_at_ms(), start + 5);
}

TEST(VainLogsTest, AreBelievedAfterThreeInARowAndTriedAfterPausesThatGrowToAnHour) {
    VainLogs logs;
    EXPECT_FALSE(logs.on_refused(0));
    EXPECT_FALSE(logs.on_refused(0));
    EXPECT_FALSE(logs.holds(0));
    EXPECT_TRUE(logs.on_refused(0));
    int64_t now = 0;
    for (int64_t pause = 60'000; pause <= 8 * 3'600'000; pause *= 2) {
        const int64_t kept = std::min<int64_t>(pause, 3'600'000);
        EXPECT_TRUE(logs.holds(now + kept - 1));
        EXPECT_FALSE(logs.holds(now + kept));
        now += kept;
        logs.on_asked(now);
        EXPECT_TRUE(logs.holds(now));  // One trial at a time.
        EXPECT_FALSE(logs.on_refused(now));
    }
    logs.on_answered();
    EXPECT_FALSE(logs.holds(now));
    EXPECT_FALSE(logs.on_refused(now));
}

}  // namespace
}  // namespace plumbline::rpc::refusal_brake_test
