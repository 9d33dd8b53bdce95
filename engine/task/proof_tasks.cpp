#include "engine/task/proof_tasks.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <stop_token>

#include <fmt/format.h>

#include "core/base/json_writer.hpp"
#include "core/base/logging.hpp"
#include "core/evm/hex.hpp"
#include "engine/proof/finding_json.hpp"
#include "engine/proof/log/log_proof.hpp"
#include "engine/proof/log/log_proof_record.hpp"
#include "engine/proof/replay/replay_proof.hpp"
#include "engine/proof/replay/scrub.hpp"
#include "engine/proof/state/state_proof.hpp"
#include "engine/proof/state/state_record.hpp"
#include "engine/repair/verify.hpp"
#include "engine/service/metrics.hpp"
#include "engine/task/tasks.hpp"

namespace plumbline::engine {

namespace {

using storage::ProofLevel;

constexpr size_t kShownFindings = 100;
constexpr int64_t kStepWaitMs = 100;

void count(Metrics* metrics, std::string_view proof, std::string_view verdict,
           const Findings& findings) {
    if (metrics == nullptr) {
        return;
    }
    metrics->count_proof(proof, verdict);
    for (const Finding& finding : findings.kept) {
        metrics->count_finding(finding.kind);
    }
}

void log_findings(std::string_view proof, const Findings& findings) {
    for (size_t i = 0; i < findings.kept.size() && i < 5; ++i) {
        const Finding& finding = findings.kept[i];
        logging::warning(fmt::format("the {} proof found: {}", proof, to_string(finding.kind)),
                         {{"entity", finding.entity},
                          {"key", finding.key},
                          {"field", finding.field},
                          {"stored", finding.stored},
                          {"expected", finding.expected},
                          {"block", finding.block_num},
                          {"detail", finding.detail}});
    }
}

std::string verdict_of(const Findings& findings, bool is_whole) {
    return !findings.empty() ? "mismatch" : is_whole ? "equal" : "partial";
}

/// One commit of what `fill` adds: proof levels and records, nothing that is folded.
template <typename Fill>
Status write_down(const TaskContext& context, Fill fill) {
    return context.indexer().run_on_writer(
        [&fill](storage::Database& database) -> Status {
            const std::optional<storage::Cursor> cursor = database.cursor();
            if (!cursor) {
                return ok();
            }
            const auto batch = database.make_batch();
            PLUMBLINE_TRY_VOID(fill(*batch));
            batch->set_cursor(cursor->block_num, cursor->block_hash, cursor->timestamp);
            return database.commit(*batch, storage::Durability::kBuffered);
        },
        WriterEffect::kNone);
}

// --- the log ----------------------------------------------------------------------------------

/// What a run over several ranges has come to so far.
struct LogRun {
    std::optional<evm::BlockId> top;  ///< of the highest range
    Findings findings;
    LogProofCounts counts;
};

/// Proves one range and writes down each piece as it is done.
Result<LogProofOutcome> prove_one(TaskContext& context, evm::BlockRange range, LogRun& run) {
    PLUMBLINE_TRY(LogProofInput input, read_log_proof_input(context.database()));
    const ProofConfig& config = context.config().proof;
    LogProofOptions options;
    options.range = range;
    options.level = config.level == ProofLevel::kNone ? ProofLevel::kReceipts : config.level;
    options.sample = config.sample;
    options.requests_per_second = config.requests_per_second;
    options.range_blocks = config.range_blocks;
    PLUMBLINE_TRY(const std::optional<evm::BlockId> frontier, read_frontier(*input.view));
    if (frontier && frontier->block_num == range.to) {
        options.anchor = frontier;
    }
    LogProver prover{context.chain(), std::move(input), context.indexer().shared_plan(),
                     context.indexer().clock(), options};
    LogProofOutcome outcome;
    while (!prover.is_done() && !context.should_stop()) {
        const bool has_moved = prover.step();
        while (std::optional<LogProofPiece> piece = prover.take()) {
            if (!run.top) {
                run.top = piece->top;
            }
            const LogProofPiece written = *piece;
            for (const Finding& finding : piece->findings) {
                run.findings.add(finding);
            }
            run.counts += piece->counts;
            add_piece(outcome, *std::move(piece));
            LogProofOutcome told = outcome;
            told.findings = run.findings;
            told.counts = run.counts;
            const int64_t now_s = context.indexer().clock().unix_ms() / 1000;
            const Status recorded = write_down(context, [&](storage::CommitBatch& batch) -> Status {
                PLUMBLINE_TRY_VOID(add_levels(batch, context.database(), written));
                add_record(batch, told, *run.top, static_cast<uint64_t>(now_s));
                return ok();
            });
            PLUMBLINE_TRY_VOID(recorded);
        }
        if (context.should_yield() && outcome.range) {
            break;
        }
        if (!has_moved && !prover.is_done()) {
            context.chain().poll(kStepWaitMs);
        }
    }
    if (prover.failure()) {
        return *prover.failure();
    }
    outcome.is_complete = outcome.range == range;
    outcome.reason = prover.reason();
    return outcome;
}

std::string to_json(const LogProofOutcome& outcome) {
    std::string out;
    JsonWriter json{out};
    json.open_object()
        .member("proof", "log")
        .member("verdict", verdict_of(outcome.findings, outcome.is_complete))
        .member("level", to_string(outcome.level))
        .member("blocks", outcome.counts.blocks)
        .member("by_bloom", outcome.counts.by_bloom)
        .member("by_receipts", outcome.counts.by_receipts)
        .member("unsettled", outcome.counts.unsettled)
        .member("unprovable", outcome.counts.unprovable)
        .member("logs", outcome.counts.logs)
        .member("mismatches", outcome.findings.total);
    if (outcome.range) {
        json.member("from", outcome.range->from).member("to", outcome.range->to);
    }
    if (!outcome.reason.empty()) {
        json.member("reason", outcome.reason);
    }
    write_findings(json.key("findings"), outcome.findings, kShownFindings);
    json.close_object();
    return out;
}

/// One range, or all that is open, highest first.
Result<std::vector<evm::BlockRange>> ranges_to_prove(const TaskContext& context) {
    if (!split_args(context.row().args).empty()) {
        PLUMBLINE_TRY(const evm::BlockRange range, parse_range_args(context.row().args));
        return std::vector<evm::BlockRange>{range};
    }
    const std::optional<storage::Cursor> cursor = context.database().cursor();
    PLUMBLINE_TRY(const std::vector<storage::CoverageRow> coverage, context.database().coverage());
    return cursor ? unproven_ranges(coverage, cursor->finalized) : std::vector<evm::BlockRange>{};
}

TaskOutcome run_prove_log(TaskContext& context, Metrics* metrics) {
    const Result<std::vector<evm::BlockRange>> ranges = ranges_to_prove(context);
    if (!ranges) {
        return TaskOutcome::from(ranges.error());
    }
    const bool is_named = !split_args(context.row().args).empty();
    LogRun run;
    LogProofOutcome last;
    last.is_complete = true;
    for (const evm::BlockRange& range : *ranges) {
        Result<LogProofOutcome> proven = prove_one(context, range, run);
        if (!proven) {
            return TaskOutcome::from(proven.error());
        }
        last = *std::move(proven);
        if (!last.is_complete) {
            break;
        }
    }
    last.findings = run.findings;
    last.counts = run.counts;
    if (last.is_complete) {
        count(metrics, "log", verdict_of(run.findings, true), run.findings);
        log_findings("log", run.findings);
        return TaskOutcome::done(to_json(last));
    }
    // Stopped, or in the way of something more urgent: it goes on below what is done.
    if (!last.range) {
        return TaskOutcome::from({ErrorCode::kCancelled, "stopped"});
    }
    std::string left;
    if (is_named) {
        left = fmt::format("{} {}", ranges->front().from, last.range->from - 1);
    }
    return {TaskOutcome::Kind::kMore, to_json(last), std::move(left), 0};
}

// --- the contract's state ---------------------------------------------------------------------

std::string verdict_of(const StateOutcome& outcome) {
    return verdict_of(outcome.findings,
                      std::ranges::all_of(outcome.entities, &EntityState::is_proven));
}

std::string to_json(const StateOutcome& outcome) {
    std::string out;
    JsonWriter json{out};
    json.open_object()
        .member("proof", "state")
        .member("verdict", verdict_of(outcome))
        .member("block", outcome.block.block_num)
        .member("way", outcome.way)
        .member("provider", outcome.provider)
        .member("mismatches", outcome.findings.total)
        .key("entities")
        .open_array();
    for (const EntityState& entity : outcome.entities) {
        json.open_object()
            .member("entity", entity.name)
            .member("rows", entity.rows)
            .member("checked", entity.checked)
            .member("equal", entity.equal)
            .member("differing", entity.differing)
            .member("unchanged", entity.unchanged)
            .key("unproven")
            .open_array();
        for (const EntityState::Unproven& item : entity.unproven) {
            json.open_object().member("reason", item.reason).member("count", item.count);
            json.close_object();
        }
        json.close_array().close_object();
    }
    json.close_array();
    write_findings(json.key("findings"), outcome.findings, kShownFindings);
    json.close_object();
    return out;
}

/// The entities that `args` names; empty: all.
Result<std::vector<uint32_t>> named_entities(const TaskContext& context, std::string_view args) {
    std::vector<uint32_t> out;
    const std::vector<storage::EntityLayout>& entities = context.database().entities();
    for (const std::string_view word : split_args(args)) {
        const auto found = std::ranges::find(entities, word, &storage::EntityLayout::name);
        if (found == entities.end()) {
            std::string known;
            for (const storage::EntityLayout& entity : entities) {
                known += known.empty() ? entity.name : ", " + entity.name;
            }
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("there is no entity '{}'; known: {}", word, known)};
        }
        out.push_back(static_cast<uint32_t>(found - entities.begin()));
    }
    return out;
}

TaskOutcome run_prove_state(TaskContext& context, Metrics* metrics) {
    StateProofOptions options;
    Result<std::vector<uint32_t>> entities = named_entities(context, context.row().args);
    if (!entities) {
        return TaskOutcome::from(entities.error());
    }
    options.entities = *std::move(entities);
    options.is_cancelled = [&context] { return context.should_stop(); };
    const auto view = context.database().read_view();
    const std::shared_ptr<const Plan> plan = context.indexer().shared_plan();
    options.last_equal = last_equal_of(*view, plan);
    const StateOutcome outcome = prove_state(context.chain(), *view, plan, std::move(options));
    if (context.should_stop()) {
        return TaskOutcome::from({ErrorCode::kCancelled, "stopped"});
    }
    const auto now_s = static_cast<uint64_t>(context.indexer().clock().unix_ms() / 1000);
    const Status recorded = write_down(context, [&](storage::CommitBatch& batch) {
        return add_state_records(batch, *view, *plan, outcome, now_s);
    });
    if (!recorded) {
        return TaskOutcome::from(recorded.error());
    }
    count(metrics, "state", verdict_of(outcome), outcome.findings);
    log_findings("state", outcome.findings);
    return TaskOutcome::done(to_json(outcome));
}

// --- the stored bytes, and the fold of the log --------------------------------------------------

std::string to_json(const ScrubReport& report, std::string_view verdict) {
    std::string out;
    JsonWriter json{out};
    json.open_object()
        .member("proof", "scrub")
        .member("verdict", verdict)
        .member("logs", report.logs)
        .member("blocks", report.blocks)
        .member("rows", report.rows)
        .member("index_entries", report.index_entries)
        .member("mismatches", report.findings.total);
    write_findings(json.key("findings"), report.findings, kShownFindings);
    json.close_object();
    return out;
}

TaskOutcome run_scrub(TaskContext& context, Metrics* metrics) {
    if (!split_args(context.row().args).empty()) {
        return TaskOutcome::from(
            {ErrorCode::kInvalidArgument, "the task scrub takes no arguments"});
    }
    ScrubOptions options;
    options.is_cancelled = [&context] { return context.should_stop(); };
    const auto view = context.database().read_view();
    const Result<ScrubReport> report = scrub(*view, options);
    if (!report) {
        return TaskOutcome::from(report.error());
    }
    const std::string verdict = verdict_of(report->findings, true);
    count(metrics, "scrub", verdict, report->findings);
    log_findings("scrub", report->findings);
    return TaskOutcome::done(to_json(*report, verdict));
}

std::string to_json(const ReplayReport& report, std::string_view verdict) {
    std::string out;
    JsonWriter json{out};
    json.open_object()
        .member("proof", "replay")
        .member("verdict", verdict)
        .member("block", report.block_num)
        .member("events", report.events)
        .member("rows", report.rows)
        .member("mismatches", report.findings.total);
    write_findings(json.key("findings"), report.findings, kShownFindings);
    json.close_object();
    return out;
}

TaskOutcome run_prove_replay(TaskContext& context, Metrics* metrics) {
    const Result<std::vector<uint32_t>> entities = named_entities(context, context.row().args);
    if (!entities || entities->size() > 1) {
        return TaskOutcome::from(
            entities ? Error{ErrorCode::kInvalidArgument, "prove_replay takes at most one entity"}
                     : entities.error());
    }
    ReplayOptions options;
    options.scratch_parent =
        std::filesystem::path{context.database().path()}.parent_path().string();
    if (options.scratch_parent.empty()) {
        options.scratch_parent = ".";
    }
    if (!entities->empty()) {
        options.entity = entities->front();
    }
    options.is_cancelled = [&context] { return context.should_stop(); };
    const auto view = context.database().read_view();
    const Result<ReplayReport> report =
        prove_replay(*view, context.indexer().shared_plan(), options);
    if (!report) {
        return TaskOutcome::from(report.error());
    }
    const std::string verdict = verdict_of(report->findings, true);
    storage::ProofRecord record;
    record.proof = "replay";
    record.entity = context.row().args;
    record.block_num = report->block_num;
    record.hash = report->block_hash;
    record.is_equal = report->is_equal();
    record.checked = report->rows;
    record.mismatches = report->findings.total;
    record.time_s = static_cast<uint64_t>(context.indexer().clock().unix_ms() / 1000);
    const Status recorded = write_down(context, [&record](storage::CommitBatch& batch) {
        batch.record_proof(record);
        return ok();
    });
    if (!recorded) {
        return TaskOutcome::from(recorded.error());
    }
    count(metrics, "replay", verdict, report->findings);
    log_findings("replay", report->findings);
    return TaskOutcome::done(to_json(*report, verdict));
}

// --- repair -------------------------------------------------------------------------------------

std::string to_json(const RepairOutcome& outcome, bool is_dry_run) {
    std::string out;
    JsonWriter json{out};
    json.open_object()
        .member("task", "repair")
        .member("dry_run", is_dry_run)
        .member("whole", outcome.is_whole())
        .key("steps")
        .open_array();
    for (const RepairPlan& plan : outcome.plans) {
        for (const std::string& step : plan.steps) {
            json.value(step);
        }
    }
    json.close_array()
        .member("left", outcome.left)
        .member("unproven", outcome.report.unproven)
        .member("mismatches", outcome.report.finding_count())
        .close_object();
    return out;
}

/// All that is wrong, or with a range only what is wrong with its blocks.
TaskOutcome run_repair(TaskContext& context, Metrics* metrics, bool only_log) {
    constexpr std::string_view kDryRun = "dry-run";
    std::string_view args = context.row().args;
    const bool is_dry_run = !only_log && args.starts_with(kDryRun);
    args.remove_prefix(is_dry_run ? kDryRun.size() : 0);
    RepairOptions options;
    options.verify.proof = context.config().proof;
    options.verify.proof.level = ProofLevel::kReceipts;
    options.on_drift = context.config().repair.on_drift;
    options.dry_run = is_dry_run;
    if (only_log) {
        const Result<evm::BlockRange> range = parse_range_args(context.row().args);
        if (!range) {
            return TaskOutcome::from(range.error());
        }
        options.verify.from = range->from;
        options.verify.to = range->to;
        options.verify.with_replay = false;
        options.verify.with_state = false;
    } else {
        Result<std::vector<uint32_t>> entities = named_entities(context, args);
        if (!entities) {
            return TaskOutcome::from(entities.error());
        }
        options.verify.entities = *std::move(entities);
    }
    std::stop_source stop;
    options.verify.stop = stop.get_token();
    options.verify.on_progress = [&](std::string_view, std::string_view, uint64_t, uint64_t) {
        if (context.should_stop()) {
            stop.request_stop();
        }
    };
    const std::shared_ptr<const Plan> mapping = context.indexer().shared_plan();
    options.apply = [&](const RepairPlan& plan) {
        for (const std::string& step : plan.steps) {
            logging::warning("repair", {{"step", step}});
        }
        if (metrics != nullptr) {
            for (const storage::JournalRow& entry : plan.journal) {
                metrics->count_repair(entry.kind);
            }
            if (plan.renew_log_digests) {
                metrics->count_repair(plan.renew_log_digests->kind);
            }
        }
        return context.indexer().run_on_writer(
            [&](storage::Database& database) { return apply_repair(database, mapping, plan); });
    };
    const Result<RepairOutcome> repaired =
        repair(context.database(), mapping, &context.chain(), options);
    if (!repaired) {
        return TaskOutcome::from(repaired.error());
    }
    if (!is_dry_run) {
        const Status recorded = write_down(context, [&](storage::CommitBatch& batch) {
            return add_report(batch, context.database(), *mapping, repaired->report);
        });
        if (!recorded) {
            return TaskOutcome::from(recorded.error());
        }
    }
    return TaskOutcome::done(to_json(*repaired, is_dry_run));
}

}  // namespace

void add_proof_tasks(TaskKinds& kinds, Metrics* metrics) {
    kinds.add({"prove_log", "[FROM TO]",
               "Prove stored events against block headers; default: final blocks not proven yet",
               [metrics](TaskContext& context) { return run_prove_log(context, metrics); }});
    kinds.add({"prove_state", "[ENTITY...]", "Compare entities with what the contract tells",
               [metrics](TaskContext& context) { return run_prove_state(context, metrics); }});
    kinds.add({"prove_replay", "[ENTITY]", "Fold the log into a scratch database and compare",
               [metrics](TaskContext& context) { return run_prove_replay(context, metrics); }});
    kinds.add({"repair", "[dry-run] [ENTITY...]",
               "Run all proofs and mend what they find, cause first",
               [metrics](TaskContext& context) { return run_repair(context, metrics, false); }});
    kinds.add({"refetch", "FROM TO",
               "Prove these blocks by their receipts and write anew what differs",
               [metrics](TaskContext& context) { return run_repair(context, metrics, true); }});
    kinds.add({"scrub", "", "Read every stored byte and hold it against the digests",
               [metrics](TaskContext& context) { return run_scrub(context, metrics); }});
}

std::vector<evm::BlockRange> unproven_ranges(const std::vector<storage::CoverageRow>& coverage,
                                             uint64_t finalized) {
    std::vector<evm::BlockRange> open;
    for (const storage::CoverageRow& row : coverage) {
        if (row.level <= ProofLevel::kFetched && row.range.from <= finalized) {
            open.push_back({row.range.from, std::min(row.range.to, finalized)});
        }
    }
    std::ranges::sort(open, {}, &evm::BlockRange::from);
    std::vector<evm::BlockRange> joined;
    for (const evm::BlockRange& range : open) {
        if (!joined.empty() && range.from <= joined.back().to + 1) {
            joined.back().to = std::max(joined.back().to, range.to);
        } else {
            joined.push_back(range);
        }
    }
    std::ranges::reverse(joined);
    return joined;
}

std::vector<std::pair<std::string, uint64_t>> proven_through(
    const std::vector<storage::CoverageRow>& coverage) {
    std::map<std::string, std::vector<const storage::CoverageRow*>> sources;
    for (const storage::CoverageRow& row : coverage) {
        sources[row.source].push_back(&row);
    }
    std::vector<std::pair<std::string, uint64_t>> out;
    for (const ProofLevel level :
         {ProofLevel::kFetched, ProofLevel::kLinked, ProofLevel::kBloom, ProofLevel::kReceipts}) {
        std::optional<uint64_t> through;
        for (auto& [source, rows] : sources) {
            std::ranges::sort(rows, {}, [](const auto* row) { return row->range.from; });
            uint64_t next = rows.front()->range.from;
            for (const storage::CoverageRow* row : rows) {
                if (row->range.from > next || row->level < level) {
                    break;
                }
                next = row->range.to + 1;
            }
            const uint64_t last = next == 0 ? 0 : next - 1;
            through = through ? std::min(*through, last) : last;
        }
        out.emplace_back(to_string(level), through.value_or(0));
    }
    return out;
}

}  // namespace plumbline::engine
