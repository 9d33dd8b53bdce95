#include "rpc/head_watch.hpp"

#include <gtest/gtest.h>

namespace plumbline::rpc::head_watch_test {
namespace {

using Fault = HeadReport::Fault;

/// A probe's answers: of chain 5 and with head 90, where nothing else is said.
GroupResult told(std::optional<uint64_t> chain_id = 5, std::optional<uint64_t> latest = 90) {
    GroupResult out;
    out.answers.resize(3);
    if (chain_id) {
        out.answers[HeadWatch::kChainIdAt].value = *chain_id;
    }
    if (latest) {
        evm::Header header;
        header.block_num = *latest;
        out.answers[HeadWatch::kLatestAt].value = header;
    }
    out.answers[HeadWatch::kFinalizedAt].value = Answer::Null{};
    return out;
}

TEST(HeadWatchTest, AProbeAsksOneProviderForItsChainAndBothHeads) {
    HeadWatch heads{std::nullopt};
    const CallGroup group = heads.start(3, 1'234);
    EXPECT_EQ(group.only, 3U);
    EXPECT_EQ(group.kind(), CallGroup::Kind::kHeadProbe);
    EXPECT_EQ(group.timeout_ms, 1'234);
    ASSERT_EQ(group.calls.size(), 3U);
    EXPECT_EQ(group.calls[HeadWatch::kChainIdAt].kind, Call::Kind::kChainId);
    EXPECT_EQ(group.calls[HeadWatch::kLatestAt].kind, Call::Kind::kHeaderLatest);
    EXPECT_EQ(group.calls[HeadWatch::kFinalizedAt].kind, Call::Kind::kHeaderFinalized);
    EXPECT_TRUE(heads.is_probing(3));
    EXPECT_FALSE(heads.is_probing(2));
}

TEST(HeadWatchTest, AProbeIsOverHoweverItEnds) {
    HeadWatch heads{5};
    GroupResult failed;
    failed.error = Error{ErrorCode::kUnavailable, "nobody to ask is up"};
    for (const GroupResult& result : {told(), told(6), told(std::nullopt), failed}) {
        static_cast<void>(heads.start(1, 0));
        static_cast<void>(heads.finish(1, result));
        EXPECT_FALSE(heads.is_probing(1));
    }
}

TEST(HeadWatchTest, TheFirstChainIdIsThePoolsAndOthersAreForeign) {
    HeadWatch heads{std::nullopt};
    EXPECT_EQ(heads.finish(0, told()).fault, Fault::kNone);
    EXPECT_EQ(heads.chain_id(), 5U);
    const HeadReport other = heads.finish(1, told(6));
    EXPECT_EQ(other.fault, Fault::kOtherChain);
    EXPECT_EQ(other.chain_id, 6U);
    EXPECT_EQ(other.head, std::nullopt);
    EXPECT_EQ(other.reason, "serves chain 6, not 5");
    EXPECT_EQ(heads.chain_id(), 5U);
}

TEST(HeadWatchTest, AChainIdThatWasConfiguredIsNotLearnt) {
    HeadWatch heads{7};
    EXPECT_EQ(heads.finish(0, told(6)).fault, Fault::kOtherChain);
    EXPECT_EQ(heads.chain_id(), 7U);
    const HeadReport ours = heads.finish(1, told(7, 100));
    EXPECT_EQ(ours.fault, Fault::kNone);
    EXPECT_EQ(ours.chain_id, 7U);
    EXPECT_EQ(ours.head, 100U);
}

TEST(HeadWatchTest, WithoutAChainIdOrAHeadTheReportSaysWhatWasRefused) {
    HeadWatch heads{5};
    const HeadReport silent = heads.finish(0, told(5, std::nullopt));
    EXPECT_EQ(silent.fault, Fault::kIncomplete);
    EXPECT_EQ(silent.reason, "no chain id or no head");
    EXPECT_EQ(silent.chain_id, 5U);
    EXPECT_EQ(silent.head, std::nullopt);
    GroupResult refused = told(std::nullopt);
    refused.answers[HeadWatch::kChainIdAt].value = RpcError{-32601, "no such method", ""};
    EXPECT_EQ(heads.finish(0, refused).reason, "error -32601 \"no such method\"");
}

TEST(HeadWatchTest, AGroupThatFailedTellsNothing) {
    HeadWatch heads{std::nullopt};
    GroupResult failed;
    failed.error = Error{ErrorCode::kTimeout, "no answer within 8 s"};
    const HeadReport report = heads.finish(0, failed);
    EXPECT_EQ(report.fault, Fault::kNoAnswer);
    EXPECT_EQ(report.chain_id, std::nullopt);
    EXPECT_EQ(heads.chain_id(), std::nullopt);
}

}  // namespace
}  // namespace plumbline::rpc::head_watch_test
