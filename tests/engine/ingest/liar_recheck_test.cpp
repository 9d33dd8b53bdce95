#include "engine/ingest/liar_recheck.hpp"

#include <gtest/gtest.h>

namespace plumbline::engine {
namespace {

std::vector<storage::CoverageRow> stored() {
    return {{"s", {0, 999}, "liar", storage::ProofLevel::kFetched},
            {"s", {1'000, 79'999}, "honest", storage::ProofLevel::kFetched},
            {"s", {200'000, 279'999}, "honest, liar", storage::ProofLevel::kFetched}};
}

TEST(LiarRecheckTest, WhatALiarToldAloneOrWithOthersIsCutIntoPartsWithALookAtTheHeadBetween) {
    LiarRecheck recheck;
    EXPECT_TRUE(recheck.empty());
    recheck.convict({"liar"});
    ASSERT_FALSE(recheck.empty());
    ASSERT_TRUE(recheck.plan(stored()));
    EXPECT_EQ(recheck.end(), 279'999U);
    EXPECT_EQ(recheck.part(), (evm::BlockRange{0, 999}));
    EXPECT_FALSE(recheck.take_turn_of_head());
    ASSERT_TRUE(recheck.end_part());
    EXPECT_TRUE(recheck.take_turn_of_head());
    EXPECT_FALSE(recheck.take_turn_of_head()) << "once a part";
    EXPECT_EQ(recheck.part(), (evm::BlockRange{200'000, 249'999}));
    ASSERT_TRUE(recheck.end_part());
    EXPECT_EQ(recheck.part(), (evm::BlockRange{250'000, 279'999}));
    EXPECT_FALSE(recheck.end_part());
    EXPECT_TRUE(recheck.empty()) << "all of it was fetched again";
}

TEST(LiarRecheckTest, WhatNobodyElseTellsIsLeftForLaterAndWhatLiesAboveComesFirst) {
    LiarRecheck recheck;
    recheck.convict({"liar"});
    ASSERT_TRUE(recheck.plan(stored()));
    EXPECT_TRUE(recheck.is_theirs({{{0, 9}, "honest"}, {{10, 999}, "honest, liar"}}));
    EXPECT_FALSE(recheck.is_theirs({{{0, 999}, "honest"}}));
    recheck.leave(999, 5'000);
    recheck.forget_plan();
    EXPECT_FALSE(recheck.is_due(5'000));
    EXPECT_TRUE(recheck.is_due(65'000));
    ASSERT_TRUE(recheck.plan(stored()));
    EXPECT_EQ(recheck.part(), (evm::BlockRange{200'000, 249'999}));
    EXPECT_TRUE(recheck.end_part());
    EXPECT_FALSE(recheck.end_part());
    ASSERT_FALSE(recheck.empty()) << "what was left is theirs still";
    ASSERT_TRUE(recheck.plan(stored()));
    EXPECT_EQ(recheck.part(), (evm::BlockRange{0, 999}));
}

TEST(LiarRecheckTest, ANewConvictionIsLookedAtAtOnceAndWhoToldNothingIsForgotten) {
    LiarRecheck recheck;
    recheck.convict({"liar"});
    ASSERT_TRUE(recheck.plan(stored()));
    recheck.leave(999, 5'000);
    recheck.forget_plan();
    recheck.convict({"liar"});
    EXPECT_FALSE(recheck.is_due(5'000)) << "known already";
    recheck.convict({"other"});
    EXPECT_TRUE(recheck.is_due(5'000));
    EXPECT_EQ(recheck.names(), "liar, other");
    EXPECT_FALSE(recheck.plan({{"s", {0, 9}, "honest", storage::ProofLevel::kFetched}}));
    EXPECT_TRUE(recheck.empty());
}

}  // namespace
}  // namespace plumbline::engine
