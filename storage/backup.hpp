// Backups of a whole database while it is written to, and what to make of them later. A backup
// directory holds any number of backups, which share the files they have in common.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "storage/database.hpp"

namespace plumbline::storage {

struct BackupInfo {
    uint32_t id = 0;
    int64_t unix_s = 0;       ///< when it was made
    uint64_t size_bytes = 0;  ///< files shared with other backups counted in full
    uint64_t chain_id = 0;
    uint64_t block_num = 0;   ///< where the index stood at least
    uint64_t commit_num = 0;  ///< and its number
    /// What of it is missing or damaged, as far as a look at its files tells; empty = whole. Of one
    /// that is not only the id is known.
    std::string broken;
};

/// Makes a backup of what is committed now, in `directory`, which is made where it is missing, and
/// checks its files. A table file of the database that is damaged goes into none: kCorruption names
/// it, and no backup was made nor removed. kInvalidArgument for the database's own directory and
/// what is below it. Of more than `kept_max` backups the oldest go; 0 = all stay. Safe beside the
/// writer. The directory belongs to one database (and to those restored from it): kInvalidArgument
/// for another's, kUnavailable while another backup is made there. `should_stop` (may be empty) is
/// asked after each MiB; true ends with kCancelled, and what was copied is no backup.
[[nodiscard]] Result<BackupInfo> create_backup(const Database& database,
                                               const std::string& directory, uint64_t kept_max,
                                               const std::function<bool()>& should_stop = {});

/// Oldest first, those that are not whole among them. kNotFound where `directory` is no backup
/// directory.
[[nodiscard]] Result<std::vector<BackupInfo>> list_backups(const std::string& directory);

/// Puts backup `id` (0 = the newest that is whole) at `db_path`, where nothing may be yet. Every
/// file's checksum is compared, then the database is opened as a writer would and must hold what
/// the backup says; only a database that passed, and that `prepare` (may be empty) took, appears at
/// `db_path`. kCorruption, and kNotFound where none is whole, name what is not.
[[nodiscard]] Result<BackupInfo> restore_backup(
    const std::string& directory, const std::string& db_path, uint32_t id = 0,
    const std::function<Status(Database&)>& prepare = {});

}  // namespace plumbline::storage
