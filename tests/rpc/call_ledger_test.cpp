#include "rpc/call_ledger.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plumbline::rpc::call_ledger_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Answer number(uint64_t value) {
    Answer out;
    out.value = value;
    return out;
}

std::vector<uint64_t> numbers(const std::vector<Answer>& answers) {
    std::vector<uint64_t> out;
    for (const Answer& answer : answers) {
        out.push_back(*answer.get<uint64_t>());
    }
    return out;
}

TEST(CallLedgerTest, ALateAnswerSettlesACallThatWaitsOrIsOutAgainAndNoneThatHasOne) {
    CallLedger ledger{3};
    static_cast<void>(ledger.take(3));
    for (const size_t call : {0U, 1U, 2U}) {
        ledger.put_back(call);
    }
    EXPECT_THAT(ledger.take(2), ElementsAre(0, 1));
    EXPECT_TRUE(ledger.settle_late(0, number(10)));
    EXPECT_TRUE(ledger.settle_late(2, number(12)));
    EXPECT_EQ(ledger.out_count(), 1U);
    EXPECT_THAT(ledger.waiting(), IsEmpty());
    ledger.settle(1, number(11));
    EXPECT_FALSE(ledger.settle_late(1, number(99)));
    EXPECT_TRUE(ledger.is_settled());
    EXPECT_THAT(numbers(ledger.take_answers()), ElementsAre(10, 11, 12));
}

TEST(CallLedgerTest, CallsGoOutInOrderAndThoseThatComeBackGoLast) {
    CallLedger ledger{4};
    EXPECT_TRUE(ledger.is_untouched());
    EXPECT_THAT(ledger.take(3), ElementsAre(0, 1, 2));
    EXPECT_FALSE(ledger.is_untouched());
    ledger.put_back(1);
    EXPECT_THAT(ledger.waiting(), ElementsAre(3, 1));
    EXPECT_EQ(ledger.out_count(), 2U);
    EXPECT_THAT(ledger.take(100), ElementsAre(3, 1));
    EXPECT_EQ(ledger.out_count(), 4U);
}

TEST(CallLedgerTest, AnswersAreInTheCallsOrderWhateverCameFirst) {
    CallLedger ledger{3};
    EXPECT_THAT(ledger.take(3), ElementsAre(0, 1, 2));
    ledger.settle(2, number(12));
    ledger.put_back(0);
    ledger.settle(1, number(11));
    EXPECT_FALSE(ledger.is_settled());
    EXPECT_THAT(ledger.take(1), ElementsAre(0));
    ledger.settle(0, number(10));
    EXPECT_TRUE(ledger.is_settled());
    EXPECT_THAT(numbers(ledger.take_answers()), ElementsAre(10, 11, 12));
}

TEST(CallLedgerTest, ARestartForgetsAnswersAndAsksAllAgain) {
    CallLedger ledger{3};
    EXPECT_THAT(ledger.take(2), ElementsAre(0, 1));
    ledger.settle(0, number(1));
    ledger.restart();
    EXPECT_TRUE(ledger.is_untouched());
    EXPECT_EQ(ledger.out_count(), 0U);
    EXPECT_FALSE(ledger.is_out(1));
    EXPECT_THAT(ledger.take(3), ElementsAre(0, 1, 2));
    for (size_t i = 0; i < 3; ++i) {
        ledger.settle(i, number(i));
    }
    EXPECT_THAT(numbers(ledger.take_answers()), ElementsAre(0, 1, 2));
}

TEST(CallLedgerTest, AFallbackCountsOnlyForCallsThatWaitAtTheEnd) {
    CallLedger ledger{3};
    EXPECT_THAT(ledger.take(3), ElementsAre(0, 1, 2));
    for (size_t i = 0; i < 3; ++i) {
        if (i != 2) {
            ledger.keep_fallback(i, number(100 + i));
        }
        ledger.put_back(i);
    }
    EXPECT_THAT(ledger.take(1), ElementsAre(0));
    ledger.settle(0, number(1));
    ledger.settle_by_fallbacks();
    EXPECT_THAT(ledger.waiting(), ElementsAre(2));
    EXPECT_THAT(ledger.take(1), ElementsAre(2));
    ledger.settle(2, number(3));
    EXPECT_THAT(numbers(ledger.take_answers()), ElementsAre(1, 101, 3));
}

TEST(CallLedgerDeathTest, ACallIsAnsweredOnce) {
    CallLedger ledger{2};
    EXPECT_THAT(ledger.take(1), ElementsAre(0));
    ledger.settle(0, number(1));
    EXPECT_DEATH(ledger.settle(0, number(2)), "answered that is not out");
    EXPECT_DEATH(ledger.put_back(0), "put back that is not out");
    EXPECT_DEATH(ledger.settle(1, number(2)), "answered that is not out");
}

TEST(CallLedgerDeathTest, AnswersAreTakenOnceAndNotBeforeAllAreThere) {
    CallLedger ledger{1};
    EXPECT_DEATH(static_cast<void>(ledger.take_answers()), "while calls are open");
    EXPECT_THAT(ledger.take(1), ElementsAre(0));
    EXPECT_DEATH(static_cast<void>(ledger.take_answers()), "while calls are open");
    ledger.settle(0, number(1));
    EXPECT_THAT(numbers(ledger.take_answers()), ElementsAre(1));
    EXPECT_DEATH(static_cast<void>(ledger.take_answers()), "taken twice");
}

TEST(CallLedgerDeathTest, AGroupWithoutCallsDoesNotExist) {
    EXPECT_DEATH(CallLedger{0}, "without calls");
}

}  // namespace
}  // namespace plumbline::rpc::call_ledger_test
