// What repairs lean on: the log mended in one commit, corrections, the journal, records of proofs,
// and levels of blocks.
#include "storage/read_view.hpp"
#include "tests/storage/chain_driver.hpp"

namespace plumbline::storage::repair_test {
namespace {

using namespace plumbline::storage::test;  // NOLINT(google-build-using-namespace)

void append_block_with(CommitBatch& batch, uint64_t block_num, const std::vector<uint32_t>& logs,
                       uint64_t fork = 0) {
    batch.append_block(make_block(block_num, static_cast<uint32_t>(logs.size())));
    for (const uint32_t index : logs) {
        const TestLog log = make_log(block_num, index, fork);
        batch.append_log(log.log, log.data);
    }
}

void set_cursor(CommitBatch& batch, uint64_t block_num) {
    batch.set_cursor(block_num, hash_of(block_num), make_block(block_num, 0).timestamp);
}

/// Blocks 1 to `blocks` with logs 0 to 2 each, all final.
std::unique_ptr<Database> make_chain(const std::string& path, uint64_t blocks) {
    auto db = must_open(path, create_options());
    const auto batch = db->make_batch();
    for (uint64_t block = 1; block <= blocks; ++block) {
        append_block_with(*batch, block, {0, 1, 2});
    }
    set_cursor(*batch, blocks);
    batch->set_finalized(blocks);
    EXPECT_OK(db->commit(*batch, Durability::kSync));
    return db;
}

std::vector<std::string> log_lines(const Database& db) {
    DumpOptions options;
    options.want = [](std::string_view family) {
        return family == "log" || family == "blocks" || family == "log_digest";
    };
    return *dump_lines(db, options);
}

std::vector<std::pair<uint64_t, uint32_t>> places(const Database& db) {
    std::vector<std::pair<uint64_t, uint32_t>> out;
    const auto view = db.read_view();
    const auto scan = view->scan_logs(0, UINT64_MAX);
    for (; scan->valid(); scan->next()) {
        out.emplace_back(scan->record().log.block_num, scan->record().log.log_index);
    }
    EXPECT_OK(scan->status());
    return out;
}

TEST(RepairTest, LogsAreRemovedReplacedAndInsertedInOneCommit) {
    const TempDir dir;
    auto db = make_chain(dir.sub("db"), 4);
    const Cursor before = *db->cursor();
    {
        const auto batch = db->make_batch();
        batch->remove_log(2, 1);
        const TestLog other = make_log(3, 2, 9);
        batch->append_log(other.log, other.data);
        const TestLog fresh = make_log(3, 7);
        batch->append_log(fresh.log, fresh.data);
        batch->append_block(make_block(2, 2));
        batch->append_block(make_block(3, 4));
        batch->require_refold();
        EXPECT_FALSE(db->needs_refold());
        ASSERT_OK(db->commit(*batch, Durability::kSync));
    }
    EXPECT_TRUE(db->needs_refold());
    EXPECT_EQ(db->cursor()->block_num, before.block_num);
    EXPECT_EQ(db->cursor()->block_hash, before.block_hash);
    EXPECT_EQ(db->cursor()->event_count, 12U);
    const auto found = places(*db);
    EXPECT_EQ(found.size(), 12U);
    EXPECT_FALSE(std::ranges::count(found, std::pair{uint64_t{2}, 1U}));
    EXPECT_TRUE(std::ranges::count(found, std::pair{uint64_t{3}, 7U}));
    EXPECT_EQ(db->read_view()->get_block(2)->event_count, 2U);

    db.reset();
    db = must_open(dir.sub("db"), open_options());
    EXPECT_TRUE(db->needs_refold()) << "a crash before the fold must not hide that it is due";
    EXPECT_EQ(db->lost_blocks(), 0U);
    EXPECT_EQ(db->cursor()->event_count, 12U);
    ASSERT_OK(db->start_generation(test_bundle()));
    ASSERT_OK(db->publish_generation());
    EXPECT_FALSE(db->needs_refold());
}

TEST(RepairTest, AMendedLogEqualsOneThatWasNeverWrong) {
    const TempDir dir;
    const auto wanted = make_chain(dir.sub("wanted"), 30);
    auto db = must_open(dir.sub("db"), create_options());
    {
        const auto batch = db->make_batch();
        for (uint64_t block = 1; block <= 30; ++block) {
            const bool is_wrong = block % 7 == 0;
            append_block_with(
                *batch, block,
                is_wrong ? std::vector<uint32_t>{0, 2, 5} : std::vector<uint32_t>{0, 1, 2},
                is_wrong ? 3 : 0);
        }
        set_cursor(*batch, 30);
        batch->set_finalized(30);
        ASSERT_OK(db->commit(*batch, Durability::kSync));
    }
    {
        const auto batch = db->make_batch();
        for (uint64_t block = 7; block <= 30; block += 7) {
            for (const uint32_t index : {0U, 2U, 5U}) {
                batch->remove_log(block, index);
            }
            append_block_with(*batch, block, {0, 1, 2});
        }
        batch->require_refold();
        ASSERT_OK(db->commit(*batch, Durability::kSync));
    }
    // The dictionary may know more than it needs, so contents are compared and not ids.
    EXPECT_EQ(places(*db), places(*wanted));
    EXPECT_EQ(db->cursor()->event_count, wanted->cursor()->event_count);
    EXPECT_EQ(db->read_view()->block_row_count(), wanted->read_view()->block_row_count());
}

TEST(RepairTest, ALogFilledInOutlivesTheBlockThatFirstNamedItsAddress) {
    const TempDir dir;
    auto db = make_chain(dir.sub("db"), 29);
    TestLog late = make_log(5, 7);
    late.log.address = address_of(2);  // Block 20 was the first to name it.
    {
        const auto batch = db->make_batch();
        batch->append_block(make_block(5, 4));
        batch->append_log(late.log, late.data);
        ASSERT_OK(db->commit(*batch, Durability::kSync));
    }
    const auto grows_other_addresses = [&](uint64_t from) {
        const auto batch = db->make_batch();
        for (uint64_t block = from; block < from + 3; ++block) {
            append_block_with(*batch, block, {0, 1, 2}, 1);
        }
        set_cursor(*batch, from + 2);
        return db->commit(*batch, Durability::kSync);
    };
    const auto expect_it_stands = [&] {
        const auto view = db->read_view();
        const auto scan = view->scan_logs(5, 5);
        bool is_there = false;
        for (; scan->valid(); scan->next()) {
            const LogRecord& record = scan->record();
            if (record.log.log_index == 7) {
                is_there = true;
                EXPECT_EQ(record.log.address, address_of(2));
            }
        }
        EXPECT_OK(scan->status());
        EXPECT_TRUE(is_there);
    };
    db.reset();
    db = must_open(dir.sub("db"), open_options());
    ASSERT_OK(db->truncate_log(15));
    expect_it_stands();
    ASSERT_OK(grows_other_addresses(16));
    expect_it_stands();
}

TEST(RepairTest, TheLaterCallForOnePlaceHolds) {
    const TempDir dir;
    const auto db = make_chain(dir.sub("db"), 3);
    const auto wanted = log_lines(*db);
    const TestLog log = make_log(2, 1);
    const auto batch = db->make_batch();
    batch->remove_log(2, 1);
    batch->append_log(log.log, log.data);
    ASSERT_OK(db->commit(*batch, Durability::kSync));
    expect_same(log_lines(*db), wanted);
    EXPECT_EQ(db->cursor()->event_count, 9U);
    batch->append_log(log.log, log.data);
    batch->remove_log(2, 1);
    batch->remove_log(2, 99);
    batch->remove_log(99, 0);
    ASSERT_OK(db->commit(*batch, Durability::kSync));
    EXPECT_EQ(db->cursor()->event_count, 8U);
    EXPECT_EQ(places(*db).size(), 8U);
}

TEST(RepairTest, TheLastLogMayGoAndTheDatabaseOpensAgain) {
    const TempDir dir;
    auto db = make_chain(dir.sub("db"), 3);
    for (uint64_t block = 3; block > 0; --block) {
        auto batch = db->make_batch();
        for (const uint32_t index : {2U, 0U, 1U}) {
            batch->remove_log(block, index);
        }
        ASSERT_OK(db->commit(*batch, Durability::kSync));
        batch.reset();
        db.reset();
        db = must_open(dir.sub("db"), open_options());
        EXPECT_FALSE(db->needs_refold()) << "the log must be taken for whole";
        EXPECT_EQ(db->cursor()->event_count, (block - 1) * 3);
        EXPECT_EQ(places(*db).size(), (block - 1) * 3);
    }
}

TEST(RepairTest, BlockLevelsChangeAndNothingElse) {
    const TempDir dir;
    const auto db = make_chain(dir.sub("db"), 3);
    const auto batch = db->make_batch();
    batch->set_block_level(2, ProofLevel::kReceipts);
    batch->set_block_level(77, ProofLevel::kReceipts);
    append_block_with(*batch, 4, {0});
    batch->set_block_level(4, ProofLevel::kReceipts);
    set_cursor(*batch, 4);
    ASSERT_OK(db->commit(*batch, Durability::kSync));
    const auto view = db->read_view();
    BlockRow wanted = make_block(2, 3);
    wanted.level = ProofLevel::kReceipts;
    EXPECT_EQ(*view->get_block(2), wanted);
    EXPECT_EQ(view->get_block(3)->level, ProofLevel::kFetched);
    EXPECT_EQ(view->get_block(4)->level, ProofLevel::kFetched) << "a new row has its own level";
    EXPECT_ERROR(view->get_block(77), ErrorCode::kNotFound);
    EXPECT_EQ(view->block_row_count(), 4U);
}

TEST(RepairTest, TheJournalCountsOnThroughRestartsAndFolds) {
    const TempDir dir;
    auto db = make_chain(dir.sub("db"), 2);
    const auto add = [&](const std::string& kind) {
        const auto batch = db->make_batch();
        JournalRow row;
        row.kind = kind;
        row.time_s = 7;
        row.block_num = 2;
        batch->append_journal(row);
        row.kind += "!";
        batch->append_journal(row);
        ASSERT_OK(db->commit(*batch, Durability::kSync));
    };
    add("a");
    db.reset();
    db = must_open(dir.sub("db"), open_options());
    add("b");
    ASSERT_OK(db->start_generation(test_bundle()));
    ASSERT_OK(db->publish_generation());
    const auto view = db->read_view();
    const auto rows = view->list_journal(0, 100);
    ASSERT_OK(rows);
    std::string kinds;
    uint64_t seq = 0;
    for (const JournalRow& row : *rows) {
        kinds += row.kind;
        EXPECT_EQ(row.seq, ++seq);
        EXPECT_EQ(row.block_num, 2U);
    }
    EXPECT_EQ(kinds, "aa!bb!");
    EXPECT_EQ(view->list_journal(2, 1)->at(0).kind, "b");
    EXPECT_TRUE(view->list_journal(4, 100)->empty());
    EXPECT_TRUE(view->list_journal(UINT64_MAX, 100)->empty());
}

TEST(RepairTest, TheNewestProofOfEachKindIsKept) {
    const TempDir dir;
    const auto db = make_chain(dir.sub("db"), 2);
    const auto record = [&](const std::string& proof, const std::string& entity, uint64_t block) {
        const auto batch = db->make_batch();
        batch->record_proof({proof, entity, block, hash_of(block), 5, true, 10, 0, "", "fine"});
        ASSERT_OK(db->commit(*batch, Durability::kSync));
    };
    record("state", "vote", 1);
    record("log", "", 1);
    record("state", "vote", 2);
    record("state", "user", 1);
    const auto found = db->read_view()->list_proofs();
    ASSERT_OK(found);
    ASSERT_EQ(found->size(), 3U);
    EXPECT_EQ((*found)[0].proof, "log");
    EXPECT_EQ((*found)[1].entity, "user");
    EXPECT_EQ((*found)[2],
              (ProofRecord{"state", "vote", 2, hash_of(2), 5, true, 10, 0, "", "fine"}));
}

TEST(RepairTest, ARollbackTakesLaterCorrectionsWithIt) {
    const TempDir dir;
    auto db = must_open(dir.sub("db"), create_options());
    for (uint64_t block = 1; block <= 4; ++block) {
        const auto batch = db->make_batch();
        append_block_with(*batch, block, {0});
        set_cursor(*batch, block);
        ASSERT_OK(db->commit(*batch, Durability::kSync));
    }
    for (int round = 0; round < 2; ++round) {
        const auto batch = db->make_batch();
        for (const uint64_t block : {2U, 3U, 2U}) {
            batch->append_correction({block, 99, "user", user_key(1), "row", "why"});
        }
        ASSERT_OK(db->commit(*batch, Durability::kSync));
    }
    const auto corrections = db->read_view()->list_corrections();
    ASSERT_OK(corrections);
    std::string seqs;
    for (const CorrectionRow& row : *corrections) {
        seqs += std::to_string(row.block_num) + "/" + std::to_string(row.seq) + " ";
        EXPECT_EQ(row.row, "row");
    }
    EXPECT_EQ(seqs, "2/0 2/1 2/2 2/3 3/0 3/1 ");
    ASSERT_OK(db->rollback(2));
    EXPECT_EQ(db->read_view()->list_corrections()->size(), 4U);
}

}  // namespace
}  // namespace plumbline::storage::repair_test
