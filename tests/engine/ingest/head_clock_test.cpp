// How old the head is, whatever a chain's timestamps and this machine's clock say.
#include "engine/ingest/head_clock.hpp"

#include <gtest/gtest.h>

#include "engine/ingest/ingest_progress.hpp"

namespace plumbline::engine::head_clock_test {
namespace {

constexpr int64_t kNowMs = 1'700'000'000'000;
constexpr uint64_t kNowS = 1'700'000'000;

/// Heads that come every `pace_ms`, all of them `age_ms` old by this machine's clock.
void follow(HeadClock& clock, size_t count, int64_t pace_ms, int64_t age_ms) {
    for (size_t i = 0; i < count; ++i) {
        const int64_t now = kNowMs + static_cast<int64_t>(i) * pace_ms;
        clock.on_head(1'000 + i, static_cast<uint64_t>(now - age_ms) / 1000, now);
    }
}

TEST(HeadClockTest, TimestampsMayBeSecondsOrFiner) {
    EXPECT_EQ(timestamp_to_unix_ms(kNowS), kNowMs);
    EXPECT_EQ(timestamp_to_unix_ms(kNowS * 1000), kNowMs);
    EXPECT_EQ(timestamp_to_unix_ms(kNowS * 1'000'000), kNowMs);
    EXPECT_EQ(timestamp_to_unix_ms(kNowS * 1'000'000'000), kNowMs);
    EXPECT_FALSE(timestamp_to_unix_ms(0).has_value());
    EXPECT_FALSE(timestamp_to_unix_ms(12'345).has_value());
    EXPECT_FALSE(timestamp_to_unix_ms(UINT64_MAX).has_value());
}

TEST(HeadClockTest, TheLimitIsTwentyUsualBlocksAndAtLeastTwoMinutes) {
    EXPECT_EQ(usual_head_age_max_ms(1, 12'000), 240'000);
    EXPECT_EQ(usual_head_age_max_ms(42'161, 250), 120'000);
    EXPECT_EQ(usual_head_age_max_ms(1, std::nullopt), 120'000);
    EXPECT_EQ(usual_head_age_max_ms(1'337, 12'000), 0);
    EXPECT_EQ(usual_head_age_max_ms(31'337, 12'000), 0);
}

TEST(HeadClockTest, TheBlockTimeIsThatOfTheLast128Blocks) {
    HeadClock clock;
    clock.add_block(100, kNowS - 900'000);  // An hour a block, long ago.
    EXPECT_FALSE(clock.block_time_ms().has_value());
    clock.add_block(872, kNowS - 128 * 12);
    clock.on_head(1'000, kNowS, kNowMs);
    EXPECT_EQ(clock.block_time_ms(), 12'000);
}

TEST(HeadClockTest, WhatIsKnownFurtherBelowDoesWhereNothingElseIs) {
    HeadClock clock;
    clock.add_block(0, kNowS - 2'000);
    clock.on_head(1'000, kNowS, kNowMs);
    EXPECT_EQ(clock.block_time_ms(), 2'000);
}

TEST(HeadClockTest, BlockTimesInMillisecondsGiveTheSameLimit) {
    HeadClock clock;
    clock.add_block(872, (kNowS - 128 * 2) * 1000);
    clock.on_head(1'000, kNowS * 1000, kNowMs);
    EXPECT_EQ(clock.block_time_ms(), 2'000);
    EXPECT_EQ(clock.head_unix_ms(), kNowMs);
}

TEST(HeadClockTest, AHeadThatStandsStillGetsOlder) {
    HeadClock clock;
    follow(clock, 20, 12'000, 1'000);
    const auto made = clock.head_unix_ms();
    for (int i = 0; i < 100; ++i) {
        clock.on_head(1'019, kNowS, kNowMs + i);
    }
    clock.on_head(1'019, static_cast<uint64_t>(*made) / 1000, kNowMs + 9'000'000);
    EXPECT_EQ(clock.head_unix_ms(), made);
}

TEST(HeadClockTest, HeadsThatAreAllEquallyOldAreAClockThatGoesWrong) {
    for (const int64_t wrong : {600'000, -600'000}) {
        HeadClock clock;
        follow(clock, 3, 12'000, wrong);
        EXPECT_EQ(clock.skew_ms(), 0) << "too few to tell";
        follow(clock, 20, 12'000, wrong);
        EXPECT_EQ(clock.skew_ms(), wrong);
        EXPECT_EQ(clock.head_unix_ms(), kNowMs + 19 * 12'000);
    }
}

TEST(HeadClockTest, OfAFastChainTooAClockThatGoesWrongIsLearntInTwoMinutes) {
    for (const int64_t pace_ms : {1'000, 2'000, 3'000}) {
        HeadClock clock;
        follow(clock, static_cast<size_t>(120'000 / pace_ms), pace_ms, 3'600'000);
        EXPECT_EQ(clock.skew_ms(), 3'600'000) << pace_ms;
    }
}

TEST(HeadClockTest, AWallClockThatIsSetWhileHeadsComeIsKnownAtOnce) {
    for (const int64_t jump : {86'400'000, -86'400'000}) {
        HeadClock clock;
        int64_t now = kNowMs;
        for (uint64_t i = 0; i < 20; ++i, now += 12'000) {
            clock.on_clocks(now, now - kNowMs);
            clock.on_head(1'000 + i, static_cast<uint64_t>(now) / 1000, now);
        }
        EXPECT_EQ(clock.skew_ms(), 0);
        clock.on_clocks(now + jump, now - kNowMs);
        EXPECT_EQ(clock.skew_ms(), jump);
        clock.on_head(1'020, static_cast<uint64_t>(now) / 1000, now + jump);
        EXPECT_EQ(clock.head_unix_ms(), now + jump);
        clock.on_clocks(now + 12'000, now + 12'000 - kNowMs);  // Set right again.
        EXPECT_EQ(clock.skew_ms(), 0);
    }
}

TEST(HeadClockTest, ANodeThatCatchesUpIsOldAndNoClockIsWrong) {
    HeadClock clock;
    for (size_t i = 0; i < 40; ++i) {
        // Ten minutes of the chain in a minute of ours.
        const int64_t now = kNowMs + static_cast<int64_t>(i) * 10'000;
        clock.on_head(1'000 + 10 * i, kNowS - 36'000 + 100 * i, now);
        EXPECT_EQ(clock.skew_ms(), 0);
    }
}

TEST(HeadAgesTest, AnAgeBeyondItsLimitIsOldAndOneWithoutALimitNever) {
    IngestProgress progress;
    ManualClock clock{kNowMs};
    progress.ready_age_max_ms = 60'000;
    progress.head_age_max_ms = 120'000;
    progress.head_unix_ms = kNowMs - 100'000;
    clock.advance(20'000);
    EXPECT_FALSE(read_head_ages(progress, clock).is_old());
    clock.advance(1);
    EXPECT_TRUE(read_head_ages(progress, clock).is_stale());
    EXPECT_FALSE(read_head_ages(progress, clock).is_silent());
    clock.advance(40'000);
    EXPECT_TRUE(read_head_ages(progress, clock).is_silent());
    progress.ready_age_max_ms = 0;
    progress.head_age_max_ms = 0;
    EXPECT_FALSE(read_head_ages(progress, clock).is_old());
    progress.head_age_max_ms = 120'000;
    EXPECT_FALSE(read_head_ages(progress, clock).is_rising_old())
        << "no head was higher than before";
    progress.head_risen_ms = clock.monotonic_ms();
    EXPECT_TRUE(read_head_ages(progress, clock).is_rising_old());
    clock.advance(60'000);
    EXPECT_FALSE(read_head_ages(progress, clock).is_rising_old()) << "the chain stands still";
    progress.head_unix_ms = -1;
    EXPECT_FALSE(read_head_ages(progress, clock).is_old());
}

TEST(HeadAgesTest, AClockIsBlamedOnlyWhereBlocksComeAndAreOldAsTheyCome) {
    for (const int64_t limit_ms : {20'000, 240'000}) {
        IngestProgress progress;
        ManualClock clock{kNowMs};
        progress.head_age_max_ms = limit_ms;
        const auto told = [&](int64_t age_ms) {
            progress.head_unix_ms = clock.unix_ms() - age_ms;
            progress.head_risen_ms = clock.monotonic_ms();
        };
        // A node that freezes: its head was two seconds old, and no other comes.
        told(2'000);
        clock.advance(limit_ms - 1'999);
        for (int i = 0; i < 100; ++i) {
            ASSERT_TRUE(read_head_ages(progress, clock).is_stale());
            EXPECT_FALSE(read_head_ages(progress, clock).is_rising_old()) << limit_ms << ' ' << i;
            clock.advance(1'000);
        }
        // A clock that is an hour ahead, until the node freezes as well.
        told(3'600'000);
        EXPECT_TRUE(read_head_ages(progress, clock).is_rising_old()) << limit_ms;
        clock.advance(limit_ms);
        EXPECT_FALSE(read_head_ages(progress, clock).is_rising_old()) << limit_ms;
    }
}

}  // namespace
}  // namespace plumbline::engine::head_clock_test
