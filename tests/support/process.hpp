// Child processes for tests: run one to its end, or keep one and talk to it. Every process started
// here is ended here, by its id.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/temp_dir.hpp"

namespace plumbline::test {

struct Finished {
    int code = -1;  ///< exit code, or 128 + signal
    std::string out;
    std::string err;
};

/// Runs a command to its end with `input` on standard input. Fails the test process loudly where it
/// cannot be started. One that takes longer than `wait` is killed: the code is then 128 + SIGKILL,
/// and `err` says what its threads were waiting for.
[[nodiscard]] Finished run_command(const std::vector<std::string>& command,
                                   const std::string& input = {},
                                   std::chrono::milliseconds wait = std::chrono::seconds{120});

/// Where the threads of a process are: state, what the kernel has them wait for, their system call.
[[nodiscard]] std::string describe_process(pid_t pid);

/// A process that runs beside the test. Standard output goes to a pipe, standard error to the
/// test's.
class Child {
  public:
    explicit Child(const std::vector<std::string>& command);
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    /// Kills what still runs.
    ~Child();

    /// The next line of its output; empty when it ended or `wait` passed, which standard error then
    /// tells with where the process is.
    [[nodiscard]] std::string read_line(std::chrono::milliseconds wait = std::chrono::minutes{2});
    void send_signal(int signal) const;
    /// Waits for its end; the exit code or 128 + signal. -1 when `wait` passed: it then still runs,
    /// and standard error tells where it is.
    int wait(std::chrono::milliseconds wait = std::chrono::minutes{2});
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    [[nodiscard]] bool is_running();

  private:
    pid_t pid_ = -1;
    int out_ = -1;  ///< what it writes
    int end_ = -1;  ///< readable once it has ended
    int code_ = -1;
    std::string buffered_;
};

/// For what another process does, which cannot be waited for: asks `done` every few milliseconds
/// until it holds. False after `wait`, which is a guard against a hang and no expectation.
[[nodiscard]] bool eventually(const std::function<bool()>& done,
                              std::chrono::milliseconds wait = std::chrono::minutes{2});

/// A port of 127.0.0.1 that is free now, of a range that the system gives to no connection by
/// itself: it is still free when a service starts, or starts again.
[[nodiscard]] uint16_t free_port();

[[nodiscard]] std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& text);

}  // namespace plumbline::test
