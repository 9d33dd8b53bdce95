// What an earlier proof found stands where a later one could not look.
#include "engine/proof/standing.hpp"

#include <gtest/gtest.h>

#include "engine/proof/state/state_record.hpp"

namespace plumbline::engine::standing_test {
namespace {

storage::ProofRecord record_of(uint64_t mismatches, std::string detail) {
    storage::ProofRecord out;
    out.proof = "state";
    out.entity = "item";
    out.block_num = 843;
    out.time_s = 1'700'000'000;
    out.is_equal = mismatches == 0;
    out.checked = 12;
    out.mismatches = mismatches;
    out.level = "all";
    out.detail = std::move(detail);
    return out;
}

TEST(StandingTest, WhatStandsIsAsItWasWithTheNewestReasonWhyNobodyLooked) {
    const storage::ProofRecord found =
        record_of(2, "getters, 3 requests; the contract counts other rows");
    EXPECT_EQ(not_looked_at(found), "");
    EXPECT_EQ(looked_detail(found), found.detail);
    const storage::ProofRecord kept = keep_standing(found, "nobody can be asked: a: down; b: down");
    EXPECT_EQ(kept.block_num, 843U);
    EXPECT_EQ(kept.time_s, found.time_s);
    EXPECT_EQ(kept.mismatches, 2U);
    EXPECT_EQ(not_looked_at(kept), "nobody can be asked: a: down; b: down");
    EXPECT_EQ(difference_text(kept), difference_text(found));
    const storage::ProofRecord again = keep_standing(kept, "nobody has the state");
    EXPECT_EQ(not_looked_at(again), "nobody has the state");
    EXPECT_EQ(looked_detail(again), found.detail);
    EXPECT_EQ(not_looked_at(keep_standing(record_of(0, ""), "down")), "down");
}

TEST(StandingTest, WhyItIsNotSettledEndsWhereWhyNobodyLookedBegins) {
    const auto part = record_of(0, "getters, 3 requests; unproven 3: a() was refused: no; never");
    EXPECT_EQ(unproven_text(keep_standing(part, "down")), "unproven 3: a() was refused: no; never");
}

}  // namespace
}  // namespace plumbline::engine::standing_test
