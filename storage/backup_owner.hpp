// Whose backups a directory holds. Backups of several databases in one directory would be taken for
// each other: the newest is what `restore` gives.
#pragma once

#include <string>

#include "core/base/result.hpp"

namespace plumbline::storage {

/// A backup directory, held by one process until it is destroyed.
class BackupOwner {
  public:
    /// kUnavailable where another process makes a backup there now, kIo where it cannot be written.
    [[nodiscard]] static Result<BackupOwner> lock(const std::string& directory);
    BackupOwner(BackupOwner&& other) noexcept;
    BackupOwner& operator=(BackupOwner&&) = delete;
    BackupOwner(const BackupOwner&) = delete;
    BackupOwner& operator=(const BackupOwner&) = delete;
    ~BackupOwner();

    /// Makes the directory that of the database `identity` (RocksDB's), at `db_path` for people.
    /// kInvalidArgument where it is another one's.
    [[nodiscard]] Status claim(const std::string& identity, const std::string& db_path) const;
    /// A database that came out of this directory may write to it as well.
    [[nodiscard]] Status add(const std::string& identity, const std::string& db_path) const;

  private:
    BackupOwner(std::string directory, int file) : directory_{std::move(directory)}, file_{file} {}

    std::string directory_;
    int file_;  ///< locked; -1: moved from
};

}  // namespace plumbline::storage
