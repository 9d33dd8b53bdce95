// plumbline rebuild: fold the log again, offline.
#include <algorithm>
#include <csignal>

#include <fmt/format.h>

#include "core/base/logging.hpp"
#include "engine/config/config.hpp"
#include "engine/config/memory_plan.hpp"
#include "engine/fold/rebuild.hpp"
#include "engine/mapping/config_change.hpp"
#include "engine/mapping/left_coverage.hpp"
#include "engine/mapping/stored_plan.hpp"
#include "storage/table_files.hpp"
#include "tools/command.hpp"
#include "tools/commands.hpp"
#include "tools/open_to_mend.hpp"

namespace plumbline::tools {

namespace {

/// What a fold does not make anew must be readable, or it would only hide that it is not.
Status check_kept_files(const storage::Database& database) {
    PLUMBLINE_TRY(const std::vector<storage::DamagedFile> files,
                  storage::find_damaged_files(database));
    const auto kept = std::ranges::find(files, false, &storage::DamagedFile::is_derived);
    return kept == files.end() ? ok() : Status{kept->error};
}

}  // namespace

Status run_rebuild(const RebuildArguments& arguments) {
    if (arguments.quiet) {
        logging::configure(logging::Level::kWarning, logging::Format::kText);
    }
    PLUMBLINE_TRY(const auto database, open_to_mend(arguments.path,
                                                    "stop it first; with a changed config "
                                                    "a service folds again by itself "
                                                    "when it starts"));
    PLUMBLINE_TRY_VOID(check_kept_files(*database));
    std::shared_ptr<const engine::Plan> plan;
    engine::MemoryPlan memory = plan_memory(*database, engine::MemoryUse::kFold);
    if (arguments.config.empty()) {
        PLUMBLINE_TRY(plan, engine::stored_plan(*database));
    } else {
        PLUMBLINE_TRY(const auto config, engine::load_config(arguments.config));
        PLUMBLINE_TRY(plan, engine::Plan::compile(config));
        PLUMBLINE_TRY_VOID(
            engine::check_change(*database, *plan, arguments.config, arguments.replace));
        memory = engine::plan_memory(config.memory_mib, engine::MemoryUse::kFold);
        database->set_memory(memory.storage);
    }
    engine::RebuildOptions options = engine::rebuild_options(memory);
    if (!arguments.quiet) {
        options.on_progress = [](const engine::RebuildProgress& progress) {
            logging::set_status_line(fmt::format("rebuilding: block {}, {} events",
                                                 progress.block_num, progress.events));
        };
    }
    PLUMBLINE_TRY_VOID(engine::adopt_coverage(*database, *plan));
    const auto status = engine::rebuild(*database, plan, options);
    logging::set_status_line({});
    PLUMBLINE_TRY_VOID(status);
    if (!arguments.quiet) {
        logging::info("rebuilt", {{"quarantined", database->quarantine_count()}});
    }
    return ok();
}

}  // namespace plumbline::tools
