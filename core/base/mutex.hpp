// Mutex, lock and condition variable that clang's -Wthread-safety understands: libstdc++'s own are
// no capabilities to it. A field says which mutex guards it, a private function which one it needs,
// and clang refuses what touches either without. g++ compiles the same code without the checks.
//
//   Mutex mutex_;
//   std::deque<Item> items_ PLUMBLINE_GUARDED_BY(mutex_);
//   void drop_oldest() PLUMBLINE_REQUIRES(mutex_);
//
// https://clang.llvm.org/docs/ThreadSafetyAnalysis.html
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#ifdef __clang__
#define PLUMBLINE_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define PLUMBLINE_THREAD_ATTRIBUTE(x)
#endif

#define PLUMBLINE_CAPABILITY(name) PLUMBLINE_THREAD_ATTRIBUTE(capability(name))
#define PLUMBLINE_SCOPED_CAPABILITY PLUMBLINE_THREAD_ATTRIBUTE(scoped_lockable)
#define PLUMBLINE_GUARDED_BY(mutex) PLUMBLINE_THREAD_ATTRIBUTE(guarded_by(mutex))
#define PLUMBLINE_PT_GUARDED_BY(mutex) PLUMBLINE_THREAD_ATTRIBUTE(pt_guarded_by(mutex))
#define PLUMBLINE_REQUIRES(...) PLUMBLINE_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define PLUMBLINE_REQUIRES_SHARED(...) \
    PLUMBLINE_THREAD_ATTRIBUTE(requires_shared_capability(__VA_ARGS__))
#define PLUMBLINE_EXCLUDES(...) PLUMBLINE_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define PLUMBLINE_ACQUIRE(...) PLUMBLINE_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define PLUMBLINE_TRY_ACQUIRE(...) PLUMBLINE_THREAD_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define PLUMBLINE_RELEASE(...) PLUMBLINE_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define PLUMBLINE_ASSERT_HELD(mutex) PLUMBLINE_THREAD_ATTRIBUTE(assert_capability(mutex))
/// For the few functions that the analysis cannot follow; say why beside it.
#define PLUMBLINE_NO_THREAD_SAFETY_ANALYSIS PLUMBLINE_THREAD_ATTRIBUTE(no_thread_safety_analysis)

namespace plumbline {

class PLUMBLINE_CAPABILITY("mutex") Mutex {
  public:
    Mutex() = default;
    Mutex(const Mutex&) = delete;
    Mutex& operator=(const Mutex&) = delete;
    ~Mutex() = default;

    void lock() PLUMBLINE_ACQUIRE() { mutex_.lock(); }
    void unlock() PLUMBLINE_RELEASE() { mutex_.unlock(); }
    [[nodiscard]] bool try_lock() PLUMBLINE_TRY_ACQUIRE(true) { return mutex_.try_lock(); }

  private:
    friend class CondVar;
    std::mutex mutex_;
};

/// Holds the mutex from its construction to its end; `unlock` and `lock` in between where work has
/// to be done without it.
class PLUMBLINE_SCOPED_CAPABILITY MutexLock {
  public:
    explicit MutexLock(Mutex& mutex) PLUMBLINE_ACQUIRE(mutex) : mutex_{mutex} { mutex_.lock(); }
    MutexLock(const MutexLock&) = delete;
    MutexLock& operator=(const MutexLock&) = delete;
    ~MutexLock() PLUMBLINE_RELEASE() {
        if (is_held_) {
            mutex_.unlock();
        }
    }

    void unlock() PLUMBLINE_RELEASE() {
        mutex_.unlock();
        is_held_ = false;
    }
    void lock() PLUMBLINE_ACQUIRE() {
        mutex_.lock();
        is_held_ = true;
    }

  private:
    Mutex& mutex_;
    bool is_held_ = true;
};

/// Waits on a mutex that the caller holds; woken ones look at their condition again. No predicate
/// overloads: clang does not see the lock inside a lambda, so write the loop.
class CondVar {
  public:
    CondVar() = default;
    CondVar(const CondVar&) = delete;
    CondVar& operator=(const CondVar&) = delete;
    ~CondVar() = default;

    void wait(Mutex& mutex) PLUMBLINE_REQUIRES(mutex) {
        Adopted lock{mutex.mutex_};
        condition_.wait(lock.held);
    }
    /// False: the time had passed.
    template <typename Rep, typename Period>
    bool wait_for(Mutex& mutex, std::chrono::duration<Rep, Period> time) PLUMBLINE_REQUIRES(mutex) {
        Adopted lock{mutex.mutex_};
        return condition_.wait_for(lock.held, time) == std::cv_status::no_timeout;
    }
    template <typename Clock, typename Duration>
    bool wait_until(Mutex& mutex, std::chrono::time_point<Clock, Duration> time)
        PLUMBLINE_REQUIRES(mutex) {
        Adopted lock{mutex.mutex_};
        return condition_.wait_until(lock.held, time) == std::cv_status::no_timeout;
    }
    void notify_one() noexcept { condition_.notify_one(); }
    void notify_all() noexcept { condition_.notify_all(); }

  private:
    /// The caller's hold, lent to the standard library and given back.
    struct Adopted {
        explicit Adopted(std::mutex& mutex) : held{mutex, std::adopt_lock} {}
        Adopted(const Adopted&) = delete;
        Adopted& operator=(const Adopted&) = delete;
        ~Adopted() { held.release(); }
        std::unique_lock<std::mutex> held;
    };

    std::condition_variable condition_;
};

}  // namespace plumbline
