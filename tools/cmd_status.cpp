// plumbline status: where the index stands.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/evm/hex.hpp"
#include "storage/read_view.hpp"
#include "tools/command.hpp"
#include "tools/commands.hpp"
#include "tools/report.hpp"

namespace plumbline::tools {

namespace {

using nlohmann::ordered_json;

/// How the newest proof of each kind ended; empty where none has run.
Result<ordered_json> describe_proofs(const storage::ReadView& view) {
    ordered_json out = ordered_json::array();
    PLUMBLINE_TRY(const auto proofs, view.list_proofs());
    for (const storage::ProofRecord& proof : proofs) {
        out.push_back(to_json(proof));
    }
    return out;
}

Result<ordered_json> describe(const storage::Database& database) {
    const auto cursor = database.cursor();
    const auto view = database.read_view();
    ordered_json out;
    out["chain_id"] = database.identity().chain_id;
    out["head_block"] = cursor ? ordered_json(cursor->block_num) : ordered_json(nullptr);
    out["head_hash"] =
        cursor ? ordered_json(evm::to_hex(cursor->block_hash)) : ordered_json(nullptr);
    out["finalized_block"] = cursor ? ordered_json(cursor->finalized) : ordered_json(nullptr);
    out["events"] = cursor ? cursor->event_count : 0;
    out["blocks"] = view->block_row_count();
    out["quarantined"] = database.quarantine_count();
    ordered_json entities = ordered_json::object();
    for (size_t i = 0; i < database.entities().size(); ++i) {
        entities[database.entities()[i].name] = database.entity_count(i);
    }
    out["entities"] = std::move(entities);
    out["size_bytes"] = database.size_bytes();
    PLUMBLINE_TRY(out["proofs"], describe_proofs(*view));
    return out;
}

/// "replay         holds at block 73, 2026-01-31 12:00:00 UTC"
void append_proofs(std::string& out, const ordered_json& proofs) {
    if (proofs.empty()) {
        out += fmt::format("{:<16} nothing yet; see `plumbline verify`\n", "proven");
        return;
    }
    out += "proven\n";
    for (const ordered_json& proof : proofs) {
        const std::string name = proof.value("proof", "") + (proof.contains("entity") ? " " : "") +
                                 proof.value("entity", "");
        out += fmt::format("  {:<20} {} at block {}{}, {}\n", name,
                           proof.value("equal", false) ? std::string{"holds"}
                                                       : fmt::format("FAILED with {} findings",
                                                                     proof.value("mismatches", 0)),
                           proof.value("block", uint64_t{0}),
                           proof.contains("level") ? ", level " + proof.value("level", "") : "",
                           proof.value("time", ""));
    }
}

std::string for_people(const ordered_json& status) {
    std::string out;
    const auto line = [&out](std::string_view name, const ordered_json& value) {
        out += fmt::format("{:<16} {}\n", name,
                           value.is_string() ? value.get<std::string>() : value.dump());
    };
    for (const auto& [name, value] : status.items()) {
        if (name == "proofs") {
            append_proofs(out, value);
            continue;
        }
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

}  // namespace

ExitCode run_status(const StatusArguments& arguments) {
    const auto& [path, json] = arguments;
    auto database = open_to_read(path);
    if (!database) {
        return fail(database.error());
    }
    const auto status = describe(**database);
    if (!status) {
        return fail(status.error());
    }
    const std::string text = json ? status->dump() + "\n" : for_people(*status);
    if (auto printed = print(text); !printed) {
        return fail(printed.error());
    }
    return ExitCode::kDone;
}

}  // namespace plumbline::tools
