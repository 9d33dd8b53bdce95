// A service that is not ready says why, and names nothing that is not why.
#include "engine/service/readiness.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plumbline::engine::readiness_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

ServiceStatus live() {
    ServiceStatus out;
    out.state = Lifecycle::kLive;
    out.has_database = true;
    out.progress.lag = 0;
    return out;
}

TEST(ReadinessTest, WhatIsWrongOtherwiseIsNoReason) {
    ServiceStatus status = live();
    status.degraded = {"6 events are in quarantine"};
    status.quarantined_rows = 6;
    status.waits = {"waiting for the chain: a proof: no answer yet"};
    EXPECT_THAT(find_unready(status), IsEmpty());
}

TEST(ReadinessTest, HowFarItIsBehindIsTheReasonAndWhatItWaitsForStandsBeside) {
    ServiceStatus status = live();
    status.progress.lag = 5;
    EXPECT_THAT(find_unready(status), IsEmpty());
    status.progress.lag = 6;
    EXPECT_THAT(find_unready(status), ElementsAre("6 blocks behind the head (ready_lag: 5)"));
    status.waits = {"waiting for the chain: for 12s"};
    EXPECT_THAT(find_unready(status), ElementsAre("6 blocks behind the head (ready_lag: 5)",
                                                  "waiting for the chain: for 12s"));
}

TEST(ReadinessTest, NoTargetIsNamedBeforeAHeadWasTold) {
    ServiceStatus status = live();
    status.state = Lifecycle::kBackfilling;
    status.progress.lag.reset();
    status.progress.next_block = 1;
    EXPECT_THAT(find_unready(status),
                ElementsAre("backfilling: the chain's head has not been told so far"));
    status.target_block = 500;
    status.progress.lag = 500;
    EXPECT_THAT(find_unready(status),
                ElementsAre("backfilling: blocks below 1 of 500 are indexed"));
}

TEST(ReadinessTest, EveryStateInWhichItIsNotReadyHasAReason) {
    for (const Lifecycle state : {Lifecycle::kStarting, Lifecycle::kBackfilling,
                                  Lifecycle::kDraining, Lifecycle::kStopped}) {
        ServiceStatus status = live();
        status.state = state;
        EXPECT_EQ(find_unready(status).size(), 1U) << to_string(state);
    }
    ServiceStatus unknown = live();
    unknown.progress.lag.reset();
    EXPECT_EQ(find_unready(unknown).size(), 1U);
    ServiceStatus busy = live();
    busy.progress.is_refolding = true;
    busy.progress.is_filling = true;
    EXPECT_EQ(find_unready(busy).size(), 2U);
    ServiceStatus empty = live();
    empty.has_database = false;
    EXPECT_EQ(find_unready(empty).size(), 1U);
}

}  // namespace
}  // namespace plumbline::engine::readiness_test
