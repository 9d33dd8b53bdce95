// SIGINT and SIGTERM for commands that leave something to clear away.
#pragma once

#include <csignal>
#include <stop_token>
#include <thread>

namespace plumbline::tools {

/// The first signal asks for a stop, the second ends the process at once. Made on the main thread
/// before there are others; one a process.
class StopSignal {
  public:
    StopSignal();
    StopSignal(const StopSignal&) = delete;
    StopSignal& operator=(const StopSignal&) = delete;
    ~StopSignal() = default;
    [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }

  private:
    void wait(const std::stop_token& done);

    sigset_t signals_{};
    std::stop_source stop_;
    std::jthread thread_;
};

}  // namespace plumbline::tools
