// What a log proof leaves alone because it knows what it would find.
#include "engine/proof/log/log_proof_known.hpp"

#include <random>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plumbline::engine::log_proof_known_test {
namespace {

using evm::BlockRange;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(KnownRangesTest, WhatIsKnownIsTakenOutOfWhatIsOpen) {
    KnownRanges known;
    known.add({{10, 19}, 0, 99, ""});
    known.add({{30, 30}, 2, 0, "0xab:3"});
    EXPECT_THAT(known.without({{0, 40}}),
                ElementsAre(BlockRange{31, 40}, BlockRange{20, 29}, BlockRange{0, 9}));
    EXPECT_THAT(known.without({{30, 30}, {12, 15}}), IsEmpty());
    EXPECT_THAT(known.without({{50, 60}, {15, 25}}),
                ElementsAre(BlockRange{50, 60}, BlockRange{20, 25}));
    EXPECT_TRUE(known.has(30));
    EXPECT_FALSE(known.has(31));
    EXPECT_EQ(known.finding_count(), 2U);
}

TEST(KnownRangesTest, AChainThatCannotBeProvenAtAllHasNothingOpen) {
    KnownRanges known;
    known.add({{0, UINT64_MAX}, 0, 99, ""});
    EXPECT_THAT(known.without({{7, UINT64_MAX}, {0, 5}}), IsEmpty());
    EXPECT_EQ(KnownRanges::parse(known.to_text()).ranges(), known.ranges());
}

TEST(KnownRangesTest, TheTextGivesBackWhatItWasMadeOfAndDamageOfItIsNotKnown) {
    KnownRanges known;
    known.add({{10, 19}, 0, 99, ""});
    known.add({{30, 30}, 2, 0, "0xab:3"});
    EXPECT_EQ(KnownRanges::parse(known.to_text()).ranges(), known.ranges());
    EXPECT_THAT(KnownRanges::parse("").ranges(), IsEmpty());
    EXPECT_THAT(KnownRanges::parse("5 4 0 0 \nx\n1 2\n99999999999999999999 1 1 1 1").ranges(),
                IsEmpty());
}

TEST(KnownRangesTest, FindingsOfBlocksThatAreNotOpenAnyMoreWereRepaired) {
    KnownRanges known;
    known.add({{10, 10}, 1, 0, "m"});
    known.add({{20, 20}, 1, 0, "m"});
    known.add({{30, 39}, 0, 99, ""});
    known.keep_findings({{20, 20}});
    EXPECT_EQ(known.finding_count(), 1U);
    EXPECT_TRUE(known.has(35));
}

TEST(KnownRangesTest, FindingsStayKnownAndAreDueToBeMendedAgainAfterTheirTime) {
    KnownRanges known;
    known.add({{10, 10}, 1, 0, "m"});
    known.add({{20, 20}, 1, 0, "m"});
    known.add({{30, 39}, 0, 99, ""});
    EXPECT_FALSE(known.without_due(50).has(10)) << "never tried";
    known.postpone({10, 10}, 60);
    EXPECT_TRUE(known.without_due(50).has(10));
    EXPECT_FALSE(known.without_due(60).has(10));
    EXPECT_FALSE(known.without_due(50).has(20));
    EXPECT_TRUE(known.without_due(1'000).has(35)) << "it was no finding";
    EXPECT_EQ(known.finding_count(), 2U);
    EXPECT_EQ(KnownRanges::parse(known.to_text()).ranges(), known.ranges());
}

TEST(KnownRangesTest, WhatWaitsForReceiptsHoldsNothingUpAndIsDueWhenItsTimeHasCome) {
    KnownRanges known;
    const std::string note = std::string{kRetryNote} + ": nobody had them";
    known.add({{10, 19}, 0, 100, note});
    known.add({{30, 39}, 0, 200, note});
    known.add({{50, 59}, 0, 100, "no headers"});
    EXPECT_FALSE(known.has(15));
    EXPECT_THAT(known.without({{0, 45}}), ElementsAre(BlockRange{0, 45}));
    EXPECT_THAT(known.due_retries(99), IsEmpty());
    EXPECT_THAT(known.due_retries(100), ElementsAre(BlockRange{10, 19}));
    EXPECT_THAT(known.due_retries(200), ElementsAre(BlockRange{30, 39}, BlockRange{10, 19}));
    EXPECT_EQ(KnownRanges::parse(known.to_text()).ranges(), known.ranges());
    known.forget({12, 14});
    EXPECT_THAT(known.due_retries(100), ElementsAre(BlockRange{15, 19}, BlockRange{10, 11}));
    known.add({{12, 14}, 0, 150, note});
    EXPECT_THAT(known.due_retries(149), IsEmpty());
    EXPECT_THAT(known.due_retries(150), ElementsAre(BlockRange{10, 19})) << "one outage, one range";
}

TEST(KnownRangesTest, SetsOfBlocksByAnySequenceEqualAPlainSet) {
    for (uint64_t seed = 1; seed <= 200; ++seed) {
        SCOPED_TRACE(fmt::format("seed {}", seed));
        std::mt19937_64 random{seed};
        KnownRanges known;
        std::set<uint64_t> plain;
        for (int i = 0; i < 30; ++i) {
            const uint64_t from = random() % 100;
            const BlockRange range{from, from + random() % 10};
            const bool is_add = random() % 3 != 0;
            if (is_add) {
                known.add({range, random() % 2, 0, "m"});
            } else {
                known.forget(range);
            }
            for (uint64_t n = range.from; n <= range.to; ++n) {
                is_add ? static_cast<void>(plain.insert(n)) : static_cast<void>(plain.erase(n));
            }
        }
        std::set<uint64_t> open;
        for (const BlockRange& range : known.without({{50, 120}, {0, 48}})) {
            for (uint64_t n = range.from; n <= range.to; ++n) {
                EXPECT_TRUE(open.insert(n).second) << n;
            }
        }
        for (uint64_t n = 0; n <= 120; ++n) {
            EXPECT_EQ(known.has(n), plain.contains(n)) << n;
            EXPECT_EQ(open.contains(n), n != 49 && !plain.contains(n)) << n;
        }
    }
}

TEST(KnownRangesTest, ABoundedNumberIsKeptAndNoBlockIsLost) {
    KnownRanges known;
    for (uint64_t n = 0; n < 3'000; ++n) {
        known.add({{2 * n, 2 * n}, 1, 0, "m"});
    }
    EXPECT_LE(known.ranges().size(), 1'000U);
    EXPECT_EQ(known.finding_count(), 3'000U);
    for (uint64_t n = 0; n < 3'000; ++n) {
        EXPECT_TRUE(known.has(2 * n));
    }
}

}  // namespace
}  // namespace plumbline::engine::log_proof_known_test
