// So many calls a second, whatever their sizes: each grant moves the time of the next one.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace plumbline {

/// One thread. Time is the caller's and must not run backwards.
class RateBudget {
  public:
    /// 0: no bound, every take is granted.
    explicit RateBudget(uint64_t calls_per_second) : calls_per_second_{calls_per_second} {}

    /// As much of `calls` as one take should ask for: one second's worth, so that no grant makes
    /// the next one wait for longer than that.
    [[nodiscard]] uint64_t cap(uint64_t calls) const noexcept {
        return calls_per_second_ > 0 ? std::min(calls, calls_per_second_) : calls;
    }
    /// False: the calls before have not been paid off yet. A refusal costs nothing.
    [[nodiscard]] bool take(uint64_t calls, int64_t now_ms) noexcept {
        if (calls_per_second_ == 0) {
            return true;
        }
        const auto now = static_cast<double>(now_ms);
        if (now < free_at_ms_) {
            return false;
        }
        // Counted from now: time in which nobody asked is not saved up for a burst.
        free_at_ms_ =
            now + 1'000.0 * static_cast<double>(calls) / static_cast<double>(calls_per_second_);
        return true;
    }
    /// When the next take is granted; -1: already at `now_ms`.
    [[nodiscard]] int64_t free_at_ms(int64_t now_ms) const noexcept {
        const auto at = static_cast<int64_t>(std::ceil(free_at_ms_));
        return calls_per_second_ > 0 && at > now_ms ? at : -1;
    }

  private:
    uint64_t calls_per_second_;
    /// A fraction, so that a thousand calls a second are not rounded down to none.
    double free_at_ms_ = 0;
};

}  // namespace plumbline
