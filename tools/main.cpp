// The plumbline command: one file a subcommand, all over the library's public interface.
#include <csignal>
#include <exception>

#include <fmt/format.h>
#include <malloc.h>

#include "engine/service/version.hpp"
#include "tools/command.hpp"

int main(int argc, char** argv) {
    using plumbline::tools::ExitCode;
    // A reader that goes away (`| head`) shows as a write error, not as a death.
    std::signal(SIGPIPE, SIG_IGN);
    // Large buffers (answers, commits) go back to the system as soon as they are freed. By itself
    // glibc would soon keep them: a backfill then takes almost twice the memory.
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    CLI::App app{"plumbline: an EVM event indexer that proves its index against the chain"};
    app.name("plumbline");
    app.set_version_flag("--version", std::string{plumbline::engine::version()});
    app.require_subcommand(1);
    app.footer(
        "Exit codes: 0 done, 1 a check failed or nothing was found, 2 usage or config,\n"
        "            3 environment (node, disk), 4 corruption.\n"
        "Start with: plumbline init --help");
    ExitCode exit = ExitCode::kDone;
    plumbline::tools::add_init(app, exit);
    plumbline::tools::add_run(app, exit);
    plumbline::tools::add_status(app, exit);
    plumbline::tools::add_get(app, exit);
    plumbline::tools::add_list(app, exit);
    plumbline::tools::add_dump(app, exit);
    plumbline::tools::add_rebuild(app, exit);
    plumbline::tools::add_verify(app, exit);
    plumbline::tools::add_repair(app, exit);
    plumbline::tools::add_doctor(app, exit);
    plumbline::tools::add_diff(app, exit);
    plumbline::tools::add_journal(app, exit);
    plumbline::tools::add_task(app, exit);
    plumbline::tools::add_backup(app, exit);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        // --help and --version arrive here too, with code 0.
        return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::kUsage);
    }
    return static_cast<int>(exit);
}
