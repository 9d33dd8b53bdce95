// Backups made beside a writer come back as the state after some whole commit, or not at all.
#include "storage/backup.hpp"

#include <atomic>
#include <filesystem>
#include <set>
#include <thread>

#include <gmock/gmock.h>

#include "storage/backup_owner.hpp"
#include "storage/maintenance.hpp"
#include "tests/storage/chain_driver.hpp"

namespace plumbline::storage::backup_test {
namespace {

using namespace plumbline::storage::test;  // NOLINT(google-build-using-namespace)
using ::testing::HasSubstr;

std::vector<std::string> dump(const Database& db) {
    auto lines = dump_lines(db);
    EXPECT_OK(lines);
    return *std::move(lines);
}

uint64_t commit_num(const Database& db) {
    return db.cursor() ? db.cursor()->commit_num : 0;
}

TEST(BackupTest, MadeBesideAWriterIsTheStateAfterAWholeCommit) {
    const uint64_t seed = test_seed(11);
    SCOPED_TRACE("PLUMBLINE_SEED=" + std::to_string(seed));
    const TempDir dir;
    const auto db = must_open(dir.sub("db"), create_options());
    ChainDriver driver{seed};
    std::map<uint64_t, std::vector<std::string>> states;
    const auto step = [&] {
        ASSERT_OK(driver.next(*db).status);
        states[commit_num(*db)] = dump(*db);
    };
    for (int i = 0; i < 30; ++i) {
        step();
    }
    for (int round = 0; round < 4; ++round) {
        const uint64_t before = commit_num(*db);
        std::atomic<bool> is_made{false};
        Result<BackupInfo> info = BackupInfo{};
        std::jthread maker{[&] {
            info = create_backup(*db, dir.sub("backups"), 3);
            is_made = true;
        }};
        while (!is_made) {
            step();
        }
        maker.join();
        ASSERT_OK(info);
        EXPECT_GE(info->commit_num, before);
        const std::string path = dir.sub("restored" + std::to_string(round));
        const auto restored = restore_backup(dir.sub("backups"), path);
        ASSERT_OK(restored);
        EXPECT_EQ(restored->id, info->id);
        const auto again = must_open(path, open_options());
        EXPECT_FALSE(again->needs_refold());
        EXPECT_EQ(again->lost_blocks(), 0U);
        ASSERT_TRUE(states.contains(commit_num(*again)));
        expect_same(dump(*again), states[commit_num(*again)]);
        ASSERT_OK(driver.next(*db).status);
        states[commit_num(*db)] = dump(*db);
    }
    const auto kept = list_backups(dir.sub("backups"));
    ASSERT_OK(kept);
    ASSERT_EQ(kept->size(), 3U);
    EXPECT_EQ(kept->front().id, 2U);
    const auto old = restore_backup(dir.sub("backups"), dir.sub("old"), 2);
    ASSERT_OK(old);
    EXPECT_ERROR(restore_backup(dir.sub("backups"), dir.sub("none"), 1), ErrorCode::kNotFound);
}

TEST(BackupTest, WhatIsDamagedOrInTheWayIsRefusedAndLeavesNothing) {
    const TempDir dir;
    {
        const auto db = must_open(dir.sub("db"), create_options());
        ChainDriver driver{3};
        for (int i = 0; i < 40; ++i) {
            ASSERT_OK(driver.next(*db).status);
        }
        ASSERT_OK(create_backup(*db, dir.sub("backups"), 0));
    }
    EXPECT_ERROR(restore_backup(dir.sub("backups"), dir.sub("db")), ErrorCode::kInvalidArgument);
    EXPECT_ERROR(restore_backup(dir.sub("nowhere"), dir.sub("x")), ErrorCode::kNotFound);
    // One flipped byte in the largest file of the backup.
    std::filesystem::path largest;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{dir.sub("backups")}) {
        if (entry.path().extension() == ".sst" &&
            (largest.empty() || entry.file_size() > std::filesystem::file_size(largest))) {
            largest = entry.path();
        }
    }
    ASSERT_FALSE(largest.empty());
    std::fstream file{largest, std::ios::in | std::ios::out | std::ios::binary};
    file.seekg(100);
    const char byte = static_cast<char>(file.get() ^ 1);
    file.seekp(100);
    file.put(byte);
    file.close();
    EXPECT_ERROR(restore_backup(dir.sub("backups"), dir.sub("x")), ErrorCode::kCorruption);
    EXPECT_FALSE(std::filesystem::exists(dir.sub("x")));
    EXPECT_FALSE(std::filesystem::exists(dir.sub("x.restoring")));
}

TEST(BackupTest, OneWithoutAFileIsListedAndTheFileNamedAndAnOlderOneIsTaken) {
    const TempDir dir;
    const std::string backups = dir.sub("backups");
    const auto db = must_open(dir.sub("db"), create_options());
    ChainDriver driver{5};
    std::set<std::filesystem::path> older;
    std::filesystem::path gone;
    for (uint32_t id = 1; id <= 2; ++id) {
        for (int i = 0; i < 40; ++i) {
            ASSERT_OK(driver.next(*db).status);
        }
        ASSERT_OK(create_backup(*db, backups, 0));
        for (const auto& entry : std::filesystem::recursive_directory_iterator{backups}) {
            if (entry.path().extension() == ".sst" && older.insert(entry.path()).second &&
                id == 2) {
                gone = entry.path();
            }
        }
    }
    ASSERT_FALSE(gone.empty()) << "the second backup has no file of its own";
    std::filesystem::remove(gone);
    const auto listed = list_backups(backups);
    ASSERT_OK(listed);
    ASSERT_EQ(listed->size(), 2U);
    EXPECT_EQ(listed->front().broken, "");
    EXPECT_EQ(listed->back().id, 2U);
    EXPECT_EQ(listed->back().broken, gone.string() + " is missing");
    const auto refused = restore_backup(backups, dir.sub("x"), 2);
    EXPECT_ERROR(refused, ErrorCode::kCorruption);
    EXPECT_EQ(refused.error().message, "backup 2 is not whole: " + gone.string() + " is missing");
    const auto restored = restore_backup(backups, dir.sub("x"));
    ASSERT_OK(restored);
    EXPECT_EQ(restored->id, 1U);

    std::filesystem::remove_all(backups + "/shared_checksum");
    const auto none = restore_backup(backups, dir.sub("y"));
    EXPECT_ERROR(none, ErrorCode::kNotFound);
    EXPECT_TRUE(none.error().message.starts_with("no backup in " + backups + " is whole: "))
        << none.error().message;
}

TEST(BackupTest, TheDatabasesOwnDirectoryIsNoPlaceForItsBackups) {
    const TempDir dir;
    const auto db = must_open(dir.sub("db"), create_options());
    ChainDriver driver{6};
    ASSERT_OK(driver.next(*db).status);
    std::filesystem::create_directory_symlink(dir.sub("db"), dir.sub("link"));
    for (const char* place : {"db", "db/", "db/sub/deep", "x/../db/sub", "link/sub"}) {
        SCOPED_TRACE(place);
        EXPECT_ERROR(create_backup(*db, dir.sub(place), 0), ErrorCode::kInvalidArgument);
    }
    EXPECT_FALSE(std::filesystem::exists(dir.sub("db/sub")));
    EXPECT_OK(create_backup(*db, dir.sub("db-backups"), 0));
}

TEST(BackupTest, ASlashBehindThePlaceOfARestoreSaysNothing) {
    const TempDir dir;
    {
        const auto db = must_open(dir.sub("db"), create_options());
        ChainDriver driver{6};
        ASSERT_OK(driver.next(*db).status);
        ASSERT_OK(create_backup(*db, dir.sub("backups"), 0));
    }
    std::filesystem::create_directory(dir.sub("empty"));
    for (const char* place : {"restored/", "empty/"}) {
        SCOPED_TRACE(place);
        ASSERT_OK(restore_backup(dir.sub("backups"), dir.sub(place)));
        EXPECT_FALSE(std::filesystem::exists(dir.sub(place) + ".restoring"));
    }
    EXPECT_ERROR(restore_backup(dir.sub("backups"), dir.sub("no/db/")),
                 ErrorCode::kInvalidArgument);
}

TEST(BackupTest, AnotherDatabaseIsNoPlaceForBackups) {
    const TempDir dir;
    const auto db = must_open(dir.sub("db"), create_options());
    const auto other = must_open(dir.sub("other"), create_options());
    ChainDriver driver{6};
    ASSERT_OK(driver.next(*db).status);
    for (const char* place : {"other", "other/", "other/sub/deep"}) {
        SCOPED_TRACE(place);
        EXPECT_ERROR(create_backup(*db, dir.sub(place), 0), ErrorCode::kInvalidArgument);
    }
    EXPECT_FALSE(std::filesystem::exists(dir.sub("other/meta")));
    EXPECT_FALSE(std::filesystem::exists(dir.sub("other/sub")));
}

/// The working directory, for as long as this lives.
class WorkingIn {
  public:
    explicit WorkingIn(const std::string& directory) { std::filesystem::current_path(directory); }
    WorkingIn(const WorkingIn&) = delete;
    WorkingIn& operator=(const WorkingIn&) = delete;
    ~WorkingIn() { std::filesystem::current_path(before_); }

  private:
    std::filesystem::path before_ = std::filesystem::current_path();
};

TEST(BackupTest, AnotherDatabaseIsNoPlaceForBackupsAlsoWhereOneStandsInIt) {
    const TempDir dir;
    const auto db = must_open(dir.sub("db"), create_options());
    const auto other = must_open(dir.sub("other"), create_options());
    ChainDriver driver{6};
    ASSERT_OK(driver.next(*db).status);
    const WorkingIn inside{dir.sub("other")};
    for (const char* place : {"sub", "sub/deep", "./sub", "."}) {
        SCOPED_TRACE(place);
        EXPECT_ERROR(create_backup(*db, place, 0), ErrorCode::kInvalidArgument);
    }
    EXPECT_FALSE(std::filesystem::exists(dir.sub("other/sub")));
}

TEST(BackupTest, OneThatIsStoppedOnTheWayIsNoBackupAndTheNextIsWhole) {
    const TempDir dir;
    OpenOptions options = create_options();
    options.tiny_buffers = false;
    options.memory_bytes = size_t{64} << 20;
    const auto db = must_open(dir.sub("db"), options);
    const auto batch = db->make_batch();
    for (uint64_t block = 1; block <= 40'000; ++block) {
        const TestLog log = make_log(block, 0);
        batch->append_log(log.log, log.data);
        batch->append_block(make_block(block, 1));
    }
    batch->set_cursor(40'000, hash_of(40'000), 1);
    ASSERT_OK(db->commit(*batch, Durability::kSync));
    int asked = 0;
    EXPECT_ERROR(create_backup(*db, dir.sub("backups"), 0,
                               [&asked] {
                                   ++asked;
                                   return true;
                               }),
                 ErrorCode::kCancelled);
    EXPECT_GT(asked, 0);
    const auto info = create_backup(*db, dir.sub("backups"), 0, [] { return false; });
    ASSERT_OK(info);
    EXPECT_EQ(list_backups(dir.sub("backups"))->size(), 1U);
    ASSERT_OK(restore_backup(dir.sub("backups"), dir.sub("restored")));
}

TEST(BackupTest, ADirectoryBelongsToOneDatabaseAndToThoseThatComeOutOfIt) {
    const TempDir dir;
    const auto db = must_open(dir.sub("db"), create_options());
    ChainDriver driver{1};
    ASSERT_OK(driver.next(*db).status);
    ASSERT_OK(create_backup(*db, dir.sub("backups"), 0));
    const auto other = must_open(dir.sub("other"), create_options());
    ChainDriver other_driver{2};
    ASSERT_OK(other_driver.next(*other).status);
    const auto refused = create_backup(*other, dir.sub("backups"), 0);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(refused.error().message, HasSubstr(dir.sub("db")));
    EXPECT_THAT(refused.error().message, HasSubstr("a directory of its own"));
    EXPECT_EQ(list_backups(dir.sub("backups"))->size(), 1U);

    ASSERT_OK(restore_backup(dir.sub("backups"), dir.sub("restored")));
    const auto restored = must_open(dir.sub("restored"), open_options());
    ASSERT_OK(create_backup(*restored, dir.sub("backups"), 0));
    ASSERT_OK(create_backup(*db, dir.sub("backups"), 0));
}

TEST(BackupTest, TwoBackupsOfADirectoryAtOnceAreNotMade) {
    const TempDir dir;
    const auto db = must_open(dir.sub("db"), create_options());
    ChainDriver driver{1};
    ASSERT_OK(driver.next(*db).status);
    ASSERT_OK(create_backup(*db, dir.sub("backups"), 0));
    const auto held = BackupOwner::lock(dir.sub("backups"));
    ASSERT_OK(held);
    const auto second = create_backup(*db, dir.sub("backups"), 0);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
}

TEST(MaintenanceTest, CompactingChangesNothingThatIsRead) {
    const TempDir dir;
    const auto db = must_open(dir.sub("db"), create_options());
    ChainDriver driver{5};
    for (int i = 0; i < 60; ++i) {
        ASSERT_OK(driver.next(*db).status);
    }
    const auto before = dump(*db);
    ASSERT_OK(compact_database(*db, {}));
    expect_same(dump(*db), before);
    EXPECT_ERROR(compact_database(*db, [] { return true; }), ErrorCode::kCancelled);
    expect_same(dump(*db), before);
    bool has_live_data = false;
    for (const auto& [name, value] : storage_figures(*db)) {
        has_live_data |= name == "live_data_bytes" && value > 0;
    }
    EXPECT_TRUE(has_live_data);
}

uint64_t figure(const Database& db, std::string_view wanted) {
    for (const auto& [name, value] : storage_figures(db)) {
        if (name == wanted) {
            return value;
        }
    }
    return UINT64_MAX;
}

TEST(MaintenanceTest, SettlingLeavesNothingForTheNextOpenToReadFromTheLog) {
    const TempDir dir;
    OpenOptions options = create_options();
    options.tiny_buffers = false;
    auto db = must_open(dir.sub("db"), options);
    ChainDriver driver{5};
    for (int i = 0; i < 10; ++i) {
        ASSERT_OK(driver.next(*db).status);
    }
    // Too little is left where it is.
    const uint64_t untouched = figure(*db, "memtable_bytes");
    ASSERT_OK(settle_database(*db));
    EXPECT_EQ(figure(*db, "memtable_bytes"), untouched);
    const RowCodec codec{test_bundle().entities[0]};
    auto batch = db->make_batch();
    for (uint64_t id = 1000; id < 4000; ++id) {
        batch->change_row(0, user_key(id), {},
                          user_row(codec, id, std::string(900, 'x'), 0, {1, 0}), std::nullopt);
    }
    ASSERT_OK(db->commit(*batch, Durability::kSync));
    batch.reset();
    const auto before = dump(*db);
    EXPECT_GT(figure(*db, "memtable_bytes"), uint64_t{3} << 20);
    ASSERT_OK(settle_database(*db));
    EXPECT_LT(figure(*db, "memtable_bytes"), uint64_t{2} << 20);
    expect_same(dump(*db), before);
    db.reset();
    options.create = false;
    db = must_open(dir.sub("db"), options);
    expect_same(dump(*db), before);
}

}  // namespace
}  // namespace plumbline::storage::backup_test
