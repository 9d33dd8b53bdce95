// Taking much away: a cut goes in commits of bounded size, each of which leaves a log that never
// went further, and nobody who reads waits for the disk.
#include <chrono>
#include <functional>
#include <future>
#include <set>
#include <thread>

#include "storage/commit_batch.hpp"
#include "storage/read_view.hpp"
#include "tests/storage/digest_check.hpp"
#include "tests/storage/fault_fs.hpp"

namespace plumbline::storage::cut_test {
namespace {

using namespace plumbline::storage::test;  // NOLINT(google-build-using-namespace)

/// Blocks `from` to `to` with `events` logs each, a child in each, in one commit.
void commit_blocks(Database& db, uint64_t from, uint64_t to, uint32_t events, uint64_t fork = 0) {
    const auto batch = db.make_batch();
    for (uint64_t block = from; block <= to; ++block) {
        batch->append_block(make_block(block, events, fork));
        for (uint32_t i = 0; i < events; ++i) {
            const TestLog log = make_log(block, i, fork);
            batch->append_log(log.log, log.data);
        }
        batch->append_child({"vault", address_of(block), block, 0});
    }
    batch->extend_coverage({"src", {from, to}, "node", ProofLevel::kLinked});
    batch->set_cursor(to, hash_of(to, fork), make_block(to, 0).timestamp);
    batch->set_finalized(to);
    ASSERT_OK(db.commit(*batch, Durability::kBuffered));
}

std::vector<std::string> content(const Database& db) {
    auto lines = dump_lines(db);
    EXPECT_OK(lines);
    return *lines;
}

TEST(CutTest, TakesManyRowsAwayInSmallCommits) {
    const TempDir dir;
    FaultEnv fault;
    OpenOptions options = create_options();
    options.env = fault.env.get();
    options.tiny_buffers = false;
    options.memory_bytes = size_t{64} << 20;
    auto db = must_open(dir.sub("db"), options);
    for (uint64_t from = 1; from < 30'000; from += 1'000) {
        commit_blocks(*db, from, from + 999, 8);
    }
    ASSERT_OK(db->sync());
    ASSERT_EQ(db->cursor()->event_count, 240'000U);
    auto before = db->read_view();
    const uint64_t commit = db->cursor()->commit_num;
    ASSERT_OK(db->truncate_log(10));
    // 20,000 rows of a family each.
    EXPECT_GE(db->cursor()->commit_num - commit, 12U);
    EXPECT_LE(db->cursor()->commit_num - commit, 14U);
    EXPECT_EQ(db->cursor()->event_count, 80U);
    EXPECT_EQ(db->read_view()->block_row_count(), 10U);
    EXPECT_EQ(db->children()->size(), 10U);
    EXPECT_FALSE(db->read_view()->scan_logs(11, UINT64_MAX)->valid());
    EXPECT_EQ(before->list_blocks(1, 30'000)->size(), 30'000U) << "a view from before keeps all";
    expect_digests_hold(*db);
    before.reset();
    // And the end may grow again.
    commit_blocks(*db, 11, 40, 3, 1);
    expect_digests_hold(*db);
    db.reset();
    db = must_open(dir.sub("db"), open_options());
    EXPECT_EQ(db->cursor()->event_count, 170U);
    expect_digests_hold(*db);
}

TEST(CutTest, EqualsALogThatNeverWentFurther) {
    const TempDir dir;
    for (const uint64_t target : {uint64_t{15}, uint64_t{16}, uint64_t{4'095}, uint64_t{4'096}}) {
        SCOPED_TRACE(target);
        auto cut = must_open(dir.sub("cut" + std::to_string(target)), create_options());
        auto straight = must_open(dir.sub("straight" + std::to_string(target)), create_options());
        commit_blocks(*cut, 1, target, 1);
        commit_blocks(*straight, 1, target, 1);
        commit_blocks(*cut, target + 1, target + 4'200, 1);  // Past a node of 4,096 blocks.
        ASSERT_OK(cut->truncate_log(target));
        ASSERT_OK(straight->truncate_log(target));
        expect_same(content(*cut), content(*straight));
        expect_digests_hold(*cut);
    }
}

TEST(CutTest, ABlockWithMoreRowsThanACommitTakesGoesAsAWhole) {
    const TempDir dir;
    auto db = must_open(dir.sub("db"), create_options());  // Eight rows a commit.
    commit_blocks(*db, 1, 3, 2);
    commit_blocks(*db, 4, 4, 50);
    commit_blocks(*db, 5, 5, 20);
    ASSERT_OK(db->truncate_log(2));
    EXPECT_EQ(db->cursor()->block_num, 2U);
    EXPECT_EQ(db->cursor()->event_count, 4U);
    expect_digests_hold(*db);
}

TEST(CutTest, LeavesALogThatNeverWentFurtherWhereverTheProcessDies) {
    bool survived = false;
    std::set<uint64_t> stops;
    for (uint64_t op = 1; !survived; ++op) {
        SCOPED_TRACE(op);
        const TempDir dir;
        FaultEnv fault;
        OpenOptions options = create_options();
        options.env = fault.env.get();
        auto db = must_open(dir.sub("db"), options);
        commit_blocks(*db, 1, 100, 2);
        ASSERT_OK(db->sync());
        const std::vector<std::string> before = content(*db);
        fault.files->die_after(op);
        survived = db->truncate_log(40).has_value() && fault.files->faults_injected() == 0;
        db.reset();
        fault.files->cut_power(op);
        db = must_open(dir.sub("db"), options);
        const uint64_t head = db->cursor()->block_num;
        EXPECT_TRUE(head >= 40 && head <= 100) << head;
        stops.insert(head);
        EXPECT_EQ(db->cursor()->event_count, head * 2);
        EXPECT_EQ(db->needs_refold(), head != 100);
        if (head == 100) {
            expect_same(content(*db), before);
        }
        expect_digests_hold(*db);
        ASSERT_OK(db->truncate_log(40));
        EXPECT_EQ(db->cursor()->event_count, 80U);
        expect_digests_hold(*db);
    }
    EXPECT_GT(stops.size(), 3U) << "no death on the way";
}

TEST(CutTest, ARollbackThatWouldRestoreTooMuchIsLeftToAFold) {
    const TempDir dir;
    OpenOptions options = create_options();
    options.tiny_buffers = false;
    options.memory_bytes = size_t{64} << 20;
    const auto db = must_open(dir.sub("db"), options);
    const RowCodec codec{test_bundle().entities[0]};
    for (uint64_t block = 1; block <= 26; ++block) {
        const auto batch = db->make_batch();
        batch->append_block(make_block(block, 0));
        for (uint64_t i = 0; i < 10'000; ++i) {
            const uint64_t id = block * 10'000 + i;
            batch->change_row(0, user_key(id), "", user_row(codec, 1, "n", 1, {block, 0}), block);
        }
        batch->set_cursor(block, hash_of(block), block);
        ASSERT_OK(db->commit(*batch, Durability::kBuffered));
    }
    EXPECT_ERROR(db->rollback(0), ErrorCode::kNotFound);
    EXPECT_EQ(db->cursor()->block_num, 26U);
    EXPECT_EQ(db->entity_count(0), 260'000U);
    ASSERT_OK(db->rollback(24));
    EXPECT_EQ(db->entity_count(0), 240'000U);
    expect_digests_hold(*db);
}

/// Runs `write` on a thread of its own while syncs hang, and `read` beside it: it must come back.
void expect_readers_go_on(FaultEnv& fault, const std::function<Status()>& write,
                          const std::function<void()>& read) {
    fault.files->hang_syncs();
    auto written = std::async(std::launch::async, write);
    fault.files->await_hanging_sync();
    auto done = std::async(std::launch::async, read);
    // A guard against waiting for ever, no measure of speed.
    EXPECT_EQ(done.wait_for(std::chrono::seconds{60}), std::future_status::ready)
        << "a reader waits for the disk";
    fault.files->release_syncs();
    done.get();
    ASSERT_OK(written.get());
}

TEST(ReadersTest, DoNotWaitForASyncThatHangs) {
    const TempDir dir;
    FaultEnv fault;
    OpenOptions options = create_options();
    options.env = fault.env.get();
    options.tiny_buffers = false;
    const auto db = must_open(dir.sub("db"), options);
    commit_blocks(*db, 1, 50, 2);
    const auto look = [&] {
        const auto view = db->read_view();
        EXPECT_TRUE(view->cursor().has_value());
        EXPECT_EQ(view->entity_count(0), db->entity_count(0));
        EXPECT_TRUE(db->cursor().has_value());
        EXPECT_OK(db->children());
        EXPECT_OK(db->coverage());
        EXPECT_EQ(db->bundle().fingerprint, "fp-1");
    };
    const std::pair<const char*, std::function<Status()>> writes[] = {
        {"sync", [&] { return db->sync(); }},
        {"commit",
         [&]() -> Status {
             const auto batch = db->make_batch();
             batch->append_block(make_block(51, 0));
             batch->change_row(0, user_key(1), "",
                               user_row(RowCodec{test_bundle().entities[0]}, 1, "n", 1, {51, 0}),
                               51);
             batch->set_cursor(51, hash_of(51), 51);
             return db->commit(*batch, Durability::kSync);
         }},
        {"rollback", [&] { return db->rollback(50); }},
        {"truncate", [&] { return db->truncate_log(20); }},
        {"start a generation", [&] { return db->start_generation(test_bundle()); }},
        {"publish a generation", [&] { return db->publish_generation(); }},
        {"rebuild digests", [&] { return db->rebuild_log_digest(); }},
    };
    for (const auto& [name, write] : writes) {
        SCOPED_TRACE(name);
        expect_readers_go_on(fault, write, look);
    }
    expect_digests_hold(*db);
}

}  // namespace
}  // namespace plumbline::storage::cut_test
