// plumbline status: where the index stands.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/evm/hex.hpp"
#include "tools/command.hpp"

namespace plumbline::tools {

namespace {

using nlohmann::ordered_json;

ordered_json describe(const storage::Database& database) {
    const auto cursor = database.cursor();
    ordered_json out;
    out["chain_id"] = database.identity().chain_id;
    out["head_block"] = cursor ? ordered_json(cursor->block_num) : ordered_json(nullptr);
    out["head_hash"] = cursor ? ordered_json(evm::to_hex(cursor->block_hash)) : ordered_json(nullptr);
    out["finalized_block"] = cursor ? ordered_json(cursor->finalized) : ordered_json(nullptr);
    out["events"] = cursor ? cursor->event_count : 0;
    out["blocks"] = database.read_view()->block_row_count();
    out["quarantined"] = database.quarantine_count();
    ordered_json entities = ordered_json::object();
    for (size_t i = 0; i < database.entities().size(); ++i) {
        entities[database.entities()[i].name] = database.entity_count(i);
    }
    out["entities"] = std::move(entities);
    out["size_bytes"] = database.size_bytes();
    return out;
}

std::string for_people(const ordered_json& status) {
    std::string out;
    const auto line = [&out](std::string_view name, const ordered_json& value) {
        out += fmt::format("{:<16} {}\n", name,
                           value.is_string() ? value.get<std::string>() : value.dump());
    };
    for (const auto& [name, value] : status.items()) {
        if (name != "entities") {
            line(name, value.is_null() ? ordered_json("none yet") : value);
            continue;
        }
        for (const auto& [entity, count] : value.items()) {
            line("  " + entity, count);
        }
    }
    return out;
}

ExitCode run_status(const std::string& path, bool json) {
    auto database = open_to_read(path);
    if (!database) {
        return fail(database.error());
    }
    const ordered_json status = describe(**database);
    const std::string text = json ? status.dump() + "\n" : for_people(status);
    if (auto printed = print(text); !printed) {
        return fail(printed.error());
    }
    return ExitCode::kDone;
}

}  // namespace

void add_status(CLI::App& app, ExitCode& exit) {
    CLI::App* command = app.add_subcommand("status", "Show where an index stands");
    auto path = std::make_shared<std::string>();
    auto json = std::make_shared<bool>(false);
    command->add_option("DB", *path, "The database directory")->required();
    command->add_flag("--json", *json, "One JSON object");
    command->footer("Example: plumbline status ./db --json");
    command->callback([path, json, &exit] { exit = run_status(*path, *json); });
}

}  // namespace plumbline::tools
