// Work beside its owner, one piece at a time: on a thread of its own, or at once on the owner's
// where a simulation must repeat exactly.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "core/base/check.hpp"

namespace plumbline {

/// All calls on the owner's thread. What the work writes may be read once it is not busy. What it
/// throws is thrown on by `wait` or the next `start`. The end waits for the work under way.
class BackgroundJob {
  public:
    BackgroundJob() = default;
    BackgroundJob(const BackgroundJob&) = delete;
    BackgroundJob& operator=(const BackgroundJob&) = delete;
    ~BackgroundJob() {
        if (thread_.joinable()) {
            {
                const std::scoped_lock lock{mutex_};
                stop_ = true;
            }
            changed_.notify_all();
            thread_.join();
        }
    }

    /// From now on work runs on a thread of its own.
    void use_thread() {
        if (!thread_.joinable()) {
            thread_ = std::thread{[this] { run(); }};
        }
    }
    /// Nothing may be under way.
    void start(std::function<void()> work) {
        if (!thread_.joinable()) {
            work();
            return;
        }
        {
            const std::scoped_lock lock{mutex_};
            throw_on();
            PLUMBLINE_CHECK(!work_);
            work_ = std::move(work);
        }
        changed_.notify_all();
    }
    [[nodiscard]] bool is_busy() const {
        const std::scoped_lock lock{mutex_};
        return static_cast<bool>(work_);
    }
    void wait() {
        std::unique_lock lock{mutex_};
        changed_.wait(lock, [this] { return !work_; });
        throw_on();
    }

  private:
    void throw_on() {
        if (thrown_) {
            std::rethrow_exception(std::exchange(thrown_, nullptr));
        }
    }
    void run() {
        std::unique_lock lock{mutex_};
        while (true) {
            changed_.wait(lock, [this] { return work_ || stop_; });
            if (!work_) {
                return;
            }
            lock.unlock();
            std::exception_ptr thrown;
            try {
                work_();
            } catch (...) {
                thrown = std::current_exception();
            }
            lock.lock();
            thrown_ = std::move(thrown);
            work_ = nullptr;
            changed_.notify_all();
        }
    }

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::function<void()> work_;  ///< empty: nothing is under way
    std::exception_ptr thrown_;   ///< by the last work, not thrown on yet
    bool stop_ = false;
    std::thread thread_;
};

}  // namespace plumbline
