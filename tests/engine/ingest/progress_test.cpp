#include "engine/ingest/progress.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "core/base/logging.hpp"

namespace plumbline::engine::progress_test {
namespace {

TEST(ProgressTest, RatesAndEtaFollowFromTheLastSeconds) {
    IngestProgress progress;
    ManualClock clock;
    ProgressReporter reporter{progress, clock, ProgressMode::kQuiet};
    progress.state = Lifecycle::kBackfilling;
    progress.first_block = 100;
    progress.next_block = 100;
    progress.target_block = 1099;
    progress.head_block = 1099;
    static_cast<void>(reporter.read());
    clock.advance(1000);
    progress.next_block = 200;
    progress.events = 5000;
    const ProgressNumbers numbers = reporter.read();
    EXPECT_EQ(numbers.blocks_done, 100U);
    EXPECT_EQ(numbers.blocks_total, 1000U);
    EXPECT_EQ(numbers.lag, 900U);
    EXPECT_DOUBLE_EQ(numbers.events_per_second, 5000);
    ASSERT_TRUE(numbers.eta_seconds.has_value());
    EXPECT_EQ(*numbers.eta_seconds, 9);
}

TEST(ProgressTest, FindingOutWhereToBeginIsNoPace) {
    IngestProgress progress;
    ManualClock clock;
    ProgressReporter reporter{progress, clock, ProgressMode::kQuiet};
    static_cast<void>(reporter.read());
    clock.advance(1000);
    progress.first_block = 19'000'000;
    progress.next_block = 19'000'000;
    static_cast<void>(reporter.read());
    clock.advance(1000);
    progress.next_block = 19'500'000;  // what is stored already
    progress.target_block = 20'000'000;
    progress.head_block = 20'000'000;
    progress.state = Lifecycle::kBackfilling;
    EXPECT_EQ(reporter.read().blocks_per_second, 0);
    clock.advance(1000);
    progress.next_block = 19'500'100;
    const ProgressNumbers numbers = reporter.read();
    EXPECT_DOUBLE_EQ(numbers.blocks_per_second, 100);
    EXPECT_EQ(numbers.eta_seconds, 4999);
}

TEST(ProgressTest, AtTheHeadNobodyKnowsWhenABlockToComeIsThere) {
    IngestProgress progress;
    ManualClock clock;
    ProgressReporter reporter{progress, clock, ProgressMode::kQuiet};
    progress.state = Lifecycle::kLive;
    progress.target_block = 5000;
    progress.head_block = 0;
    static_cast<void>(reporter.read());
    clock.advance(1000);
    progress.next_block = 74;
    progress.head_block = 73;
    EXPECT_FALSE(reporter.read().eta_seconds.has_value());
}

TEST(ProgressTest, HeadAndLagAreUnknownUntilAHeadIsToldWhereverTheIndexBegins) {
    for (const uint64_t first : {0U, 1U, 2U, 500U}) {
        IngestProgress progress;
        ManualClock clock;
        ProgressReporter reporter{progress, clock, ProgressMode::kQuiet};
        progress.state = Lifecycle::kBackfilling;
        progress.first_block = progress.next_block = first;
        EXPECT_FALSE(reporter.read().head_block.has_value()) << first;
        EXPECT_FALSE(reporter.read().lag.has_value()) << first;
        progress.head_block = 0;
        EXPECT_EQ(reporter.read().head_block, 0U) << "a chain's first block is a head too";
        EXPECT_EQ(reporter.read().lag, first == 0 ? 1U : 0U);
        progress.head_block = 900;
        EXPECT_EQ(reporter.read().lag, 901 - first);
    }
}

TEST(ProgressTest, AHeadThatGrewOldBecauseNobodyAnsweredIsNoStandingChain) {
    HeadAges ages;
    ages.head_max_ms = 30'000;
    ages.head_ms = 37'000;
    ages.ready_ms = 36'000;
    EXPECT_TRUE(ages.is_stale()) << "how far the index is behind nobody knows";
    EXPECT_FALSE(ages.is_told_old()) << "it was young when it was told";
    ages.ready_ms = 1'000;
    EXPECT_TRUE(ages.is_told_old());
    ages.head_ms = 29'000;
    EXPECT_FALSE(ages.is_told_old());
    ages.head_ms.reset();
    EXPECT_FALSE(ages.is_told_old());
}

TEST(ProgressTest, WhatIsFetchedCountsBeforeItIsCommitted) {
    IngestProgress progress;
    ManualClock clock;
    ProgressReporter reporter{progress, clock, ProgressMode::kQuiet};
    progress.state = Lifecycle::kBackfilling;
    progress.target_block = 999;
    progress.head_block = 999;
    EXPECT_FALSE(reporter.read().eta_seconds.has_value());
    clock.advance(1000);
    progress.fetched_next = 100;
    progress.fetched_events = 40;
    const ProgressNumbers numbers = reporter.read();
    EXPECT_EQ(numbers.blocks_done, 0U);
    EXPECT_EQ(numbers.blocks_fetched(), 100U);
    EXPECT_EQ(numbers.eta_seconds, 9);
    EXPECT_NE(render_bar(numbers, 200).find("10%  block 100/1,000  40 events"), std::string::npos)
        << render_bar(numbers, 200);
}

TEST(ProgressTest, WithAnOldHeadTheLagIsUnknownAndNotZero) {
    IngestProgress progress;
    ManualClock clock;
    ProgressReporter reporter{progress, clock, ProgressMode::kQuiet};
    progress.state = Lifecycle::kLive;
    progress.head_block = 999;
    progress.next_block = 1000;
    progress.ready_age_max_ms = 60'000;
    EXPECT_EQ(reporter.read().lag, 0U);
    clock.advance(60'001);
    EXPECT_FALSE(reporter.read().lag.has_value());
    EXPECT_NE(render_bar(reporter.read(), 200).find("the head is unknown"), std::string::npos);
}

TEST(ProgressTest, BeforeAnybodyHasToldTheHeadTheLagIsUnknownAndSoIsTheHeadOfTheLastLine) {
    IngestProgress progress;
    ManualClock clock;
    logging::configure(logging::Level::kInfo, logging::Format::kText);
    ProgressReporter reporter{progress, clock, ProgressMode::kLines};
    EXPECT_FALSE(reporter.read().lag.has_value());
    progress.next_block = 46;  // Of a run before.
    progress.state = Lifecycle::kLive;
    EXPECT_FALSE(reporter.read().lag.has_value());
    ::testing::internal::CaptureStderr();
    reporter.finish();
    EXPECT_NE(::testing::internal::GetCapturedStderr().find("block=45  head=unknown"),
              std::string::npos);
    progress.next_block = 1;
    EXPECT_FALSE(reporter.read().lag.has_value());
    progress.head_block = 0;  // A chain of one block.
    EXPECT_EQ(reporter.read().lag, 0U);
}

TEST(ProgressTest, ALineHasNoFieldsOfWhatThereIsNoneOf) {
    IngestProgress progress;
    ManualClock clock;
    logging::configure(logging::Level::kInfo, logging::Format::kText);
    ProgressReporter reporter{progress, clock, ProgressMode::kLines};
    ::testing::internal::CaptureStderr();
    for (int second = 0; second < 60; ++second) {
        clock.advance(1000);
        reporter.tick();
    }
    const std::string shown = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(std::ranges::count(shown, '\n'), 1) << "nobody answers, which is told once a minute";
    EXPECT_NE(shown.find("starting  head=unknown  lag=unknown  events=0"), std::string::npos)
        << shown;
    EXPECT_EQ(shown.find("asked"), std::string::npos) << shown;
}

TEST(ProgressTest, AnIndexThatBeginsAboveTheHeadKnowsTheHeadAndHasNoBlock) {
    IngestProgress progress;
    ManualClock clock;
    logging::configure(logging::Level::kInfo, logging::Format::kText);
    ProgressReporter reporter{progress, clock, ProgressMode::kLines};
    progress.state = Lifecycle::kLive;
    progress.first_block = 99'999;
    progress.next_block = 99'999;
    progress.target_block = 850;
    progress.head_block = 850;
    ::testing::internal::CaptureStderr();
    for (int second = 0; second < 3; ++second) {
        clock.advance(1000);
        reporter.tick();
    }
    reporter.finish();
    const std::string shown = ::testing::internal::GetCapturedStderr();
    EXPECT_NE(shown.find("live  head=850  lag=0  events=0"), std::string::npos) << shown;
    EXPECT_NE(shown.find("stopped  head=850  events=0"), std::string::npos) << shown;
}

TEST(ProgressTest, OldSamplesLeaveTheWindow) {
    IngestProgress progress;
    ManualClock clock;
    ProgressReporter reporter{progress, clock, ProgressMode::kQuiet};
    progress.state = Lifecycle::kBackfilling;
    progress.target_block = 1'000'000;
    for (int i = 0; i < 60; ++i) {
        progress.events += i < 30 ? 100'000 : 500;
        static_cast<void>(reporter.read());
        clock.advance(500);
    }
    EXPECT_LT(reporter.read().events_per_second, 1100);
    EXPECT_GT(reporter.read().events_per_second, 900);
}

TEST(ProgressTest, TenQuietMinutesLiveAreTenLines) {
    IngestProgress progress;
    ManualClock clock;
    logging::configure(logging::Level::kInfo, logging::Format::kText);
    ProgressReporter reporter{progress, clock, ProgressMode::kLines};
    progress.state = Lifecycle::kLive;
    progress.next_block = 101;
    progress.target_block = progress.head_block = 100;
    ::testing::internal::CaptureStderr();
    for (int second = 0; second < 600; ++second) {
        reporter.tick();
        clock.advance(1000);
    }
    const std::string shown = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(std::ranges::count(shown, '\n'), 10) << shown;
}

TEST(ProgressTest, TheBarFitsAndSaysWhatIsGoingOn) {
    ProgressNumbers numbers;
    numbers.state = Lifecycle::kBackfilling;
    numbers.blocks_done = 500;
    numbers.blocks_total = 1000;
    numbers.events = 12345;
    numbers.events_per_second = 2345;
    numbers.eta_seconds = 61;
    EXPECT_EQ(render_bar(numbers, 200),
              "[############............]  50%  block 500/1,000  12,345 events  2.3k/s  ETA 1m01s");
    // What does not fit whole is left out.
    EXPECT_EQ(render_bar(numbers, 20), "[######.......]  50%");
    EXPECT_EQ(render_bar(numbers, 56), "[############............]  50%  block 500/1,000  2.3k/s");
    numbers.is_waiting = true;
    EXPECT_NE(render_bar(numbers, 200).find("waiting"), std::string::npos);
    numbers.state = Lifecycle::kLive;
    numbers.next_block = 1001;
    numbers.lag = 0;
    EXPECT_EQ(render_bar(numbers, 200),
              "live at block 1,000  12,345 events in this run  (waiting)");
}

}  // namespace
}  // namespace plumbline::engine::progress_test
