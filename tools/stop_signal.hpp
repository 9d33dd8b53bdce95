// SIGINT and SIGTERM for commands that leave something to clear away.
#pragma once

#include <csignal>
#include <functional>
#include <stop_token>
#include <thread>

namespace plumbline::tools {

/// The first signal asks for a stop, the second ends the process at once. With `clear_away` the
/// first ends it as ever, after that. Made on the main thread before there are others; one a
/// process.
class StopSignal {
  public:
    explicit StopSignal(std::function<void()> clear_away = {});
    StopSignal(const StopSignal&) = delete;
    StopSignal& operator=(const StopSignal&) = delete;
    ~StopSignal() = default;
    [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }

  private:
    void wait(const std::stop_token& done);

    const std::function<void()> clear_away_;
    sigset_t signals_{};
    std::stop_source stop_;
    std::jthread thread_;
};

}  // namespace plumbline::tools
