// plumbline backup, plumbline restore: a copy of a database that is known to be whole.
#include <algorithm>

#include <fmt/format.h>

#include "storage/backup.hpp"
#include "tools/command.hpp"
#include "tools/commands.hpp"
#include "tools/report.hpp"

namespace plumbline::tools {

namespace {

std::string describe(const storage::BackupInfo& info, std::string_view block) {
    return fmt::format("backup {}: chain {}, {} {}, commit {}, {} bytes, made {}\n", info.id,
                       info.chain_id, block, info.block_num, info.commit_num, info.size_bytes,
                       utc_time(static_cast<uint64_t>(std::max<int64_t>(info.unix_s, 0))));
}

}  // namespace

Status run_backup(const BackupArguments& arguments) {
    PLUMBLINE_TRY(
        const auto database,
        open_to_write(arguments.db, fmt::format("while a service runs let it make the backup: "
                                                "plumbline task add {} backup",
                                                arguments.db)));
    PLUMBLINE_TRY(const storage::BackupInfo info,
                  storage::create_backup(*database, arguments.directory, arguments.keep));
    return print(describe(info, "block"));
}

Status run_restore(const BackupArguments& arguments) {
    if (arguments.list || arguments.db.empty()) {
        PLUMBLINE_TRY(const auto infos, storage::list_backups(arguments.directory));
        std::string text;
        for (const storage::BackupInfo& info : infos) {
            text += describe(info, "at least block");  // A service may have gone on meanwhile.
        }
        PLUMBLINE_TRY_VOID(print(text));
        return arguments.list ? ok()
                              : Status{Error{ErrorCode::kInvalidArgument,
                                             "name the database directory to restore to"}};
    }
    Result<storage::BackupInfo> info =
        storage::restore_backup(arguments.directory, arguments.db, arguments.id);
    if (!info && info.error().code == ErrorCode::kCorruption) {
        return Error{ErrorCode::kCorruption,
                     fmt::format("{}; an older backup may be whole: `plumbline restore {} --list` "
                                 "shows them, --id N takes one",
                                 info.error().message, arguments.directory)};
    }
    if (!info) {
        return std::move(info).error();
    }
    PLUMBLINE_TRY(const auto database, open_to_read(arguments.db));
    const auto cursor = database->cursor();
    info->block_num = cursor ? cursor->block_num : 0;
    return print(
        fmt::format("{}restored to {}: every checksum fits, the index stands at block {}\n",
                    describe(*info, "block"), arguments.db, info->block_num));
}

}  // namespace plumbline::tools
