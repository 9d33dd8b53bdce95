// Tells the service manager (systemd) how the service is, where it asked for that.
#pragma once

#include <cstdint>
#include <string_view>

namespace plumbline::engine {

/// Sends `text` ("READY=1") to $NOTIFY_SOCKET. False where there is none or it does not listen.
bool notify_service_manager(std::string_view text);

/// How often the service manager wants to hear WATCHDOG=1: half of $WATCHDOG_USEC; 0 = not at all.
[[nodiscard]] int64_t watchdog_interval_ms();

/// That the service is up, once, and that it lives, as often as is wanted. One thread.
class ManagerNews {
  public:
    void on_turn(int64_t now_ms);

  private:
    int64_t watchdog_ms_ = watchdog_interval_ms();
    int64_t next_watchdog_ms_ = 0;
    bool is_ready_told_ = false;
};

}  // namespace plumbline::engine
