// plumbline verify --sink and plumbline doctor --sink: a PostgreSQL database against the index, and
// before one trusts it.
#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/json_writer.hpp"
#include "core/base/logging.hpp"
#include "core/base/visible_text.hpp"
#include "engine/config/config.hpp"
#include "engine/config/config_secrets.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/mapping/stored_plan.hpp"
#include "sink/sink_check.hpp"
#include "sink/sink_doctor.hpp"
#include "sink/sink_refusals.hpp"
#include "tools/command.hpp"
#include "tools/commands.hpp"
#include "tools/doctor_text.hpp"
#include "tools/service_client.hpp"

namespace plumbline::tools {

namespace {

constexpr int64_t kForEverMs = INT64_MAX / 2;

std::string_view to_word(sink::RowFinding::Kind kind) {
    switch (kind) {
        case sink::RowFinding::Kind::kMissing: return "missing";
        case sink::RowFinding::Kind::kChanged: return "changed";
        case sink::RowFinding::Kind::kExtra: return "extra";
    }
    return "";
}

/// A cell may be very long; what differs is mostly seen at its beginning.
std::string short_cell(const std::optional<std::string>& cell) {
    constexpr size_t kShownMax = 80;
    if (!cell) {
        return "null";
    }
    return cell->size() <= kShownMax
               ? visible_text(*cell)
               : fmt::format("{}... ({} letters)", visible_text(*cell, kShownMax), cell->size());
}

std::string sink_text(const sink::SinkReport& report, bool was_repaired) {
    std::string out;
    for (const sink::TableProblem& problem : report.problems) {
        out += fmt::format("table {}: {}\n", problem.table,
                           problem.is_mended ? problem.what + ": made anew" : problem.what);
    }
    for (const sink::RowFinding& row : report.findings) {
        out += fmt::format("{} {} {}\n", to_word(row.kind), row.table, row.key);
        for (const sink::CellFinding& cell : row.cells) {
            out += fmt::format("    {}: {} in the index, {} in PostgreSQL\n", cell.column,
                               short_cell(cell.index), short_cell(cell.postgresql));
        }
    }
    if (report.differing > report.findings.size()) {
        out += fmt::format("... and {} more\n", report.differing - report.findings.size());
    }
    out +=
        fmt::format("{} rows of {} tables compared at block {}: {}\n", report.rows, report.tables,
                    report.block_num,
                    report.differing == 0 ? "equal" : fmt::format("{} differ", report.differing));
    const auto uncompared =
        std::ranges::count(report.problems, false, &sink::TableProblem::is_mended);
    if (uncompared > 0) {
        out += fmt::format("{} tables could not be compared\n", uncompared);
    }
    if (was_repaired && report.mended > 0) {
        out += fmt::format("{} rows mended\n", report.mended);
    }
    return out;
}

std::string sink_json(const sink::SinkReport& report) {
    std::string out;
    JsonWriter json{out};
    json.open_object()
        .member("block", report.block_num)
        .member("tables", report.tables)
        .member("rows", report.rows)
        .member("differing", report.differing)
        .member("mended", report.mended)
        .key("problems")
        .open_array();
    for (const sink::TableProblem& problem : report.problems) {
        json.open_object()
            .member("table", problem.table)
            .member("what", problem.what)
            .member("mended", problem.is_mended)
            .close_object();
    }
    json.close_array().key("findings").open_array();
    for (const sink::RowFinding& row : report.findings) {
        json.open_object()
            .member("kind", to_word(row.kind))
            .member("table", row.table)
            .member("key", row.key)
            .key("cells")
            .open_array();
        for (const sink::CellFinding& cell : row.cells) {
            json.open_object()
                .member("column", cell.column)
                .member("index", cell.index)
                .member("postgresql", cell.postgresql)
                .close_object();
        }
        json.close_array().close_object();
    }
    json.close_array().close_object();
    return out + "\n";
}

/// [sinks.`name`] of a config.
Result<engine::SinkConfig> find_sink(const engine::Config& config, const std::string& name) {
    std::string known;
    for (const engine::SinkConfig& one : config.sinks) {
        if (one.name == name) {
            return one;
        }
        known += (known.empty() ? "" : ", ") + one.name;
    }
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("no [sinks.{}] in {}; there are: {}", name, config.path,
                             known.empty() ? "none" : known)};
}

/// What a config's sink would be refused for at its start, as a check of the doctor's.
Result<engine::DoctorCheck> look_at_tables(const engine::Config& config,
                                           const engine::SinkConfig& one, int64_t silence_ms) {
    PLUMBLINE_TRY(const auto plan, engine::Plan::compile(config));
    PLUMBLINE_TRY(const std::vector<std::string> refusals,
                  sink::find_refusals(one, *plan, config.chain.id, silence_ms));
    if (refusals.empty()) {
        return engine::DoctorCheck{
            "tables", engine::CheckResult::kGood, "nothing is in the way of the config's", {}};
    }
    return engine::DoctorCheck{"tables", engine::CheckResult::kBad,
                               fmt::format("{}", fmt::join(refusals, "; ")),
                               "the sink would stop at its start"};
}

}  // namespace

Result<ExitCode> run_verify_sink(const VerifyArguments& arguments) {
    if (arguments.config.empty()) {
        return Error{ErrorCode::kInvalidArgument,
                     "--sink needs --config: the database keeps the config without its secrets"};
    }
    PLUMBLINE_TRY(const engine::Config config, engine::load_config(arguments.config));
    sink::SinkCheckOptions options;
    PLUMBLINE_TRY(options.config, find_sink(config, arguments.sink));
    options.repair = arguments.repair;
    options.patience_ms = arguments.timeout_s == 0 ? kForEverMs : arguments.timeout_s * 1'000;
    options.ask_writer = [&]() -> std::string {
        const std::optional<ServiceSeen> service =
            look_at_service(arguments.path, config.http ? config.http->token : "");
        if (!service || !service->sinks.contains(arguments.sink)) {
            return {};
        }
        return service->sinks.at(arguments.sink);
    };
    options.on_wait = [](const std::string& what) {
        logging::warning("waiting for the sink", {{"why", what}});
    };
    {
        PLUMBLINE_TRY(const auto database, open_to_read(arguments.path));
        PLUMBLINE_TRY(options.plan, engine::stored_plan(*database));
        options.chain_id = database->identity().chain_id;
        options.memory = plan_memory(*database, engine::MemoryUse::kProof);
    }
    PLUMBLINE_TRY(const sink::SinkReport report,
                  sink::check_sink(options, [&arguments] { return open_to_read(arguments.path); }));
    PLUMBLINE_TRY_VOID(
        print(arguments.json ? sink_json(report) : sink_text(report, arguments.repair)));
    return report.is_equal() ? ExitCode::kDone : ExitCode::kCheckFailed;
}

Result<ExitCode> run_doctor_sink(const DoctorArguments& arguments) {
    const int64_t silence_ms = arguments.timeout_s * 1'000;
    engine::Config config;
    std::optional<engine::SinkConfig> one;
    std::string url;
    if (!arguments.config.empty()) {
        PLUMBLINE_TRY(config, engine::load_config(arguments.config));
        PLUMBLINE_TRY(one, find_sink(config, arguments.sink));
        url = one->url;
    } else {
        PLUMBLINE_TRY(url, engine::resolve_env(arguments.sink));
    }
    if (!url.starts_with("postgresql://") && !url.starts_with("postgres://")) {
        return Error{ErrorCode::kInvalidArgument,
                     "--sink takes a postgresql:// URL, or env:NAME for a secret one, or with "
                     "--config the name of one of its sinks"};
    }
    PLUMBLINE_TRY(sink::SinkDoctorReport report, sink::examine_database(url, silence_ms));
    if (one) {
        PLUMBLINE_TRY(engine::DoctorCheck tables, look_at_tables(config, *one, silence_ms));
        report.checks.push_back(std::move(tables));
    }
    std::string out;
    if (arguments.json) {
        JsonWriter json{out};
        json.open_object()
            .member("database", report.place)
            .member("server", report.server)
            .member("fine", report.is_fine());
        write_checks(json, report.checks);
        json.close_object();
        out += "\n";
    } else {
        out = fmt::format("{}\n{}{}\n", report.place, checks_for_people(report.checks),
                          report.is_fine() ? "a sink can write there" : "not for a sink as it is");
    }
    PLUMBLINE_TRY_VOID(print(out));
    return report.is_fine() ? ExitCode::kDone : ExitCode::kCheckFailed;
}

}  // namespace plumbline::tools
