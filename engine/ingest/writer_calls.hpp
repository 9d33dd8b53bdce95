// Work of other threads for the one thread that writes to the database.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <optional>

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

/// Thread-safe.
class WriterCalls {
  public:
    /// False where nobody will ever run it.
    [[nodiscard]] bool push(WriterCall& call) {
        const std::scoped_lock lock{mutex_};
        if (is_closed_) {
            return false;
        }
        calls_.push_back(std::move(call));
        count_.store(calls_.size());
        return true;
    }
    [[nodiscard]] bool empty() const noexcept { return count_.load() == 0; }
    [[nodiscard]] std::optional<WriterCall> try_pop() {
        const std::scoped_lock lock{mutex_};
        if (calls_.empty()) {
            return std::nullopt;
        }
        std::optional<WriterCall> call{std::move(calls_.front())};
        calls_.pop_front();
        count_.store(calls_.size());
        return call;
    }
    /// Refuses what waits and all that comes.
    void close(const Error& why) {
        std::deque<WriterCall> refused;
        {
            const std::scoped_lock lock{mutex_};
            is_closed_ = true;
            refused.swap(calls_);
            count_.store(0);
        }
        for (WriterCall& call : refused) {
            call.done.set_value(why);
        }
    }

  private:
    std::atomic<size_t> count_{0};
    std::mutex mutex_;
    std::deque<WriterCall> calls_;
    bool is_closed_ = false;
};

}  // namespace plumbline::engine
