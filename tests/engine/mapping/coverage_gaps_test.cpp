#include "engine/mapping/coverage_gaps.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/evm/hex.hpp"
#include "engine/config/config.hpp"
#include "tests/support/test_chain.hpp"

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

/// Parents by source; none where it names fewer.
std::vector<Source> related(std::vector<Source> sources,
                            const std::vector<std::vector<uint32_t>>& parents = {}) {
    for (size_t i = 0; i < parents.size(); ++i) {
        sources[i].parents = parents[i];
    }
    set_first_blocks(sources);
    return sources;
}

storage::CoverageRow covered(const std::string& name, uint64_t from, uint64_t to) {
    return {"f-" + name, {from, to}, "p", storage::ProofLevel::kFetched};
}

TEST(FillTest, NothingIsMissingWhereAllIsCovered) {
    const std::vector<Source> sources = related({make_source("a", 10), make_source("b", 200)});
    EXPECT_TRUE(find_missing(sources, {covered("a", 10, 100)}, 100).empty());
}

TEST(FillTest, ANewSourceIsMissingFromItsStartToTheCursor) {
    const std::vector<Source> sources = related({make_source("a", 0), make_source("b", 50)});
    const std::vector<CoverageGap> expected{{{50, 100}, {1}}};
    EXPECT_EQ(find_missing(sources, {covered("a", 0, 100)}, 100), expected);
}

TEST(FillTest, BehindAnEndBlockNothingIsMissing) {
    std::vector<Source> sources = related({make_source("a", 0), make_source("b", 0)});
    sources[0].end_block = 49;
    const std::vector<CoverageGap> expected{{{20, 49}, {0, 1}}, {{50, 100}, {1}}};
    EXPECT_EQ(find_missing(sources, {covered("a", 0, 19), covered("b", 0, 19)}, 100), expected);
    EXPECT_TRUE(find_missing(sources, {covered("a", 0, 49), covered("b", 0, 100)}, 100).empty());
}

TEST(FillTest, ChildrenBesideFixedAddressesStartWithThese) {
    std::vector<Source> sources = {make_source("hub", 50), make_source("vault", 10, true)};
    sources[1].addresses.resize(1);
    EXPECT_EQ(related(sources, {{}, {0}})[1].first_block, 10U);
}

TEST(FillTest, GapsAndEarlierStartsAreMissing) {
    const std::vector<Source> sources = related({make_source("a", 0)});
    const std::vector<CoverageGap> expected{{{0, 9}, {0}}, {{21, 29}, {0}}, {{41, 50}, {0}}};
    EXPECT_EQ(find_missing(sources, {covered("a", 30, 40), covered("a", 10, 20)}, 50), expected);
}

TEST(FillTest, CoverageOfOtherFingerprintsDoesNotCount) {
    const std::vector<Source> sources = related({make_source("a", 0)});
    const std::vector<CoverageGap> expected{{{0, 50}, {0}}};
    EXPECT_EQ(find_missing(sources, {covered("old", 0, 50)}, 50), expected);
}

TEST(FillTest, SpansAreSplitWhereTheSetOfSourcesChanges) {
    const std::vector<Source> sources = related({make_source("a", 0), make_source("b", 20)});
    const std::vector<CoverageGap> expected{{{0, 19}, {0}}, {{20, 30}, {0, 1}}, {{31, 40}, {1}}};
    EXPECT_EQ(find_missing(sources, {covered("a", 31, 40)}, 40), expected);
}

TEST(FillTest, ChildrenComeWithTheirFactoryAndTheFactoryWithThem) {
    const std::vector<Source> sources =
        related({make_source("hub", 5), make_source("vault", 0, true), make_source("pod", 0, true),
                 make_source("other", 0)},
                {{}, {0}, {1}, {}});
    // A new kind of child: what announces it is asked again.
    const std::vector<CoverageGap> pods{{{5, 40}, {0, 1, 2}}};
    EXPECT_EQ(
        find_missing(sources,
                     {covered("hub", 5, 40), covered("vault", 5, 40), covered("other", 0, 40)}, 40),
        pods);
    // A new factory: what it announces was never asked for, whatever coverage says.
    EXPECT_EQ(
        find_missing(sources,
                     {covered("vault", 5, 40), covered("pod", 5, 40), covered("other", 0, 40)}, 40),
        pods);
}

TEST(FillTest, ChildrenStartNoEarlierThanWhatAnnouncesThem) {
    const std::vector<Source> sources =
        related({make_source("pod", 0, true), make_source("vault", 3, true), make_source("hub", 7)},
                {{1}, {2}, {}});
    for (const Source& source : sources) {
        EXPECT_EQ(source.first_block, 7U) << source.contract;
    }
    EXPECT_EQ(first_block_of(sources), 7U);
}

TEST(FillTest, WhoIsAChildIsLookedForBeforeTheFirstBlockThatCountsOfIt) {
    const std::vector<Source> sources =
        related({make_source("hub", 5), make_source("vault", 30, true)}, {{}, {0}});
    const std::vector<CoverageGap> all{{{5, 40}, {0, 1}}};
    EXPECT_EQ(find_missing(sources, {covered("hub", 5, 40)}, 40), all);
    const std::vector<CoverageGap> rest{{{36, 40}, {0, 1}}};
    EXPECT_EQ(find_missing(sources, {covered("hub", 5, 40), covered("vault", 30, 35)}, 40), rest);
}

TEST(FillTest, WhoHasAHistoryThatEndsIsLookedForInEveryBlockBehindIt) {
    std::vector<Source> sources = {make_source("hub", 5), make_source("vault", 0, true)};
    sources[1].since = ChildSince::kNumber;
    sources[1].since_block = 10;
    sources[1].end_block = 20;
    sources = related(std::move(sources), {{}, {0}});
    const std::vector<CoverageGap> all{{{5, 40}, {0, 1}}};
    EXPECT_EQ(find_missing(sources, {covered("hub", 5, 40)}, 40), all);
    // Its own blocks are known, and not yet who is announced behind them.
    const std::vector<CoverageGap> rest{{{31, 40}, {0, 1}}};
    EXPECT_EQ(find_missing(sources, {covered("hub", 5, 40), covered("vault", 10, 30)}, 40), rest);
    sources[1].since = ChildSince::kBlock;
    EXPECT_TRUE(
        find_missing(sources, {covered("hub", 5, 40), covered("vault", 10, 20)}, 40).empty());
}

std::vector<Source> compiled_sources(uint64_t hub_start, uint64_t vault_start,
                                     std::string_view since) {
    const std::string text =
        fmt::format(R"(
[chain]
id = 1
rpc = "http://127.0.0.1:1"
[contracts.pod]
abi = "child.json"
factory = {{ event = "vault.ChildMade", address = "child" }}
[contracts.vault]
abi = "child.json"
factory = {{ event = "hub.VaultMade", address = "vault"{} }}
start_block = {}
[contracts.hub]
abi = "hub.json"
address = "{}"
start_block = {}
)",
                    since, vault_start, evm::to_hex(test::hub_address()), hub_start);
    const auto config = parse_config(text, "test.toml", [](const std::string& name) {
        return Result<std::string>{name == "hub.json" ? test::kHubAbi : test::kChildAbi};
    });
    EXPECT_TRUE(config.has_value()) << (config ? "" : config.error().message);
    return (*Plan::compile(*config))->sources();
}

TEST(FillTest, ThePlanKnowsWhereChildrenOfAnyDepthBegin) {
    for (const Source& source : compiled_sources(7, 0, "")) {
        EXPECT_EQ(source.first_block, 7U) << source.contract;
    }
    const std::vector<Source> late = compiled_sources(7, 30, "");
    EXPECT_EQ(late[0].first_block, 30U);
    EXPECT_EQ(late[1].first_block, 30U);
}

TEST(FillTest, CoverageOfChildrenEndsWithWhatDecidesWhoTheyAre) {
    const std::vector<Source> base = compiled_sources(7, 0, "");
    EXPECT_EQ(compiled_sources(7, 0, ", since = \"block\"")[1].fingerprint, base[1].fingerprint);
    const std::vector<Source> earlier = compiled_sources(6, 0, "");
    const std::vector<Source> strict = compiled_sources(7, 0, ", since = \"announcement\"");
    for (const std::vector<Source>* changed : {&earlier, &strict}) {
        EXPECT_NE((*changed)[0].fingerprint, base[0].fingerprint);
        EXPECT_NE((*changed)[1].fingerprint, base[1].fingerprint);
        EXPECT_EQ((*changed)[2].fingerprint, base[2].fingerprint) << "the hub's own logs";
    }
    // Vaults that start later make fewer pods; their own logs are a part of those that were there.
    const std::vector<Source> late = compiled_sources(7, 30, "");
    EXPECT_NE(late[0].fingerprint, base[0].fingerprint);
    EXPECT_EQ(late[1].fingerprint, base[1].fingerprint);
}

/// hub announces vaults, these pods; vaults' logs count from block 20 on, whoever announces them
/// when.
std::vector<Source> sources_with_history() {
    std::vector<Source> sources = {make_source("hub", 50), make_source("vault", 0, true),
                                   make_source("pod", 0, true)};
    sources[1].since = ChildSince::kNumber;
    sources[1].since_block = 20;
    return related(std::move(sources), {{}, {0}, {1}});
}

TEST(UnsureTest, WhoHasAHistoryIsNotKnownBeforeAllThatMayAnnounceIt) {
    const std::vector<Source> sources = sources_with_history();
    struct Case {
        const char* what;
        std::vector<storage::CoverageRow> coverage;
        uint64_t block;
        std::vector<bool> unsure;
    };
    const storage::CoverageRow hub = covered("hub", 50, 100);
    const storage::CoverageRow vaults = covered("vault", 20, 100);
    const storage::CoverageRow some_pods = covered("pod", 90, 100);
    const std::vector<Case> cases{
        {"all is looked at", {hub, vaults, some_pods}, 30, {false, false, false}},
        {"the hub is not", {covered("hub", 50, 79), vaults, some_pods}, 30, {false, true, true}},
        {"only below", {covered("hub", 60, 100), vaults, some_pods}, 70, {false, false, false}},
        {"vaults are not", {hub, covered("vault", 90, 95), some_pods}, 30, {false, false, true}},
        {"nobody looked for vaults", {hub, some_pods}, 30, {false, true, true}},
        {"nobody looked for pods", {hub, vaults}, 30, {false, false, true}},
        {"nothing comes above", {}, 100, {false, false, false}}};
    for (const Case& one : cases) {
        EXPECT_EQ(find_unsure(sources, one.coverage, one.block, 100), one.unsure) << one.what;
    }
}

TEST(UnsureTest, WhoEndsBelowTheCursorIsNotKnownBeforeAllThatMayAnnounceIt) {
    std::vector<Source> sources = sources_with_history();
    sources[1].end_block = 40;
    const storage::CoverageRow hub = covered("hub", 50, 100);
    EXPECT_EQ(find_unsure(sources, {hub}, 30, 100), (std::vector<bool>{false, true, true}));
    EXPECT_EQ(find_unsure(sources, {hub, covered("vault", 60, 100)}, 30, 100)[1], false);
}

TEST(UnsureTest, WhoCountsFromTheAnnouncementOnIsKnownByTheBlocksBelow) {
    std::vector<Source> sources = sources_with_history();
    sources[1].since = ChildSince::kBlock;
    EXPECT_EQ(find_unsure(sources, {}, 60, 100), std::vector<bool>(3, false));
}

}  // namespace
}  // namespace plumbline::engine::coverage_gaps_test
