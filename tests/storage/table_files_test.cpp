// Damaged table files: told by name, no full disk, kept out of backups, and replaced by a fold
// where they are made from the log.
#include "storage/table_files.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>

#include "core/evm/hex.hpp"
#include "storage/backup.hpp"
#include "storage/commit_batch.hpp"
#include "storage/maintenance.hpp"
#include "tests/storage/storage_test_util.hpp"

namespace plumbline::storage::table_files_test {
namespace {

namespace fs = std::filesystem;
using namespace plumbline::storage::test;  // NOLINT(google-build-using-namespace)
using ::testing::AllOf;
using ::testing::HasSubstr;

std::string bytes_of(const fs::path& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

/// Table files that name `family` as theirs, largest last.
std::vector<fs::path> files_of(const std::string& db, std::string_view family) {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator{db}) {
        if (entry.path().extension() == ".sst" &&
            bytes_of(entry.path()).find(family) != std::string::npos) {
            out.push_back(entry.path());
        }
    }
    std::ranges::sort(out, {}, [](const fs::path& path) { return fs::file_size(path); });
    return out;
}

void flip(const fs::path& path, uint64_t at) {
    std::fstream file{path, std::ios::in | std::ios::out | std::ios::binary};
    file.seekg(static_cast<std::streamoff>(at));
    const int old = file.get();
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(old ^ 4));
}

OpenOptions large_buffers(OpenOptions options) {
    options.tiny_buffers = false;
    return options;
}

std::string row_of(uint64_t id, uint64_t block_num) {
    // Not a text that compression makes nothing of.
    return user_row(RowCodec{test_bundle().entities[0]}, id,
                    evm::to_hex(hash_of(id, block_num)) + evm::to_hex(hash_of(id, 3)), 0,
                    {block_num, 0});
}

/// A block with a log, and rows of some table blocks' size; `block_num` counts from 1.
void commit_rows(Database& db, uint64_t block_num) {
    const auto batch = db.make_batch();
    batch->append_block(make_block(block_num, 1));
    const TestLog log = make_log(block_num, 0);
    batch->append_log(log.log, log.data);
    for (uint64_t id = 0; id < 400; ++id) {
        batch->change_row(0, user_key(id), block_num == 1 ? "" : row_of(id, block_num - 1),
                          row_of(id, block_num), std::nullopt);
    }
    batch->set_cursor(block_num, hash_of(block_num), make_block(block_num, 0).timestamp);
    batch->set_finalized(block_num);
    ASSERT_OK(db.commit(*batch, Durability::kSync));
}

/// All is in table files.
void make_database(const std::string& path) {
    commit_rows(*must_open(path, large_buffers(create_options())), 1);
    must_open(path, large_buffers(open_options()));
}

TEST(TableFilesTest, DamageThatACompactionMeetsIsNoFullDiskAndNeverPasses) {
    const TempDir dir;
    const std::string path = dir.sub("db");
    make_database(path);
    const fs::path victim = files_of(path, "entity.user#1").back();
    flip(victim, fs::file_size(victim) / 2);
    const auto db = must_open(path, large_buffers(open_options()));
    EXPECT_FALSE(lasting_failure(*db));
    commit_rows(*db, 2);  // The same rows: files that have to be merged.
    EXPECT_ERROR(compact_database(*db, {}), ErrorCode::kCorruption);
    const auto batch = db->make_batch();
    batch->append_block(make_block(3, 0));
    batch->set_cursor(3, hash_of(3), make_block(3, 0).timestamp);
    const Status refused = db->commit(*batch, Durability::kSync);
    EXPECT_ERROR(refused, ErrorCode::kCorruption);
    EXPECT_THAT(refused.error().message,
                AllOf(HasSubstr(victim.string()), HasSubstr("of entity.user#1"),
                      HasSubstr("`plumbline rebuild " + path + "`"), HasSubstr("restore")));
    EXPECT_FALSE(db->needs_reopen());
    ASSERT_TRUE(lasting_failure(*db));
    EXPECT_EQ(lasting_failure(*db)->code, ErrorCode::kCorruption);
}

TEST(TableFilesTest, AFoldTakesThePlaceOfDamagedFilesOfWhatIsMadeFromTheLog) {
    const TempDir dir;
    make_database(dir.sub("whole"));
    for (const std::string family : {"entity.user#1", "index.user.owner#1", "entity.vote#1",
                                     "undo#1", "quarantine#1", "digest#1"}) {
        SCOPED_TRACE(family);
        const std::string path = dir.sub("db");
        fs::remove_all(path);
        fs::copy(dir.sub("whole"), path, fs::copy_options::recursive);
        for (const fs::path& file : files_of(path, family)) {
            flip(file, 10);
        }
        const auto refused = Database::open(path, large_buffers(open_options()));
        EXPECT_ERROR(refused, ErrorCode::kCorruption);
        EXPECT_THAT(refused.error().message,
                    AllOf(HasSubstr("a table file of " + family), HasSubstr("plumbline repair")));
        {
            auto opened = open_to_mend(path, large_buffers(open_options()));
            ASSERT_OK(opened);
            Database& db = **opened;
            EXPECT_TRUE(db.needs_refold());
            const auto damaged = find_damaged_files(db);
            ASSERT_OK(damaged);
            ASSERT_FALSE(damaged->empty());
            for (const DamagedFile& file : *damaged) {
                EXPECT_EQ(file.family, family);
                EXPECT_TRUE(file.is_derived);
            }
            ASSERT_OK(db.start_generation(test_bundle()));
            const auto batch = db.make_batch();
            batch->change_row(0, user_key(7), {}, row_of(7, 1), std::nullopt);
            ASSERT_OK(db.commit(*batch, Durability::kBulk));
            ASSERT_OK(db.publish_generation());
            EXPECT_FALSE(lasting_failure(db));
        }
        const auto db = must_open(path, large_buffers(open_options()));
        EXPECT_FALSE(db->needs_refold());
        EXPECT_EQ(db->entity_count(0), 1U);
        EXPECT_EQ(db->cursor()->block_num, 1U);
        ASSERT_OK(compact_database(*db, {}));
        const auto left = find_damaged_files(*db);
        ASSERT_OK(left);
        EXPECT_TRUE(left->empty());
    }
}

TEST(TableFilesTest, WhatNoFoldMakesIsToldWithTheWayToABackup) {
    const TempDir dir;
    const std::string path = dir.sub("db");
    make_database(path);
    const fs::path victim = files_of(path, "corrections").back();
    flip(victim, 10);
    const auto opened = open_to_mend(path, large_buffers(open_options()));
    EXPECT_ERROR(opened, ErrorCode::kCorruption);
    EXPECT_THAT(opened.error().message,
                AllOf(HasSubstr(victim.string()), HasSubstr("of corrections"),
                      HasSubstr("plumbline restore"), ::testing::Not(HasSubstr("rebuild"))));
}

TEST(TableFilesTest, ADamagedFileGoesIntoNoBackupAndNoOlderBackupGoesForIt) {
    const TempDir dir;
    const std::string path = dir.sub("db");
    const std::string backups = dir.sub("backups");
    make_database(path);
    ASSERT_OK(create_backup(*must_open(path, large_buffers(open_options())), backups, 1));
    const auto old = files_of(path, "entity.user#1");
    commit_rows(*must_open(path, large_buffers(open_options())), 2);
    must_open(path, large_buffers(open_options()));
    fs::path victim;
    for (const fs::path& file : files_of(path, "entity.user#1")) {
        victim = std::ranges::find(old, file) == old.end() ? file : victim;
    }
    ASSERT_FALSE(victim.empty());
    flip(victim, fs::file_size(victim) / 2);
    const auto db = must_open(path, large_buffers(open_options()));
    for (int round = 0; round < 2; ++round) {
        const auto refused = create_backup(*db, backups, 1);
        EXPECT_ERROR(refused, ErrorCode::kCorruption);
        EXPECT_THAT(refused.error().message,
                    AllOf(HasSubstr(victim.string()), HasSubstr("of entity.user#1")));
        const auto listed = list_backups(backups);
        ASSERT_OK(listed);
        ASSERT_EQ(listed->size(), 1U);
        EXPECT_EQ(listed->front().id, 1U);
        EXPECT_EQ(listed->front().broken, "");
        EXPECT_FALSE(fs::exists(backups + "/UNCHECKED"));
    }
    ASSERT_OK(restore_backup(backups, dir.sub("restored")));
}

TEST(TableFilesTest, WhatAnOlderBackupBroughtIsNotReadAgain) {
    const TempDir dir;
    const std::string path = dir.sub("db");
    const std::string backups = dir.sub("backups");
    make_database(path);
    ASSERT_OK(create_backup(*must_open(path, large_buffers(open_options())), backups, 0));
    const fs::path victim = files_of(path, "entity.user#1").back();
    flip(victim, fs::file_size(victim) / 2);
    ASSERT_OK(create_backup(*must_open(path, large_buffers(open_options())), backups, 0));
    // The copy is of before the damage, so the new backup is whole.
    ASSERT_OK(restore_backup(backups, dir.sub("restored"), 2));
}

TEST(TableFilesTest, ABackupWhoseMakerWasKilledBeforeItWasCheckedIsNone) {
    const TempDir dir;
    const std::string path = dir.sub("db");
    const std::string backups = dir.sub("backups");
    make_database(path);
    const auto db = must_open(path, large_buffers(open_options()));
    ASSERT_OK(create_backup(*db, backups, 0));
    ASSERT_OK(create_backup(*db, backups, 0));
    std::ofstream{backups + "/UNCHECKED"} << "1\n";
    ASSERT_OK(create_backup(*db, backups, 0));
    EXPECT_EQ(list_backups(backups)->size(), 2U);
    EXPECT_FALSE(fs::exists(backups + "/UNCHECKED"));
    ASSERT_OK(restore_backup(backups, dir.sub("restored")));
}

}  // namespace
}  // namespace plumbline::storage::table_files_test
