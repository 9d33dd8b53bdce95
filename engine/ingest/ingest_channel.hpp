// What passes between the network thread and the writer thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>

#include "core/base/bounded_queue.hpp"
#include "core/base/result.hpp"
#include "engine/ingest/ingest.hpp"
#include "engine/ingest/writer_calls.hpp"

namespace plumbline::engine {

/// Between the network thread and the writer thread. Thread-safe.
struct IngestChannel {
    explicit IngestChannel(size_t queue_bytes_max) : queue{queue_bytes_max} {}

    BoundedQueue<WorkItem> queue;
    WriterCalls calls;
    /// The last item that is wholly in the database (or was dropped).
    std::atomic<uint64_t> done_seq{0};
    /// Items of this epoch are refused: what they hold does not join what is stored. The follower
    /// looks at the chain again and goes on in a new epoch. 0 = none.
    std::atomic<uint64_t> refused_epoch{0};
    /// Set once by the writer: it cannot go on.
    void fail(Error error) {
        const std::scoped_lock lock{mutex_};
        if (!failure_) {
            failure_ = std::move(error);
        }
        failed_.store(true);
        calls.close(*failure_);
    }
    [[nodiscard]] bool has_failed() const noexcept { return failed_.load(); }
    [[nodiscard]] std::optional<Error> failure() const {
        const std::scoped_lock lock{mutex_};
        return failure_;
    }

  private:
    std::atomic<bool> failed_{false};
    mutable std::mutex mutex_;
    std::optional<Error> failure_;
};

}  // namespace plumbline::engine
