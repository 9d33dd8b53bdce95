// Time behind an interface, so that simulation and tests decide how it passes.
#pragma once

#include <cstdint>

namespace plumbline {

/// Thread-safe. Milliseconds everywhere.
class Clock {
  public:
    Clock() = default;
    Clock(const Clock&) = delete;
    Clock& operator=(const Clock&) = delete;
    virtual ~Clock() = default;

    /// Time since an arbitrary start; never goes back.
    [[nodiscard]] virtual int64_t monotonic_ms() const = 0;
    /// Unix time, for people and for records; may jump.
    [[nodiscard]] virtual int64_t unix_ms() const = 0;
};

/// The machine's clock; lives as long as the process.
[[nodiscard]] const Clock& system_clock();

/// A clock that stands still until told otherwise. One thread sets, others read.
class ManualClock final : public Clock {
  public:
    explicit ManualClock(int64_t unix_ms_start = 1'700'000'000'000) : unix_start_{unix_ms_start} {}
    [[nodiscard]] int64_t monotonic_ms() const override { return now_; }
    [[nodiscard]] int64_t unix_ms() const override { return unix_start_ + now_; }
    void advance(int64_t ms) { now_ += ms; }

  private:
    int64_t unix_start_;
    int64_t now_ = 0;
};

}  // namespace plumbline
