// SIGINT, SIGTERM and SIGHUP, taken by one thread, so that none interrupts another.
#pragma once

#include <csignal>
#include <functional>
#include <stop_token>
#include <string_view>
#include <thread>

namespace plumbline::tools {

/// What else a command does at a signal; what is empty is not done. On the thread of `StopSignal`.
struct SignalWork {
    /// Before the process ends by a signal, of what it would leave lying.
    std::function<void()> clear_away{};
    /// At the first SIGINT or SIGTERM, which then asks for a stop.
    std::function<void()> on_first{};
    /// At the second one, before the process ends with `exit_code`.
    std::function<void(int exit_code)> on_second{};
    /// SIGHUP; where it is empty that ends the process as ever.
    std::function<void()> on_hangup{};
    /// Nothing looks at the token: the first signal ends the process as ever.
    bool ends_at_first = false;
};

/// The first SIGINT or SIGTERM asks for a stop, the second ends the process at once; the same one
/// again within a fifth of a second is the first. Made on the
/// main thread before there are others, which then have these signals blocked; one a process.
class StopSignal {
  public:
    explicit StopSignal(SignalWork work = {});
    StopSignal(const StopSignal&) = delete;
    StopSignal& operator=(const StopSignal&) = delete;
    ~StopSignal() = default;
    [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }
    /// As the first signal does.
    void stop() { stop_.request_stop(); }

  private:
    void wait(const std::stop_token& done);
    void take(int signal);

    const SignalWork work_;
    sigset_t signals_{};
    std::stop_source stop_;
    int first_ = 0;  ///< which asked for the stop
    int64_t first_ms_ = 0;
    std::jthread thread_;
};

}  // namespace plumbline::tools
