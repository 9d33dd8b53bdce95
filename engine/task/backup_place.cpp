#include "engine/task/backup_place.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "engine/task/tasks.hpp"

namespace plumbline::engine {

namespace fs = std::filesystem;

Status check_backup_place(const Config& config, const std::string& args) {
    const std::vector<std::string_view> words = split_args(args);
    if (words.empty()) {
        return ok();
    }
    if (config.backup.path.empty()) {
        return Error{ErrorCode::kInvalidArgument,
                     "over HTTP a backup goes to [backup] path, and the config has none"};
    }
    std::error_code of_base;
    std::error_code of_asked;
    const fs::path base = fs::weakly_canonical(fs::absolute(resolve_backup_path(config)), of_base);
    const fs::path asked = fs::weakly_canonical(fs::absolute(fs::path{words[0]}), of_asked);
    const fs::path below = (base / "").lexically_normal().parent_path();
    const auto [end, ignored] =
        std::mismatch(below.begin(), below.end(), asked.begin(), asked.end());
    if (of_base || of_asked || end != below.end()) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("over HTTP a backup goes to {} or a directory below it",
                                 resolve_backup_path(config))};
    }
    return ok();
}

Status check_backup_named(const Config& config, const std::string& args, bool by_service) {
    if (!split_args(args).empty() || !config.backup.path.empty()) {
        return ok();
    }
    return Error{ErrorCode::kInvalidArgument,
                 by_service ? "a backup needs to know where: add [backup] path to the config and "
                              "start the service again, which takes no other directory"
                            : "a backup needs to know where: add [backup] path to the config, or "
                              "name a directory"};
}

}  // namespace plumbline::engine
