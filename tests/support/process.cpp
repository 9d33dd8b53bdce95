#include "tests/support/process.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <thread>

namespace plumbline::test {

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void die(const char* what) {
    std::perror(what);
    std::abort();
}

struct Pipe {
    int read_end = -1;
    int write_end = -1;
    Pipe() {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0) {
            die("pipe2");
        }
        read_end = ends[0];
        write_end = ends[1];
    }
};

pid_t spawn(const std::vector<std::string>& command, int in, int out, int err) {
    std::vector<char*> arguments;
    for (const std::string& part : command) {
        arguments.push_back(const_cast<char*>(part.c_str()));
    }
    arguments.push_back(nullptr);
    const pid_t pid = fork();
    if (pid < 0) {
        die("fork");
    }
    if (pid == 0) {
        // The child must not outlive a test that crashed.
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if ((in >= 0 && dup2(in, 0) < 0) || (out >= 0 && dup2(out, 1) < 0) ||
            (err >= 0 && dup2(err, 2) < 0)) {
            _exit(126);
        }
        execvp(arguments[0], arguments.data());
        std::perror(arguments[0]);
        _exit(127);
    }
    return pid;
}

int code_of(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Appends what can be read; false at the end.
bool drain(int fd, std::string& out) {
    char buffer[65536];
    const ssize_t got = read(fd, buffer, sizeof(buffer));
    if (got > 0) {
        out.append(buffer, static_cast<size_t>(got));
        return true;
    }
    return got < 0 && (errno == EINTR || errno == EAGAIN);
}

std::string first_line(const std::filesystem::path& path) {
    std::ifstream in{path};
    std::string line;
    std::getline(in, line);
    return line;
}

std::string shown(const std::vector<std::string>& command) {
    std::string out;
    for (const std::string& part : command) {
        out += out.empty() ? part : " " + part;
    }
    return out;
}

int left_ms(Clock::time_point deadline) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    return static_cast<int>(std::max<int64_t>(0, left.count()));
}

}  // namespace

std::string describe_process(pid_t pid) {
    std::string out;
    std::error_code gone;
    const std::filesystem::path tasks = "/proc/" + std::to_string(pid) + "/task";
    for (const auto& task : std::filesystem::directory_iterator{tasks, gone}) {
        const std::string stat = first_line(task.path() / "stat");
        const size_t name_end = stat.rfind(')');
        const std::string state =
            name_end == std::string::npos ? "?" : stat.substr(name_end + 2, 1);
        out += "  thread " + task.path().filename().string() + " " +
               first_line(task.path() / "comm") + ": state " + state + ", waits in " +
               first_line(task.path() / "wchan") + ", system call " +
               first_line(task.path() / "syscall") + "\n";
    }
    return out.empty() ? "  it has ended\n" : out;
}

Finished run_command(const std::vector<std::string>& command, const std::string& input,
                     std::chrono::milliseconds wait) {
    const auto deadline = Clock::now() + wait;
    FILE* stdin_file = std::tmpfile();
    std::fwrite(input.data(), 1, input.size(), stdin_file);
    std::fflush(stdin_file);
    std::rewind(stdin_file);
    Pipe out;
    Pipe err;
    const pid_t pid = spawn(command, fileno(stdin_file), out.write_end, err.write_end);
    close(out.write_end);
    close(err.write_end);
    std::fclose(stdin_file);
    Finished result;
    pollfd fds[2] = {{out.read_end, POLLIN, 0}, {err.read_end, POLLIN, 0}};
    std::string* sinks[2] = {&result.out, &result.err};
    std::string hang;
    for (int open = 2; open > 0;) {
        if (poll(fds, 2, left_ms(deadline)) == 0) {
            // Itself, or something it started that holds its output.
            hang = shown(command) + "\nhad not ended after " + std::to_string(wait.count()) +
                   " ms:\n" + describe_process(pid);
            kill(pid, SIGKILL);
            break;
        }
        for (int i = 0; i < 2; ++i) {
            if (fds[i].fd >= 0 && fds[i].revents != 0 && !drain(fds[i].fd, *sinks[i])) {
                close(fds[i].fd);
                fds[i].fd = -1;
                --open;
            }
        }
    }
    for (const pollfd& fd : fds) {
        if (fd.fd >= 0) {
            close(fd.fd);
        }
    }
    int status = 0;
    waitpid(pid, &status, 0);
    result.code = hang.empty() ? code_of(status) : 128 + SIGKILL;
    result.err += hang;
    return result;
}

Child::Child(const std::vector<std::string>& command) {
    Pipe out;
    pid_ = spawn(command, -1, out.write_end, -1);
    close(out.write_end);
    out_ = out.read_end;
    end_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    if (end_ < 0) {
        die("pidfd_open");
    }
}

Child::~Child() {
    if (is_running()) {
        kill(pid_, SIGKILL);
        wait();
    }
    close(end_);
    close(out_);
}

std::string Child::read_line(std::chrono::milliseconds wait) {
    const auto deadline = Clock::now() + wait;
    for (;;) {
        if (const size_t end = buffered_.find('\n'); end != std::string::npos) {
            std::string line = buffered_.substr(0, end);
            buffered_.erase(0, end + 1);
            return line;
        }
        pollfd fd{out_, POLLIN, 0};
        const int ready = poll(&fd, 1, left_ms(deadline));
        if (ready == 0) {
            std::fprintf(stderr, "process %d wrote no line in %ld ms:\n%s", pid_,
                         static_cast<long>(wait.count()), describe_process(pid_).c_str());
            return {};
        }
        if (ready > 0 && !drain(out_, buffered_)) {
            return {};
        }
    }
}

void Child::send_signal(int signal) const {
    kill(pid_, signal);
}

bool Child::is_running() {
    if (code_ >= 0) {
        return false;
    }
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
        code_ = code_of(status);
    }
    return code_ < 0;
}

int Child::wait(std::chrono::milliseconds wait) {
    // Its output must be read, or a full pipe would keep it from ending.
    const auto deadline = Clock::now() + wait;
    pollfd fds[2] = {{out_, POLLIN, 0}, {end_, POLLIN, 0}};
    while (is_running()) {
        const int ready = poll(fds, 2, left_ms(deadline));
        if (ready == 0) {
            break;
        }
        if (ready > 0 && fds[0].revents != 0 && !drain(out_, buffered_)) {
            fds[0].fd = -1;  // Closed; only its end is waited for.
        }
    }
    if (code_ < 0) {
        std::fprintf(stderr, "process %d had not ended after %ld ms:\n%s", pid_,
                     static_cast<long>(wait.count()), describe_process(pid_).c_str());
    }
    return code_;
}

bool eventually(const std::function<bool()>& done, std::chrono::milliseconds wait) {
    const auto deadline = Clock::now() + wait;
    while (!done()) {
        if (Clock::now() >= deadline) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    return true;
}

uint16_t free_port() {
    std::random_device random;
    for (int tries = 0; tries < 1000; ++tries) {
        const auto port = std::uniform_int_distribution<uint16_t>{15'000, 32'000}(random);
        const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port);
        const bool is_free =
            ::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
        ::close(socket);
        if (is_free) {
            return port;
        }
    }
    die("looking for a free port");
}

std::string read_file(const std::string& path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

void write_file(const std::string& path, const std::string& text) {
    std::ofstream out{path, std::ios::binary};
    out << text;
}

}  // namespace plumbline::test
