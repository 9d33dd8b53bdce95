// When the writer commits: what it took is not left in memory for long.
#include "engine/ingest/writer.hpp"

#include "storage/commit_batch.hpp"
#include "storage/read_view.hpp"
#include "tests/support/small_index.hpp"

namespace plumbline::engine::writer_test {
namespace {

using test::Emitted;
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

class FilledInTest : public WriterTest {
  protected:
    FilledInTest() {
        world_.start();
        world_.block(5, {deposit(10)});
        world_.commit();
        world_.stop();
    }
    Emitted deposit(uint64_t amount) {
        return mapping_.emit("hub.Deposited", {test::acc(1), test::num(amount)}, 5, 0);
    }
    /// The same log, as somebody tells it who is asked for it once more.
    void fill_in(const Emitted& told, const std::string& liar = "") {
        FetchedRange fetched;
        fetched.range = {5, 5};
        const auto row = world_.database->read_view()->get_block(5);
        ASSERT_TRUE(row.has_value());
        fetched.blocks = {{5, row->hash, row->parent_hash, row->timestamp}};
        fetched.logs.push(told.log, told.data);
        fetched.sources = {0};
        fetched.told_by = {{{5, 5}, "another"}};
        WorkItem item{++seq_, 1, GapWork{std::move(fetched), liar}};
        ASSERT_TRUE(channel_.queue.try_push(item, 1));
        while (writer_->step()) {
        }
    }
    [[nodiscard]] Bytes stored_data() const {
        const auto view = world_.database->read_view();
        const auto scan = view->scan_logs(5, 5);
        return scan->valid() ? Bytes{scan->record().data.begin(), scan->record().data.end()}
                             : Bytes{};
    }
};

TEST_F(FilledInTest, WhatIsToldOtherwiseNowCountsForItsTellerIsWhomCoverageNames) {
    fill_in(deposit(11));
    EXPECT_EQ(stored_data(), deposit(11).data);
    EXPECT_TRUE(world_.database->needs_refold());
}

TEST_F(FilledInTest, TheJournalNamesTheTimeOfTheOwnersClock) {
    clock_.advance(5'000);
    fill_in(deposit(11), "liar");
    const auto journal = world_.database->read_view()->list_journal(0, 10);
    ASSERT_TRUE(journal.has_value());
    ASSERT_EQ(journal->size(), 1U);
    EXPECT_EQ(journal->front().time_s, 1'700'000'005U);
}

TEST_F(FilledInTest, ProvenEventsOutweighWhatIsToldOtherwise) {
    const auto cursor = world_.database->cursor();
    const auto batch = world_.database->make_batch();
    batch->set_block_level(5, storage::ProofLevel::kReceipts);
    batch->set_cursor(cursor->block_num, cursor->block_hash, cursor->timestamp);
    ASSERT_TRUE(world_.database->commit(*batch, storage::Durability::kSync).has_value());
    fill_in(deposit(11));
    EXPECT_EQ(stored_data(), deposit(10).data);
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
