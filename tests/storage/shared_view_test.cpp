#include "storage/shared_view.hpp"

#include <memory>

#include "storage/commit_batch.hpp"
#include "storage/view_coverage.hpp"
#include "tests/storage/storage_test_util.hpp"

namespace plumbline::storage::shared_view_test {
namespace {

using namespace plumbline::storage::test;  // NOLINT(google-build-using-namespace)

void commit_row(Database& db, uint64_t block_num) {
    const RowCodec codec{test_bundle().entities[0]};
    const auto batch = db.make_batch();
    batch->append_block(make_block(block_num, 1));
    batch->change_row(0, user_key(block_num), "", user_row(codec, 1, "somebody", 1, {1, 1}), {});
    batch->set_cursor(block_num, hash_of(block_num), block_num);
    ASSERT_OK(db.commit(*batch, Durability::kBuffered));
}

TEST(ViewCoverageTest, IsThatOfTheStateThatTheViewShows) {
    const TempDir dir;
    const auto db = must_open(dir.sub("db"), create_options());
    const auto cover = [&](const CoverageRow& row) {
        const auto batch = db->make_batch();
        batch->append_block(make_block(row.range.to, 0));
        batch->extend_coverage(row);
        batch->set_cursor(row.range.to, hash_of(row.range.to), row.range.to);
        ASSERT_OK(db->commit(*batch, Durability::kBuffered));
    };
    const auto empty = db->read_view();
    cover({"a", {1, 5}, "one", ProofLevel::kFetched});
    const auto first = db->read_view();
    cover({"b", {6, 9}, "two", ProofLevel::kLinked});
    EXPECT_EQ(coverage_of(*empty)->size(), 0U);
    EXPECT_EQ(*coverage_of(*first),
              (std::vector<CoverageRow>{{"a", {1, 5}, "one", ProofLevel::kFetched}}));
    EXPECT_EQ(*coverage_of(*db->read_view()), *db->coverage());
}

TEST(SharedViewTest, IsOneUntilSomethingIsWrittenAndThenShowsThat) {
    const TempDir dir;
    const auto db = must_open(dir.sub("db"), create_options());
    const auto empty = shared_view(*db);
    EXPECT_FALSE(empty->cursor().has_value());
    commit_row(*db, 1);
    const auto first = shared_view(*db);
    EXPECT_EQ(first, shared_view(*db));
    EXPECT_EQ(first->cursor(), db->cursor());
    commit_row(*db, 2);
    const auto second = shared_view(*db);
    EXPECT_NE(first, second);
    EXPECT_EQ(second->cursor(), db->cursor());
    EXPECT_OK(second->get_row(0, user_key(2)));
    // Whoever still reads by the first sees what was then.
    EXPECT_EQ(first->cursor()->block_num, 1U);
    EXPECT_ERROR(first->get_row(0, user_key(2)), ErrorCode::kNotFound);
}

TEST(SharedViewTest, IsNotHeldOnceSomethingIsWritten) {
    const TempDir dir;
    const auto db = must_open(dir.sub("db"), create_options());
    commit_row(*db, 1);
    const std::weak_ptr<const ReadView> held = shared_view(*db);
    EXPECT_FALSE(held.expired());
    commit_row(*db, 2);
    EXPECT_TRUE(held.expired());
}

TEST(SharedViewTest, IsOfThePublishedGeneration) {
    const TempDir dir;
    const auto db = must_open(dir.sub("db"), create_options());
    commit_row(*db, 1);
    ASSERT_OK(db->start_generation(test_bundle()));
    const auto old = shared_view(*db);
    EXPECT_OK(old->get_row(0, user_key(1)));
    ASSERT_OK(db->publish_generation());
    EXPECT_ERROR(shared_view(*db)->get_row(0, user_key(1)), ErrorCode::kNotFound);
    EXPECT_OK(old->get_row(0, user_key(1)));
}

}  // namespace
}  // namespace plumbline::storage::shared_view_test
