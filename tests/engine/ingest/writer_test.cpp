// When the writer commits: what it took is not left in memory for long.
#include "engine/ingest/writer.hpp"

#include "tests/support/small_index.hpp"

namespace plumbline::engine::writer_test {
namespace {

using test::hash_of;
using test::Mapping;
using test::World;

class WriterTest : public testing::Test {
  protected:
    explicit WriterTest(const std::string& more = "")
        : mapping_{test::deposits_toml() + more, test::chain_abis()} {
        world_.stop();
        options_.commit_interval_ms = 5'000;
        writer_ = std::make_unique<Writer>(
            *world_.database, mapping_.plan, channel_, progress_, clock_, options_,
            [](storage::Database&) { return ok(); }, nullptr);
    }
    /// A range of final blocks without events: all that is of it is coverage.
    void hand_over(uint64_t from, uint64_t to) {
        FetchedRange fetched;
        fetched.range = {from, to};
        fetched.blocks = {{to, hash_of(to), hash_of(to - 1), test::time_of(to)}};
        fetched.sources = {0};
        fetched.finalized = UINT64_MAX;
        WorkItem item{++seq_, 1, AppendWork{std::move(fetched), false}};
        ASSERT_TRUE(channel_.queue.try_push(item, 1));
    }
    [[nodiscard]] uint64_t stored_head() const {
        const auto cursor = world_.database->cursor();
        return cursor ? cursor->block_num : 0;
    }

    /// Whether work on its way is refused after a call of that effect.
    [[nodiscard]] bool is_refused_after(WriterEffect effect) {
        WriterCall call{[](storage::Database&) { return ok(); }, effect, {}};
        EXPECT_TRUE(channel_.calls.push(call));
        EXPECT_TRUE(writer_->step());
        return channel_.refused_epoch == channel_.epoch;
    }

    Mapping mapping_;
    World world_{mapping_};
    ManualClock clock_;
    IngestOptions options_;
    IngestChannel channel_{size_t{1} << 20};
    IngestProgress progress_;
    std::unique_ptr<Writer> writer_;
    uint64_t seq_ = 0;
};

TEST_F(WriterTest, BlocksWithoutEventsAreKeptAfterFiveSecondsThoughMoreAlwaysWaits) {
    for (uint64_t i = 1; i <= 20; ++i) {
        hand_over(i * 1'000, i * 1'000 + 999);
    }
    ASSERT_TRUE(writer_->step());
    ASSERT_TRUE(writer_->step());
    EXPECT_EQ(stored_head(), 0U) << "a commit a range would be slow";
    clock_.advance(5'000);
    ASSERT_TRUE(writer_->step());
    EXPECT_EQ(stored_head(), 2'999U);
    ASSERT_TRUE(writer_->step());
    EXPECT_EQ(stored_head(), 2'999U) << "the time counts from the first block of each commit";
    const auto coverage = world_.database->coverage();
    ASSERT_TRUE(coverage.has_value());
    ASSERT_EQ(coverage->size(), 1U);
    EXPECT_EQ(coverage->front().range.from, 1'000U);
    EXPECT_EQ(coverage->front().range.to, 2'999U);
}

class FactoryWriterTest : public WriterTest {
  protected:
    FactoryWriterTest()
        : WriterTest{R"(
[contracts.vault]
abi = "child.json"
factory = { event = "hub.VaultMade", address = "vault" }
)"} {}
};

TEST_F(FactoryWriterTest, WhatWasAskedBeforeARepairMayLackContractsThatItAnnouncedAndIsRefused) {
    EXPECT_FALSE(is_refused_after(WriterEffect::kNone));
    EXPECT_TRUE(is_refused_after(WriterEffect::kRows));
}

TEST_F(WriterTest, WithoutFactoriesARepairRefusesNothing) {
    EXPECT_FALSE(is_refused_after(WriterEffect::kRows));
}

}  // namespace
}  // namespace plumbline::engine::writer_test
