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

std::vector<Source> sources_of(std::initializer_list<std::pair<const char*, uint64_t>> list) {
    std::vector<Source> out;
    for (const auto& [fingerprint, first_block] : list) {
        out.emplace_back().fingerprint = fingerprint;
        out.back().first_block = first_block;
    }
    return out;
}

const std::vector<Source> kBoth = sources_of({{"a", 0}, {"b", 50}});

TEST(ProofRangesTest, TakesOnWhatIsFinalAndNotProvenHighestFirst) {
    const auto ranges = unproven_ranges(kBoth, kCoverage, 250);
    ASSERT_EQ(ranges.size(), 1U);
    EXPECT_EQ(ranges[0], (evm::BlockRange{100, 250}));
    const auto of_one = unproven_ranges(sources_of({{"a", 0}}), kCoverage, 250);
    ASSERT_EQ(of_one.size(), 2U);
    EXPECT_EQ(of_one[0], (evm::BlockRange{200, 250}));
    EXPECT_EQ(of_one[1], (evm::BlockRange{100, 149}));
    EXPECT_TRUE(unproven_ranges(kBoth, kCoverage, 99).empty());
}

TEST(ProofRangesTest, ASourceThatIsProvenToItsEndHoldsNothingBack) {
    std::vector<Source> sources = sources_of({{"a", 0}, {"b", 50}});
    sources[0].end_block = 99;
    EXPECT_EQ(proven_through(sources, kCoverage).back(),
              (std::pair<std::string, uint64_t>{"receipts", 119}));
}

TEST(ProofRangesTest, ProvenThroughIsTheLeastProvenSource) {
    const auto levels = proven_through(kBoth, kCoverage);
    EXPECT_THAT(levels, ::testing::ElementsAre(std::pair<std::string, uint64_t>{"fetched", 300},
                                               std::pair<std::string, uint64_t>{"linked", 99},
                                               std::pair<std::string, uint64_t>{"bloom", 99},
                                               std::pair<std::string, uint64_t>{"receipts", 99}));
}

TEST(ProofRangesTest, WhatWasFetchedForAnotherConfigSaysNothing) {
    const std::vector<Source> sources = sources_of({{"b", 50}});
    EXPECT_EQ(unproven_ranges(sources, kCoverage, 250), (std::vector<evm::BlockRange>{{120, 250}}));
    EXPECT_EQ(proven_through(sources, kCoverage).back().second, 119U);
}

TEST(ProofRangesTest, ASourceThatIsNotCoveredFromItsFirstBlockOnIsNotProven) {
    for (const auto& [level, block] : proven_through(sources_of({{"b", 40}}), kCoverage)) {
        EXPECT_EQ(block, 0U) << level;
    }
    for (const auto& [level, block] : proven_through(sources_of({{"new", 0}}), kCoverage)) {
        EXPECT_EQ(block, 0U) << level;
    }
}

TEST(ProofRangesTest, BlocksBeforeTheFirstThatCanHoldALogNeedNoCoverage) {
    EXPECT_EQ(proven_through(sources_of({{"a", 0}, {"b", 110}}), kCoverage).back().second, 99U);
    EXPECT_EQ(proven_through(sources_of({{"b", 60}}), kCoverage).back().second, 119U);
}

}  // namespace
}  // namespace plumbline::engine::proof_ranges_test
