#include "tools/proof_text.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/json_writer.hpp"
#include "core/base/logging.hpp"
#include "core/evm/hex.hpp"
#include "engine/fold/fold.hpp"
#include "engine/text/duration.hpp"
#include "engine/text/event_text.hpp"
#include "tools/command.hpp"
#include "tools/report.hpp"

namespace plumbline::tools {

namespace {

constexpr size_t kLinesMax = 20;
constexpr size_t kJsonFindingsMax = 1'000;

std::string_view verdict(const engine::Findings& findings) {
    return findings.empty() ? "holds" : "FAILS";
}

void write_log(JsonWriter& json, const engine::LogProofOutcome& log) {
    json.open_object();
    write_with_total(json, log.findings, kJsonFindingsMax);
    json.member("equal", log.findings.empty())
        .member("complete", log.is_complete)
        .member("level", storage::to_string(log.level));
    if (log.range) {
        json.member("from", log.range->from).member("to", log.range->to);
    }
    json.member("chain", engine::to_string(log.profile.kind))
        .member("blocks", log.counts.blocks)
        .member("blocks_by_bloom", log.counts.by_bloom)
        .member("blocks_by_receipts", log.counts.by_receipts)
        .member("blocks_not_settled", log.counts.unsettled + log.counts.unprovable)
        .member("events_equal", log.counts.logs)
        .member("ticks_equal", log.counts.ticks)
        .member("events_outside_root", log.counts.outside);
    if (!log.reason.empty()) {
        json.member("reason", log.reason);
    }
    json.close_object();
}

void write_replay(JsonWriter& json, const engine::ReplayReport& replay) {
    json.open_object();
    write_with_total(json, replay.findings, kJsonFindingsMax);
    json.member("equal", replay.is_equal())
        .member("events", replay.events)
        .member("ticks", replay.ticks)
        .member("rows", replay.rows)
        .member("index_entries", replay.scrub.index_entries)
        .key("log_digest")
        .open_object()
        .member("maintained", storage::to_string(replay.scrub.log.maintained.sum))
        .member("rebuilt", storage::to_string(replay.scrub.log.rebuilt.sum))
        .close_object()
        .close_object();
}

uint64_t count_of(const std::vector<engine::EntityState::Unproven>& reasons) {
    uint64_t count = 0;
    for (const engine::EntityState::Unproven& item : reasons) {
        count += item.count;
    }
    return count;
}

void write_state(JsonWriter& json, const engine::StateOutcome& state) {
    json.open_object();
    write_with_total(json, state.findings, kJsonFindingsMax);
    json.member("equal", state.findings.empty())
        .member("way", state.way)
        .key("entities")
        .open_object();
    for (const engine::EntityState& entity : state.entities) {
        const uint64_t unproven = count_of(entity.unproven);
        const uint64_t disputed = count_of(entity.disputed);
        json.key(entity.name)
            .open_object()
            .member("rows", entity.rows)
            .member("checked", entity.checked)
            .member("equal", entity.equal)
            .member("differing", entity.differing)
            .member("not_compared", unproven)
            .member("fields_not_compared", entity.fields.left_out)
            .member("proven_by_storage", entity.storage_proofs)
            .member("disputed_by_storage", disputed)
            .member("calls", entity.traffic.requests)
            .close_object();
    }
    json.close_object().close_object();
}

/// Ticks are plumbline's own, and no events of the chain.
std::string ticks_text(uint64_t ticks) {
    return ticks == 0 ? std::string{}
                      : fmt::format(" (and {} tick{} of `every`)", with_commas(ticks),
                                    ticks == 1 ? "" : "s");
}

void append_log_text(std::string& out, const engine::LogProofOutcome& log) {
    out += fmt::format("log     {}: ", verdict(log.findings));
    if (!log.range) {
        out += "nothing was reached\n";
        return;
    }
    out += fmt::format(
        "blocks {} to {} proven to `{}`: {} empty by their bloom, {} by receipts, {} events "
        "equal{}\n",
        log.range->from, log.range->to, storage::to_string(log.level),
        with_commas(log.counts.by_bloom), with_commas(log.counts.by_receipts),
        with_commas(log.counts.logs), ticks_text(log.counts.ticks));
    append_lines(out, log.findings, kLinesMax);
}

void append_replay_text(std::string& out, const engine::ReplayReport& replay) {
    out +=
        fmt::format("replay  {}: {} events folded again{}, {} rows and {} index entries compared\n",
                    verdict(replay.findings), with_commas(replay.events), ticks_text(replay.ticks),
                    with_commas(replay.rows), with_commas(replay.scrub.index_entries));
    append_lines(out, replay.findings, kLinesMax);
}

/// "        acct: bal compared; name, note not"
void append_compared_text(std::string& out, const engine::EntityState& entity) {
    const engine::ComparedFields& fields = entity.fields;
    if (!fields.left_out.empty()) {
        out += fmt::format("        {}: {} compared; {} not\n", entity.name,
                           fields.told.empty() ? "only its rows, no field of them,"
                                               : fmt::format("{}", fmt::join(fields.told, ", ")),
                           fmt::join(fields.left_out, ", "));
    }
}

void append_state_text(std::string& out, const engine::StateOutcome& state) {
    uint64_t equal = 0;
    uint64_t checked = 0;
    uint64_t by_storage = 0;
    std::string names;
    for (const engine::EntityState& entity : state.entities) {
        equal += entity.equal;
        checked += entity.checked;
        by_storage += entity.storage_proofs;
        names += (names.empty() ? "" : ", ") + entity.name;
    }
    const bool has_open = std::ranges::any_of(
        state.entities, [](const engine::EntityState& one) { return !one.unproven.empty(); });
    const bool has_nothing = checked == 0 && has_open && state.findings.empty();
    out += fmt::format("state   {}: {} of {} answers of the contract equal the rows of {} ({}){}\n",
                       has_nothing ? "not compared" : verdict(state.findings), with_commas(equal),
                       with_commas(checked), names, state.way.empty() ? "nothing asked" : state.way,
                       by_storage == 0 ? std::string{}
                                       : fmt::format(", {} values proven by storage too",
                                                     with_commas(by_storage)));
    append_lines(out, state.findings, kLinesMax);
    for (const engine::EntityState& entity : state.entities) {
        append_compared_text(out, entity);
    }
}

void write_calls(JsonWriter& json, const engine::CallOutcomeReport& calls) {
    json.open_object();
    write_with_total(json, calls.findings, kJsonFindingsMax);
    json.member("equal", calls.findings.empty())
        .member("checked", calls.checked)
        .member("proven", calls.proven)
        .member("skipped", calls.skipped)
        .member("asked_of_teller", calls.by_same)
        .member("slots_elsewhere", calls.slots_elsewhere)
        .member("not_proven", calls.open)
        .close_object();
}

void append_calls_text(std::string& out, const engine::CallOutcomeReport& calls) {
    const uint64_t asked = calls.checked - calls.proven;
    const bool has_nothing = calls.checked == 0 && calls.open + calls.skipped > 0;
    if (calls.checked + calls.open + calls.skipped == 0) {
        out += "calls   nothing to prove: there are no facts of contract calls\n";
        return;
    }
    std::string parts;
    if (!calls.findings.empty()) {
        parts = fmt::format("{} of {} facts of contract calls {}",
                            with_commas(calls.findings.total), with_commas(calls.checked),
                            calls.findings.total == 1 ? "differs" : "differ");
    } else if (calls.proven > 0) {
        parts =
            fmt::format("{} facts of contract calls proven by storage{}", with_commas(calls.proven),
                        asked == 0 ? "" : fmt::format(", {} asked again", with_commas(asked)));
    } else {
        parts = fmt::format("{} facts of contract calls asked again", with_commas(asked));
    }
    if (calls.open > 0) {
        parts += fmt::format(", {} not proven", with_commas(calls.open));
    }
    if (calls.skipped > 0) {
        parts += fmt::format(", {} not in the sample", with_commas(calls.skipped));
    }
    out += fmt::format("calls   {}: {}\n",
                       !calls.findings.empty() ? "FAILS"
                       : has_nothing           ? "not proven"
                       : calls.open > 0        ? "holds in part"
                                               : "holds",
                       parts);
    append_lines(out, calls.findings, kLinesMax);
}

std::string_view verdict_of(const engine::RepairOutcome& outcome) {
    if (!outcome.is_whole()) {
        return "not whole\n";
    }
    if (!outcome.report.is_complete()) {
        return outcome.plans.empty() ? "nothing was found, but not all is proven\n"
                                     : "repaired what was found, but not all is proven\n";
    }
    if (outcome.report.calls && outcome.report.calls->skipped > 0) {
        return outcome.plans.empty() ? "nothing to repair in what was asked; --sample 1 asks all "
                                       "facts of contract calls\n"
                                     : "repaired what was found; --sample 1 asks all facts of "
                                       "contract calls\n";
    }
    return outcome.plans.empty() ? "nothing to repair\n" : "repaired\n";
}

void write_quarantine(JsonWriter& json, const engine::VerifyReport& report) {
    json.open_object()
        .member("total", report.quarantined)
        .member("fails", report.quarantine_fails())
        .key("events")
        .open_array();
    for (const storage::QuarantineRow& row : report.quarantine) {
        engine::write_quarantine_row(json, row);
    }
    json.close_array().close_object();
}

void append_quarantine_text(std::string& out, const engine::VerifyReport& report,
                            const std::string& db) {
    if (report.quarantined == 0) {
        return;
    }
    const auto corrections = static_cast<uint64_t>(std::ranges::count(
        report.quarantine, engine::kCorrectionLogIndex, &storage::QuarantineRow::log_index));
    const uint64_t events = report.quarantined - corrections;
    std::string what;
    if (events > 0) {
        what = fmt::format("{} event{} of the log not applied to the entities", with_commas(events),
                           events == 1 ? " is" : "s are");
    }
    if (corrections > 0) {
        what += fmt::format("{}corrections of {} block{} have no place in the mapping",
                            what.empty() ? "" : ", ", with_commas(corrections),
                            corrections == 1 ? "" : "s");
    }
    out += fmt::format("quarantine {}: {}\n", report.quarantine_fails() ? "FAILS" : "is not empty",
                       what);
    constexpr size_t kShownMax = 5;
    for (size_t i = 0; i < std::min(kShownMax, report.quarantine.size()); ++i) {
        out += "  - " + quarantine_text(report.quarantine[i]) + "\n";
    }
    if (report.quarantined > kShownMax) {
        out += fmt::format("  and {} more; `plumbline quarantine {}` lists them\n",
                           with_commas(report.quarantined - kShownMax), db);
    }
}

void write_unknown(JsonWriter& json, const engine::UnknownEvents& unknown) {
    json.open_object().member("total", unknown.total).key("other_shapes").open_array();
    for (const auto& [shape, count] : unknown.other_shapes) {
        json.open_object()
            .member("contract", shape.contract)
            .member("event", shape.event)
            .member("why", shape.why)
            .member("count", count)
            .close_object();
    }
    json.close_array().key("not_counted").open_array();
    for (const auto& [what, count] : unknown.uncounted) {
        json.open_object()
            .member("contract", what.contract)
            .member("why", what.why)
            .member("count", count)
            .close_object();
    }
    json.close_array().key("unnamed").open_array();
    for (const auto& [address, count] : unknown.unnamed) {
        json.open_object()
            .member("address", evm::to_hex(address))
            .member("count", count)
            .close_object();
    }
    json.close_array().member("unnamed_others", unknown.unnamed_others).close_object();
}

void append_unknown_text(std::string& out, const engine::UnknownEvents& unknown,
                         const std::string& db) {
    for (const auto& [shape, count] : unknown.other_shapes) {
        out += fmt::format(
            "events {} {} of {} {} {}, so nothing is made of {}: add the ABI that has {}, "
            "abi = [\"...\", \"...\"]\n",
            with_commas(count), shape.event, shape.contract, count == 1 ? "has" : "have", shape.why,
            count == 1 ? "it" : "them", count == 1 ? "it" : "them");
    }
    for (const auto& [what, count] : unknown.uncounted) {
        out += fmt::format("events {} of {} {} stored, {}: nothing is made of {}\n",
                           with_commas(count), what.contract, count == 1 ? "is" : "are", what.why,
                           count == 1 ? "it" : "them");
    }
    for (const auto& [address, count] : unknown.unnamed) {
        out += fmt::format(
            "events {} of the log {} of {}, which the config does not name: nothing is made of "
            "{}\n",
            with_commas(count), count == 1 ? "is" : "are", evm::to_hex(address),
            count == 1 ? "it" : "them");
    }
    if (unknown.unnamed_others > 0) {
        out += fmt::format("events {} of the log are of other addresses that it does not name\n",
                           with_commas(unknown.unnamed_others));
    }
    if (const uint64_t count = unknown.of_no_abi(); count > 0) {
        out += fmt::format(
            "events {} of the log {} in no ABI, so nothing is made of {}: "
            "`plumbline status {} --events` counts them by topic\n",
            with_commas(count), count == 1 ? "is" : "are", count == 1 ? "it" : "them", db);
    }
}

void write_plan(JsonWriter& json, const engine::RepairPlan& plan) {
    json.open_object()
        .member("steps", plan.steps)
        .member("blocks", plan.blocks.size())
        .member("corrections", plan.corrections.size())
        .member("calls", plan.calls.size())
        .member("fold_again", plan.fold_again)
        .close_object();
}

void write_report(JsonWriter& json, const engine::VerifyReport& report) {
    json.open_object();
    if (report.cursor) {
        json.member("block", report.cursor->block_num)
            .member("hash", evm::to_hex(report.cursor->block_hash));
    }
    json.member("equal", report.finding_count() == 0)
        .member("complete", report.is_complete())
        .member("findings", report.finding_count());
    if (report.log) {
        write_log(json.key("log"), *report.log);
    }
    if (report.replay) {
        write_replay(json.key("replay"), *report.replay);
    }
    if (report.calls) {
        write_calls(json.key("calls"), *report.calls);
    }
    if (report.state) {
        write_state(json.key("state"), *report.state);
    }
    write_quarantine(json.key("quarantine"), report);
    write_unknown(json.key("unknown_events"), report.unknown);
    json.member("deleted_not_compared", report.deleted_not_compared)
        .member("unproven", report.unproven)
        .member("notes", report.notes)
        .close_object();
}

void append_report_text(std::string& out, const engine::VerifyReport& report,
                        const std::string& db) {
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
    if (report.calls) {
        append_calls_text(out, *report.calls);
    }
    if (report.state) {
        append_state_text(out, *report.state);
    }
    for (const std::string& name : report.deleted_not_compared) {
        out += fmt::format(
            "        deleted rows of {} are not compared: its `state` has no `deleted`\n", name);
    }
    append_quarantine_text(out, report, db);
    append_unknown_text(out, report.unknown, db);
    for (const std::string& text : report.unproven) {
        out += "not proven: " + text + "\n";
    }
    for (const std::string& text : report.notes) {
        out += "note: " + text + "\n";
    }
}

std::string findings_line(const engine::VerifyReport& report, std::string_view more) {
    return fmt::format("{} finding{}{}\n", with_commas(report.finding_count()),
                       report.finding_count() == 1 ? "" : "s", more);
}

}  // namespace

std::string to_json(const engine::VerifyReport& report) {
    std::string out;
    JsonWriter json{out, JsonWriter::Layout::kIndented};
    write_report(json, report);
    return out + "\n";
}

std::string to_text(const engine::VerifyReport& report, const std::string& db_path) {
    std::string out;
    append_report_text(out, report, as_word(db_path));
    if (report.finding_count() > 0) {
        out +=
            findings_line(report, fmt::format("; `plumbline repair {} --dry-run` says what would "
                                              "be done",
                                              as_word(db_path)));
    }
    return out;
}

std::string to_json(const engine::RepairOutcome& outcome, bool dry_run) {
    std::string out;
    JsonWriter json{out, JsonWriter::Layout::kIndented};
    json.open_object()
        .member("dry_run", dry_run)
        .member("whole", outcome.is_whole())
        .key("plans")
        .open_array();
    for (const engine::RepairPlan& plan : outcome.plans) {
        write_plan(json, plan);
    }
    json.close_array().member("left", outcome.left);
    write_report(json.key("report"), outcome.report);
    json.close_object();
    return out + "\n";
}

std::string to_text(const engine::RepairOutcome& outcome, bool dry_run,
                    const std::string& db_path) {
    std::string out;
    const auto append_report = [&] {
        append_report_text(out, outcome.report, as_word(db_path));
        if (outcome.report.finding_count() > 0) {
            out += findings_line(outcome.report, "");
        }
    };
    if (dry_run) {
        append_report();
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
        append_report();
        out += verdict_of(outcome);
    }
    return out;
}

void show_progress(std::string_view proof, std::string_view part, uint64_t done, uint64_t total) {
    if (!logging::is_terminal()) {
        return;
    }
    logging::set_status_line(engine::format_progress(proof, part, done, total));
}

}  // namespace plumbline::tools
