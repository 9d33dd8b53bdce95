// The plumbline command: one file a subcommand, all over the library's public interface.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>

#include "core/base/exception_guard.hpp"
#include "core/base/limit_advice.hpp"
#include "core/base/process_memory.hpp"
#include "tools/command.hpp"
#include "tools/command_line.hpp"

namespace {

/// Whoever started us may have closed them. The next file that is opened, one of the database's,
/// would take the number, and what is printed would be written into it. Opened the other way round
/// than they are used, they fail as closed ones do.
void hold_standard_descriptors() {
    for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor) {
        if (fcntl(descriptor, F_GETFD) < 0 && errno == EBADF) {
            // It takes the lowest free number, which is this one.
            static_cast<void>(open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY));
        }
    }
}

/// With less address space RocksDB runs out of it while it opens a database, and its assertions end
/// the process then.
plumbline::Status check_address_space() {
    constexpr rlim_t kMib = rlim_t{1} << 20;
    constexpr rlim_t kLeast = 160 * kMib;
    rlimit limit{};
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
        limit.rlim_cur >= kLeast) {
        return plumbline::ok();
    }
    return plumbline::Error{
        plumbline::ErrorCode::kIo,
        fmt::format("this process may have {} MiB of address space, and needs {} at least: raise "
                    "its limit (`ulimit -v`)",
                    limit.rlim_cur / kMib, kLeast / kMib)};
}

/// With fewer descriptors a database and its endpoints take them from each other, and each is
/// blamed for what it lacks.
plumbline::Status check_open_files() {
    constexpr rlim_t kLeast = 64;
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kLeast) {
        return plumbline::ok();
    }
    return plumbline::Error{
        plumbline::ErrorCode::kIo,
        fmt::format(
            "this process may have {} files open, and needs {} at least: raise its limit {}",
            limit.rlim_cur, kLeast, plumbline::kOpenFilesAdvice)};
}

/// What was printed is only then done when it arrived. A reader that went away wanted no more.
plumbline::Status finish_printing() {
    if (std::fflush(stdout) != 0 && errno != EPIPE) {
        return plumbline::Error{
            plumbline::ErrorCode::kIo,
            fmt::format("cannot write to standard output: {}", std::strerror(errno))};
    }
    return plumbline::ok();
}

}  // namespace

int main(int argc, char** argv) {
    hold_standard_descriptors();
    // Indexes, backups, dumps and configs are their owner's: files 0600, directories 0700.
    umask(umask(0) | S_IRWXG | S_IRWXO);
    // A reader that goes away (`| head`) shows as a write error, not as a death.
    std::signal(SIGPIPE, SIG_IGN);
    // So does a file that may not grow, as on a full disk.
    std::signal(SIGXFSZ, SIG_IGN);
    plumbline::set_up_heap();
    using plumbline::tools::ExitCode;
    ExitCode exit = ExitCode::kDone;
    const plumbline::Status ran = plumbline::catch_exceptions("", [&]() -> plumbline::Status {
        PLUMBLINE_TRY_VOID(check_address_space());
        PLUMBLINE_TRY_VOID(check_open_files());
        exit = plumbline::tools::run_command_line(argc, argv);
        return plumbline::ok();
    });
    if (!ran) {
        exit = plumbline::tools::fail(ran.error());
    }
    if (const plumbline::Status printed = finish_printing(); !printed && exit == ExitCode::kDone) {
        exit = plumbline::tools::fail(printed.error());
    }
    return static_cast<int>(exit);
}
