#include "rpc/pending_group.hpp"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plumbline::rpc::pending_group_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

CallGroup with_calls(size_t count, CallGroup group = {}) {
    group.calls.resize(count);
    return group;
}

/// All calls that wait are on their way to `provider`.
void send_all(PendingGroup& group, size_t provider) {
    group.prepare(provider);
    static_cast<void>(group.calls.take(SIZE_MAX));
}

AskAgain again(Blame blame = Blame::kProvider) {
    return {"why", ErrorCode::kDecode, blame, std::nullopt};
}

TEST(PendingGroupTest, WhatIsOverdueIsAskedOfAnotherAndTheFirstAnswerCounts) {
    PendingGroup group{with_calls(2)};
    send_all(group, 0);
    group.requests_out = 1;
    group.give_up(0, {0, 1});
    EXPECT_EQ(group.requests_out, 0U);
    EXPECT_EQ(group.overdue_out, 1U);
    EXPECT_EQ(group.rules().passed_over, ProviderSet{0});
    send_all(group, 1);
    group.requests_out = 1;
    EXPECT_TRUE(group.settle_late(0, 0, Answer{uint64_t{7}}));
    EXPECT_EQ(group.last_provider, 0U);
    group.take_late(0, 1, again());  // The other one may still answer this.
    group.take_back_overdue(0);
    EXPECT_EQ(group.overdue_out, 0U);
    EXPECT_EQ(group.rules().passed_over, ProviderSet{0});
    group.ask_again(1, 0, again());  // Has its answer.
    EXPECT_TRUE(group.calls.waiting().empty());
    EXPECT_TRUE(group.calls.is_out(1));
    group.settle(1, Answer{uint64_t{8}});
    EXPECT_TRUE(group.calls.is_settled());
}

TEST(PendingGroupTest, OfARangeALateAnswerDoesNotCount) {
    PendingGroup group{with_calls(2, CallGroup::range())};
    send_all(group, 0);
    group.sticky = 0;
    group.requests_out = 1;
    group.give_up(0, {0, 1});
    EXPECT_FALSE(group.sticky);
    EXPECT_TRUE(group.calls.is_untouched());
    send_all(group, 1);
    group.requests_out = 1;
    EXPECT_FALSE(group.settle_late(0, 0, Answer{uint64_t{7}}));
    group.take_late(0, 1, again());
    EXPECT_EQ(group.calls.out_count(), 2U);
}

TEST(PendingGroupTest, WhoIsBlamedIsPassedOverUntilTheNextRound) {
    PendingGroup group{with_calls(2)};
    send_all(group, 3);
    group.ask_again(3, 0, again(Blame::kNone));
    EXPECT_TRUE(group.rules().passed_over.empty());
    group.ask_again(3, 1, again());
    EXPECT_EQ(group.rules().passed_over, ProviderSet{3});
    EXPECT_EQ(group.last_code, ErrorCode::kDecode);
    EXPECT_EQ(group.reasons.at(3), "why");
    group.wait_until(50);
    EXPECT_EQ(group.rules().passed_over, ProviderSet{3});
    EXPECT_EQ(group.rounds_done, 0U);
    group.start_round(70);
    EXPECT_TRUE(group.rules().passed_over.empty());
    EXPECT_EQ(group.rounds_done, 1U);
    EXPECT_EQ(group.not_before_ms, 70);
}

TEST(PendingGroupTest, WhoHasNothingIsPassedOverWithoutHavingFailed) {
    PendingGroup group{with_calls(1)};
    send_all(group, 0);
    group.ask_others(0, 0);
    EXPECT_EQ(group.rules().passed_over, ProviderSet{0});
    EXPECT_TRUE(group.failed.empty());
    EXPECT_TRUE(group.reasons.empty());
    group.calls.settle_by_fallbacks();
    EXPECT_NE(group.calls.take_answers().at(0).get<Answer::Null>(), nullptr);
}

TEST(PendingGroupTest, EachCallIsAskedAgainForItself) {
    PendingGroup group{with_calls(3)};
    send_all(group, 0);
    group.settle(0, Answer{uint64_t{1}});
    group.ask_again(0, 1, again());
    group.settle(2, Answer{uint64_t{3}});
    EXPECT_THAT(group.calls.waiting(), ElementsAre(1));
}

TEST(PendingGroupTest, OfARangeAllIsAskedAgainWhateverTheResponseSaidBeforeOrAfter) {
    PendingGroup group{with_calls(3, CallGroup::range())};
    send_all(group, 0);
    group.sticky = 0;
    group.settle(0, Answer{uint64_t{1}});
    group.ask_again(0, 1, again());
    group.settle(2, Answer{uint64_t{3}});
    EXPECT_THAT(group.calls.waiting(), ElementsAre(0, 1, 2));
    EXPECT_EQ(group.rules().sticky, std::nullopt);
    EXPECT_EQ(group.rules().passed_over, ProviderSet{0});
}

TEST(PendingGroupTest, CallsAreWrittenAnewForEachProviderThatBegins) {
    CallGroup range = with_calls(1, CallGroup::range());
    std::vector<size_t> prepared;
    range.prepare = [&](size_t provider, CallGroup& group) {
        prepared.push_back(provider);
        group.calls.resize(2 + provider);
    };
    PendingGroup group{std::move(range)};
    group.prepare(0);
    EXPECT_THAT(group.calls.take(1), ElementsAre(0));
    group.settle(0, Answer{uint64_t{1}});
    // The rest of what has begun is left as it is.
    group.prepare(0);
    EXPECT_THAT(group.calls.take(9), ElementsAre(1));
    group.ask_again(0, 1, again());
    group.prepare(1);
    EXPECT_THAT(group.calls.waiting(), ElementsAre(0, 1, 2));
    EXPECT_THAT(prepared, ElementsAre(0, 1));
}

TEST(PendingGroupTest, AnAnswerAfterTheEndChangesNothing) {
    PendingGroup group{with_calls(3)};
    send_all(group, 0);
    group.requests_out = 1;
    static_cast<void>(group.finish({}));
    group.settle(0, Answer{uint64_t{1}});
    group.ask_again(0, 1, again());
    group.ask_others(0, 2);
    EXPECT_THAT(group.calls.waiting(), IsEmpty());
    EXPECT_TRUE(group.rules().passed_over.empty());
    EXPECT_TRUE(group.reasons.empty());
}

TEST(PendingGroupTest, TheResultSaysWhatItCost) {
    PendingGroup group{with_calls(1)};
    group.traffic = {2, 300, 4'000};
    group.last_provider = 5;
    group.answering_ms = 75;
    const GroupResult result = group.finish({});
    EXPECT_EQ(result.answering_ms, 75);
    EXPECT_EQ(result.received_bytes, 4'000U);
    EXPECT_EQ(result.traffic.requests, 2U);
    EXPECT_EQ(result.provider, 5U);
}

TEST(PendingGroupTest, WhatIsAskedAgainAsAWholeHasTakenNoTime) {
    CallGroup range = CallGroup::range();
    range.calls.resize(2);
    PendingGroup group{std::move(range)};
    static_cast<void>(group.calls.take(2));
    group.answering_ms = 60'000;
    group.ask_again(0, 1, again());
    EXPECT_EQ(group.finish({}).answering_ms, 0);
}

TEST(PendingGroupDeathTest, AGroupEndsOnce) {
    PendingGroup group{with_calls(1)};
    static_cast<void>(group.finish({}));
    EXPECT_DEATH(static_cast<void>(group.finish({})), "ends twice");
}

TEST(PendingGroupDeathTest, OneBackendHasOneRequestAtATime) {
    PendingGroup group{with_calls(2, CallGroup::range())};
    send_all(group, 0);
    group.requests_out = 1;
    EXPECT_DEATH(group.ask_again(0, 0, again()), "two requests at once");
}

}  // namespace
}  // namespace plumbline::rpc::pending_group_test
