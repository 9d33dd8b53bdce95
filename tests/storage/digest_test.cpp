// Digest trees: what they are made of, and that every kind of commit keeps them.
#include "storage/digest.hpp"

#include <set>

#include "storage/raw_access.hpp"
#include "tests/storage/chain_driver.hpp"
#include "tests/storage/digest_check.hpp"

namespace plumbline::storage::digest_test {
namespace {

using namespace plumbline::storage::test;  // NOLINT(google-build-using-namespace)

TEST(DigestTest, AddsAndSubtractsModulo2To128) {
    Digest sum{1, UINT64_MAX};
    sum += {0, 1};
    EXPECT_EQ(sum, (Digest{2, 0}));
    sum -= {0, 1};
    EXPECT_EQ(sum, (Digest{1, UINT64_MAX}));
    sum -= {2, 0};
    EXPECT_EQ(sum, (Digest{UINT64_MAX, UINT64_MAX}));
    sum += {0, 1};
    EXPECT_EQ(sum, Digest{});
}

TEST(DigestTest, GoldenHashes) {
    EXPECT_EQ(entity_digest_leaf(hash_key("key")), 3006U);
    EXPECT_EQ(to_string(hash_row(hash_key("key"), "row")), "7c3b8be54a64b445e331ed736351a378");
    const TestLog log = make_log(5, 1);
    std::string scratch;
    EXPECT_EQ(to_string(hash_log(log.log, log.data, nullptr, scratch)),
              "6e062d93a249d13c9a8642404f8b674a");
    TxnFields txn;
    const std::string without_to = to_string(hash_log(log.log, log.data, &txn, scratch));
    EXPECT_EQ(without_to, "36b40d1a8bcfa1726f8035068d205bf3");
    txn.to = evm::Address{};
    const std::string plain = to_string(hash_log(log.log, log.data, &txn, scratch));
    EXPECT_NE(plain, without_to);
    txn.body.emplace();
    const std::string with_body = to_string(hash_log(log.log, log.data, &txn, scratch));
    txn.body->input = std::string(300, 'i');
    const std::string with_input = to_string(hash_log(log.log, log.data, &txn, scratch));
    txn.receipt.emplace();
    const std::string with_receipt = to_string(hash_log(log.log, log.data, &txn, scratch));
    txn.receipt->effective_gas_price = evm::U256{1};
    const std::string with_price = to_string(hash_log(log.log, log.data, &txn, scratch));
    EXPECT_EQ(
        (std::set<std::string>{plain, with_body, with_input, with_receipt, with_price}).size(), 5U);
    BlockRow block = make_block(5, 2);
    const Digest hash = hash_block(block);
    EXPECT_EQ(to_string(hash), "eb235550af7a9538c64817921e02d34b");
    block.level = ProofLevel::kReceipts;
    EXPECT_EQ(hash_block(block), hash) << "levels rise without the log changing";
}

TEST(EntityDigestTest, DoesNotDependOnOrderAndForgetsWhatWentAgain) {
    EntityDigest one;
    EntityDigest other;
    for (uint64_t id = 0; id < 100; ++id) {
        one.change(user_key(id), "", "row " + std::to_string(id));
    }
    for (uint64_t id = 100; id-- > 0;) {
        other.change(user_key(id), "", "first");
        other.change(user_key(id), "first", "row " + std::to_string(id));
    }
    EXPECT_EQ(one.root(), other.root());
    EXPECT_EQ(one.root().count, 100U);
    for (uint64_t id = 0; id < 100; ++id) {
        one.change(user_key(id), "row " + std::to_string(id), "");
    }
    EXPECT_TRUE(one.root().is_zero());
    EXPECT_FALSE(one.empty());
    one.clear();
    EXPECT_TRUE(one.empty());
    one.change("a", "", "b");
    EXPECT_EQ(one.touched().size(), 1U);
    EXPECT_EQ(one.root().count, 1U);
}

class DigestTreeTest : public testing::TestWithParam<uint64_t> {
  protected:
    uint64_t seed_ = test_seed(GetParam());
    testing::ScopedTrace trace_{__FILE__, __LINE__, "PLUMBLINE_SEED=" + std::to_string(seed_)};
    TempDir dir_;
};

TEST_P(DigestTreeTest, EveryCommitAndRollbackKeepsThem) {
    auto db = must_open(dir_.sub("db"), create_options());
    ChainDriver driver{seed_};
    for (int i = 0; i < 120; ++i) {
        ASSERT_OK(driver.next(*db).status);
        if (i % 20 == 19) {
            expect_digests_hold(*db);
        }
        if (i % 50 == 49) {
            db.reset();
            db = must_open(dir_.sub("db"), open_options());
        }
    }
    EXPECT_GT(db->read_view()->digest_root({})->count, 50U);
    EXPECT_GT(db->read_view()->digest_root({0})->count, 3U);
    ASSERT_OK(db->truncate_log(driver.head() / 2));
    EXPECT_EQ(maintained_leaves(*db->read_view(), {}), hashed_log(*db->read_view()));
    ASSERT_OK(db->start_generation(test_bundle()));
    ASSERT_OK(db->publish_generation());
    expect_digests_hold(*db);
    EXPECT_TRUE(db->read_view()->digest_root({0})->is_zero());
}

/// A tall and sparse log touches every level.
TEST_P(DigestTreeTest, FillsAndRepairsFarApartKeepThem) {
    auto db = must_open(dir_.sub("db"), create_options());
    std::mt19937_64 random{seed_};
    std::set<uint64_t> blocks;
    while (blocks.size() < 60) {
        blocks.insert(random() >> (24 + random() % 40));
    }
    const auto batch = db->make_batch();
    const auto append = [&](uint64_t block, uint64_t fork) {
        batch->append_block(make_block(block, 1));
        const TestLog log = make_log(block, 0, fork);
        batch->append_log(log.log, log.data);
    };
    for (const uint64_t block : blocks) {
        append(block, 0);
    }
    batch->set_cursor(*blocks.rbegin(), {}, 0);
    batch->set_finalized(*blocks.rbegin());
    ASSERT_OK(db->commit(*batch, Durability::kBuffered));
    expect_digests_hold(*db);
    for (const uint64_t block : blocks) {
        if (random() % 3 == 0) {
            append(block, 1);
        } else if (random() % 3 == 0) {
            batch->remove_log(block, 0);
            batch->append_block(make_block(block, 0));
        }
    }
    ASSERT_OK(db->commit(*batch, Durability::kBuffered));
    expect_digests_hold(*db);
    for (const uint64_t block : blocks) {
        const TestLog log = make_log(block, 5);
        batch->append_log(log.log, log.data);
    }
    ASSERT_OK(db->commit(*batch, Durability::kBuffered));
    expect_digests_hold(*db);
}

INSTANTIATE_TEST_SUITE_P(Seeds, DigestTreeTest, testing::Values(1, 2));

std::unique_ptr<Database> make_small(const std::string& path) {
    auto db = must_open(path, create_options());
    const RowCodec codec{test_bundle().entities[0]};
    const auto batch = db->make_batch();
    for (uint64_t block = 1; block <= 40; ++block) {
        batch->append_block(make_block(block, 1));
        const TestLog log = make_log(block, 0);
        batch->append_log(log.log, log.data);
        batch->change_row(0, user_key(block), "", user_row(codec, 1, "n", 1, {block, 0}), {});
    }
    batch->set_cursor(40, {}, 0);
    batch->set_finalized(40);
    EXPECT_OK(db->commit(*batch, Durability::kSync));
    return db;
}

TEST(DigestRepairTest, MendedBytesFitTheDigestThatWasKeptAllAlong) {
    const TempDir dir;
    make_small(dir.sub("db")).reset();
    {
        const auto raw = RawAccess::open(dir.sub("db"));
        ASSERT_OK(raw);
        ASSERT_OK((*raw)->flip_value_bit("log", *(*raw)->pick_key("log", 1), 300));
        ASSERT_OK((*raw)->remove("log", (*raw)->list_keys("log")->at(20)));
        ASSERT_OK((*raw)->remove("blocks", (*raw)->list_keys("blocks")->at(7)));
    }
    const auto db = must_open(dir.sub("db"), open_options());
    const auto kept = maintained_leaves(*db->read_view(), {});
    const auto batch = db->make_batch();
    for (uint64_t block = 1; block <= 40; ++block) {
        batch->append_block(make_block(block, 1));
        const TestLog log = make_log(block, 0);
        batch->append_log(log.log, log.data);
    }
    batch->require_refold();
    ASSERT_OK(db->commit(*batch, Durability::kSync));
    expect_digests_hold(*db);
    EXPECT_EQ(maintained_leaves(*db->read_view(), {}), kept);
    EXPECT_EQ(db->cursor()->event_count, 40U);
    EXPECT_EQ(db->read_view()->block_row_count(), 40U);
}

TEST(DigestRepairTest, DamagedDigestsAreMadeAnew) {
    const TempDir dir;
    make_small(dir.sub("db")).reset();
    {
        const auto raw = RawAccess::open(dir.sub("db"));
        ASSERT_OK(raw);
        const auto keys = (*raw)->list_keys("log_digest");
        ASSERT_EQ(keys->size(), 7U) << "three pages and four nodes above them";
        ASSERT_OK((*raw)->flip_value_bit("log_digest", keys->at(0), 1));
        ASSERT_OK((*raw)->flip_value_bit("log_digest", keys->at(5), 30));
        ASSERT_OK((*raw)->remove("log_digest", keys->at(2)));
    }
    const auto db = must_open(dir.sub("db"), open_options());
    JournalRow why;
    why.kind = "digests renewed";
    ASSERT_OK(db->rebuild_log_digest(&why));
    const auto journal = db->read_view()->list_journal(0, 10);
    ASSERT_OK(journal);
    ASSERT_EQ(journal->size(), 1U);
    EXPECT_EQ(journal->front().kind, "digests renewed");
    expect_digests_hold(*db);
    EXPECT_EQ(db->cursor()->event_count, 40U);
    EXPECT_EQ(db->read_view()->block_row_count(), 40U);
    EXPECT_EQ(db->cursor()->block_num, 40U);
}

TEST(DigestRepairTest, AChangeUponADamagedRowDoesNotHideTheDamage) {
    const TempDir dir;
    make_small(dir.sub("db")).reset();
    {
        const auto raw = RawAccess::open(dir.sub("db"));
        ASSERT_OK(raw);
        ASSERT_OK((*raw)->flip_value_bit("entity.user", user_key(3), 8 * 40));
    }
    const auto db = must_open(dir.sub("db"), open_options());
    std::string row;
    ASSERT_TRUE(*db->latest_row(0, user_key(3), row));
    std::string changed = row;
    RowCodec::set_changed_at(changed, {41, 0});
    const auto batch = db->make_batch();
    batch->change_row(0, user_key(3), row, changed, {});
    ASSERT_OK(db->commit(*batch, Durability::kSync));
    const auto view = db->read_view();
    EXPECT_NE(maintained_leaves(*view, {0}), hashed_rows(*view, 0));
}

}  // namespace
}  // namespace plumbline::storage::digest_test
