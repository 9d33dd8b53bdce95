#include "storage/database.hpp"

#include "storage/commit_batch.hpp"
#include "storage/read_view.hpp"
#include "tests/storage/storage_test_util.hpp"

namespace plumbline::storage::database_test {
namespace {

using namespace plumbline::storage::test;  // NOLINT(google-build-using-namespace)

TEST(DatabaseTest, KeepsWhatACommitHeld) {
    const TempDir dir;
    const std::string path = dir.sub("db");
    const RowCodec codec{test_bundle().entities[0]};
    std::vector<TestLog> logs;
    {
        const auto db = must_open(path, create_options());
        EXPECT_FALSE(db->cursor().has_value());
        const auto batch = db->make_batch();
        for (uint64_t block = 1; block <= 20; ++block) {
            batch->append_block(make_block(block, 3));
            for (uint32_t i = 0; i < 3; ++i) {
                logs.push_back(make_log(block, i));
                batch->append_log(logs.back().log, logs.back().data);
            }
        }
        batch->change_row(0, user_key(7), "", user_row(codec, 1, "alice", -5, {3, 1}), {});
        batch->quarantine({9, 2, "hub.Odd", "no such user"});
        batch->append_child({"vault", address_of(5), 4, 1});
        batch->extend_coverage({"src", {1, 20}, "anvil", ProofLevel::kLinked});
        batch->set_cursor(20, hash_of(20), 77);
        ASSERT_OK(db->commit(*batch, Durability::kSync));
        EXPECT_TRUE(batch->empty());
    }
    const auto db = must_open(path, open_options());
    ASSERT_TRUE(db->cursor().has_value());
    EXPECT_EQ(db->cursor()->block_num, 20U);
    EXPECT_EQ(db->cursor()->block_hash, hash_of(20));
    EXPECT_EQ(db->cursor()->timestamp, 77U);
    EXPECT_EQ(db->cursor()->event_count, 60U);
    EXPECT_EQ(db->entity_count(0), 1U);
    EXPECT_EQ(db->quarantine_count(), 1U);
    EXPECT_EQ(db->bundle(), test_bundle());
    EXPECT_EQ(db->identity(), test_identity());
    const auto view = db->read_view();
    EXPECT_EQ(view->cursor(), db->cursor());
    EXPECT_EQ(view->block_row_count(), 20U);
    const auto scan = view->scan_logs(1, 20);
    size_t seen = 0;
    for (; scan->valid(); scan->next(), ++seen) {
        const LogRecord& record = scan->record();
        const TestLog& wanted = logs.at(seen);
        EXPECT_EQ(record.log.block_num, wanted.log.block_num);
        EXPECT_EQ(record.log.log_index, wanted.log.log_index);
        EXPECT_EQ(record.log.txn_index, wanted.log.txn_index);
        EXPECT_EQ(record.log.txn_hash, wanted.log.txn_hash);
        EXPECT_EQ(record.log.address, wanted.log.address);
        EXPECT_EQ(record.log.topic_count, wanted.log.topic_count);
        EXPECT_EQ(record.log.topics, wanted.log.topics);
        EXPECT_TRUE(equal(record.data, wanted.data));
    }
    ASSERT_OK(scan->status());
    EXPECT_EQ(seen, 60U);
    const auto row = view->get_row(0, user_key(7));
    ASSERT_OK(row);
    EXPECT_EQ(codec.raw(*row, 1), "alice");
    EXPECT_EQ(codec.word(*row, 2), evm::negate(evm::U256{5}));
    EXPECT_ERROR(view->get_row(0, user_key(8)), ErrorCode::kNotFound);
    ASSERT_OK(db->children());
    EXPECT_EQ(*db->children(), (std::vector<ChildRow>{{"vault", address_of(5), 4, 1}}));
    EXPECT_EQ(*db->coverage(),
              (std::vector<CoverageRow>{{"src", {1, 20}, "anvil", ProofLevel::kLinked}}));
    EXPECT_EQ(*view->list_quarantine(10),
              (std::vector<QuarantineRow>{{9, 2, "hub.Odd", "no such user"}}));
    EXPECT_EQ(*view->get_block(5), make_block(5, 3));
    EXPECT_EQ(view->list_blocks(5, 6)->size(), 2U);
}

TEST(DatabaseTest, OneLogOrChildIsLookedUpWithoutReadingOthers) {
    const TempDir dir;
    const auto db = must_open(dir.sub("db"), create_options());
    const auto batch = db->make_batch();
    const TestLog log = make_log(7, 3);
    batch->append_log(log.log, log.data);
    batch->append_block(make_block(7, 1));
    batch->append_child({"vault", address_of(1), 7, 3});
    batch->set_cursor(7, hash_of(7), 1);
    ASSERT_OK(db->commit(*batch, Durability::kSync));
    const auto view = db->read_view();
    EXPECT_TRUE(*view->has_log(7, 3));
    EXPECT_FALSE(*view->has_log(7, 2));
    EXPECT_FALSE(*view->has_log(8, 3));
    EXPECT_TRUE(*view->has_child({"vault", address_of(1), 7, 3}));
    EXPECT_FALSE(*view->has_child({"vault", address_of(2), 7, 3}));
    EXPECT_FALSE(*view->has_child({"vault", address_of(1), 7, 4}));
    EXPECT_FALSE(*view->has_child({"other", address_of(1), 7, 3}));
}

}  // namespace
}  // namespace plumbline::storage::database_test
