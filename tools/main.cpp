// The plumbline command: one file a subcommand, all over the library's public interface.
#include <sys/stat.h>

#include <csignal>

#include "core/base/exception_guard.hpp"
#include "core/base/process_memory.hpp"
#include "tools/command.hpp"
#include "tools/command_line.hpp"

int main(int argc, char** argv) {
    // Indexes, backups, dumps and configs are their owner's: files 0600, directories 0700.
    umask(umask(0) | S_IRWXG | S_IRWXO);
    // A reader that goes away (`| head`) shows as a write error, not as a death.
    std::signal(SIGPIPE, SIG_IGN);
    plumbline::set_up_heap();
    using plumbline::tools::ExitCode;
    ExitCode exit = ExitCode::kDone;
    const plumbline::Status ran = plumbline::catch_exceptions(
        "plumbline", [&] { exit = plumbline::tools::run_command_line(argc, argv); });
    if (!ran) {
        exit = plumbline::tools::fail(ran.error());
    }
    return static_cast<int>(exit);
}
