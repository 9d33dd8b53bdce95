// What keeps damage of a database out of its backups. Internal to storage.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "core/base/result.hpp"

namespace rocksdb {
class BackupEngine;
}

namespace plumbline::storage {

struct RocksHandles;

/// One backup under way. RocksDB copies table files as they are, blocks with a wrong checksum too:
/// whoever restores would be the first to hear of it. So those that came new into the directory are
/// read there, once: those that older backups brought were read then. A file `UNCHECKED` stands in
/// the directory meanwhile, so that a backup whose maker was killed before that is none.
class BackupCheck {
  public:
    /// Deletes what an earlier one left unchecked.
    [[nodiscard]] static Result<BackupCheck> begin(rocksdb::BackupEngine& engine,
                                                   const std::string& directory);
    /// Backup `id` was made of `core`. Where it holds a damaged file it is deleted again:
    /// kCorruption names the file. `should_stop` (may be empty) is asked after each file:
    /// kCancelled.
    [[nodiscard]] Status finish(const RocksHandles& core, uint32_t id,
                                const std::function<bool()>& should_stop) const;
    /// None was made.
    void give_up() const;

  private:
    BackupCheck(rocksdb::BackupEngine& engine, const std::string& directory)
        : engine_{engine},
          directory_{directory} {}

    rocksdb::BackupEngine& engine_;
    std::string directory_;
    std::set<std::string> known_;  ///< table files of earlier backups
};

}  // namespace plumbline::storage
