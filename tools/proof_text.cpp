#include "tools/proof_text.hpp"

#include <fmt/format.h>

#include "core/base/logging.hpp"
#include "core/evm/hex.hpp"
#include "tools/report.hpp"

namespace plumbline::tools {

using nlohmann::ordered_json;

namespace {

constexpr size_t kLinesMax = 20;
constexpr size_t kJsonFindingsMax = 1'000;

std::string_view verdict(const engine::Findings& findings) {
    return findings.empty() ? "holds" : "FAILS";
}

ordered_json log_json(const engine::LogProofOutcome& log) {
    ordered_json out = with_total(log.findings, kJsonFindingsMax);
    out["equal"] = log.findings.empty();
    out["complete"] = log.is_complete;
    out["level"] = storage::to_string(log.level);
    if (log.range) {
        out["from"] = log.range->from;
        out["to"] = log.range->to;
    }
    out["chain"] = engine::to_string(log.profile.kind);
    out["blocks"] = log.counts.blocks;
    out["blocks_by_bloom"] = log.counts.by_bloom;
    out["blocks_by_receipts"] = log.counts.by_receipts;
    out["blocks_not_settled"] = log.counts.unsettled + log.counts.unprovable;
    out["events_equal"] = log.counts.logs;
    if (!log.reason.empty()) {
        out["reason"] = log.reason;
    }
    return out;
}

ordered_json replay_json(const engine::ReplayReport& replay) {
    ordered_json out = with_total(replay.findings, kJsonFindingsMax);
    out["equal"] = replay.is_equal();
    out["events"] = replay.events;
    out["rows"] = replay.rows;
    out["index_entries"] = replay.scrub.index_entries;
    out["log_digest"] = {{"maintained", storage::to_string(replay.scrub.log.maintained.sum)},
                         {"rebuilt", storage::to_string(replay.scrub.log.rebuilt.sum)}};
    return out;
}

ordered_json state_json(const engine::StateOutcome& state) {
    ordered_json out = with_total(state.findings, kJsonFindingsMax);
    out["equal"] = state.findings.empty();
    out["way"] = state.way;
    ordered_json entities = ordered_json::object();
    for (const engine::EntityState& entity : state.entities) {
        ordered_json& of = entities[entity.name];
        of["rows"] = entity.rows;
        of["checked"] = entity.checked;
        of["equal"] = entity.equal;
        of["differing"] = entity.differing;
        uint64_t unproven = 0;
        for (const engine::EntityState::Unproven& item : entity.unproven) {
            unproven += item.count;
        }
        of["not_compared"] = unproven;
        of["calls"] = entity.traffic.requests;
    }
    out["entities"] = std::move(entities);
    return out;
}

void append_log_text(std::string& out, const engine::LogProofOutcome& log) {
    out += fmt::format("log     {}: ", verdict(log.findings));
    if (!log.range) {
        out += "nothing was reached\n";
        return;
    }
    out += fmt::format(
        "blocks {} to {} proven to `{}`: {} empty by their bloom, {} by receipts, {} events "
        "equal\n",
        log.range->from, log.range->to, storage::to_string(log.level),
        with_commas(log.counts.by_bloom), with_commas(log.counts.by_receipts),
        with_commas(log.counts.logs));
    append_lines(out, log.findings, kLinesMax);
}

void append_replay_text(std::string& out, const engine::ReplayReport& replay) {
    out +=
        fmt::format("replay  {}: {} events folded again, {} rows and {} index entries compared\n",
                    verdict(replay.findings), with_commas(replay.events), with_commas(replay.rows),
                    with_commas(replay.scrub.index_entries));
    append_lines(out, replay.findings, kLinesMax);
}

void append_state_text(std::string& out, const engine::StateOutcome& state) {
    uint64_t equal = 0;
    uint64_t checked = 0;
    std::string names;
    for (const engine::EntityState& entity : state.entities) {
        equal += entity.equal;
        checked += entity.checked;
        names += (names.empty() ? "" : ", ") + entity.name;
    }
    out += fmt::format("state   {}: {} of {} answers of the contract equal the rows of {} ({})\n",
                       verdict(state.findings), with_commas(equal), with_commas(checked), names,
                       state.way.empty() ? "nothing asked" : state.way);
    append_lines(out, state.findings, kLinesMax);
}

ordered_json plan_json(const engine::RepairPlan& plan) {
    ordered_json out;
    out["steps"] = plan.steps;
    out["blocks"] = plan.blocks.size();
    out["corrections"] = plan.corrections.size();
    out["fold_again"] = plan.fold_again;
    return out;
}

}  // namespace

ordered_json to_json(const engine::VerifyReport& report) {
    ordered_json out;
    if (report.cursor) {
        out["block"] = report.cursor->block_num;
        out["hash"] = evm::to_hex(report.cursor->block_hash);
    }
    out["equal"] = report.finding_count() == 0;
    out["complete"] = report.is_complete();
    out["findings"] = report.finding_count();
    if (report.log) {
        out["log"] = log_json(*report.log);
    }
    if (report.replay) {
        out["replay"] = replay_json(*report.replay);
    }
    if (report.state) {
        out["state"] = state_json(*report.state);
    }
    out["unproven"] = report.unproven;
    out["notes"] = report.notes;
    return out;
}

std::string to_text(const engine::VerifyReport& report) {
    std::string out;
    if (report.cursor) {
        out += fmt::format("at block {} ({})\n", report.cursor->block_num,
                           evm::to_hex(report.cursor->block_hash));
    }
    if (report.log) {
        append_log_text(out, *report.log);
    }
    if (report.replay) {
        append_replay_text(out, *report.replay);
    }
    if (report.state) {
        append_state_text(out, *report.state);
    }
    for (const std::string& text : report.unproven) {
        out += "not proven: " + text + "\n";
    }
    for (const std::string& text : report.notes) {
        out += "note: " + text + "\n";
    }
    if (report.finding_count() > 0) {
        out += fmt::format(
            "{} finding{}; `plumbline repair DB --dry-run` says what would be done\n",
            with_commas(report.finding_count()), report.finding_count() == 1 ? "" : "s");
    }
    return out;
}

ordered_json to_json(const engine::RepairOutcome& outcome, bool dry_run) {
    ordered_json plans = ordered_json::array();
    for (const engine::RepairPlan& plan : outcome.plans) {
        plans.push_back(plan_json(plan));
    }
    ordered_json out;
    out["dry_run"] = dry_run;
    out["whole"] = outcome.is_whole();
    out["plans"] = std::move(plans);
    out["left"] = outcome.left;
    out["report"] = to_json(outcome.report);
    return out;
}

std::string to_text(const engine::RepairOutcome& outcome, bool dry_run) {
    std::string out;
    if (dry_run) {
        out += to_text(outcome.report);
    }
    for (const engine::RepairPlan& plan : outcome.plans) {
        for (const std::string& step : plan.steps) {
            out += (dry_run ? "would " : "done: ") + step + "\n";
        }
    }
    for (const std::string& text : outcome.left) {
        out += "left as it is: " + text + "\n";
    }
    if (!dry_run) {
        out += to_text(outcome.report);
        out += outcome.is_whole() ? (outcome.plans.empty() ? "nothing to repair\n" : "repaired\n")
                                  : "not whole\n";
    }
    return out;
}

void show_progress(std::string_view proof, std::string_view part, uint64_t done, uint64_t total) {
    if (!logging::is_terminal()) {
        return;
    }
    logging::set_status_line(total == 0 ? fmt::format("{}: {} {}", proof, part, with_commas(done))
                                        : fmt::format("{}: {} {} of {}", proof, part,
                                                      with_commas(done), with_commas(total)));
}

}  // namespace plumbline::tools
