#include "storage/backup_check.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <rocksdb/env.h>
#include <rocksdb/utilities/backup_engine.h>

#include "storage/rocks_status.hpp"
#include "storage/table_files.hpp"

namespace plumbline::storage {

namespace {

/// Holds the number of the newest backup that was there before.
constexpr const char* kMarkFile = "/UNCHECKED";
/// RocksDB's place for table files that backups share; names as 000017_sSESSION_1234.sst.
constexpr const char* kSharedDirectory = "/shared_checksum";

std::set<std::string> shared_files(const std::string& directory) {
    std::set<std::string> out;
    std::error_code error;
    for (const auto& entry :
         std::filesystem::directory_iterator{directory + kSharedDirectory, error}) {
        if (entry.path().extension() == ".sst") {
            out.insert(entry.path().filename().string());
        }
    }
    return out;
}

/// Those that look whole, and those that do not.
std::vector<rocksdb::BackupID> list_ids(const rocksdb::BackupEngine& engine) {
    std::vector<rocksdb::BackupID> out;
    engine.GetCorruptedBackups(&out);
    std::vector<rocksdb::BackupInfo> whole;
    engine.GetBackupInfo(&whole);
    for (const rocksdb::BackupInfo& info : whole) {
        out.push_back(info.backup_id);
    }
    return out;
}

Status write_mark(const std::string& directory, rocksdb::BackupID newest) {
    rocksdb::Env& env = *rocksdb::Env::Default();
    rocksdb::Status status =
        rocksdb::WriteStringToFile(&env, fmt::format("{}\n", newest), directory + kMarkFile, true);
    std::unique_ptr<rocksdb::Directory> entries;
    if (status.ok()) {
        status = env.NewDirectory(directory, &entries);
    }
    return from_rocks(status.ok() ? entries->Fsync() : status, "writing " + directory + kMarkFile);
}

/// The live name of a file of a backup.
std::string live_name(std::string_view shared) {
    return fmt::format("{}.sst", shared.substr(0, shared.find('_')));
}

}  // namespace

Result<BackupCheck> BackupCheck::begin(rocksdb::BackupEngine& engine,
                                       const std::string& directory) {
    rocksdb::BackupID newest = 0;
    std::string mark;
    const std::vector<rocksdb::BackupID> ids = list_ids(engine);
    if (rocksdb::ReadFileToString(rocksdb::Env::Default(), directory + kMarkFile, &mark).ok() &&
        std::from_chars(mark.data(), mark.data() + mark.size(), newest).ec == std::errc{}) {
        for (const rocksdb::BackupID id : ids) {
            if (id > newest) {
                PLUMBLINE_TRY_VOID(from_rocks(engine.DeleteBackup(id),
                                              fmt::format("deleting backup {}, which was not "
                                                          "checked to its end",
                                                          id)));
            }
        }
    } else {
        newest = ids.empty() ? 0 : std::ranges::max(ids);
        PLUMBLINE_TRY_VOID(write_mark(directory, newest));
    }
    // Files of copies that were cut off belong to no backup; nobody has read them.
    PLUMBLINE_TRY_VOID(from_rocks(engine.GarbageCollect(), "clearing " + directory));
    BackupCheck out{engine, directory};
    out.known_ = shared_files(directory);
    return out;
}

Status BackupCheck::finish(const RocksHandles& core, uint32_t id,
                           const std::function<bool()>& should_stop) const {
    Status found;
    for (const std::string& file : shared_files(directory_)) {
        if (known_.contains(file)) {
            continue;
        }
        if (should_stop && should_stop()) {
            found = Error{ErrorCode::kCancelled, "the backup was stopped before it was checked"};
            break;
        }
        const std::string path = directory_ + kSharedDirectory + "/" + file;
        const rocksdb::Status status = check_table_file(core, path);
        if (status.IsCorruption()) {
            const Error damage = damage_error(core, live_name(file), rocks_text(status));
            found = Error{ErrorCode::kCorruption,
                          "no backup was made and none was removed: " + damage.message};
            break;
        }
        if (!status.ok()) {
            found = rocks_error(status, "checking " + path);
            break;
        }
    }
    if (!found) {
        PLUMBLINE_TRY_VOID(
            from_rocks(engine_.DeleteBackup(id),
                       fmt::format("deleting backup {} again ({})", id, found.error().message)));
    }
    give_up();
    return found;
}

void BackupCheck::give_up() const {
    std::error_code error;
    std::filesystem::remove(directory_ + kMarkFile, error);
}

}  // namespace plumbline::storage
