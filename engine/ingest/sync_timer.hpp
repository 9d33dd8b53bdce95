// When the next sync to disk is due: what was written without one may be lost to a power cut, so it
// must not wait for long.
#pragma once

#include <cstdint>

namespace plumbline::engine {

/// One thread. Times are `Clock::monotonic_ms`.
class SyncTimer {
  public:
    SyncTimer(int64_t interval_ms, int64_t now_ms)
        : interval_ms_{interval_ms},
          synced_ms_{now_ms} {}

    /// Something waits for a sync, and the last one was `interval_ms` ago.
    [[nodiscard]] bool is_due(int64_t now_ms) const noexcept {
        return is_waiting_ && now_ms - synced_ms_ >= interval_ms_;
    }
    void on_buffered_write() noexcept { is_waiting_ = true; }
    /// All that was written is on disk, by a write that was no turn of this timer.
    void on_synced() noexcept { is_waiting_ = false; }
    /// The same, begun at `at_ms`: the next turn is counted from there.
    void on_synced(int64_t at_ms) noexcept {
        is_waiting_ = false;
        synced_ms_ = at_ms;
    }

  private:
    const int64_t interval_ms_;
    int64_t synced_ms_;
    bool is_waiting_ = false;
};

}  // namespace plumbline::engine
