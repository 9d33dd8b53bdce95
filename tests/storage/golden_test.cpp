// A database of each format version, kept as files: whatever comes later must open it and find in
// it what is written down here. That of this version is written, after a change of format only,
// with
//   PLUMBLINE_WRITE_GOLDEN=1 storage_tests --gtest_filter='GoldenTest.*'
#include <cstdlib>

#include "storage/asked_blocks.hpp"
#include "storage/database.hpp"
#include "storage/read_view.hpp"
#include "tests/storage/chain_driver.hpp"
#include "tests/support/paths.hpp"

namespace plumbline::storage::golden_test {
namespace {

using namespace plumbline::storage::test;  // NOLINT(google-build-using-namespace)
namespace fs = std::filesystem;

const std::string kGolden = source_dir() + "/tests/storage/golden/v4";
const std::string kFormatThree = source_dir() + "/tests/storage/golden/v3";
const std::string kFormatTwo = source_dir() + "/tests/storage/golden/v2";
const std::string kFormatOne = source_dir() + "/tests/storage/golden/v1";

/// Three at block 4, one of them for good and one of the head, one reverted at block 6.
void put_calls(CommitBatch& batch, uint64_t block) {
    if (block == 4) {
        batch.put_call({4,
                        {address_of(3), "decimals"},
                        CallOutcome::kAnswered,
                        CallPin::kHash,
                        true,
                        {},
                        std::string(32, '\1'),
                        "node"});
        batch.put_call({4,
                        {address_of(3), "head"},
                        CallOutcome::kAnswered,
                        CallPin::kHead,
                        true,
                        {3, hash_of(3)},
                        std::string(32, '\2'),
                        "node"});
        batch.put_call({4,
                        {address_of(3), "symbol"},
                        CallOutcome::kNothing,
                        CallPin::kNumber,
                        false,
                        {},
                        "",
                        "other"});
    } else if (block == 6) {
        batch.put_call({6,
                        {address_of(3), "owner"},
                        CallOutcome::kReverted,
                        CallPin::kHash,
                        false,
                        {},
                        "no",
                        "node"});
    }
}

void fill(Database& db, ProofLevel level, bool with_calls) {
    const RowCodec user{test_bundle().entities[0]};
    const RowCodec vote{test_bundle().entities[1]};
    std::string vote_key;
    append_key_dynamic(vote_key, "lunch?");
    append_key_word(vote_key, *parse_field_type("address"),
                    evm::U256::from_be(address_of(2).view()));
    for (uint64_t block = 1; block <= 12; ++block) {
        const auto batch = db.make_batch();
        batch->append_block(make_block(block, block % 2 == 0 ? 3 : 0));
        for (uint32_t i = 0; block % 2 == 0 && i < 3; ++i) {
            const TestLog log = make_log(block, i);
            const TxnFields txn{address_of(1), address_of(2), evm::U256{block}};
            batch->append_log(log.log, log.data, i == 1 ? &txn : nullptr);
        }
        if (with_calls) {
            put_calls(*batch, block);
        }
        std::string before;
        ASSERT_OK(db.latest_row(0, user_key(block % 4), before));
        batch->change_row(0, user_key(block % 4), before,
                          user_row(user, block, "user " + std::to_string(block),
                                   static_cast<int64_t>(block) - 6, {block, 0}),
                          block);
        if (block == 5) {
            std::string row = vote.empty_row();
            vote.set_word(row, 0, evm::U256{3});
            RowCodec::set_changed_at(row, {5, 1});
            batch->change_row(1, vote_key, "", row, block);
        }
        if (block == 9) {
            ASSERT_OK(db.latest_row(1, vote_key, before));
            batch->change_row(1, vote_key, before, vote.make_tombstone({9, 1}), block);
            batch->quarantine({9, 1, "hub.Odd", "no such user"});
        }
        if (block == 3) {
            batch->append_child({"vault", address_of(9), 3, 0});
        }
        if (block == 10) {
            batch->set_finalized(8);
        }
        batch->extend_coverage({"src", {block, block}, "node", level});
        batch->set_cursor(block, hash_of(block), make_block(block, 0).timestamp);
        ASSERT_OK(db.commit(*batch, Durability::kSync));
    }
}

/// Which block the fact of the head names.
void expect_asked(const Database& db) {
    EXPECT_EQ(*list_asked(*db.read_view(), 0, UINT64_MAX, SIZE_MAX),
              (std::vector<evm::BlockId>{{3, hash_of(3)}}));
}

void expect_content(const Database& db, ProofLevel level, bool with_calls) {
    const TempDir dir;
    const auto fresh = must_open(dir.sub("db"), create_options());
    fill(*fresh, level, with_calls);
    expect_same(*dump_lines(db), *dump_lines(*fresh));
    EXPECT_EQ(db.identity(), test_identity());
    EXPECT_EQ(db.bundle(), test_bundle());
    EXPECT_EQ(db.cursor()->block_num, 12U);
    EXPECT_EQ(db.cursor()->finalized, 8U);
    EXPECT_EQ(db.cursor()->event_count, 18U);
    EXPECT_EQ(db.entity_count(0), 4U);
    EXPECT_EQ(db.entity_count(1), 0U);
    EXPECT_EQ(db.quarantine_count(), 1U);
}

TEST(GoldenTest, ThisFormatStaysReadable) {
    if (std::getenv("PLUMBLINE_WRITE_GOLDEN") != nullptr) {
        fs::remove_all(kGolden);
        fs::create_directories(fs::path{kGolden}.parent_path());
        OpenOptions options = create_options();
        options.tiny_buffers = false;
        fill(*must_open(kGolden, options), ProofLevel::kLinked, true);
        // Opened once more, so that part of it lies in table files and part in a log.
        auto db = must_open(kGolden, open_options());
        db.reset();
        for (const auto& entry : fs::directory_iterator{kGolden}) {
            const std::string name = entry.path().filename().string();
            if (name.starts_with("LOG") || name.starts_with("OPTIONS-") || name == "LOCK") {
                fs::remove(entry.path());
            }
        }
    }
    const TempDir dir;
    fs::copy(kGolden, dir.sub("reader"), fs::copy_options::recursive);
    expect_content(*must_open(dir.sub("reader"), open_options(true)), ProofLevel::kLinked, true);
    fs::copy(kGolden, dir.sub("writer"), fs::copy_options::recursive);
    auto db = must_open(dir.sub("writer"), open_options());
    EXPECT_EQ(db->lost_blocks(), 0U);
    EXPECT_FALSE(db->needs_refold());
    expect_content(*db, ProofLevel::kLinked, true);
    expect_asked(*db);
    ASSERT_OK(db->rollback(9));
    EXPECT_EQ(db->cursor()->block_hash, hash_of(9));
}

TEST(GoldenTest, FormatThreeIsBroughtHereAndTellsWhichBlocksItsFactsName) {
    const TempDir dir;
    fs::copy(kFormatThree, dir.sub("db"), fs::copy_options::recursive);
    const auto db = must_open(dir.sub("db"), open_options());
    EXPECT_EQ(db->lost_blocks(), 0U);
    EXPECT_FALSE(db->needs_refold());
    expect_content(*db, ProofLevel::kLinked, true);
    expect_asked(*db);
}

TEST(GoldenTest, FormatTwoIsBroughtHereWithAllThatItHolds) {
    const TempDir dir;
    fs::copy(kFormatTwo, dir.sub("db"), fs::copy_options::recursive);
    auto db = must_open(dir.sub("db"), open_options());
    EXPECT_EQ(db->lost_blocks(), 0U);
    EXPECT_FALSE(db->needs_refold());
    expect_content(*db, ProofLevel::kLinked, false);
    EXPECT_FALSE(db->read_view()->scan_calls(0, UINT64_MAX)->valid());
    db.reset();
    db = must_open(dir.sub("db"), open_options());
    EXPECT_FALSE(db->needs_refold()) << "the new families stand where the others do";
    ASSERT_OK(db->rollback(9));
    EXPECT_EQ(db->cursor()->block_hash, hash_of(9));
}

TEST(GoldenTest, FormatOneIsBroughtHereWithAllThatItHolds) {
    const TempDir dir;
    fs::copy(kFormatOne, dir.sub("db"), fs::copy_options::recursive);
    auto db = must_open(dir.sub("db"), open_options());
    EXPECT_EQ(db->lost_blocks(), 0U);
    EXPECT_FALSE(db->needs_refold());
    expect_content(*db, ProofLevel::kFetched, false);
    ASSERT_OK(db->rollback(9));
    EXPECT_EQ(db->cursor()->block_hash, hash_of(9));
}

}  // namespace
}  // namespace plumbline::storage::golden_test
