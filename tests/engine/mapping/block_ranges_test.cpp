#include "engine/mapping/block_ranges.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plumbline::engine::block_ranges_test {

namespace {

using Ranges = std::vector<evm::BlockRange>;

TEST(BlockRangesTest, OverlapsAndNeighboursAreJoinedAndGapsStay) {
    EXPECT_EQ(joined({}), Ranges{});
    EXPECT_EQ(joined({{0, 3}, {0, 1}}), (Ranges{{0, 3}}));
    EXPECT_EQ(joined({{8, UINT64_MAX}, {0, 1}, {2, 2}, {9, 10}, {4, 6}}),
              (Ranges{{0, 2}, {4, 6}, {8, UINT64_MAX}}));
}

TEST(BlockRangesTest, WhatOthersHaveIsTakenAwayAndTheRestStays) {
    struct Case {
        evm::BlockRange range;
        Ranges others;
        Ranges left;
    };
    for (const Case& test :
         std::vector<Case>{{{5, 9}, {}, {{5, 9}}},
                           {{5, 9}, {{0, 4}, {10, 20}}, {{5, 9}}},
                           {{5, 9}, {{0, 5}, {7, 7}, {9, 20}}, {{6, 6}, {8, 8}}},
                           {{5, 9}, {{0, UINT64_MAX}}, {}},
                           {{0, UINT64_MAX}, {{0, 0}, {7, UINT64_MAX}}, {{1, 6}}},
                           {{0, UINT64_MAX}, {{3, 4}}, {{0, 2}, {5, UINT64_MAX}}}}) {
        EXPECT_EQ(subtract(test.range, test.others), test.left);
    }
}

TEST(BlockRangesTest, WhatTwoHaveInCommonIsNothingOrARange) {
    EXPECT_EQ(common_of({0, 4}, {4, 9}), (evm::BlockRange{4, 4}));
    EXPECT_EQ(common_of({0, 4}, {5, 9}), std::nullopt);
    EXPECT_EQ(common_of({5, 2}, {0, 9}), std::nullopt) << "a range that has none";
}

}  // namespace
}  // namespace plumbline::engine::block_ranges_test
