// What RocksDB's own threads met when a flush or a compaction failed. Internal to storage.
#pragma once

#include <atomic>
#include <optional>

#include <rocksdb/status.h>

#include "core/base/mutex.hpp"

namespace plumbline::storage {

/// A full disk gets room, a device comes back. Bytes that are not those that were written stay so,
/// and so does all else that RocksDB refuses.
[[nodiscard]] inline bool can_pass(const rocksdb::Status& status) noexcept {
    return status.IsIOError() || status.IsBusy() || status.IsTimedOut() || status.IsAborted() ||
           status.IsIncomplete() || status.IsTryAgain() || status.IsShutdownInProgress();
}

/// Set by any thread, never taken back: RocksDB takes no more writes before it is opened anew.
class BackgroundFailure {
  public:
    /// True for the first. One that does not pass counts more than one that does.
    bool note(const rocksdb::Status& status) {
        {
            // Before the flag, so that who sees that finds this.
            const MutexLock lock{mutex_};
            if (!first_ || (can_pass(*first_) && !can_pass(status))) {
                first_ = status;
            }
        }
        return !has_failed_.exchange(true);
    }
    [[nodiscard]] bool has_failed() const noexcept { return has_failed_.load(); }
    [[nodiscard]] std::optional<rocksdb::Status> status() const {
        const MutexLock lock{mutex_};
        return first_;
    }
    /// The failure, where it is one that does not pass.
    [[nodiscard]] std::optional<rocksdb::Status> lasting() const {
        std::optional<rocksdb::Status> out = status();
        return out && !can_pass(*out) ? out : std::nullopt;
    }

  private:
    std::atomic<bool> has_failed_{false};
    mutable Mutex mutex_;
    std::optional<rocksdb::Status> first_ PLUMBLINE_GUARDED_BY(mutex_);
};

}  // namespace plumbline::storage
