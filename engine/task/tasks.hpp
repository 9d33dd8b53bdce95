// The kinds of tasks that plumbline knows by itself.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/log.hpp"
#include "engine/task/worker.hpp"
#include "storage/layout.hpp"

namespace plumbline::engine {

/// Registers all of them.
void add_standard_tasks(TaskKinds& kinds);

/// Where the config says that backups go; empty where it does not.
[[nodiscard]] std::string resolve_backup_path(const Config& config);

/// The words of a task's arguments.
[[nodiscard]] std::vector<std::string_view> split_args(std::string_view args);
/// "FROM TO", both included; kInvalidArgument for anything else.
[[nodiscard]] Result<evm::BlockRange> parse_range_args(std::string_view args);
/// What the arguments of the task `repair` say.
struct RepairArgs {
    bool is_dry_run = false;
    std::string_view entities;  ///< names in a row; empty: all
};
/// Into `args`.
[[nodiscard]] RepairArgs read_repair_args(std::string_view args);
/// kInvalidArgument where a task of that kind could never run with `args`: whoever adds one hears
/// it at once. Of kinds that are not plumbline's own nothing is known.
[[nodiscard]] Status check_task_args(std::string_view kind, std::string_view args,
                                     const std::vector<storage::EntityLayout>& entities);

}  // namespace plumbline::engine
