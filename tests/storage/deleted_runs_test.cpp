// Pages over rows that were deleted: an iterator must not have to walk past what once was. Counted
// in keys that RocksDB skips, so that nothing depends on the machine.
#include <rocksdb/perf_context.h>
#include <rocksdb/perf_level.h>

#include "core/base/sleep.hpp"
#include "storage/commit_batch.hpp"
#include "storage/deleted_keys.hpp"
#include "storage/deleted_run_compactor.hpp"
#include "storage/read_view.hpp"
#include "tests/storage/storage_test_util.hpp"

namespace plumbline::storage::deleted_runs_test {
namespace {

using namespace plumbline::storage::test;  // NOLINT(google-build-using-namespace)

constexpr size_t kByName = 0;  // the first index of "user"
constexpr uint64_t kRowsPerCommit = 500;

/// Rows of "user" that come and go, and what a first page of them costs.
class DeletedRunsTest : public testing::TestWithParam<bool> {
  protected:
    DeletedRunsTest() {
        OpenOptions options = create_options();
        options.tiny_buffers = GetParam();
        db_ = must_open(dir_.sub("db"), options);
        rocksdb::SetPerfLevel(rocksdb::PerfLevel::kEnableCount);
    }
    ~DeletedRunsTest() override { rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable); }

    [[nodiscard]] std::string row_of(uint64_t id) const {
        return user_row(codec_, 1, "name" + std::to_string(1'000'000 + id), 5, {1, 0});
    }
    /// `step` 1: all of them.
    void change(uint64_t from, uint64_t to, bool is_put, uint64_t step = 1,
                Durability durability = Durability::kBuffered) {
        const auto batch = db_->make_batch();
        uint64_t in_batch = 0;
        for (uint64_t id = from; id < to; id += step) {
            batch->change_row(0, user_key(id), is_put ? "" : row_of(id), is_put ? row_of(id) : "",
                              std::nullopt);
            if (++in_batch % kRowsPerCommit == 0 || id + step >= to) {
                ASSERT_OK(db_->commit(*batch, durability));
            }
        }
    }
    struct Page {
        size_t rows = 0;
        uint64_t skipped = 0;
    };
    [[nodiscard]] Page first_page(bool by_index, std::string_view after = "") const {
        const auto view = db_->read_view();
        rocksdb::get_perf_context()->Reset();
        Page page;
        const auto scan =
            by_index ? view->scan_index(0, kByName, "", after) : view->scan_entity(0, "", after);
        for (; scan->valid() && page.rows < 10; scan->next()) {
            ++page.rows;
        }
        EXPECT_OK(scan->status());
        page.skipped = rocksdb::get_perf_context()->internal_delete_skipped_count;
        return page;
    }
    /// Waits until pages are short, which the compactor must bring about.
    void expect_short_pages(size_t rows) {
        for (const bool by_index : {false, true}) {
            Page page = first_page(by_index);
            for (int i = 0; i < 4'000 && page.skipped > kDeletedRunMin; ++i) {
                sleep_ms(5);
                page = first_page(by_index);
            }
            EXPECT_LE(page.skipped, kDeletedRunMin) << (by_index ? "by index" : "by key");
            EXPECT_EQ(page.rows, rows);
        }
    }
    void await_looks(const DeletedRunCompactor& compactor, uint64_t looks) {
        for (int i = 0; i < 4'000 && compactor.looked() < looks; ++i) {
            sleep_ms(5);
        }
        ASSERT_GE(compactor.looked(), looks);
    }

    TempDir dir_;
    RowCodec codec_{test_bundle().entities[0]};
    std::unique_ptr<Database> db_;
};

TEST_P(DeletedRunsTest, TheFirstPageOfAQueueIsShortAfterAllWereServed) {
    const DeletedRunCompactor compactor{*db_};
    change(0, 10'020, true);
    change(0, 10'000, false);
    expect_short_pages(10);
    EXPECT_GT(compactor.compacted(), 0U);
    EXPECT_OK(db_->sync());
}

TEST_P(DeletedRunsTest, ItStaysShortWhileRowsComeAndGo) {
    const DeletedRunCompactor compactor{*db_};
    for (uint64_t id = 0; id < 30'000; id += 1'000) {
        change(id, id + 1'000, true);
        if (id >= 2'000) {
            change(id - 2'000, id - 1'000, false);
        }
    }
    expect_short_pages(10);
}

TEST_P(DeletedRunsTest, ARunInTheMiddleIsFoundByWhatWasDeletedThere) {
    const DeletedRunCompactor compactor{*db_};
    change(0, 20'000, true);
    change(5'000, 15'000, false);
    const std::string before = user_key(4'998);
    Page page = first_page(false, before);
    for (int i = 0; i < 4'000 && page.skipped > kDeletedRunMin; ++i) {
        sleep_ms(5);
        page = first_page(false, before);
    }
    EXPECT_LE(page.skipped, kDeletedRunMin) << compactor.looked() << " looks";
    EXPECT_EQ(page.rows, 10U);
    EXPECT_GT(compactor.compacted(), 0U);
}

TEST_P(DeletedRunsTest, WhatWasDeletedBeforeItCameIsFoundAtTheFront) {
    change(0, 10'020, true);
    change(0, 10'000, false);
    ASSERT_GT(first_page(false).skipped + first_page(true).skipped, kDeletedRunMin)
        << "nothing to be mended: the test shows nothing";
    const DeletedRunCompactor compactor{*db_};
    expect_short_pages(10);
}

TEST_P(DeletedRunsTest, DeletesBetweenRowsAreLeftToRocksDB) {
    const DeletedRunCompactor compactor{*db_};
    change(0, 20'000, true);
    await_looks(compactor, 5);  // at the front of each family
    change(0, 20'000, false, 2);
    await_looks(compactor, 6);
    EXPECT_EQ(compactor.compacted(), 0U);
    EXPECT_EQ(first_page(false).rows, 10U);
}

TEST_P(DeletedRunsTest, AnEmptiedTableIsShortToo) {
    const DeletedRunCompactor compactor{*db_};
    change(0, 10'000, true);
    change(0, 10'000, false);
    expect_short_pages(0);
}

INSTANTIATE_TEST_SUITE_P(Buffers, DeletedRunsTest, testing::Bool());

TEST(DeletedKeysTest, NotesNothingWhileNobodyLooks) {
    DeletedKeys keys;
    keys.note_key(1, "a");
    EXPECT_TRUE(keys.take_due().empty());
    keys.open();
    keys.note_key(1, "a");
    EXPECT_TRUE(keys.wait_until_due());
    const auto due = keys.take_due();
    ASSERT_EQ(due.size(), 1U);
    EXPECT_EQ(due[0].id, 1U);
    EXPECT_EQ(due[0].keys, std::vector<std::string>{"a"});
    EXPECT_TRUE(keys.take_due().empty());
    keys.note_key(2, "b");
    keys.close();
    EXPECT_FALSE(keys.wait_until_due());
    EXPECT_TRUE(keys.take_due().empty());
}

TEST(DeletedKeysTest, KeepsABoundedNumberOfKeys) {
    DeletedKeys keys;
    keys.open();
    for (int i = 0; i < 100; ++i) {
        keys.note_key(1, "key" + std::to_string(i));
    }
    const auto due = keys.take_due();
    ASSERT_EQ(due.size(), 1U);
    EXPECT_EQ(due[0].keys.size(), 16U);
}

}  // namespace
}  // namespace plumbline::storage::deleted_runs_test
