// Work of other threads for the one thread that writes to the database.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <optional>

#include "core/base/mutex.hpp"
#include "core/base/result.hpp"

namespace plumbline::storage {
class Database;
}

namespace plumbline::engine {

/// What a call on the writer thread changes, so that the writer knows what to forget.
enum class WriterEffect : uint8_t {
    kRows,  ///< logs, children or rows of entities: the fold starts from the disk again
    kNone,  ///< anything else, such as proof levels
};

/// Work of other threads that must be done by the one thread that writes.
struct WriterCall {
    std::function<Status(storage::Database&)> work;
    WriterEffect effect = WriterEffect::kRows;
    std::promise<Status> done;
};

/// Thread-safe. Who pushes waits for `done`; the writer runs the calls in order, between two
/// commits.
class WriterCalls {
  public:
    /// False, with `call` untouched, where nobody will ever run it.
    [[nodiscard]] bool push(WriterCall& call) {
        const MutexLock lock{mutex_};
        if (is_closed_) {
            return false;
        }
        calls_.push_back(std::move(call));
        count_.store(calls_.size());
        return true;
    }
    [[nodiscard]] bool empty() const noexcept { return count_.load() == 0; }
    [[nodiscard]] std::optional<WriterCall> try_pop() {
        const MutexLock lock{mutex_};
        if (calls_.empty()) {
            return std::nullopt;
        }
        std::optional<WriterCall> call{std::move(calls_.front())};
        calls_.pop_front();
        count_.store(calls_.size());
        return call;
    }
    /// Refuses what waits, with `why`, and all that comes. Promises are kept outside the lock.
    void close(const Error& why) {
        std::deque<WriterCall> refused;
        {
            const MutexLock lock{mutex_};
            is_closed_ = true;
            refused.swap(calls_);
            count_.store(0);
        }
        for (WriterCall& call : refused) {
            call.done.set_value(why);
        }
    }

  private:
    /// `calls_.size()`, so that the writer can ask in every turn without the lock.
    std::atomic<size_t> count_{0};
    Mutex mutex_;
    std::deque<WriterCall> calls_ PLUMBLINE_GUARDED_BY(mutex_);
    bool is_closed_ PLUMBLINE_GUARDED_BY(mutex_) = false;
};

}  // namespace plumbline::engine
