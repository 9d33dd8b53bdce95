// The first half of opening: from a directory to an open RocksDB. Internal to storage.
#pragma once

#include <optional>
#include <string>

#include "core/base/result.hpp"
#include "storage/database.hpp"
#include "storage/head_file.hpp"
#include "storage/rocks_handles.hpp"

namespace plumbline::storage {

struct Recovered {
    FamilyMap families;  ///< every one that is there, by name
    /// The sidecar file as found; none where it is missing or damaged.
    std::optional<HeadFile> head;
};

/// Opens RocksDB in `core`, whose path, environment and tuning are set. A database that is not
/// ours, or is newer, is refused before anything in it is touched.
[[nodiscard]] Result<Recovered> recover_rocks(const OpenOptions& options, RocksHandles& core);

}  // namespace plumbline::storage
