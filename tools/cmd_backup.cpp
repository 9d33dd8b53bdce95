// plumbline backup, plumbline restore: a copy of a database that is known to be whole.
#include <algorithm>

#include <fmt/format.h>

#include "api/webhooks.hpp"
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

/// Lists them all, and fails where one is not whole.
Status list_all(const std::string& directory) {
    PLUMBLINE_TRY(const auto infos, storage::list_backups(directory));
    std::string text;
    uint64_t broken = 0;
    for (const storage::BackupInfo& info : infos) {
        // A service may have gone on while one was made.
        text += info.broken.empty()
                    ? describe(info, "at least block")
                    : fmt::format("backup {} is not whole: {}\n", info.id, info.broken);
        broken += info.broken.empty() ? 0U : 1U;
    }
    PLUMBLINE_TRY_VOID(print(text.empty() ? "there is no backup\n" : text));
    if (broken > 0) {
        return Error{ErrorCode::kNotFound,
                     fmt::format("{} of {} backups in {} {} not whole: `plumbline backup DB DIR` "
                                 "makes a new one in another directory",
                                 broken, infos.size(), directory, broken == 1 ? "is" : "are")};
    }
    return ok();
}

/// Says which newer ones were passed over because they are not whole.
Status tell_newer(const std::string& directory, uint32_t id) {
    PLUMBLINE_TRY(const auto infos, storage::list_backups(directory));
    for (const storage::BackupInfo& info : infos) {
        if (info.id > id && !info.broken.empty()) {
            PLUMBLINE_TRY_VOID(print(
                fmt::format("backup {} is newer, and not whole: {}\n", info.id, info.broken)));
        }
    }
    return ok();
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
        PLUMBLINE_TRY_VOID(list_all(arguments.directory));
        return arguments.list ? ok()
                              : Status{Error{ErrorCode::kInvalidArgument,
                                             "name the database directory to restore to"}};
    }
    Result<storage::BackupInfo> info = storage::restore_backup(arguments.directory, arguments.db,
                                                               arguments.id, api::doubt_receivers);
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
    PLUMBLINE_TRY_VOID(tell_newer(arguments.directory, info->id));
    return print(
        fmt::format("{}restored to {}: every checksum fits, the index stands at block {}\n",
                    describe(*info, "block"), arguments.db, info->block_num));
}

}  // namespace plumbline::tools
