// From an older format version to this program's, in place, when a directory is opened for writing.
// A table has a step from each version to the next; each step is a row of batches.
//
//   1. The sidecar names this program's version: an older one refuses before it touches anything.
//   2. A step begins with one write: meta's `format` is the step's version from here on, and
//      `migration` says that it is not done.
//   3. Each batch is one synced write: what it rewrites, and in `migration` where the step stands.
//   4. The last one takes `migration` away.
//
// Killed anywhere, the next open for writing goes on behind the last batch. A step must therefore
// read what an earlier batch of it has written as well as what it has not: `position` tells which.
// Opening for reading does not migrate, and is refused until it is done. Internal to storage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "storage/database.hpp"
#include "storage/families.hpp"
#include "storage/head_file.hpp"
#include "storage/rocks_handles.hpp"

namespace rocksdb {
class WriteBatch;
}

namespace plumbline::storage {

/// One batch of a step, to be filled.
struct MigrationBatch {
    const RocksHandles& core;  ///< its base families are not set yet
    FamilyMap& families;       ///< every one that is there; a step may create what its version adds
    rocksdb::WriteBatch& writes;
    size_t rows_max = 0;   ///< rewritten in one batch, about
    std::string position;  ///< the step's own; empty at its beginning, never afterwards

    /// kCorruption where it is gone.
    [[nodiscard]] Result<rocksdb::ColumnFamilyHandle*> family(std::string_view name) const;
};

struct MigrationStep {
    uint32_t to = 0;        ///< the version that it leads to, from the one before
    std::string_view what;  ///< what it does, for people: "... "
    /// Adds the next rewrites to the batch and moves its position on. True: nothing is left, this
    /// batch is the step's last.
    Result<bool> (*advance)(MigrationBatch& batch) = nullptr;
};

/// What leads from version 1 to `kFormatVersion`, ascending, each version once.
[[nodiscard]] std::span<const MigrationStep> migration_steps() noexcept;

/// Brings an open RocksDB to this program's version; does nothing where it has it. `format` is what
/// meta's record of that name holds. kIncompatible: it is newer, or it is older and opened for
/// reading. `head` is the sidecar as found, and as it is then.
[[nodiscard]] Status migrate(const OpenOptions& options, const RocksHandles& core,
                             FamilyMap& families, std::string_view format,
                             std::optional<HeadFile>& head);

}  // namespace plumbline::storage
