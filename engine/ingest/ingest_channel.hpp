// What passes between the network thread and the writer thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "core/base/bounded_queue.hpp"
#include "core/base/mutex.hpp"
#include "core/base/result.hpp"
#include "engine/ingest/ingest.hpp"
#include "engine/ingest/writer_calls.hpp"

namespace plumbline::engine {

/// Between the network thread and the writer thread. Thread-safe.
class IngestChannel {
  public:
    /// `queue_bytes_max`: of logs that wait for the writer.
    explicit IngestChannel(size_t queue_bytes_max) : queue{queue_bytes_max} {}

    /// Filled by the network thread, in block order; emptied by the writer.
    BoundedQueue<WorkItem> queue;
    /// From any thread to the writer.
    WriterCalls calls;
    /// Set by the writer: the last item that is wholly in the database (or was dropped).
    std::atomic<uint64_t> done_seq{0};
    /// Set by the writer: items of this epoch are refused, because what they hold does not join
    /// what is stored. The follower looks at the chain again and goes on in a new epoch. 0 = none.
    std::atomic<uint64_t> refused_epoch{0};
    /// Set by the follower: that of all it pushes now.
    std::atomic<uint64_t> epoch{1};

    /// Ingest cannot go on; the first reason stays. Calls that wait are refused with it.
    void fail(Error error) {
        const MutexLock lock{mutex_};
        if (!failure_) {
            failure_ = std::move(error);
        }
        failed_.store(true);
        calls.close(*failure_);
    }
    [[nodiscard]] bool has_failed() const noexcept { return failed_.load(); }
    [[nodiscard]] std::optional<Error> failure() const {
        const MutexLock lock{mutex_};
        return failure_;
    }

  private:
    /// Whether `failure_` is set, so that each turn can ask without the lock.
    std::atomic<bool> failed_{false};
    mutable Mutex mutex_;
    std::optional<Error> failure_ PLUMBLINE_GUARDED_BY(mutex_);
};

}  // namespace plumbline::engine
