// What is proven how well, and what the proof tasks take on, by what is covered.
#include "engine/task/proof_ranges.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plumbline::engine::proof_ranges_test {
namespace {

using storage::CoverageRow;
using storage::ProofLevel;

const std::vector<CoverageRow> kCoverage = {
    {"a", {0, 99}, "p", ProofLevel::kReceipts},   {"a", {100, 149}, "p", ProofLevel::kFetched},
    {"a", {150, 199}, "p", ProofLevel::kBloom},   {"a", {200, 300}, "p", ProofLevel::kFetched},
    {"b", {50, 119}, "p", ProofLevel::kReceipts}, {"b", {120, 300}, "p", ProofLevel::kFetched},
};

TEST(ProofRangesTest, TakesOnWhatIsFinalAndNotProvenHighestFirst) {
    const auto ranges = unproven_ranges(kCoverage, 250);
    ASSERT_EQ(ranges.size(), 1U);
    EXPECT_EQ(ranges[0], (evm::BlockRange{100, 250}));
    const auto of_one = unproven_ranges({kCoverage.begin(), kCoverage.begin() + 4}, 250);
    ASSERT_EQ(of_one.size(), 2U);
    EXPECT_EQ(of_one[0], (evm::BlockRange{200, 250}));
    EXPECT_EQ(of_one[1], (evm::BlockRange{100, 149}));
    EXPECT_TRUE(unproven_ranges(kCoverage, 99).empty());
}

TEST(ProofRangesTest, ProvenThroughIsTheLeastProvenSource) {
    const auto levels = proven_through(kCoverage);
    EXPECT_THAT(levels, ::testing::ElementsAre(std::pair<std::string, uint64_t>{"fetched", 300},
                                               std::pair<std::string, uint64_t>{"linked", 99},
                                               std::pair<std::string, uint64_t>{"bloom", 99},
                                               std::pair<std::string, uint64_t>{"receipts", 99}));
}

}  // namespace
}  // namespace plumbline::engine::proof_ranges_test
