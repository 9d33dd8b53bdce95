// Whether a directory is one of ours, before anything in it is touched. Internal to storage.
#pragma once

#include <optional>

#include "core/base/result.hpp"
#include "storage/database.hpp"
#include "storage/head_file.hpp"
#include "storage/rocks_handles.hpp"

namespace plumbline::storage {

struct DirectoryState {
    bool has_rocks = false;  ///< a RocksDB is there, and it may be ours
    /// The sidecar file as found; none where it is missing or damaged.
    std::optional<HeadFile> head;
};

/// Of `core` only path, environment and tuning are used. kIncompatible: something else lies there,
/// or a database of a newer format. kNotFound: nothing does, and nothing is to be created.
/// kCorruption: of a database only the sidecar is left.
[[nodiscard]] Result<DirectoryState> check_directory(const OpenOptions& options,
                                                     const RocksHandles& core);

}  // namespace plumbline::storage
