// A chain that says nothing any more: what is told of it, and when a run with an end gives up.
#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/logging.hpp"
#include "engine/ingest/indexer.hpp"
#include "tests/engine/fake_chain.hpp"
#include "tests/support/small_index.hpp"
#include "tests/support/temp_dir.hpp"

namespace plumbline::engine::silence_test {
namespace {

using storage::test::TempDir;
using test::FakeChain;
using test::FakeNode;
using ::testing::HasSubstr;

/// A node that swallows questions of a kind: nobody ever hears of them again.
class MuteNode final : public rpc::ChainSource {
  public:
    MuteNode(const FakeChain& chain, ManualClock& clock) : clock_{clock}, node_{chain, clock, {}} {}

    bool swallows_chain_id = false;
    bool swallows_heads = false;
    bool swallows_ranges = false;
    int64_t stale_after_ms = 0;   ///< then a range is no more what it was asked for; 0: never
    uint64_t heads_too_high = 0;  ///< blocks that its head is above the chain's
    size_t heads_asked = 0;
    std::vector<rpc::OpenWait> open;

    void get_chain_id(Callback<uint64_t> done) override {
        if (!swallows_chain_id) {
            node_.get_chain_id(std::move(done));
        }
    }
    void get_heads(Callback<rpc::Heads> done) override {
        ++heads_asked;
        if (!swallows_heads) {
            node_.get_heads([this, done = std::move(done)](Result<rpc::Heads> heads) {
                if (heads) {
                    heads->latest.block_num += heads_too_high;
                }
                done(std::move(heads));
            });
        }
    }
    void get_headers(std::vector<uint64_t> nums, Callback<std::vector<evm::Header>> done) override {
        node_.get_headers(std::move(nums), std::move(done));
    }
    void get_header_by_hash(evm::Hash hash, Callback<evm::Header> done) override {
        node_.get_header_by_hash(hash, std::move(done));
    }
    void get_range(rpc::LogFilter filter, evm::BlockRange range, bool all,
                   Callback<rpc::RangeLogs> done) override {
        if (stale_after_ms > 0) {
            stale_.push_back(std::move(done));
        } else if (!swallows_ranges) {
            node_.get_range(std::move(filter), range, all, std::move(done));
        }
    }
    void get_txns(std::vector<evm::Hash> hashes,
                  Callback<std::vector<rpc::TxnInfo>> done) override {
        node_.get_txns(std::move(hashes), std::move(done));
    }
    uint64_t suggest_range_size(const rpc::LogFilter& filter, uint64_t from) override {
        return node_.suggest_range_size(filter, from);
    }
    [[nodiscard]] std::vector<rpc::OpenWait> waits(int64_t waiting_ms) const override {
        std::vector<rpc::OpenWait> out;
        std::ranges::copy_if(open, std::back_inserter(out), [waiting_ms](const auto& one) {
            return one.waiting_ms >= waiting_ms;
        });
        return out;
    }
    size_t poll(int64_t wait_ms) override {
        for (const auto& done : std::exchange(stale_, {})) {
            clock_.advance(stale_after_ms);
            done(Error{ErrorCode::kReorg, "no usable answer for block 0"});
        }
        if (node_.in_flight() == 0) {
            clock_.advance(std::max<int64_t>(1, wait_ms));
        }
        return node_.poll(wait_ms);
    }
    [[nodiscard]] size_t in_flight() const override { return node_.in_flight(); }

  private:
    ManualClock& clock_;
    FakeNode node_;
    std::vector<Callback<rpc::RangeLogs>> stale_;
};

class SilenceTest : public ::testing::Test {
  protected:
    SilenceTest() : chain_{7}, node_{chain_, clock_} {
        logging::configure(logging::Level::kOff, logging::Format::kText);
        chain_.mine(60);
    }
    void open(Until until, int64_t timeout_ms) {
        IndexerOptions options;
        const std::string text = std::string{test::kChainToml} +
                                 "finality = 12\npoll_interval = \"20ms\"\n" +
                                 test::deposits_toml();
        auto config = parse_config(text, "test.toml", [](const std::string& name) {
            return Result<std::string>{test::chain_abis().at(name)};
        });
        ASSERT_TRUE(config.has_value()) << config.error().message;
        options.config = *std::move(config);
        options.db_path = dir_.sub("db");
        options.tiny_buffers = true;
        options.clock = &clock_;
        options.until = until;
        options.ingest.answer_timeout_ms = timeout_ms;
        auto opened = Indexer::open(std::move(options), node_);
        ASSERT_TRUE(opened.has_value()) << opened.error().message;
        indexer_ = *std::move(opened);
    }
    /// One thread, until so much time has gone by.
    void step_for(int64_t ms) {
        const int64_t end = clock_.monotonic_ms() + ms;
        while (clock_.monotonic_ms() < end && !indexer_->failure()) {
            if (!indexer_->step_writer()) {
                indexer_->step_network(50);
            }
        }
    }
    [[nodiscard]] std::string waiting_for() const { return indexer_->progress().waiting_for.get(); }
    [[nodiscard]] bool is_waiting() const { return indexer_->progress().waiting_since_ms >= 0; }

    TempDir dir_;
    FakeChain chain_;
    ManualClock clock_;
    MuteNode node_;
    std::unique_ptr<Indexer> indexer_;
};

TEST_F(SilenceTest, AQuestionThatStaysOpenIsAWaitAfterTenSeconds) {
    node_.swallows_chain_id = true;
    open({}, 0);
    step_for(9'000);
    EXPECT_FALSE(is_waiting());
    step_for(2'000);
    EXPECT_TRUE(is_waiting());
    EXPECT_THAT(waiting_for(), HasSubstr("asking which chain this is: no answer yet"));
}

TEST_F(SilenceTest, HeadsThatStayOpenAreAWaitAndTheirAgeGrows) {
    open({}, 0);
    step_for(5'000);
    ASSERT_EQ(indexer_->progress().state, Lifecycle::kLive);
    EXPECT_FALSE(read_head_ages(indexer_->progress(), clock_).is_silent());
    node_.swallows_heads = true;
    step_for(12'000);
    EXPECT_TRUE(is_waiting());
    EXPECT_THAT(waiting_for(), HasSubstr("asking for the chain's head: no answer yet"));
    step_for(60'000);
    EXPECT_TRUE(read_head_ages(indexer_->progress(), clock_).is_silent());
}

TEST_F(SilenceTest, RangesThatStayOpenAreAWaitThatNamesThem) {
    node_.swallows_ranges = true;
    open({}, 0);
    step_for(12'000);
    EXPECT_TRUE(is_waiting());
    EXPECT_THAT(waiting_for(), HasSubstr("fetching blocks 0 to "));
    // The head is looked at meanwhile: it is not the one that is silent.
    step_for(120'000);
    EXPECT_GT(node_.heads_asked, 3U);
    EXPECT_LT(node_.heads_asked, 30U);
    EXPECT_FALSE(read_head_ages(indexer_->progress(), clock_).is_silent());
}

TEST_F(SilenceTest, HeadsThatAreToldEndNoWaitForBlocksThatNeverCome) {
    node_.stale_after_ms = 12'000;
    open({}, 0);
    step_for(13'000);
    for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(is_waiting()) << "look " << i;
        EXPECT_THAT(waiting_for(), HasSubstr("no usable answer for block 0"));
        step_for(500);
    }
    EXPECT_GT(node_.heads_asked, 2U);
    node_.stale_after_ms = 0;
    step_for(60'000);
    EXPECT_FALSE(is_waiting());
    EXPECT_EQ(indexer_->progress().next_block, 61U);
}

TEST_F(SilenceTest, BlocksAboveEveryHeadAreWaitedForNoLongerOnceTheHeadIsRight) {
    node_.heads_too_high = 1'000'000;
    open({}, 0);
    step_for(30'000);
    ASSERT_NE(indexer_->progress().state, Lifecycle::kLive);
    node_.heads_too_high = 0;
    step_for(30'000);
    EXPECT_EQ(indexer_->progress().state, Lifecycle::kLive);
    EXPECT_EQ(indexer_->progress().next_block, 61U);
    EXPECT_EQ(indexer_->progress().finalized_block, 48U);
}

TEST_F(SilenceTest, ARunWithAnEndEndsWhereNothingComes) {
    for (bool* mute : {&node_.swallows_chain_id, &node_.swallows_heads, &node_.swallows_ranges}) {
        *mute = true;
        open({true, std::nullopt}, 60'000);
        const Status ended = indexer_->run({}, nullptr);
        ASSERT_FALSE(ended.has_value());
        EXPECT_EQ(ended.error().code, ErrorCode::kUnavailable);
        EXPECT_THAT(ended.error().message, HasSubstr("nothing has come from the chain for 1m"));
        *mute = false;
        indexer_.reset();
        std::filesystem::remove_all(dir_.sub("db"));
    }
}

TEST_F(SilenceTest, TheTimeoutOfARunWithADatabaseCountsFromItsBeginning) {
    open({true, std::nullopt}, 60'000);
    ASSERT_TRUE(indexer_->run({}, nullptr).has_value());
    indexer_.reset();
    node_.swallows_chain_id = true;
    open({true, std::nullopt}, 15'000);
    const int64_t begun_ms = clock_.monotonic_ms();
    EXPECT_FALSE(indexer_->run({}, nullptr).has_value());
    EXPECT_LT(clock_.monotonic_ms() - begun_ms, 16'000);
}

TEST_F(SilenceTest, WhatTheChainGetsOnWithIsNoSilence) {
    node_.swallows_ranges = true;
    rpc::OpenWait busy;
    busy.method = "eth_getLogs";
    busy.reason = "a part was answered";
    busy.waiting_ms = 1'000;
    node_.open = {busy};
    open({true, std::nullopt}, 5'000);
    step_for(60'000);
    EXPECT_FALSE(indexer_->failure().has_value());
    node_.open[0].waiting_ms = 5'000;
    step_for(1'000);
    ASSERT_TRUE(indexer_->failure().has_value());
    EXPECT_THAT(indexer_->failure()->message, HasSubstr("a part was answered"));
}

TEST_F(SilenceTest, ARunWithoutAnEndWaitsForEver) {
    node_.swallows_heads = true;
    open({}, 0);
    step_for(3'600'000);
    EXPECT_FALSE(indexer_->failure().has_value());
}

}  // namespace
}  // namespace plumbline::engine::silence_test
