#include "engine/ingest/tellers.hpp"

#include <gtest/gtest.h>

#include "engine/ingest/told_by_liar.hpp"

namespace plumbline::engine::tellers_test {
namespace {

using rpc::ToldBy;

rpc::RangeLogs told(std::vector<ToldBy> parts) {
    rpc::RangeLogs out;
    out.told_by = std::move(parts);
    return out;
}

TEST(TellersTest, OneAnswersPartsStay) {
    const std::vector<ToldBy> parts = {{{10, 19}, "a"}, {{20, 29}, "b"}, {{30, 39}, "a"}};
    EXPECT_EQ(join_tellers({10, 39}, {told(parts)}), parts);
}

TEST(TellersTest, SeveralAnswersAreNamedOnlyWhereTheySpoke) {
    const auto joined = join_tellers(
        {10, 39}, {told({{{10, 39}, "a"}}), told({{{10, 19}, "b"}, {{20, 39}, "a"}}), told({})});
    EXPECT_EQ(joined, (std::vector<ToldBy>{{{10, 19}, "a, b"}, {{20, 39}, "a"}}));
}

TEST(TellersTest, WhereNobodyIsNamedThereIsNoPart) {
    EXPECT_TRUE(join_tellers({1, 5}, {told({}), told({})}).empty());
    EXPECT_TRUE(join_tellers({1, 5}, {}).empty());
}

TEST(TellersTest, TheNumberOfPartsIsBounded) {
    std::vector<ToldBy> parts;
    for (uint64_t n = 0; n < 10'000; ++n) {
        parts.push_back({{n * 2, n * 2 + 1}, n % 2 == 0 ? "a" : "b"});
    }
    const auto joined = join_tellers({0, 19'999}, {told(parts)});
    EXPECT_LE(joined.size(), kTellersMax);
    uint64_t next = 0;
    for (const ToldBy& part : joined) {
        EXPECT_EQ(part.range.from, next);
        next = part.range.to + 1;
        EXPECT_EQ(part.provider, "a, b");
    }
    EXPECT_EQ(next, 20'000U);
}

// ---- What rests on a liar's word -------------------------------------------------------------

storage::CoverageRow row(evm::BlockRange range, std::string provider,
                         storage::ProofLevel level = storage::ProofLevel::kFetched) {
    return {"source", range, std::move(provider), level};
}

TEST(ToldByLiarTest, NamesAreWholeNames) {
    EXPECT_TRUE(is_told_by("http://a", {"http://a"}));
    EXPECT_TRUE(is_told_by("http://b, http://a", {"http://a"}));
    EXPECT_FALSE(is_told_by("http://ab", {"http://a"}));
    EXPECT_FALSE(is_told_by("", {"http://a"}));
}

TEST(ToldByLiarTest, WhatReceiptsHaveProvenIsNotFetchedAgain) {
    using storage::ProofLevel;
    const auto blocks = blocks_told_by(
        {row({1, 9}, "liar", ProofLevel::kReceipts), row({10, 19}, "liar", ProofLevel::kBloom),
         row({20, 29}, "honest"), row({1'000, 1'009}, "liar")},
        {"liar"});
    EXPECT_EQ(blocks, (std::vector<evm::BlockRange>{{10, 19}, {1'000, 1'009}}));
    EXPECT_TRUE(blocks_told_by({row({1, 9}, "honest")}, {"liar"}).empty());
}

TEST(ToldByLiarTest, PartsThatLieNearEachOtherAreOneQuestion) {
    std::vector<storage::CoverageRow> rows;
    for (uint64_t n = 0; n < 1'000; ++n) {
        rows.push_back(row({n * 40, n * 40 + 39}, n % 2 == 0 ? "liar" : "honest"));
        rows.push_back(row({n * 40, n * 40 + 39}, n % 2 == 0 ? "liar" : "honest"));
    }
    const auto blocks = blocks_told_by(rows, {"liar"});
    ASSERT_LE(blocks.size(), 2U);
    EXPECT_EQ(blocks.front().from, 0U);
    EXPECT_EQ(blocks.back().to, 998U * 40 + 39);
}

}  // namespace
}  // namespace plumbline::engine::tellers_test
