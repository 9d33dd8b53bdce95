// Work beside its owner, one piece at a time: on a thread of its own, or at once on the owner's
// where a simulation must repeat exactly.
#pragma once

#include <exception>
#include <functional>
#include <thread>
#include <utility>

#include "core/base/check.hpp"
#include "core/base/mutex.hpp"

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
                const MutexLock lock{mutex_};
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
            const MutexLock lock{mutex_};
            throw_on();
            PLUMBLINE_CHECK(!is_busy_);
            work_ = std::move(work);
            is_busy_ = true;
        }
        changed_.notify_all();
    }
    [[nodiscard]] bool is_busy() const {
        const MutexLock lock{mutex_};
        return is_busy_;
    }
    void wait() {
        const MutexLock lock{mutex_};
        while (is_busy_) {
            changed_.wait(mutex_);
        }
        throw_on();
    }

  private:
    void throw_on() PLUMBLINE_REQUIRES(mutex_) {
        if (thrown_) {
            std::rethrow_exception(std::exchange(thrown_, nullptr));
        }
    }
    void run() {
        MutexLock lock{mutex_};
        while (true) {
            while (!work_ && !stop_) {
                changed_.wait(mutex_);
            }
            if (!work_) {
                return;
            }
            std::function<void()> work = std::exchange(work_, nullptr);
            lock.unlock();
            std::exception_ptr thrown;
            try {
                work();
            } catch (...) {
                thrown = std::current_exception();
            }
            work = nullptr;  // What it holds goes before it is said to be over.
            lock.lock();
            thrown_ = std::move(thrown);
            is_busy_ = false;
            changed_.notify_all();
        }
    }

    mutable Mutex mutex_;
    CondVar changed_;
    std::function<void()> work_ PLUMBLINE_GUARDED_BY(mutex_);  ///< not begun yet
    bool is_busy_ PLUMBLINE_GUARDED_BY(mutex_) = false;
    /// By the last work, not thrown on yet.
    std::exception_ptr thrown_ PLUMBLINE_GUARDED_BY(mutex_);
    bool stop_ PLUMBLINE_GUARDED_BY(mutex_) = false;
    std::thread thread_;
};

}  // namespace plumbline
