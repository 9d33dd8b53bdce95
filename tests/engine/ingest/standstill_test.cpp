#include "engine/ingest/standstill.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plumbline::engine::standstill_test {
namespace {

using testing::HasSubstr;
using testing::Not;

evm::Hash hash_of(uint8_t tag) {
    evm::Hash hash;
    hash.bytes[0] = tag;
    return hash;
}

TEST(StandstillTest, AReorgIsNoneAndWhatGoesOnCountsFromTheFirstSetback) {
    Standstill still;
    for (int64_t i = 0; i < 2; ++i) {
        still.on_setback(1'000 + i, 100, "fetching");
        EXPECT_FALSE(still.is_on(2'000));
        EXPECT_FALSE(still.question(1'000 + i, 100, 101));
    }
    still.on_setback(2'000, 100, "fetching");
    EXPECT_TRUE(still.is_on(2'000));
    EXPECT_EQ(still.since_ms(), 1'000);
}

TEST(StandstillTest, ASingleSetbackIsOneOnceItHasTakenLongerThanPeopleWaitWithoutAWord) {
    Standstill still;
    still.on_setback(1'000, 100, "fetching");
    EXPECT_FALSE(still.is_on(10'999));
    EXPECT_TRUE(still.is_on(11'000));
    EXPECT_FALSE(still.question(11'000, 100, 101)) << "nobody is asked for what may be a reorg";
    still.over();
    EXPECT_FALSE(still.is_on(11'000));
}

TEST(StandstillTest, OnlyABlockAboveThoseOfBeforeEndsIt) {
    Standstill still;
    still.on_setback(0, 100, "fetching");
    still.on_setback(0, 92, "fetching");
    still.on_setback(0, 95, "fetching");
    still.on_range(100);  // went back, and came as far again
    EXPECT_TRUE(still.is_on(2'000));
    still.on_range(101);
    EXPECT_FALSE(still.is_on(2'000));
    EXPECT_EQ(still.since_ms(), -1);
}

TEST(StandstillTest, EveryProviderIsAskedForTheLastBlockAndTheNextOneInTurn) {
    Standstill still;
    for (int i = 0; i < 3; ++i) {
        still.on_setback(0, 100, "fetching");
    }
    EXPECT_EQ(still.question(0, 100, 101), 100U);
    EXPECT_FALSE(still.question(4'999, 100, 101));
    EXPECT_EQ(still.question(5'000, 100, 101), 101U);
    EXPECT_EQ(still.question(10'000, 100, 101), 100U);
    EXPECT_EQ(still.question(15'000, 100, 101), 101U);
    EXPECT_EQ(still.question(20'000, std::nullopt, 5), 5U);  // nothing is stored
}

TEST(StandstillTest, WhereOneLacksTheNextBlockThoseAboveItAreAskedFor) {
    Standstill still;
    for (int i = 0; i < 3; ++i) {
        still.on_setback(0, 100, "fetching");
    }
    EXPECT_EQ(still.question(0, 100, 101), 100U);
    EXPECT_EQ(still.question(5'000, 100, 101), 101U);
    still.hear({{"one", hash_of(1)}, {"two", std::nullopt}}, 101);
    EXPECT_EQ(still.question(10'000, 100, 101), 100U);
    EXPECT_EQ(still.question(15'000, 100, 101), 102U);
    still.hear({{"one", hash_of(1)}, {"two", hash_of(2)}}, 102);
    EXPECT_TRUE(still.names_chains());
}

TEST(StandstillTest, ItIsToldWhoTellsWhichChainUntilTheyAgreeThere) {
    Standstill still;
    for (int i = 0; i < 3; ++i) {
        still.on_setback(0, 100, "fetching blocks 101 to 150: it does not follow");
    }
    still.hear({{"one", hash_of(1)}, {"two", std::nullopt}}, 101);
    EXPECT_FALSE(still.names_chains());
    EXPECT_EQ(still.text(), "fetching blocks 101 to 150: it does not follow");
    still.hear({{"one", hash_of(1)}, {"two", hash_of(2)}}, 100);
    EXPECT_TRUE(still.names_chains());
    for (const char* part : {"block 100", "blocks above 100", "one has 0x01", "two has 0x02",
                             "take those of another chain out of [chain] rpc"}) {
        EXPECT_THAT(still.text(), HasSubstr(part));
    }
    still.hear({{"one", hash_of(1)}, {"two", std::nullopt}}, 101);
    EXPECT_TRUE(still.names_chains());
    still.hear({{"one", hash_of(1)}, {"two", hash_of(1)}}, 100);
    EXPECT_THAT(still.text(), Not(HasSubstr("two has")));
}

}  // namespace
}  // namespace plumbline::engine::standstill_test
