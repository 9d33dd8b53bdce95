// A queue between two threads that is bounded by the bytes of what waits in it, not by its count:
// a range of blocks may be empty or hold megabytes of logs. Where all items weigh the same, each
// may count as one.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "core/base/mutex.hpp"

namespace plumbline {

/// Thread-safe. `T` is moved in and out.
template <typename T>
class BoundedQueue {
  public:
    explicit BoundedQueue(size_t bytes_max) : bytes_max_{bytes_max} {}
    BoundedQueue(const BoundedQueue&) = delete;
    BoundedQueue& operator=(const BoundedQueue&) = delete;
    ~BoundedQueue() = default;

    /// False, with `item` untouched, where the queue is closed or `bytes` more would pass the
    /// bound. An empty queue takes an item of any size, so that nothing is too large to pass.
    [[nodiscard]] bool try_push(T& item, size_t bytes) {
        {
            const MutexLock lock{mutex_};
            if (closed_ || (!items_.empty() && bytes_ + bytes > bytes_max_)) {
                return false;
            }
            bytes_ += bytes;
            items_.emplace_back(std::move(item), bytes);
        }
        filled_.notify_one();
        return true;
    }

    [[nodiscard]] std::optional<T> try_pop() {
        const MutexLock lock{mutex_};
        return pop_locked();
    }

    /// Waits for an item; empty after `wait` without one, or when closed and used up.
    template <typename Rep, typename Period>
    [[nodiscard]] std::optional<T> pop(std::chrono::duration<Rep, Period> wait) {
        const auto until = std::chrono::steady_clock::now() + wait;
        const MutexLock lock{mutex_};
        while (!closed_ && items_.empty() && filled_.wait_until(mutex_, until)) {
        }
        return pop_locked();
    }

    /// The same without an end to the waiting: empty only when closed and used up.
    [[nodiscard]] std::optional<T> pop() {
        const MutexLock lock{mutex_};
        while (!closed_ && items_.empty()) {
            filled_.wait(mutex_);
        }
        return pop_locked();
    }

    /// No more pushes; what waits may still be popped.
    void close() {
        {
            const MutexLock lock{mutex_};
            closed_ = true;
        }
        filled_.notify_all();
    }
    /// Drops what waits.
    void clear() {
        const MutexLock lock{mutex_};
        items_.clear();
        bytes_ = 0;
    }

    [[nodiscard]] size_t size() const {
        const MutexLock lock{mutex_};
        return items_.size();
    }
    [[nodiscard]] bool empty() const { return size() == 0; }
    [[nodiscard]] size_t size_bytes() const {
        const MutexLock lock{mutex_};
        return bytes_;
    }

  private:
    std::optional<T> pop_locked() PLUMBLINE_REQUIRES(mutex_) {
        if (items_.empty()) {
            return std::nullopt;
        }
        std::optional<T> item{std::move(items_.front().first)};
        bytes_ -= items_.front().second;
        items_.pop_front();
        return item;
    }

    const size_t bytes_max_;
    mutable Mutex mutex_;
    CondVar filled_;
    std::deque<std::pair<T, size_t>> items_ PLUMBLINE_GUARDED_BY(mutex_);  ///< with their bytes
    size_t bytes_ PLUMBLINE_GUARDED_BY(mutex_) = 0;                        ///< of all items
    bool closed_ PLUMBLINE_GUARDED_BY(mutex_) = false;
};

}  // namespace plumbline
