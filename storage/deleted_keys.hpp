// Where commits deleted keys: what tells whoever keeps runs of deleted keys short where to look.
// Internal to storage.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/mutex.hpp"

namespace rocksdb {
class WriteBatch;
}  // namespace rocksdb

namespace plumbline::storage {

/// A run of deleted keys that a reader notices: it costs about as much as reading a row through
/// the HTTP API (docs/architecture.md has the figures).
constexpr uint64_t kDeletedRunMin = 2'000;

/// Deletes of each family since somebody looked there, and some of their keys, picked at random.
/// Nothing is noted while nobody looks. Safe from any thread.
class DeletedKeys {
  public:
    struct Family {
        uint32_t id = 0;  ///< RocksDB's
        uint64_t deletes = 0;
        std::vector<std::string> keys;  ///< at most 16
    };

    /// From now on somebody looks; until `close`.
    void open() PLUMBLINE_EXCLUDES(mutex_);
    void close() PLUMBLINE_EXCLUDES(mutex_);

    /// Of a batch that was written.
    void note(const rocksdb::WriteBatch& batch) PLUMBLINE_EXCLUDES(mutex_);
    /// The family is due: this key may lie in a run.
    void note_key(uint32_t id, std::string key) PLUMBLINE_EXCLUDES(mutex_);

    /// Until a family is due (its deletes may make a run) or `close`; false after `close`.
    [[nodiscard]] bool wait_until_due() PLUMBLINE_EXCLUDES(mutex_);
    /// Until `close`, at most so long; false after `close`.
    [[nodiscard]] bool pause(std::chrono::milliseconds time) PLUMBLINE_EXCLUDES(mutex_);
    /// Families that are due, and forgets what was known of them.
    [[nodiscard]] std::vector<Family> take_due() PLUMBLINE_EXCLUDES(mutex_);

  private:
    class Counter;
    void add(uint32_t id, std::string_view key) PLUMBLINE_REQUIRES(mutex_);

    Mutex mutex_;
    CondVar changed_;
    std::unordered_map<uint32_t, Family> families_ PLUMBLINE_GUARDED_BY(mutex_);
    uint64_t random_ PLUMBLINE_GUARDED_BY(mutex_) = 1;
    bool is_due_ PLUMBLINE_GUARDED_BY(mutex_) = false;
    bool is_open_ PLUMBLINE_GUARDED_BY(mutex_) = false;
};

}  // namespace plumbline::storage
