// plumbline rebuild: fold the log again, offline.
#include <csignal>

#include <fmt/format.h>

#include "core/base/logging.hpp"
#include "engine/config/config.hpp"
#include "engine/fold/rebuild.hpp"
#include "engine/mapping/stored_plan.hpp"
#include "tools/command.hpp"

namespace plumbline::tools {

namespace {

struct RebuildArguments {
    std::string path;
    std::string config;
    bool quiet = false;
};

Status run_rebuild(const RebuildArguments& arguments) {
    if (arguments.quiet) {
        logging::configure(logging::Level::kWarning, logging::Format::kText);
    }
    PLUMBLINE_TRY(const auto database, open_to_write(arguments.path));
    std::shared_ptr<const engine::Plan> plan;
    if (arguments.config.empty()) {
        PLUMBLINE_TRY(plan, engine::stored_plan(*database));
    } else {
        PLUMBLINE_TRY(const auto config, engine::load_config(arguments.config));
        PLUMBLINE_TRY(plan, engine::Plan::compile(config));
    }
    engine::RebuildOptions options;
    if (!arguments.quiet) {
        options.on_progress = [](const engine::RebuildProgress& progress) {
            logging::set_status_line(fmt::format("rebuilding: block {}, {} events",
                                                 progress.block_num, progress.events));
        };
    }
    const auto status = engine::rebuild(*database, plan, options);
    logging::set_status_line({});
    PLUMBLINE_TRY_VOID(status);
    if (!arguments.quiet) {
        logging::info("rebuilt", {{"quarantined", database->quarantine_count()}});
    }
    return ok();
}

}  // namespace

void add_rebuild(CLI::App& app, ExitCode& exit) {
    CLI::App* command = app.add_subcommand("rebuild", "Fold the log again, offline");
    auto arguments = std::make_shared<RebuildArguments>();
    command->add_option("DB", arguments->path, "The database directory; no writer may be running")
        ->required();
    command->add_option("--config", arguments->config,
                        "Fold by this config instead of the stored one");
    command->add_flag("--quiet", arguments->quiet, "Say nothing but warnings");
    command->footer("Example: plumbline rebuild ./db --config plumbline.toml");
    command->callback([arguments, &exit] {
        if (auto status = run_rebuild(*arguments); !status) {
            exit = fail(status.error());
        }
    });
}

}  // namespace plumbline::tools
