// When a webhook's failing is a line of the log, and when a reason.
#include "api/webhook_troubles.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plumbline::api::webhook_troubles_test {
namespace {

constexpr const char* k500 = "the receiver answers 500";
constexpr const char* kGone = "Could not connect to server";

TEST(WebhookTroublesTest, WhatChangesIsNewsAndARepetitionIsNone) {
    WebhookTroubles troubles;
    EXPECT_TRUE(troubles.failed("app", k500, 1'000));
    EXPECT_FALSE(troubles.failed("app", k500, 2'000));
    EXPECT_TRUE(troubles.failed("app", kGone, 4'000));
    EXPECT_FALSE(troubles.failed("app", k500, 8'000)) << "was told before";
    EXPECT_TRUE(troubles.failed("other", k500, 8'000)) << "of each by itself";
    EXPECT_EQ(troubles.taken("app", 9'000), 8'000);
    EXPECT_EQ(troubles.taken("app", 9'000), std::nullopt) << "is told once";
    EXPECT_TRUE(troubles.failed("app", k500, 10'000)) << "a new outage";
}

TEST(WebhookTroublesTest, AnswersThatAreNeverTheSameAreAFewLines) {
    WebhookTroubles troubles;
    int lines = 0;
    for (int i = 0; i < 100; ++i) {
        lines += troubles.failed("app", "request " + std::to_string(i), i) ? 1 : 0;
    }
    EXPECT_EQ(lines, 8);
}

TEST(WebhookTroublesTest, WhatLastsIsAReasonWithItsAgeAndTheLastAnswer) {
    WebhookTroubles troubles;
    EXPECT_TRUE(troubles.failed("app", kGone, 1'000));
    EXPECT_TRUE(troubles.reasons(10'999).empty()) << "a moment is none";
    EXPECT_TRUE(troubles.failed("app", k500, 11'000));
    EXPECT_THAT(
        troubles.reasons(311'000),
        testing::ElementsAre("webhook app takes nothing for 5m10s: the receiver answers 500"));
    static_cast<void>(troubles.taken("app", 312'000));
    EXPECT_TRUE(troubles.reasons(400'000).empty());
}

TEST(WebhookTroublesTest, AReceiverThatHangsForTenSecondsIsAReasonAsSoonAsThatIsKnown) {
    WebhookTroubles troubles;
    EXPECT_TRUE(troubles.failed("app", "no answer in 10 s", 1'000)) << "posted then";
    EXPECT_THAT(troubles.reasons(11'000),
                testing::ElementsAre("webhook app takes nothing for 10s: no answer in 10 s"));
}

TEST(WebhookTroublesTest, WhatAnEarlierProcessLeftIsAReasonAtOnceAndNewsWhenItFailsAgain) {
    WebhookTroubles troubles;
    troubles.recall("app", 1'000, k500);
    EXPECT_THAT(
        troubles.reasons(3'601'000),
        testing::ElementsAre("webhook app takes nothing for 1h00m: the receiver answers 500"));
    EXPECT_TRUE(troubles.failed("app", k500, 3'602'000));
    EXPECT_EQ(troubles.taken("app", 3'603'000), 3'602'000);
}

}  // namespace
}  // namespace plumbline::api::webhook_troubles_test
