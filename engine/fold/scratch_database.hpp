// A database for one fold that nobody keeps: for rows as they were, and for rows to compare with.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "core/base/result.hpp"
#include "storage/database.hpp"

namespace plumbline::engine {

/// Goes away with this object, its directory too. One owner; the database is as thread-safe as any.
class ScratchDatabase {
  public:
    /// Under a fresh name in the directory `parent`, empty, with the entities of `bundle`.
    /// `memory_bytes` bounds RocksDB's caches and buffers. kIo where `parent` takes no directory.
    [[nodiscard]] static Result<std::unique_ptr<ScratchDatabase>> create(
        const std::string& parent, const storage::SchemaBundle& bundle, size_t memory_bytes);
    ScratchDatabase(const ScratchDatabase&) = delete;
    ScratchDatabase& operator=(const ScratchDatabase&) = delete;
    ~ScratchDatabase();
    /// Removes the directories of all that live, of a process that is about to end without them.
    /// Thread-safe.
    static void clear_away() noexcept;
    [[nodiscard]] storage::Database& database() noexcept { return *database_; }

  private:
    ScratchDatabase() = default;
    std::string path_;
    std::unique_ptr<storage::Database> database_;
};

/// The directory that the database stands in: where a scratch database has room if that has.
[[nodiscard]] std::string directory_of(const storage::Database& database);

}  // namespace plumbline::engine
