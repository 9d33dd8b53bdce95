// Waiting longer after each failure, and saying seldom what happens often.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

namespace plumbline {

/// Keeps what must be said often from being said every time: the first, then once in a while.
class LogThrottle {
  public:
    explicit LogThrottle(int64_t interval_ms = 30'000) : interval_ms_{interval_ms} {}
    /// True where it is time to say it.
    [[nodiscard]] bool due(int64_t now_ms) {
        if (last_ms_ && now_ms - *last_ms_ < interval_ms_) {
            return false;
        }
        last_ms_ = now_ms;
        return true;
    }
    void reset() { last_ms_.reset(); }

  private:
    int64_t interval_ms_;
    std::optional<int64_t> last_ms_;
};

/// Doubles from `min` to `max`.
class Backoff {
  public:
    Backoff(int64_t min_ms, int64_t max_ms) : min_ms_{min_ms}, max_ms_{max_ms} {}
    [[nodiscard]] int64_t next() {
        const int64_t wait = wait_ms_ == 0 ? min_ms_ : wait_ms_;
        wait_ms_ = std::min(wait * 2, max_ms_);
        return wait;
    }
    void reset() { wait_ms_ = 0; }
    [[nodiscard]] bool is_fresh() const noexcept { return wait_ms_ == 0; }

  private:
    int64_t min_ms_;
    int64_t max_ms_;
    int64_t wait_ms_ = 0;
};

}  // namespace plumbline
