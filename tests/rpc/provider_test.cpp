#include "rpc/provider.hpp"

#include <gtest/gtest.h>

namespace plumbline::rpc::provider_test {
namespace {

class ProviderTest : public ::testing::Test {
  protected:
    void fail_once() {
        provider_.on_sent();
        provider_.on_done(0);
        provider_.on_failure(Call::Kind::kLogs);
    }
    void succeed_once() {
        provider_.on_sent();
        provider_.on_done(10);
        provider_.on_success(Call::Kind::kLogs, 5);
    }
    PoolOptions options_;
    ManualClock clock_;
    Jitter jitter_{1};
    Provider provider_{Endpoint{"https://host.example/key", {}, {}}, options_, clock_, jitter_};
};

TEST(DisplayNameTest, HasNothingButSchemeHostAndPort) {
    EXPECT_EQ(display_name("https://user:pass@host.example:8545/v3/key?token=x#y"),
              "https://host.example:8545");
    EXPECT_EQ(display_name("http://127.0.0.1:8545"), "http://127.0.0.1:8545");
    EXPECT_EQ(display_name("https://host?key=secret@evil"), "https://host");
    EXPECT_EQ(display_name("http://[::1]:8545/secret"), "http://[::1]:8545");
    for (const char* bad : {"", "secret", "://", "https:///secret", "https://user:secret@"}) {
        EXPECT_EQ(display_name(bad).find("secret"), std::string::npos) << bad;
    }
}

TEST_F(ProviderTest, IsSilentWhileItIsAskedAndAnswersNothingWhateverAnAnswerIsWorth) {
    EXPECT_FALSE(provider_.stats().silent_ms.has_value());
    provider_.on_sent();
    clock_.advance(3'000);
    provider_.on_sent();
    EXPECT_EQ(provider_.stats().silent_ms, 3'000);
    provider_.on_done(10);
    provider_.on_response();
    provider_.on_rate_limit(std::nullopt, 1, clock_.monotonic_ms());
    EXPECT_EQ(provider_.stats().silent_ms, 0) << "one question is still out";
    clock_.advance(500);
    provider_.on_done(0);
    provider_.on_failure(Call::Kind::kLogs);
    EXPECT_EQ(provider_.stats().silent_ms, 500) << "no answer came";
    clock_.advance(500);
    provider_.on_sent();
    EXPECT_EQ(provider_.stats().silent_ms, 1'000);
    provider_.on_done(10);
    provider_.on_response();
    provider_.on_failure(Call::Kind::kLogs);
    EXPECT_FALSE(provider_.stats().silent_ms.has_value()) << "an error is an answer";
}

TEST_F(ProviderTest, StopsAfterFailuresInARowAndWaitsLongerEachTime) {
    for (uint32_t i = 0; i + 1 < options_.breaker_failures; ++i) {
        fail_once();
        EXPECT_TRUE(provider_.is_usable());
    }
    fail_once();
    EXPECT_FALSE(provider_.is_usable());
    int64_t last_wait = 0;
    for (int round = 0; round < 10; ++round) {
        const int64_t wait = *provider_.free_at_ms() - clock_.monotonic_ms();
        EXPECT_LE(wait, options_.breaker_ms_max);
        last_wait = wait;
        clock_.advance(wait);
        EXPECT_TRUE(provider_.wants_probe());
        EXPECT_FALSE(provider_.is_usable());
        fail_once();
    }
    EXPECT_GE(last_wait, options_.breaker_ms_max / 2);
    clock_.advance(options_.breaker_ms_max);
    succeed_once();
    EXPECT_TRUE(provider_.is_usable());
    EXPECT_EQ(provider_.stats().state, "starting");
}

TEST_F(ProviderTest, ASuccessInBetweenForgivesFailures) {
    for (int i = 0; i < 50; ++i) {
        fail_once();
        succeed_once();
    }
    EXPECT_TRUE(provider_.is_usable());
}

TEST_F(ProviderTest, RateLimitsHalveTheWindowAndAnswersWidenIt) {
    provider_.on_rate_limit(1'000, 1, clock_.monotonic_ms());
    EXPECT_FALSE(provider_.is_free());
    EXPECT_EQ(provider_.stats().window, options_.in_flight_per_provider_max / 2.0);
    clock_.advance(1'000);
    EXPECT_TRUE(provider_.is_free());
    for (int i = 0; i < 100; ++i) {
        succeed_once();
    }
    EXPECT_EQ(provider_.stats().window, options_.in_flight_per_provider_max);
}

TEST_F(ProviderTest, KnowledgeOfAHeadGrowsStale) {
    EXPECT_FALSE(provider_.is_behind(100));
    provider_.on_head(50);
    EXPECT_TRUE(provider_.is_behind(100));
    EXPECT_FALSE(provider_.is_behind(50));
    EXPECT_FALSE(provider_.needs_head_refresh(100));
    clock_.advance(options_.head_stale_ms);
    EXPECT_FALSE(provider_.is_behind(100));
    EXPECT_TRUE(provider_.needs_head_refresh(100));
    provider_.on_behind(40);
    EXPECT_EQ(provider_.head(), 39U);
}

TEST_F(ProviderTest, ProvenLiesParkItForAWhile) {
    for (uint32_t i = 0; i < options_.lies_tolerated; ++i) {
        provider_.on_lie(true);
        EXPECT_TRUE(provider_.is_usable());
    }
    provider_.on_lie(true);
    EXPECT_FALSE(provider_.is_usable());
    EXPECT_EQ(provider_.stats().state, "lied");
    // An answer that was on its way does not free it.
    succeed_once();
    EXPECT_FALSE(provider_.is_usable());
    clock_.advance(options_.lie_park_ms);
    EXPECT_TRUE(provider_.is_usable());
}

TEST_F(ProviderTest, TheOnlyProviderIsNeverParkedForLies) {
    for (int i = 0; i < 20; ++i) {
        provider_.on_lie(false);
    }
    EXPECT_TRUE(provider_.is_usable());
    EXPECT_EQ(provider_.stats().lies, 20U);
}

TEST_F(ProviderTest, GoingDownAndComingBackAreToldOnceEach) {
    EXPECT_FALSE(provider_.take_back_notice());
    fail_once();
    EXPECT_FALSE(provider_.take_down_notice());
    for (uint32_t i = 1; i < options_.breaker_failures; ++i) {
        fail_once();
    }
    EXPECT_TRUE(provider_.take_down_notice());
    fail_once();
    EXPECT_FALSE(provider_.take_down_notice());
    clock_.advance(options_.breaker_ms_max);
    succeed_once();
    EXPECT_TRUE(provider_.take_back_notice());
    succeed_once();
    EXPECT_FALSE(provider_.take_back_notice());
}

TEST_F(ProviderTest, ItsStateSaysWhatTheSingleQuestionsSay) {
    const auto expect_same = [&](uint64_t block_num) {
        const ProviderState state = provider_.state(block_num);
        EXPECT_EQ(state.is_usable, provider_.is_usable());
        EXPECT_EQ(state.wants_probe, provider_.wants_probe());
        EXPECT_EQ(state.is_free, provider_.is_free());
        EXPECT_EQ(state.is_foreign, provider_.is_foreign());
        EXPECT_EQ(state.is_chain_known, provider_.chain_id().has_value());
        EXPECT_EQ(state.free_at_ms, provider_.free_at_ms());
        EXPECT_EQ(state.cost, provider_.cost());
        EXPECT_EQ(state.head == ProviderState::Head::kBehind, provider_.is_behind(block_num));
        EXPECT_EQ(state.head == ProviderState::Head::kStale,
                  provider_.needs_head_refresh(block_num));
    };
    expect_same(100);
    provider_.on_chain_id(1);
    provider_.on_head(50);
    expect_same(100);
    expect_same(50);
    clock_.advance(options_.head_stale_ms);
    expect_same(100);
    provider_.on_rate_limit(1'000, 1, clock_.monotonic_ms());
    expect_same(100);
    for (int i = 0; i < 3; ++i) {
        fail_once();
    }
    expect_same(100);
    clock_.advance(options_.breaker_ms_max);
    expect_same(100);
    EXPECT_EQ(provider_.state(std::nullopt).head, ProviderState::Head::kReaches);
    provider_.on_other_chain();
    expect_same(100);
}

TEST_F(ProviderTest, AnotherChainsIdIsBelievedAfterSeveralTimesAndAskedAgainForEver) {
    provider_.on_chain_id(1);
    int64_t last_wait = 0;
    for (uint32_t strike = 1; strike <= 20; ++strike) {
        provider_.on_chain_id(2);
        provider_.on_other_chain();
        EXPECT_EQ(provider_.is_foreign(), strike >= options_.chain_strikes_believed) << strike;
        EXPECT_FALSE(provider_.is_usable());
        EXPECT_EQ(provider_.stats().state, "other chain");
        last_wait = *provider_.free_at_ms() - clock_.monotonic_ms();
        EXPECT_LE(last_wait, options_.chain_probe_ms_max);
        succeed_once();  // an answer to anything else says nothing of the chain
        EXPECT_FALSE(provider_.is_usable());
        clock_.advance(last_wait);
        EXPECT_TRUE(provider_.wants_probe());
    }
    EXPECT_GE(last_wait, options_.chain_probe_ms_max / 2);
    provider_.on_chain_id(1);
    provider_.on_probe_answered(7);
    EXPECT_FALSE(provider_.is_foreign());
    EXPECT_TRUE(provider_.is_usable());
    EXPECT_EQ(provider_.stats().state, "ok");
}

TEST_F(ProviderTest, AProbeThatFailsTakesItDownAtOnceForLongerEachTime) {
    int64_t last_wait = 0;
    for (int i = 0; i < 10; ++i) {
        succeed_once();  // the response came, and told no head
        provider_.on_probe_failed();
        EXPECT_FALSE(provider_.is_usable());
        EXPECT_FALSE(provider_.wants_probe());
        last_wait = *provider_.free_at_ms() - clock_.monotonic_ms();
        clock_.advance(last_wait);
        EXPECT_TRUE(provider_.wants_probe());
    }
    EXPECT_GE(last_wait, options_.breaker_ms_max / 2);
    provider_.on_probe_answered(7);
    EXPECT_TRUE(provider_.is_usable());
    EXPECT_EQ(provider_.head(), 7U);
}

TEST_F(ProviderTest, WhatFailsAloneIsIllOfItselfOnceAnotherMethodIsAnswered) {
    for (uint32_t i = 0; i < options_.breaker_failures; ++i) {
        fail_once();
    }
    EXPECT_FALSE(provider_.is_usable());
    EXPECT_FALSE(provider_.slow().is_ill(Call::Kind::kLogs));
    provider_.on_success(Call::Kind::kHeaderLatest, 5);
    EXPECT_TRUE(provider_.is_usable());
    EXPECT_TRUE(provider_.slow().is_ill(Call::Kind::kLogs));
    EXPECT_FALSE(provider_.slow().is_ill(Call::Kind::kReceipts));
    provider_.slow().of(Call::Kind::kLogs).on_answered(5, clock_.monotonic_ms());
    EXPECT_FALSE(provider_.slow().is_ill(Call::Kind::kLogs));
}

TEST_F(ProviderTest, WhereSeveralMethodsFailNoneOfThemIsToBlame) {
    fail_once();
    for (uint32_t i = 0; i < options_.breaker_failures; ++i) {
        provider_.on_failure(Call::Kind::kReceipts);
    }
    provider_.on_success(Call::Kind::kHeaderLatest, 5);
    EXPECT_FALSE(provider_.slow().is_ill(Call::Kind::kLogs));
    EXPECT_FALSE(provider_.slow().is_ill(Call::Kind::kReceipts));
}

TEST_F(ProviderTest, OneThatComesAndGoesIsALineAMinute) {
    size_t lines = 0;
    for (int i = 0; i < 120; ++i) {
        provider_.on_probe_failed();
        lines += provider_.take_down_notice() ? 1U : 0U;
        provider_.on_probe_answered(7);
        lines += provider_.take_back_notice() ? 1U : 0U;
        clock_.advance(1'000);
    }
    EXPECT_EQ(lines, 4U) << "two minutes, each down and back";
}

TEST_F(ProviderTest, OneThatRefusedAKeyIsRefusedUntilItAnswers) {
    EXPECT_TRUE(provider_.on_billing());
    EXPECT_EQ(provider_.stats().state, "refused");
    clock_.advance(options_.billing_park_ms + 1);
    EXPECT_EQ(provider_.stats().state, "refused") << "a probe is to show";
    EXPECT_FALSE(provider_.stats().usable);
    provider_.on_success(Call::Kind::kHeaderLatest, 5);
    EXPECT_NE(provider_.stats().state, "refused");
    EXPECT_TRUE(provider_.stats().usable);
}

TEST_F(ProviderTest, AWaitThatItAskedForIsObeyedAlsoWhenItIsIll) {
    provider_.on_failure(Call::Kind::kLogs, 5'000);
    EXPECT_FALSE(provider_.is_free());
    EXPECT_EQ(provider_.free_at_ms(), clock_.monotonic_ms() + 5'000);
}

TEST_F(ProviderTest, AWaitIsShortenedFromItsStartOnWhereNobodyElseCanBeAsked) {
    provider_.on_rate_limit(3'600'000, 1, clock_.monotonic_ms());
    EXPECT_FALSE(provider_.is_back_within(60'000));
    clock_.advance(50'000);
    provider_.shorten_wait(60'000);
    EXPECT_EQ(provider_.free_at_ms(), clock_.monotonic_ms() + 10'000);
    EXPECT_TRUE(provider_.is_back_within(60'000));
    EXPECT_TRUE(provider_.on_billing());
    EXPECT_FALSE(provider_.is_back_within(options_.billing_park_ms));
    provider_.shorten_wait(60'000);
    EXPECT_EQ(provider_.free_at_ms(), clock_.monotonic_ms() + 60'000);
}

TEST_F(ProviderTest, AnAnswerOfOneThatIsDownIsTimeForAProbe) {
    for (int i = 0; i < 6; ++i) {
        provider_.on_probe_failed();
    }
    EXPECT_EQ(provider_.stats().state, "down");
    EXPECT_FALSE(provider_.wants_probe());
    provider_.on_success(Call::Kind::kLogs, 5);  // to what it was asked before
    EXPECT_FALSE(provider_.is_usable());
    EXPECT_TRUE(provider_.wants_probe());
    provider_.on_other_chain();
    provider_.on_success(Call::Kind::kLogs, 5);
    EXPECT_FALSE(provider_.wants_probe());
}

TEST_F(ProviderTest, ALimitInAnswerToAProbeIsNoLongerCalledDown) {
    provider_.on_probe_failed();
    clock_.advance(10'000);
    EXPECT_EQ(provider_.stats().state, "down");
    for (int i = 0; i < 20; ++i) {
        provider_.on_rate_limit(std::nullopt, 1, clock_.monotonic_ms());
        EXPECT_EQ(provider_.stats().state, "rate limited");
        EXPECT_LE(provider_.free_at_ms().value_or(0), clock_.monotonic_ms() + 5'000);
        clock_.advance(5'000);
        EXPECT_TRUE(provider_.wants_probe());
    }
    provider_.on_probe_failed();
    EXPECT_EQ(provider_.stats().state, "down");
}

TEST_F(ProviderTest, AQuestionRefusedForABillIsDoubtedUntilAProbeSaysTheSame) {
    provider_.on_billing_doubt();
    EXPECT_FALSE(provider_.is_usable());
    EXPECT_TRUE(provider_.wants_probe());
    provider_.on_probe_answered(7);
    EXPECT_TRUE(provider_.is_usable());
}

TEST_F(ProviderTest, BatchAndAddressLimitsComeFromTheTextElseByHalves) {
    provider_.batches().on_too_large(50, 20);
    EXPECT_EQ(provider_.batch_max(), 20U);
    provider_.on_too_many_addresses(1000, 5000);
    EXPECT_EQ(provider_.addresses_max(), 500U);
}

TEST_F(ProviderTest, FiltersThatDifferOnlyByAGrowingAddressListShareTheirSizes) {
    LogFilter small{{}, {evm::Hash{}}};
    small.addresses.resize(20);
    LogFilter grown = small;
    grown.addresses.resize(30);
    EXPECT_EQ(&provider_.ranges(small), &provider_.ranges(grown));
    LogFilter other = small;
    other.topics0[0].bytes[31] = 1;
    EXPECT_NE(&provider_.ranges(small), &provider_.ranges(other));
}

using ProviderDeathTest = ProviderTest;

TEST_F(ProviderDeathTest, ARequestIsOverOnceForEachTimeItWasSent) {
    provider_.on_sent();
    provider_.on_done(0);
    EXPECT_DEATH(provider_.on_done(0), "answers what was not sent");
}

}  // namespace
}  // namespace plumbline::rpc::provider_test
