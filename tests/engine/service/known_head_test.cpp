// The head's number and its age are of one block.
#include "engine/service/known_head.hpp"

#include <gtest/gtest.h>

namespace plumbline::engine::known_head_test {
namespace {

constexpr uint64_t kStoredS = 1'700'000'000;
constexpr int64_t kStoredMs = int64_t{1'700'000'000} * 1000;

ProgressNumbers told(uint64_t head, int64_t age_ms) {
    ProgressNumbers out;
    out.head_block = head;
    out.next_block = head + 1;
    out.ages.head_ms = age_ms;
    out.ages.head_max_ms = 120'000;
    if (!out.ages.is_old()) {
        out.lag = 0;
    }
    return out;
}

storage::Cursor stored(uint64_t block_num) {
    storage::Cursor out;
    out.block_num = block_num;
    out.timestamp = kStoredS;
    return out;
}

TEST(KnownHeadTest, WhatIsStoredAboveTheHeadThatIsToldIsTheHeadAndAsOldAsItself) {
    ProgressNumbers now = told(100, 600'000);
    raise_head(now, stored(101), kStoredMs + 2'000);
    EXPECT_EQ(now.head_block, 101U);
    EXPECT_EQ(now.next_block, 102U);
    EXPECT_EQ(now.ages.head_ms, 2'000);
    EXPECT_EQ(now.lag, 0U) << "it is old no longer";
}

TEST(KnownHeadTest, ABlockAboveTheOneThatIsToldIsNeverOlderWhateverTheClocksSay) {
    ProgressNumbers behind = told(100, 5'000);
    raise_head(behind, stored(101), kStoredMs + 3'600'000);
    EXPECT_EQ(behind.ages.head_ms, 5'000);
    ProgressNumbers ahead = told(100, 5'000);
    raise_head(ahead, stored(101), kStoredMs - 3'600'000);
    EXPECT_EQ(ahead.ages.head_ms, 0);
}

TEST(KnownHeadTest, AHeadThatIsToldStaysAsItIs) {
    ProgressNumbers now = told(100, 600'000);
    raise_head(now, stored(100), kStoredMs);
    EXPECT_EQ(now.head_block, 100U);
    EXPECT_EQ(now.ages.head_ms, 600'000);
    EXPECT_FALSE(now.lag.has_value());
}

TEST(KnownHeadTest, WhereNoHeadWasToldTheLagStaysUnknownAndSoDoesItsAge) {
    ProgressNumbers now;
    raise_head(now, stored(101), kStoredMs);
    EXPECT_EQ(now.head_block, 101U);
    EXPECT_FALSE(now.lag.has_value());
    EXPECT_FALSE(now.ages.head_ms.has_value());
}

TEST(KnownHeadTest, AHeadGrowsOldWhereNobodyLooksAndTheLagIsUnknownThen) {
    ProgressNumbers now = told(100, 119'000);
    now.ages.ready_ms = 1'000;
    now.ages.risen_ms = 10'000;
    grow_older(now, 1'000);
    EXPECT_EQ(now.lag, 0U);
    grow_older(now, 1'000);
    EXPECT_EQ(now.ages.head_ms, 121'000);
    EXPECT_EQ(now.ages.ready_ms, 3'000);
    EXPECT_EQ(now.ages.risen_ms, 12'000);
    EXPECT_FALSE(now.lag.has_value());
}

}  // namespace
}  // namespace plumbline::engine::known_head_test
