// The right to change a database, as a capability that clang's -Wthread-safety follows: see
// core/base/mutex.hpp. Internal to storage.
#pragma once

#include <atomic>

#include "core/base/check.hpp"
#include "core/base/mutex.hpp"

namespace plumbline::storage {

/// One call at a time has it. That is the caller's to keep, so this does not wait as a mutex does:
/// a second call while one is at work is a broken invariant.
class PLUMBLINE_CAPABILITY("role") WriterRole {
  public:
    WriterRole() = default;
    WriterRole(const WriterRole&) = delete;
    WriterRole& operator=(const WriterRole&) = delete;
    ~WriterRole() = default;

    void enter() PLUMBLINE_ACQUIRE() {
        PLUMBLINE_CHECK_MSG(!is_taken_.exchange(true, std::memory_order_acquire),
                            "one call at a time changes a database");
    }
    void leave() PLUMBLINE_RELEASE() { is_taken_.store(false, std::memory_order_release); }
    /// For what a call that has the role does in objects of its own.
    void assert_taken() const PLUMBLINE_ASSERT_HELD(this) {
        PLUMBLINE_CHECK(is_taken_.load(std::memory_order_relaxed));
    }
    /// For the filling of a batch, which happens between the calls that change the database and
    /// counts on what they left. Once for every log and row: too often to take the role.
    void assert_idle() const PLUMBLINE_ASSERT_HELD(this) {
        PLUMBLINE_DCHECK(!is_taken_.load(std::memory_order_relaxed));
    }

  private:
    std::atomic<bool> is_taken_{false};
};

/// Has the role from its construction to its end.
class PLUMBLINE_SCOPED_CAPABILITY WriterScope {
  public:
    explicit WriterScope(WriterRole& role) PLUMBLINE_ACQUIRE(role) : role_{role} { role_.enter(); }
    WriterScope(const WriterScope&) = delete;
    WriterScope& operator=(const WriterScope&) = delete;
    ~WriterScope() PLUMBLINE_RELEASE() { role_.leave(); }

  private:
    WriterRole& role_;
};

}  // namespace plumbline::storage
