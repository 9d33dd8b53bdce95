#include "storage/backup.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string_view>

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/utilities/backup_engine.h>

#include "storage/backup_check.hpp"
#include "storage/backup_owner.hpp"
#include "storage/database_impl.hpp"
#include "storage/head_file.hpp"
#include "storage/place_check.hpp"
#include "storage/rocks_status.hpp"
#include "storage/table_files.hpp"

namespace plumbline::storage {

namespace {

/// "chain 31337 block 100 commit 7": what a backup says of itself.
std::string describe(const Database& database) {
    const std::optional<Cursor> cursor = database.cursor();
    return fmt::format("chain {} block {} commit {}", database.identity().chain_id,
                       cursor ? cursor->block_num : 0, cursor ? cursor->commit_num : 0);
}

uint64_t number_after(std::string_view text, std::string_view word) {
    const size_t at = text.find(word);
    uint64_t number = 0;
    if (at != std::string_view::npos) {
        std::from_chars(text.data() + at + word.size(), text.data() + text.size(), number);
    }
    return number;
}

BackupInfo to_info(const rocksdb::BackupInfo& info) {
    return {info.backup_id,
            info.timestamp,
            info.size,
            number_after(info.app_metadata, "chain "),
            number_after(info.app_metadata, "block "),
            number_after(info.app_metadata, "commit "),
            ""};
}

Result<std::unique_ptr<rocksdb::BackupEngineReadOnly>> open_backups(const std::string& directory) {
    std::error_code error;
    if (!std::filesystem::is_directory(directory + "/meta", error)) {
        if (error && error != std::errc::no_such_file_or_directory &&
            error != std::errc::not_a_directory) {
            return Error{ErrorCode::kIo, fmt::format("cannot look for backups in {}: {}", directory,
                                                     error.message())};
        }
        return Error{
            ErrorCode::kNotFound,
            fmt::format("there are no backups in {}{}", directory,
                        std::filesystem::exists(directory, error) ? "" : ": no such directory")};
    }
    rocksdb::BackupEngineReadOnly* raw = nullptr;
    const rocksdb::IOStatus opened = rocksdb::BackupEngineReadOnly::Open(
        rocksdb::Env::Default(), rocksdb::BackupEngineOptions{directory}, &raw);
    std::unique_ptr<rocksdb::BackupEngineReadOnly> engine{raw};
    PLUMBLINE_TRY_VOID(from_rocks(opened, "opening the backups in " + directory));
    return engine;
}

/// The first file that the backup lists and that is gone. RocksDB, which does not say, writes the
/// list as text: a line a file, which begins with its path below `directory`.
std::string describe_broken(const std::string& directory, uint32_t id) {
    const std::string list = fmt::format("meta/{}", id);
    std::ifstream lines{directory + "/" + list};
    std::error_code error;
    for (std::string line; std::getline(lines, line);) {
        const std::string file = line.substr(0, line.find(' '));
        if (file.find('/') != std::string::npos &&
            !std::filesystem::exists(directory + "/" + file, error)) {
            return fmt::format("{}/{} is missing", directory, file);
        }
    }
    return fmt::format("the files are not those that {}/{} lists", directory, list);
}

/// A backup in `directory` that is not whole, or is not there.
Error no_such_backup(rocksdb::BackupEngineReadOnly& engine, const std::string& directory,
                     uint32_t id) {
    std::vector<rocksdb::BackupID> broken;
    engine.GetCorruptedBackups(&broken);
    std::ranges::sort(broken);
    if (id == 0 && !broken.empty()) {
        return {ErrorCode::kNotFound,
                fmt::format("no backup in {} is whole: of backup {} {}", directory, broken.back(),
                            describe_broken(directory, broken.back()))};
    }
    if (std::ranges::find(broken, id) != broken.end()) {
        return {ErrorCode::kCorruption,
                fmt::format("backup {} is not whole: {}", id, describe_broken(directory, id))};
    }
    return {ErrorCode::kNotFound, id == 0
                                      ? fmt::format("there is no backup in {}", directory)
                                      : fmt::format("there is no backup {} in {}", id, directory)};
}

/// RocksDB's own: made with the directory, and not part of a backup.
Result<std::string> identity_of(const Database& database) {
    std::string out;
    PLUMBLINE_TRY_VOID(from_rocks(Internals::of(database).core->db->GetDbIdentity(out),
                                  "asking for the database's identity"));
    return out;
}

/// The directory is its database's, and that which comes out of it is one too.
void admit_restored(const std::string& directory, const Database& database,
                    const std::string& db_path) {
    const Result<std::string> identity = identity_of(database);
    const Result<BackupOwner> owner = BackupOwner::lock(directory);
    if (identity && owner) {
        owner->add(*identity, db_path).ignore("backups may lie where nothing can be written");
    }
}

/// `path` is `directory` or below it, links followed as far as there are such.
bool is_within(const std::string& path, const std::string& directory) {
    namespace fs = std::filesystem;
    std::error_code of_path;
    std::error_code of_directory;
    const fs::path inner = fs::weakly_canonical(fs::absolute(path, of_path), of_path);
    const fs::path outer = fs::canonical(directory, of_directory);
    return !of_path && !of_directory &&
           std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first ==
               outer.end();
}

/// The database that `directory` is, or is below; empty: none.
std::string database_around(const std::string& directory) {
    std::error_code error;
    // Absolute first: of a relative path of which nothing is there yet no parent is known.
    const std::filesystem::path whole = std::filesystem::absolute(directory, error);
    for (std::filesystem::path at = std::filesystem::weakly_canonical(whole, error);
         !error && !at.empty(); at = at.parent_path()) {
        if (std::filesystem::exists(at / kHeadFileName, error)) {
            return at.string();
        }
        if (at == at.root_path()) {
            break;
        }
    }
    return {};
}

/// Everything readable, whole, and at least what the backup says.
Status verify_restored(const std::string& path, const BackupInfo& wanted,
                       const std::string& directory, const std::string& db_path,
                       const std::function<Status(Database&)>& prepare) {
    PLUMBLINE_TRY(const auto database, Database::open(path, {}));
    const rocksdb::Status sums = Internals::of(*database).core->db->VerifyChecksum();
    PLUMBLINE_TRY_VOID(from_rocks(sums, "checking the restored files"));
    const std::optional<Cursor> cursor = database->cursor();
    const uint64_t commit_num = cursor ? cursor->commit_num : 0;
    if (database->identity().chain_id != wanted.chain_id || commit_num < wanted.commit_num) {
        return Error{ErrorCode::kCorruption,
                     fmt::format("backup {} should hold commit {} of chain {}, but what came back "
                                 "is commit {} of chain {}",
                                 wanted.id, wanted.commit_num, wanted.chain_id, commit_num,
                                 database->identity().chain_id)};
    }
    if (prepare) {
        PLUMBLINE_TRY_VOID(prepare(*database));
    }
    admit_restored(directory, *database, db_path);
    return ok();
}

}  // namespace

Result<BackupInfo> create_backup(const Database& database, const std::string& directory,
                                 uint64_t kept_max, const std::function<bool()>& should_stop) {
    if (is_within(directory, database.path())) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{} is the database's own directory, or below it: a backup must "
                                 "outlive {}, so give it a place of its own",
                                 directory, database.path())};
    }
    std::error_code error;
    if (const std::string other = database_around(directory); !other.empty()) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{} is another database, and deleting it would delete these "
                                 "backups: give them a place of their own",
                                 other)};
    }
    std::filesystem::create_directories(directory, error);
    if (error) {
        return Error{ErrorCode::kIo, fmt::format("cannot make the backup directory {}: {}",
                                                 directory, error.message())};
    }
    PLUMBLINE_TRY(const BackupOwner owner, BackupOwner::lock(directory));
    PLUMBLINE_TRY(const std::string identity, identity_of(database));
    PLUMBLINE_TRY_VOID(owner.claim(identity, database.path()));
    rocksdb::BackupEngineOptions options{directory};
    options.sync = true;
    options.share_table_files = true;
    options.share_files_with_checksum = true;
    options.callback_trigger_interval_size = uint64_t{1} << 20;
    rocksdb::BackupEngine* raw = nullptr;
    const rocksdb::IOStatus opened =
        rocksdb::BackupEngine::Open(rocksdb::Env::Default(), options, &raw);
    const std::unique_ptr<rocksdb::BackupEngine> engine{raw};
    PLUMBLINE_TRY_VOID(from_rocks(opened, "opening the backups in " + directory));
    PLUMBLINE_TRY(const BackupCheck check, BackupCheck::begin(*engine, directory));
    rocksdb::CreateBackupOptions how;
    how.flush_before_backup = true;
    bool is_stopped = false;
    how.progress_callback = [&] {
        if (should_stop && should_stop()) {
            is_stopped = true;
            engine->StopBackup();
        }
    };
    rocksdb::BackupID id = 0;
    const RocksHandles& core = *Internals::of(database).core;
    const rocksdb::Status made =
        engine->CreateNewBackupWithMetadata(how, core.db.get(), describe(database), &id);
    if (!made.ok()) {
        check.give_up();
        return is_stopped
                   ? Error{ErrorCode::kCancelled, "the backup was stopped before it was whole"}
               : made.IsCorruption() ? damage_error(core, fmt::format("backing up to {}: {}",
                                                                      directory, rocks_text(made)))
                                     : rocks_error(made, "backing up to " + directory);
    }
    PLUMBLINE_TRY_VOID(check.finish(core, id, should_stop));
    PLUMBLINE_TRY_VOID(from_rocks(engine->VerifyBackup(id), "checking the new backup"));
    if (kept_max > 0) {
        PLUMBLINE_TRY_VOID(from_rocks(engine->PurgeOldBackups(static_cast<uint32_t>(
                                          std::min<uint64_t>(kept_max, UINT32_MAX))),
                                      "deleting old backups"));
    }
    rocksdb::BackupInfo info;
    PLUMBLINE_TRY_VOID(from_rocks(engine->GetBackupInfo(id, &info), "reading the new backup"));
    return to_info(info);
}

Result<std::vector<BackupInfo>> list_backups(const std::string& directory) {
    PLUMBLINE_TRY(const auto engine, open_backups(directory));
    std::vector<rocksdb::BackupInfo> infos;
    engine->GetBackupInfo(&infos);
    std::vector<BackupInfo> out;
    out.reserve(infos.size());
    for (const rocksdb::BackupInfo& info : infos) {
        out.push_back(to_info(info));
    }
    std::vector<rocksdb::BackupID> broken;
    engine->GetCorruptedBackups(&broken);
    for (const rocksdb::BackupID id : broken) {
        BackupInfo& one = out.emplace_back();
        one.id = id;
        one.broken = describe_broken(directory, id);
    }
    std::ranges::sort(out, {}, &BackupInfo::id);
    return out;
}

Result<BackupInfo> restore_backup(const std::string& directory, const std::string& db_path,
                                  uint32_t id, const std::function<Status(Database&)>& prepare) {
    namespace fs = std::filesystem;
    std::error_code error;
    if (fs::exists(db_path, error) && !fs::is_empty(db_path, error)) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{} is there already: give a path where nothing is", db_path)};
    }
    const fs::path place = named_place(db_path);
    if (!fs::is_directory(place.parent_path(), error)) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{} cannot be restored to {}: there is no directory {}; make it "
                                 "first",
                                 directory, db_path, place.parent_path().string())};
    }
    PLUMBLINE_TRY(const auto engine, open_backups(directory));
    rocksdb::BackupInfo found;
    const rocksdb::Status got =
        id == 0 ? engine->GetLatestBackupInfo(&found) : engine->GetBackupInfo(id, &found);
    if (!got.ok()) {
        return no_such_backup(*engine, directory, id);
    }
    const BackupInfo info = to_info(found);
    PLUMBLINE_TRY_VOID(from_rocks(engine->VerifyBackup(info.id, true),
                                  fmt::format("checking backup {} in {}", info.id, directory)));
    const std::string part = place.string() + ".restoring";
    fs::remove_all(part, error);
    const Status restored =
        from_rocks(engine->RestoreDBFromBackup(rocksdb::RestoreOptions{}, info.id, part, part),
                   "restoring to " + part);
    const Status verified =
        restored ? verify_restored(part, info, directory, db_path, prepare) : restored;
    if (!verified) {
        fs::remove_all(part, error);
        return verified.error();
    }
    fs::remove(place, error);  // An empty directory.
    fs::rename(part, place, error);
    if (error) {
        return Error{ErrorCode::kIo,
                     fmt::format("the restored database is whole, but {} cannot be renamed to {}: "
                                 "{}",
                                 part, db_path, error.message())};
    }
    return info;
}

}  // namespace plumbline::storage
