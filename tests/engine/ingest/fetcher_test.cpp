// The fetcher with every answer held back by the test: what is asked, when, and what becomes of
// answers that come late, twice, wrong or never.
#include "engine/ingest/fetcher.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/base/check.hpp"
#include "engine/config/config.hpp"
#include "engine/mapping/handler.hpp"
#include "tests/engine/fake_chain.hpp"
#include "tests/support/small_index.hpp"

namespace plumbline::engine::fetcher_test {
namespace {

using test::FakeChain;
using test::FakeNode;

/// Holds questions until the test lets them be answered from the chain, or refuses them.
class HeldSource final : public rpc::ChainSource {
  public:
    struct Question {
        rpc::LogFilter filter;
        evm::BlockRange range;
        bool all_headers = false;
        Callback<rpc::RangeLogs> done;
    };

    HeldSource(const FakeChain& chain, ManualClock& clock) : node_{chain, clock, {}} {}

    struct Below {
        std::vector<uint64_t> block_nums;
        evm::BlockId end;
        Callback<std::vector<evm::Header>> done;
    };

    std::vector<Question> held;
    std::vector<Below> held_below;
    uint64_t range_size = 10;

    /// Answers the i-th held question truly, but for what `spoil` does to it.
    void answer(size_t i, const std::function<void(rpc::RangeLogs&)>& spoil = {}) {
        Question question = take(i);
        node_.get_range(question.filter, question.range, question.all_headers,
                        [&](Result<rpc::RangeLogs> result) {
                            if (result && spoil) {
                                spoil(*result);
                            }
                            question.done(std::move(result));
                        });
        node_.poll(0);
    }
    void refuse(size_t i, ErrorCode code) { take(i).done(Error{code, "as the test says"}); }

    void get_range(rpc::LogFilter filter, evm::BlockRange range, bool all_headers,
                   Callback<rpc::RangeLogs> done) override {
        held.push_back({std::move(filter), range, all_headers, std::move(done)});
    }
    uint64_t suggest_range_size(const rpc::LogFilter&, uint64_t) override { return range_size; }
    // The fetcher asks none of these here.
    void get_chain_id(Callback<uint64_t>) override { PLUMBLINE_CHECK(false); }
    void get_heads(Callback<rpc::Heads>) override { PLUMBLINE_CHECK(false); }
    void get_headers(std::vector<uint64_t>, Callback<std::vector<evm::Header>>) override {
        PLUMBLINE_CHECK(false);
    }
    void get_headers_below(std::vector<uint64_t> block_nums, evm::BlockId end,
                           Callback<std::vector<evm::Header>> done) override {
        held_below.push_back({std::move(block_nums), end, std::move(done)});
    }
    void get_header_by_hash(evm::Hash, Callback<evm::Header>) override { PLUMBLINE_CHECK(false); }
    void get_txns(std::vector<evm::Hash>, Callback<std::vector<rpc::TxnInfo>>) override {
        PLUMBLINE_CHECK(false);
    }
    size_t poll(int64_t) override { return 0; }
    size_t in_flight() const override { return held.size(); }

  private:
    Question take(size_t i) {
        Question question = std::move(held.at(i));
        held.erase(held.begin() + static_cast<std::ptrdiff_t>(i));
        return question;
    }
    FakeNode node_;
};

/// `further`: sections after those of the hub.
std::shared_ptr<const Plan> make_plan(const std::string& further = {}) {
    return test::Mapping{"finality = 12\n" + test::deposits_toml() + further, test::chain_abis()}
        .plan;
}

class FetcherTest : public ::testing::Test {
  protected:
    FetcherTest() { chain_.mine(100); }
    Fetcher& fetcher() {
        if (!fetcher_) {
            fetcher_ = std::make_unique<Fetcher>(source_, make_plan(), clock_, options_);
            // Before its first answer it asks for one range only.
            begin(job(80, 80));
            source_.answer(0);
            EXPECT_TRUE(fetcher_->take().has_value());
        }
        return *fetcher_;
    }
    [[nodiscard]] static FetchJob job(uint64_t from, uint64_t to) {
        FetchJob out;
        out.range = {from, to};
        out.sources = {0};
        out.finalized = to;
        return out;
    }
    [[nodiscard]] FetchJob tail_job(uint64_t from, uint64_t to) const {
        FetchJob out = job(from, to);
        out.tail = true;
        out.finalized = 0;
        out.parent_hash = chain_.blocks()[from - 1]->header.hash;
        return out;
    }
    void begin(FetchJob wanted) {
        fetcher().start(std::move(wanted));
        fetcher().step();
    }

    FakeChain chain_{1};
    ManualClock clock_;
    IngestOptions options_;
    HeldSource source_{chain_, clock_};
    std::unique_ptr<Fetcher> fetcher_;
};

TEST_F(FetcherTest, BeforeTheFirstAnswerItAsksForOneRangeOnly) {
    Fetcher fresh{source_, make_plan(), clock_, options_};
    fresh.start(job(0, 29));
    fresh.step();
    ASSERT_EQ(source_.held.size(), 1U);
    source_.answer(0);
    fresh.step();
    EXPECT_EQ(source_.held.size(), 2U);
}

constexpr const char* kEveryFourth = R"(
[entities.snap]
key = { b = "uint64" }
fields = { at = "uint64" }

[[on]]
every = { blocks = 4 }
insert = "snap"
key = { b = "$block.number" }
set = { at = "$block.timestamp" }
)";

TEST_F(FetcherTest, HeadersOfTicksAreOfTheChainThatHasTheRangesLastBlock) {
    Fetcher fresh{source_, make_plan(kEveryFourth), clock_, options_};
    FetchJob wanted = job(1, 10);
    wanted.sources = {0, 1};
    for (const bool is_gone : {false, true}) {
        fresh.start(wanted);
        fresh.step();
        EXPECT_TRUE(source_.held_below.empty()) << "whose chain it is, is not known yet";
        source_.answer(0);
        EXPECT_FALSE(fresh.take().has_value());
        ASSERT_EQ(source_.held_below.size(), 1U);
        const HeldSource::Below asked = std::move(source_.held_below.front());
        source_.held_below.clear();
        EXPECT_EQ(asked.block_nums, (std::vector<uint64_t>{4, 8}));
        EXPECT_EQ(asked.end, (evm::BlockId{10, chain_.blocks()[10]->header.hash}));
        if (is_gone) {
            asked.done(Error{ErrorCode::kReorg, "another chain"});
            EXPECT_EQ(fresh.state(), FetchState::kStale);
            break;
        }
        asked.done(std::vector{chain_.blocks()[4]->header, chain_.blocks()[8]->header});
        const auto fetched = fresh.take();
        ASSERT_TRUE(fetched.has_value());
        EXPECT_EQ(fetched->blocks.back().block_num, 10U);
        fresh.cancel();
    }
}

TEST_F(FetcherTest, HandsRangesOverInOrderWhateverCameFirst) {
    begin(job(0, 29));
    ASSERT_EQ(source_.held.size(), 3U);
    source_.answer(2);
    source_.answer(1);
    EXPECT_FALSE(fetcher().take().has_value());
    source_.answer(0);
    for (const uint64_t from : {0U, 10U, 20U}) {
        const auto fetched = fetcher().take();
        ASSERT_TRUE(fetched.has_value());
        EXPECT_EQ(fetched->range.from, from);
    }
    EXPECT_EQ(fetcher().state(), FetchState::kDone);
    EXPECT_EQ(fetcher().held_bytes(), 0U);
    EXPECT_EQ(fetcher().in_flight(), 0U);
}

TEST_F(FetcherTest, AsksForNoMoreAtOnceThanItMay) {
    options_.in_flight_max = 2;
    begin(job(0, 99));
    EXPECT_EQ(source_.held.size(), 2U);
    source_.answer(1);
    fetcher().step();
    EXPECT_EQ(source_.held.size(), 2U);
}

TEST_F(FetcherTest, AsksNoFurtherAheadThanItMay) {
    options_.ahead_max = 3;
    begin(job(0, 99));
    ASSERT_EQ(source_.held.size(), 3U);
    source_.answer(2);
    source_.answer(1);
    fetcher().step();
    // Two wait for the first: nothing more until they are taken.
    EXPECT_EQ(source_.held.size(), 1U);
    source_.answer(0);
    EXPECT_TRUE(fetcher().take().has_value());
    fetcher().step();
    EXPECT_EQ(source_.held.size(), 1U);
}

TEST_F(FetcherTest, HoldsNoMoreBytesThanItMayButAlwaysGetsOn) {
    options_.ahead_bytes_max = 1;
    options_.in_flight_max = 1;
    begin(job(0, 99));
    uint64_t next = 0;
    while (fetcher().state() == FetchState::kWorking) {
        ASSERT_EQ(source_.held.size(), 1U) << "one that is not taken is enough";
        source_.answer(0);
        fetcher().step();
        EXPECT_EQ(source_.held.size(), 0U);
        const auto fetched = fetcher().take();
        ASSERT_TRUE(fetched.has_value());
        EXPECT_EQ(fetched->range.from, next);
        next = fetched->range.to + 1;
        fetcher().step();
    }
    EXPECT_EQ(next, 100U);
}

TEST_F(FetcherTest, WhatIsRefusedIsAskedAgainAfterAWaitThatDoubles) {
    begin(job(0, 9));
    int64_t wait = options_.retry_ms_min;
    for (int i = 0; i < 12; ++i) {
        ASSERT_EQ(source_.held.size(), 1U);
        source_.refuse(0, ErrorCode::kUnavailable);
        EXPECT_EQ(fetcher().wake_at_ms(), clock_.monotonic_ms() + wait);
        ASSERT_TRUE(fetcher().trouble().has_value());
        clock_.advance(wait - 1);
        EXPECT_FALSE(fetcher().step());
        clock_.advance(1);
        EXPECT_TRUE(fetcher().step());
        wait = std::min(wait * 2, options_.retry_ms_max);
    }
    source_.answer(0);
    EXPECT_FALSE(fetcher().trouble().has_value());
    EXPECT_TRUE(fetcher().take().has_value());
}

TEST_F(FetcherTest, ARefusedRangeDoesNotHoldUpTheAskingOfOthers) {
    options_.in_flight_max = 2;
    begin(job(0, 49));
    source_.refuse(0, ErrorCode::kTimeout);
    fetcher().step();
    EXPECT_EQ(source_.held.size(), 2U);
    EXPECT_EQ(source_.held.back().range.from, 20U);
}

TEST_F(FetcherTest, WhatTheChainDoesNotHaveIsNotAskedForAgainButLookedIntoAnew) {
    begin(job(0, 29));
    source_.refuse(1, ErrorCode::kNotFound);
    EXPECT_EQ(fetcher().state(), FetchState::kStale);
    EXPECT_FALSE(fetcher().step());
    // Answers that were on their way find the job over.
    source_.answer(0);
    EXPECT_FALSE(fetcher().take().has_value());
}

TEST_F(FetcherTest, AnswersAfterACancelOrForAnEarlierJobAreDropped) {
    begin(job(0, 29));
    fetcher().cancel();
    EXPECT_EQ(fetcher().state(), FetchState::kIdle);
    EXPECT_EQ(fetcher().in_flight(), 0U);
    begin(job(50, 59));
    ASSERT_EQ(source_.held.size(), 4U);
    source_.answer(0);
    source_.refuse(0, ErrorCode::kNotFound);
    EXPECT_EQ(fetcher().state(), FetchState::kWorking);
    EXPECT_EQ(fetcher().in_flight(), 1U);
    EXPECT_EQ(fetcher().held_bytes(), 0U);
    source_.answer(1);
    const auto fetched = fetcher().take();
    ASSERT_TRUE(fetched.has_value());
    EXPECT_EQ(fetched->range.from, 50U);
}

TEST_F(FetcherTest, ItMayGoBeforeItsAnswers) {
    begin(job(0, 29));
    fetcher_.reset();
    source_.answer(0);
    source_.refuse(0, ErrorCode::kUnavailable);
}

TEST_F(FetcherTest, AFirstBlockThatFollowsAnotherParentIsAFork) {
    FetchJob forked = tail_job(90, 95);
    forked.parent_hash = test::to_word(4711);
    begin(std::move(forked));
    source_.answer(0);
    EXPECT_FALSE(fetcher().take().has_value());
    EXPECT_EQ(fetcher().state(), FetchState::kForked);
}

TEST_F(FetcherTest, ARangeThatDoesNotFollowTheOneBeforeIsStaleAndTheOneBeforeStays) {
    source_.range_size = 3;
    begin(tail_job(90, 95));
    ASSERT_EQ(source_.held.size(), 2U);
    source_.answer(0);
    // The second is answered after a fork.
    chain_.reorg(10, 10);
    source_.answer(0);
    EXPECT_TRUE(fetcher().take().has_value());
    EXPECT_FALSE(fetcher().take().has_value());
    EXPECT_EQ(fetcher().state(), FetchState::kStale);
}

TEST_F(FetcherTest, FinalRangesMustFollowWhatIsStoredAndEachOther) {
    source_.range_size = 10;
    FetchJob forked = job(10, 29);
    forked.parent_hash = test::to_word(4711);
    begin(std::move(forked));
    source_.answer(0);
    EXPECT_FALSE(fetcher().take().has_value());
    EXPECT_EQ(fetcher().state(), FetchState::kForked);
    fetcher().cancel();
    source_.held.clear();

    FetchJob joined = job(10, 29);
    joined.parent_hash = chain_.blocks()[9]->header.hash;
    begin(std::move(joined));
    ASSERT_EQ(source_.held.size(), 2U);
    source_.answer(0);
    EXPECT_TRUE(fetcher().take().has_value());
    chain_.reorg(90, 95);
    source_.answer(0);
    EXPECT_FALSE(fetcher().take().has_value());
    EXPECT_EQ(fetcher().state(), FetchState::kStale);
}

TEST_F(FetcherTest, BlocksWithinARangeMustLink) {
    begin(tail_job(90, 95));
    source_.answer(0, [](rpc::RangeLogs& part) {
        part.headers[2].parent_hash = test::to_word(1);
        part.logs = {};
    });
    EXPECT_FALSE(fetcher().take().has_value());
    EXPECT_EQ(fetcher().state(), FetchState::kStale);
}

TEST_F(FetcherTest, ATailLacksNoHeader) {
    begin(tail_job(90, 95));
    source_.answer(0, [](rpc::RangeLogs& part) {
        part.headers.erase(part.headers.begin() + 1);
        part.logs = {};
    });
    EXPECT_FALSE(fetcher().take().has_value());
    EXPECT_EQ(fetcher().state(), FetchState::kStale);
}

TEST_F(FetcherTest, AtTheTipEveryQuestionGetsAllHeadersThatAboutChildrenToo) {
    options_.child_addresses_max = 0;
    const auto plan = make_plan(R"(
[contracts.vault]
abi = "child.json"
factory = { event = "hub.VaultMade", address = "vault" }
[entities.ping]
key = { n = "uint256" }
[[on]]
event = "vault.Ping"
upsert = "ping"
key = { n = "n" }
)");
    Fetcher with_children{source_, plan, clock_, options_};
    storage::ChildRow child;
    child.address = test::make_address(2, 0);
    child.contract = "vault";
    with_children.reset_children({child});
    for (const bool is_tip : {false, true}) {
        FetchJob wanted = is_tip ? tail_job(90, 95) : job(10, 29);
        wanted.sources = {0, 1};
        with_children.start(std::move(wanted));
        with_children.step();
        ASSERT_EQ(source_.held.size(), 2U) << "by address and by topic";
        for (const HeldSource::Question& question : source_.held) {
            EXPECT_EQ(question.all_headers, is_tip);
        }
        with_children.cancel();
        source_.held.clear();
    }
}

TEST_F(FetcherTest, LogsOfAnotherBlockThanTheHeadersAreNotTaken) {
    source_.range_size = 50;
    begin(job(0, 49));
    source_.answer(0, [](rpc::RangeLogs& part) {
        ASSERT_FALSE(part.logs.logs.empty());
        part.logs.logs.front().block_hash = test::to_word(1);
    });
    EXPECT_FALSE(fetcher().take().has_value());
    EXPECT_EQ(fetcher().state(), FetchState::kStale);
}

TEST_F(FetcherTest, ALogThatComesTwiceInOneAnswerIsNotTaken) {
    source_.range_size = 50;
    begin(job(0, 49));
    source_.answer(0, [](rpc::RangeLogs& part) {
        ASSERT_FALSE(part.logs.logs.empty());
        part.logs.logs.insert(part.logs.logs.begin(), part.logs.logs.front());
    });
    EXPECT_FALSE(fetcher().take().has_value());
    EXPECT_EQ(fetcher().state(), FetchState::kStale);
}

}  // namespace
}  // namespace plumbline::engine::fetcher_test
