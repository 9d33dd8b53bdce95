// What callers of a batch and of a commit must never do ends the process instead of a database that
// is wrong: each rule is broken once on purpose.
#include <string>

#include "storage/commit_batch.hpp"
#include "storage/read_view.hpp"
#include "storage/writer_role.hpp"
#include "tests/storage/chain_driver.hpp"

namespace plumbline::storage::invariants_test {
namespace {

using namespace plumbline::storage::test;  // NOLINT(google-build-using-namespace)

class StorageInvariantDeathTest : public testing::Test {
  protected:
    TempDir dir_;
    std::unique_ptr<Database> db_ = must_open(dir_.sub("db"), create_options());
    std::unique_ptr<CommitBatch> batch_ = db_->make_batch();

    void append(uint64_t block_num, uint32_t log_index) {
        const TestLog log = make_log(block_num, log_index);
        batch_->append_log(log.log, log.data);
    }
    std::string row(uint64_t block_num) {
        const RowCodec codec{test_bundle().entities[0]};
        return user_row(codec, 1, "x", 0, {block_num, 0});
    }
};

TEST_F(StorageInvariantDeathTest, NewLogsComeInAscendingOrder) {
    append(5, 1);
    append(5, 2);
    EXPECT_DEATH(append(5, 1), "ascending order");
    EXPECT_DEATH(append(4, 9), "ascending order");
}

TEST_F(StorageInvariantDeathTest, NewBlockRowsComeInAscendingOrder) {
    batch_->append_block(make_block(5, 0));
    EXPECT_DEATH(batch_->append_block(make_block(4, 0)), "ascending order");
}

TEST_F(StorageInvariantDeathTest, OnlyARollbackTakesTheCursorBack) {
    batch_->append_block(make_block(5, 0));
    batch_->set_cursor(5, hash_of(5), 50);
    ASSERT_OK(db_->commit(*batch_, Durability::kSync));
    batch_->set_cursor(4, hash_of(4), 40);
    EXPECT_DEATH(static_cast<void>(db_->commit(*batch_, Durability::kSync)),
                 "only a rollback takes the cursor back");
}

TEST_F(StorageInvariantDeathTest, UndoComesInAscendingOrderOfBlocks) {
    batch_->change_row(0, user_key(1), "", row(5), 5);
    batch_->change_row(0, user_key(1), row(5), row(6), 6);
    EXPECT_DEATH(batch_->change_row(0, user_key(2), "", row(5), 5), "ascending order of blocks");
}

TEST_F(StorageInvariantDeathTest, ARowHasAKey) {
    EXPECT_DEATH(batch_->change_row(0, "", "", row(5), 5), "belongs to the watermark");
}

TEST_F(StorageInvariantDeathTest, ARangeOfCoverageHoldsABlock) {
    EXPECT_DEATH(batch_->extend_coverage({"src", {5, 4}, "node", ProofLevel::kFetched}),
                 "holds a block");
}

TEST_F(StorageInvariantDeathTest, ABatchBelongsToItsDatabase) {
    const auto other = must_open(dir_.sub("other"), create_options());
    append(1, 0);
    EXPECT_DEATH(static_cast<void>(other->commit(*batch_, Durability::kSync)),
                 "to the database that made it");
}

#if !defined(NDEBUG) || defined(PLUMBLINE_ASSERTIONS)
TEST_F(StorageInvariantDeathTest, ARowHasOneUndoABlock) {
    batch_->change_row(0, user_key(1), "", row(5), 5);
    EXPECT_DEATH(batch_->change_row(0, user_key(1), row(5), row(6), 5), "note_undo");
}
#endif

/// What clang would refuse to compile, were it allowed to look.
void enter_twice(WriterRole& role) PLUMBLINE_NO_THREAD_SAFETY_ANALYSIS {
    role.enter();
    role.enter();
}

TEST(WriterRoleDeathTest, OneCallAtATimeHasIt) {
    WriterRole role;
    EXPECT_DEATH(enter_twice(role), "one call at a time");
    { const WriterScope first{role}; }
    const WriterScope again{role};
    role.assert_taken();
}

}  // namespace
}  // namespace plumbline::storage::invariants_test
