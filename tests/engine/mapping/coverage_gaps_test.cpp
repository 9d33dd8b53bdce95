#include "engine/mapping/coverage_gaps.hpp"

#include <gtest/gtest.h>

namespace plumbline::engine::coverage_gaps_test {
namespace {

Source make_source(const std::string& name, uint64_t start, bool is_child = false) {
    Source source;
    source.contract = name;
    source.fingerprint = "f-" + name;
    source.start_block = start;
    source.has_factory = is_child;
    if (!is_child) {
        source.addresses.resize(1);
    }
    return source;
}

storage::CoverageRow covered(const std::string& name, uint64_t from, uint64_t to) {
    return {"f-" + name, {from, to}, "p", storage::ProofLevel::kFetched};
}

TEST(FillTest, NothingIsMissingWhereAllIsCovered) {
    const std::vector<Source> sources{make_source("a", 10), make_source("b", 200)};
    EXPECT_TRUE(find_missing(sources, {{}, {}}, {covered("a", 10, 100)}, 100).empty());
}

TEST(FillTest, ANewSourceIsMissingFromItsStartToTheCursor) {
    const std::vector<Source> sources{make_source("a", 0), make_source("b", 50)};
    const std::vector<CoverageGap> expected{{{50, 100}, {1}}};
    EXPECT_EQ(find_missing(sources, {{}, {}}, {covered("a", 0, 100)}, 100), expected);
}

TEST(FillTest, GapsAndEarlierStartsAreMissing) {
    const std::vector<Source> sources{make_source("a", 0)};
    const std::vector<CoverageGap> expected{{{0, 9}, {0}}, {{21, 29}, {0}}, {{41, 50}, {0}}};
    EXPECT_EQ(find_missing(sources, {{}}, {covered("a", 30, 40), covered("a", 10, 20)}, 50),
              expected);
}

TEST(FillTest, CoverageOfOtherFingerprintsDoesNotCount) {
    const std::vector<Source> sources{make_source("a", 0)};
    const std::vector<CoverageGap> expected{{{0, 50}, {0}}};
    EXPECT_EQ(find_missing(sources, {{}}, {covered("old", 0, 50)}, 50), expected);
}

TEST(FillTest, SpansAreSplitWhereTheSetOfSourcesChanges) {
    const std::vector<Source> sources{make_source("a", 0), make_source("b", 20)};
    const std::vector<CoverageGap> expected{{{0, 19}, {0}}, {{20, 30}, {0, 1}}, {{31, 40}, {1}}};
    EXPECT_EQ(find_missing(sources, {{}, {}}, {covered("a", 31, 40)}, 40), expected);
}

TEST(FillTest, ChildrenComeWithTheirFactoryAndTheFactoryWithThem) {
    const std::vector<Source> sources{make_source("hub", 5), make_source("vault", 0, true),
                                      make_source("pod", 0, true), make_source("other", 0)};
    const SourceParents parents{{}, {0}, {1}, {}};
    // A new kind of child: what announces it is asked again.
    const std::vector<CoverageGap> pods{{{5, 40}, {0, 1, 2}}};
    EXPECT_EQ(
        find_missing(sources, parents,
                     {covered("hub", 5, 40), covered("vault", 5, 40), covered("other", 0, 40)}, 40),
        pods);
    // A new factory: what it announces was never asked for, whatever coverage says.
    EXPECT_EQ(
        find_missing(sources, parents,
                     {covered("vault", 5, 40), covered("pod", 5, 40), covered("other", 0, 40)}, 40),
        pods);
}

TEST(FillTest, ChildrenStartNoEarlierThanWhatAnnouncesThem) {
    const std::vector<Source> sources{make_source("pod", 0, true), make_source("vault", 3, true),
                                      make_source("hub", 7)};
    EXPECT_EQ(first_blocks(sources, {{1}, {2}, {}}), (std::vector<uint64_t>{7, 7, 7}));
}

}  // namespace
}  // namespace plumbline::engine::coverage_gaps_test
