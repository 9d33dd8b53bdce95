// plumbline backup, plumbline restore: a copy of a database that is known to be whole.
#include <fmt/format.h>

#include "core/base/logging.hpp"
#include "storage/backup.hpp"
#include "tools/command.hpp"

namespace plumbline::tools {

namespace {

struct BackupArguments {
    std::string db;
    std::string directory;
    uint64_t keep = 0;
    uint32_t id = 0;
    bool list = false;
};

std::string describe(const storage::BackupInfo& info) {
    return fmt::format(
        "backup {}: chain {}, block {}, commit {}, {} bytes, made at {} (unix time)\n", info.id,
        info.chain_id, info.block_num, info.commit_num, info.size_bytes, info.unix_s);
}

Status run_backup(const BackupArguments& arguments) {
    storage::OpenOptions options;
    options.notice = [](const std::string& text) { logging::warning(text); };
    const auto database = storage::Database::open(arguments.db, std::move(options));
    if (!database) {
        Error error = database.error();
        if (error.code == ErrorCode::kUnavailable) {
            error.message += fmt::format(
                "; while a service runs let it make the backup: "
                "plumbline task add {} backup",
                arguments.db);
        }
        return error.code == ErrorCode::kNotFound
                   ? Error{ErrorCode::kInvalidArgument, error.message}
                   : error;
    }
    PLUMBLINE_TRY(const storage::BackupInfo info,
                  storage::create_backup(**database, arguments.directory, arguments.keep));
    return print(describe(info));
}

Status run_restore(const BackupArguments& arguments) {
    if (arguments.list || arguments.db.empty()) {
        PLUMBLINE_TRY(const auto infos, storage::list_backups(arguments.directory));
        std::string text;
        for (const storage::BackupInfo& info : infos) {
            text += describe(info);
        }
        PLUMBLINE_TRY_VOID(print(text));
        return arguments.list ? ok()
                              : Status{Error{ErrorCode::kInvalidArgument,
                                             "name the database directory to restore to"}};
    }
    PLUMBLINE_TRY(const storage::BackupInfo info,
                  storage::restore_backup(arguments.directory, arguments.db, arguments.id));
    PLUMBLINE_TRY(const auto database, open_to_read(arguments.db));
    const auto cursor = database->cursor();
    return print(
        fmt::format("{}restored to {}: every checksum fits, the index stands at block {}\n",
                    describe(info), arguments.db, cursor ? cursor->block_num : 0));
}

}  // namespace

void add_backup(CLI::App& app, ExitCode& exit) {
    auto arguments = std::make_shared<BackupArguments>();
    CLI::App* backup =
        app.add_subcommand("backup", "Back an index up; no service may be running on it");
    backup->add_option("DB", arguments->db, "The database directory")->required();
    backup->add_option("DIR", arguments->directory, "Where backups are kept; they share files")
        ->required();
    backup->add_option("--keep", arguments->keep,
                       "Delete older backups beyond so many; default: keep all");
    backup->footer("Example: plumbline backup ./db ./backups --keep 7");
    backup->callback([arguments, &exit] {
        if (auto status = run_backup(*arguments); !status) {
            exit = fail(status.error());
        }
    });

    CLI::App* restore = app.add_subcommand("restore", "Bring an index back from a backup");
    restore->add_option("DIR", arguments->directory, "The backup directory")->required();
    restore->add_option("DB", arguments->db,
                        "The database directory to make; nothing may be there");
    restore->add_option("--id", arguments->id, "Which backup; default: the newest");
    restore->add_flag("--list", arguments->list, "Only say which backups there are");
    restore->footer("Example: plumbline restore ./backups ./db");
    restore->callback([arguments, &exit] {
        if (auto status = run_restore(*arguments); !status) {
            exit = fail(status.error());
        }
    });
}

}  // namespace plumbline::tools
