#include "engine/ingest/finality_watch.hpp"

#include <gtest/gtest.h>

#include "engine/ingest/final_undo.hpp"

namespace plumbline::engine::finality_watch_test {
namespace {

using Outcome = FinalityWatch::Outcome;

constexpr int64_t kSecond = 1'000;

/// Heads every second, finality 64 behind them, up to block `head`.
void follow(FinalityWatch& watch, uint64_t head) {
    for (uint64_t n = head - 10; n <= head; ++n) {
        ASSERT_EQ(watch.on_told(n, n - 64, static_cast<int64_t>(n) * kSecond), Outcome::kBelieved);
    }
}

TEST(FinalityWatchTest, FollowsWhatIsTold) {
    FinalityWatch watch;
    follow(watch, 1'000);
    EXPECT_EQ(watch.finalized(), 936U);
    // Finality stands still, and comes back to its usual distance at once.
    for (uint64_t n = 1'001; n < 1'400; ++n) {
        EXPECT_EQ(watch.on_told(n, 936, static_cast<int64_t>(n) * kSecond), Outcome::kBelieved);
    }
    EXPECT_EQ(watch.on_told(1'400, 1'336, 1'400 * kSecond), Outcome::kBelieved);
    EXPECT_EQ(watch.finalized(), 1'336U);
    EXPECT_EQ(watch.on_told(1'401, 1'360, 1'401 * kSecond), Outcome::kBelieved)
        << "a little nearer";
}

TEST(FinalityWatchTest, OneAnswerThatCallsTheHeadFinalIsNotBelieved) {
    FinalityWatch watch;
    follow(watch, 1'000);
    EXPECT_EQ(watch.on_told(1'001, UINT64_MAX, 1'001 * kSecond), Outcome::kJumpDoubted);
    EXPECT_EQ(watch.finalized(), 936U);
    EXPECT_EQ(watch.on_told(1'002, 938, 1'002 * kSecond), Outcome::kBelieved);
    // Now and then for hours is not "stays so".
    for (int64_t n = 0; n < 1'000; ++n) {
        const auto head = static_cast<uint64_t>(1'003 + n);
        watch.on_told(head, n % 5 == 4 ? head - 64 : head, (1'003 + n) * kSecond);
        EXPECT_LE(watch.finalized(), head - 64);
    }
}

TEST(FinalityWatchTest, AChainWhoseFinalityBecameFasterIsBelievedAfterAWhile) {
    FinalityWatch watch;
    follow(watch, 1'000);
    uint64_t head = 1'001;
    while (watch.on_told(head, head - 2, static_cast<int64_t>(head) * kSecond) ==
           Outcome::kJumpDoubted) {
        ASSERT_LT(++head, 1'100U);
    }
    EXPECT_EQ(head, 1'061U) << "a minute";
    EXPECT_EQ(watch.finalized(), 999U) << "the least of what was told";
    EXPECT_EQ(watch.on_told(head + 1, head - 1, 1'062 * kSecond), Outcome::kBelieved);
}

TEST(FinalityWatchTest, AStepBackIsOneOfAProviderThatIsBehindUntilItStays) {
    FinalityWatch watch;
    follow(watch, 1'000);
    EXPECT_EQ(watch.on_told(990, 926, 1'001 * kSecond), Outcome::kBackDoubted);
    EXPECT_EQ(watch.on_told(1'001, 937, 1'002 * kSecond), Outcome::kBelieved);
    EXPECT_EQ(watch.finalized(), 937U);
}

TEST(FinalityWatchTest, WhatWasBelievedIsTakenBackWhereLessStaysTold) {
    FinalityWatch watch;
    watch.on_stored(1'000);  // by a lie that was believed
    uint64_t head = 1'000;
    Outcome outcome = Outcome::kBelieved;
    while ((outcome = watch.on_told(head, head - 64, static_cast<int64_t>(head) * kSecond)) ==
           Outcome::kBackDoubted) {
        EXPECT_EQ(watch.finalized(), 1'000U);
        ASSERT_LT(++head, 1'064U);
    }
    EXPECT_EQ(outcome, Outcome::kTakenBack);
    EXPECT_EQ(watch.finalized(), head - 64);
    watch.on_stored(1'000);
    EXPECT_EQ(watch.finalized(), head - 64) << "what the database keeps undo for is another thing";
}

TEST(FinalityWatchTest, ABlockThatWasUndoneIsFinalNoMore) {
    FinalityWatch watch;
    follow(watch, 1'000);
    watch.on_stored(500);
    EXPECT_EQ(watch.finalized(), 500U);
}

TEST(FinalityWatchTest, AChainThatHasJustBegunTeachesNoDistance) {
    FinalityWatch watch;
    for (uint64_t n = 0; n < 64; ++n) {
        EXPECT_EQ(watch.on_told(n, 0, 0), Outcome::kBelieved);
    }
    EXPECT_EQ(watch.on_told(65, 1, 0), Outcome::kBelieved);
    EXPECT_EQ(watch.on_told(66, 60, 0), Outcome::kJumpDoubted);
}

// ---- What is undone all the same ------------------------------------------------------------

TEST(FinalUndoTest, TwoProvidersMustHaveLeftOurBlockAndMoreThanHaveIt) {
    struct Case {
        size_t ours;
        size_t others;
        bool is_agreed;
    };
    for (const Case& c : {Case{0, 2, true}, Case{1, 1, false}, Case{1, 2, true}, Case{2, 2, false},
                          Case{2, 3, true}, Case{3, 1, false}}) {
        FinalUndo undo;
        EXPECT_EQ(undo.is_agreed({100, {}}, c.ours, c.others, 0), c.is_agreed)
            << c.ours << " to " << c.others;
    }
}

TEST(FinalUndoTest, WhoIsAloneMustSayTheSameAgainAndAgain) {
    FinalUndo undo;
    EXPECT_FALSE(undo.is_agreed({100, {}}, 0, 1, 0));
    EXPECT_FALSE(undo.is_agreed({100, {}}, 0, 1, 5 * kSecond));
    EXPECT_FALSE(undo.is_agreed({99, {}}, 0, 1, 10 * kSecond)) << "another place to go back to";
    EXPECT_FALSE(undo.is_agreed({99, {}}, 0, 1, 11 * kSecond));
    EXPECT_TRUE(undo.is_agreed({99, {}}, 0, 1, 20 * kSecond));
    FinalUndo other;
    EXPECT_FALSE(other.is_agreed({100, {}}, 0, 1, 0));
    EXPECT_FALSE(other.is_agreed({100, {}}, 0, 1, 1));
    EXPECT_FALSE(other.is_agreed({100, {}}, 1, 0, 2)) << "it has ours again";
    EXPECT_FALSE(other.is_agreed({100, {}}, 0, 1, 20 * kSecond));
}

}  // namespace
}  // namespace plumbline::engine::finality_watch_test
