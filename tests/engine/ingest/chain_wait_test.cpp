// A reason is told once, however often it comes again.
#include "engine/ingest/chain_wait.hpp"

#include <gtest/gtest.h>

#include "core/base/logging.hpp"

namespace plumbline::engine::chain_wait_test {
namespace {

TEST(ReasonLogTest, NumbersAndIdsMakeNoNewReason) {
    EXPECT_EQ(reason_key("blocks 5 to 9: id 3f2a-77b1, retry in 10s"),
              reason_key("blocks 105 to 119: id 9e0c-12aa, retry in 59s"));
    EXPECT_NE(reason_key("rate limited"), reason_key("no answer in time"));
    EXPECT_LE(reason_key(std::string(10'000, 'x') + std::string(10'000, ':')).size(), 10'000U);
}

TEST(ReasonLogTest, ARepetitionIsNoNewsUntilItWasGoneForTenMinutes) {
    ReasonLog log;
    EXPECT_TRUE(log.is_new("a", 0));
    EXPECT_TRUE(log.is_new("b", 1));
    for (int64_t now = 1'000; now < 3'600'000; now += 30'000) {
        EXPECT_FALSE(log.is_new("a", now));
    }
    EXPECT_FALSE(log.is_new("a", 3'600'000));
    EXPECT_TRUE(log.is_new("a", 3'600'000 + 600'000));
}

TEST(ReasonLogTest, RemembersABoundedNumberTheNewest) {
    ReasonLog log;
    for (int64_t i = 0; i < 1'000; ++i) {
        EXPECT_TRUE(log.is_new("reason " + std::to_string(i), i));
    }
    EXPECT_FALSE(log.is_new("reason 999", 1'000));
    EXPECT_TRUE(log.is_new("reason 0", 1'000));
}

TEST(CalmTest, AWaitThatBeginsAfterACalmIsAnotherOneAndOneThatComesAndGoesIsNot) {
    Calm calm;
    EXPECT_FALSE(calm.ends(0, 10'000)) << "there was none before";
    EXPECT_FALSE(calm.ends({}, 20'000));
    EXPECT_FALSE(calm.ends({}, 25'000)) << "nothing is waited for";
    EXPECT_TRUE(calm.ends(23'000, 33'000)) << "told after ten seconds, and begun three after";
    EXPECT_FALSE(calm.ends(23'000, 34'000)) << "the same";
    EXPECT_FALSE(calm.ends({}, 40'000));
    EXPECT_FALSE(calm.ends(42'000, 52'000)) << "it flaps";
    EXPECT_FALSE(calm.ends({}, 60'000));
    EXPECT_FALSE(calm.ends(55'000, 65'000)) << "begun before the other one was over";
}

TEST(ChainWaitTest, LastsFromTheFirstTroubleToTheNextAnswer) {
    logging::configure(logging::Level::kOff, logging::Format::kText);
    IngestProgress progress;
    ManualClock clock;
    ChainWait wait{progress, clock};
    clock.advance(5);
    wait.trouble({ErrorCode::kTimeout, "no answer in time"}, "asking for the chain's head");
    clock.advance(5);
    wait.trouble({ErrorCode::kTimeout, "HTTP 500"}, "asking for the chain's head");
    EXPECT_EQ(progress.waiting_since_ms, 5);
    EXPECT_EQ(progress.waiting_for.get(), "asking for the chain's head: HTTP 500");
    EXPECT_TRUE(progress.has_trouble);
    wait.over();
    EXPECT_EQ(progress.waiting_since_ms, -1);
    EXPECT_EQ(progress.waiting_for.get(), "");
    EXPECT_FALSE(progress.has_trouble);
    EXPECT_EQ(progress.answered_ms, 10);
}

/// The log's newest word must not be "answers again" while the same trouble lasts.
TEST(ChainWaitTest, ATroubleThatComesBackAndLastsIsToldAgainAfterItWasSaidToBeOver) {
    logging::configure(logging::Level::kInfo, logging::Format::kText);
    IngestProgress progress;
    ManualClock clock;
    ChainWait wait{progress, clock};
    const auto told_by = [](const auto& act) {
        testing::internal::CaptureStderr();
        act();
        return testing::internal::GetCapturedStderr();
    };
    const auto fails = [&] {
        return told_by([&] { wait.trouble({ErrorCode::kNotFound, "no block 7"}, "fetching"); });
    };
    EXPECT_NE(fails().find("fetching: no block 7"), std::string::npos);
    clock.advance(1'000);
    EXPECT_NE(told_by([&] { wait.over(); }).find("the chain answers again"), std::string::npos);
    EXPECT_EQ(fails(), "");
    clock.advance(kWaitToTellMs - 1);
    EXPECT_EQ(fails(), "") << "it may be over in a moment";
    clock.advance(1);
    EXPECT_NE(fails().find("fetching: no block 7"), std::string::npos);
    EXPECT_EQ(fails(), "");
    EXPECT_NE(told_by([&] { wait.over(); }).find("the chain answers again"), std::string::npos);
    logging::configure(logging::Level::kOff, logging::Format::kText);
}

TEST(ChainWaitTest, AnOpenQuestionIsToldWithProviderMethodRangeAndTheProvidersText) {
    rpc::OpenWait open;
    open.method = "eth_getLogs";
    open.range = evm::BlockRange{5, 9};
    open.provider = "http://node";
    open.reason = "Too many logs requested";
    open.attempts = 3;
    open.waiting_ms = 34'000;
    EXPECT_EQ(describe_wait(open),
              "http://node: eth_getLogs of blocks 5 to 9, for 34s, asked 3 times: Too many logs "
              "requested");
    open.attempts = 1;
    EXPECT_NE(describe_wait(open).find("for 34s, asked once: "), std::string::npos);
    open.attempts = 0;
    EXPECT_NE(describe_wait(open).find("for 34s, not asked yet: "), std::string::npos);
}

}  // namespace
}  // namespace plumbline::engine::chain_wait_test
