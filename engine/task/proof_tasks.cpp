#include "engine/task/proof_tasks.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "core/base/json_writer.hpp"
#include "core/base/logging.hpp"
#include "engine/fold/scratch_database.hpp"
#include "engine/ingest/chain_wait.hpp"
#include "engine/proof/finding_json.hpp"
#include "engine/proof/log/log_proof_record.hpp"
#include "engine/proof/replay/replay_proof.hpp"
#include "engine/proof/replay/scrub.hpp"
#include "engine/proof/state/state_bisect.hpp"
#include "engine/proof/state/state_proof.hpp"
#include "engine/proof/state/state_record.hpp"
#include "engine/task/beginning_memory.hpp"
#include "engine/task/log_mending.hpp"
#include "engine/task/log_proof_task.hpp"
#include "engine/task/proof_ranges.hpp"
#include "engine/task/proof_task_parts.hpp"
#include "engine/task/repair_tasks.hpp"
#include "engine/task/tasks.hpp"

namespace plumbline::engine {

namespace {

using storage::ProofLevel;

/// The queue cuts a result that is longer than 64 KiB, which is no JSON then.
constexpr size_t kFindingsBytesMax = 48U << 10U;
constexpr size_t kStandingBytesMax = 8U << 10U;

// --- the log ----------------------------------------------------------------------------------

std::string to_json(const LogProofOutcome& outcome) {
    std::string out;
    JsonWriter json{out};
    json.open_object()
        .member("proof", "log")
        .member("verdict", verdict_of(outcome))
        .member("level", to_string(outcome.level))
        .member("blocks", outcome.counts.blocks)
        .member("by_bloom", outcome.counts.by_bloom)
        .member("by_receipts", outcome.counts.by_receipts)
        .member("unsettled", outcome.counts.unsettled)
        .member("unprovable", outcome.counts.unprovable)
        .member("logs", outcome.counts.logs)
        .member("ticks", outcome.counts.ticks)
        .member("outside_root", outcome.counts.outside)
        .member("mismatches", outcome.findings.total);
    if (outcome.range) {
        json.member("from", outcome.range->from).member("to", outcome.range->to);
    }
    if (!outcome.reason.empty()) {
        json.member("reason", outcome.reason);
    }
    write_findings(json.key("findings"), outcome.findings, kShownFindings, kFindingsBytesMax);
    json.close_object();
    return out;
}

/// One range, or all that is open and not known to be in vain, highest first. What is known to be
/// wrong and due to be mended is proven once more, for that takes its proof.
Result<std::vector<evm::BlockRange>> ranges_to_prove(const TaskContext& context,
                                                     KnownRanges& known) {
    const std::optional<storage::Cursor> cursor = context.database().cursor();
    PLUMBLINE_TRY(const std::vector<storage::CoverageRow> coverage, context.database().coverage());
    const std::vector<evm::BlockRange> open =
        cursor ? unproven_ranges(context.indexer().plan().sources(), coverage, cursor->finalized)
               : std::vector<evm::BlockRange>{};
    known.keep_findings(open);
    if (!split_args(context.row().args).empty()) {
        PLUMBLINE_TRY(const evm::BlockRange range, parse_range_args(context.row().args));
        return std::vector<evm::BlockRange>{range};
    }
    return ranges_due(known, open, context.config().repair.on_log == LogPolicy::kMend,
                      unix_time_s(context));
}

/// The chain gave no ground below `last.below`: what lies under it is left alone for hours.
TaskOutcome end_short(TaskContext& context, TaskObserver* observer, MendingBudget& budget,
                      evm::BlockRange open, LogRun& run, LogProofOutcome last) {
    if (last.reason.empty()) {
        last.reason = "the level asked for needs no proof";
    }
    // Headers that do not hash today will not at the next block either; those that a node has
    // thrown away it may still have of younger blocks.
    const bool is_hopeless = !last.range && !last.profile.headers;
    const uint64_t top = is_hopeless && !run.is_retry ? UINT64_MAX
                         : last.range                 ? last.range->from - 1
                                                      : open.to;
    if (const Status written = write_down_unprovable(context, {open.from, top}, run, last);
        !written) {
        return TaskOutcome::from(written.error());
    }
    last.findings = run.findings;
    last.counts = run.counts;
    mend_log(context, observer, budget, run);
    logging::warning("the log proof cannot go on, and is tried again in hours",
                     {{"blocks", fmt::format("{} to {}", open.from, std::min(top, open.to))},
                      {"why", last.reason}});
    announce(observer, context, "log", verdict_of(last), run.news, run.news);
    return TaskOutcome::done(to_json(last));
}

TaskOutcome run_prove_log(TaskContext& context, TaskObserver* observer, MendingBudget& budget) {
    LogRun run;
    run.observer = observer;
    Result<KnownRanges> known =
        KnownRanges::read(*context.database().read_view(), unix_time_s(context));
    if (!known) {
        return TaskOutcome::from(known.error());
    }
    run.known = *std::move(known);
    const Result<std::vector<evm::BlockRange>> ranges = ranges_to_prove(context, run.known);
    if (!ranges) {
        return TaskOutcome::from(ranges.error());
    }
    const bool is_named = !split_args(context.row().args).empty();
    run.is_retry =
        !is_named && !ranges->empty() && *ranges == run.known.due_retries(unix_time_s(context));
    LogProofOutcome last;
    last.is_complete = true;
    for (const evm::BlockRange& range : *ranges) {
        Result<LogProofOutcome> proven = prove_and_write_down(context, range, run);
        if (!proven) {
            return TaskOutcome::from(proven.error());
        }
        last = *std::move(proven);
        if (last.is_complete) {
            continue;
        }
        if (last.has_ended) {
            // What is open below, other ranges included, has no better ground.
            return end_short(context, observer, budget, {ranges->back().from, range.to}, run,
                             std::move(last));
        }
        break;
    }
    last.findings = run.findings;
    last.counts = run.counts;
    if (run.outdated) {
        last.reason =
            fmt::format("blocks {} to {} were written while they were proven, and are proven again",
                        run.outdated->from, run.outdated->to);
        logging::info("the log proof runs again: " + last.reason);
    }
    announce(observer, context, "log", verdict_of(run.findings, last.is_complete),
             is_named ? run.findings : run.news, run.news);
    mend_log(context, observer, budget, run);
    if (last.is_complete) {
        return TaskOutcome::done(to_json(last));
    }
    if (context.should_stop() && !last.range) {
        return TaskOutcome::from({ErrorCode::kCancelled, "stopped"});
    }
    // Stopped, or in the way of something more urgent: it goes on below what is done.
    std::string left = context.row().args;
    if (is_named && last.range) {
        left = fmt::format("{} {}", ranges->front().from, last.range->from - 1);
    }
    return {TaskOutcome::Kind::kMore, last.range ? to_json(last) : std::string{}, std::move(left),
            0};
}

// --- the contract's state ---------------------------------------------------------------------

void write_reasons(JsonWriter& json, const std::vector<EntityState::Unproven>& reasons) {
    json.open_array();
    for (const EntityState::Unproven& item : reasons) {
        json.open_object().member("reason", item.reason).member("count", item.count);
        json.close_object();
    }
    json.close_array();
}

/// `standing`: what earlier runs had found of what this one could not look at.
std::string to_json(const StateOutcome& outcome, const Findings& standing) {
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
            .member("count_differs", entity.count_differs)
            .member("fields_not_compared", entity.fields.left_out)
            .member("proven_by_storage", entity.storage_proofs)
            .member("unchanged", entity.unchanged)
            .member("not_asked", entity.not_asked);
        write_reasons(json.key("unproven"), entity.unproven);
        write_reasons(json.key("disputed"), entity.disputed);
        json.close_object();
    }
    json.close_array();
    write_findings(json.key("findings"), outcome.findings, kShownFindings, kFindingsBytesMax);
    if (!standing.empty()) {
        write_findings(json.key("standing"), standing, kShownFindings, kStandingBytesMax);
    }
    json.close_object();
    return out;
}

/// What the state proofs of a process remember of one another.
struct StateMemory {
    FindingMemory& findings;
    BeginningMemory beginnings;
    std::set<std::string> disputes;        ///< slots of the config and providers that were told
    std::map<std::string, Findings> last;  ///< what the last look at an entity found
    std::string not_looked_at;             ///< the reason for it that was told last
};

/// Only as many runs are kept as a node that is away for hours soon makes: each of them tells what
/// stands.
Findings take_standing(const StateOutcome& outcome, std::map<std::string, Findings>& last) {
    Findings standing;
    for (const EntityState& state : outcome.entities) {
        if (!state.not_asked.empty() && state.differing == 0) {
            for (const Finding& finding : last[state.name].kept) {
                standing.add(finding);
            }
            continue;
        }
        Findings& found = last[state.name] = {};
        for (const Finding& finding : outcome.findings.kept) {
            if (finding.entity == state.name && found.kept.size() < kShownFindings) {
                found.add(finding);
            }
        }
    }
    return standing;
}

/// A slot is told once, whichever rows show that it is another variable's; a provider is, too.
void tell_disputes(const StateOutcome& outcome, std::set<std::string>& told) {
    for (const EntityState& state : outcome.entities) {
        for (const EntityState::Unproven& one : state.disputed) {
            if (told.insert(one.reason.substr(0, one.reason.find(": of "))).second) {
                logging::warning("the state proof cannot use a slot of the config",
                                 {{"why", one.reason}, {"values", one.count}});
            }
        }
    }
    for (const StateOutcome::Disbelieved& one : outcome.disbelieved) {
        if (told.insert(one.provider).second) {
            logging::warning(
                "a provider tells contracts' state otherwise than it is: what it told "
                "is compared again by the next one",
                {{"provider", one.provider}, {"why", one.why}});
        }
    }
}

/// The same reason again is no news, however many proofs it ends; that it is over is.
void tell_not_looked_at(const std::string& why, std::string& told) {
    if (reason_key(why) == std::exchange(told, reason_key(why))) {
        return;
    }
    if (why.empty()) {
        logging::info("the state proof can ask about everything again");
    } else {
        logging::warning("the state proof could not ask about everything", {{"why", why}});
    }
}

/// Empty where the node does not remember so far back, or does not answer soon.
std::optional<std::string> find_beginning(const TaskContext& context, const storage::ReadView& view,
                                          const Plan& plan, const Finding& finding) {
    constexpr int64_t kAnswerMs = 10'000;
    const int entity = plan.find_entity(finding.entity);
    if (entity < 0 || context.should_stop()) {
        return std::nullopt;
    }
    BisectOptions options;
    options.wait_ms_max = kAnswerMs;
    const auto first = find_first_wrong_block(
        context.chain(), view, plan, static_cast<uint32_t>(entity), finding.raw_key, options);
    return first ? std::optional{beginning_text(*first)} : std::nullopt;
}

TaskOutcome run_prove_state(TaskContext& context, TaskObserver* observer, StateMemory& memory) {
    StateProofOptions options;
    Result<std::vector<uint32_t>> entities = named_entities(context, context.row().args);
    if (!entities) {
        return TaskOutcome::from(entities.error());
    }
    options.entities = *std::move(entities);
    ChainWaitTeller waits{observer, context.chain()};
    options.is_cancelled = [&context, &waits] {
        waits.tell();
        return context.should_stop();
    };
    options.on_progress = [&context](const EntityState& state) {
        context.tell_progress("state", state.name, state.checked, 0);
    };
    const auto view = context.database().read_view();
    const std::shared_ptr<const Plan> plan = context.indexer().shared_plan();
    options.last_equal = last_equal_of(*view, plan);
    StateOutcome outcome = prove_state(context.chain(), *view, plan, std::move(options));
    tell_disputes(outcome, memory.disputes);
    memory.beginnings.tell(outcome.findings, [&](const Finding& finding) {
        return find_beginning(context, *view, *plan, finding);
    });
    if (context.should_stop()) {
        return TaskOutcome::from({ErrorCode::kCancelled, "stopped"});
    }
    const auto now_s = unix_time_s(context);
    const Status recorded = write_down(context, [&](storage::CommitBatch& batch) {
        return add_state_records(batch, *view, *plan, outcome, now_s);
    });
    if (!recorded) {
        return TaskOutcome::from(recorded.error());
    }
    const std::string why_not = why_not_looked_at(outcome);
    tell_not_looked_at(why_not, memory.not_looked_at);
    announce(observer, memory.findings, context,
             {"state", context.row().args, verdict_of(outcome), why_not.empty()}, outcome.findings);
    return TaskOutcome::done(to_json(outcome, take_standing(outcome, memory.last)));
}

// --- the stored bytes, and the fold of the log --------------------------------------------------

std::string to_json(const ScrubReport& report, std::string_view verdict) {
    std::string out;
    JsonWriter json{out};
    json.open_object()
        .member("proof", "scrub")
        .member("verdict", verdict)
        .member("logs", report.logs - report.ticks)
        .member("ticks", report.ticks)
        .member("blocks", report.blocks)
        .member("rows", report.rows)
        .member("index_entries", report.index_entries)
        .member("mismatches", report.findings.total);
    write_findings(json.key("findings"), report.findings, kShownFindings, kFindingsBytesMax);
    json.close_object();
    return out;
}

TaskOutcome run_scrub(TaskContext& context, TaskObserver* observer, FindingMemory& memory) {
    if (!split_args(context.row().args).empty()) {
        return TaskOutcome::from(
            {ErrorCode::kInvalidArgument, "the task scrub takes no arguments"});
    }
    ScrubOptions options;
    options.is_cancelled = [&context] { return context.should_stop(); };
    options.on_progress = [&context](const ScrubProgress& progress) {
        context.tell_progress("scrub", progress.part + ", in all", progress.checked,
                              progress.total);
    };
    const auto view = context.database().read_view();
    const Result<ScrubReport> report = scrub(*view, options);
    if (!report) {
        return TaskOutcome::from(report.error());
    }
    const std::vector<uint64_t> damaged = report->damaged_block_numbers();
    const Status lowered =
        damaged.empty() ? ok() : write_down(context, [&](storage::CommitBatch& batch) {
            return lower_levels(batch, context.database(), damaged);
        });
    if (!lowered) {
        return TaskOutcome::from(lowered.error());
    }
    const std::string verdict = verdict_of(report->findings, true);
    announce(observer, memory, context, {"scrub", {}, verdict}, report->findings);
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
        .member("ticks", report.ticks)
        .member("rows", report.rows)
        .member("mismatches", report.findings.total);
    write_findings(json.key("findings"), report.findings, kShownFindings, kFindingsBytesMax);
    json.close_object();
    return out;
}

TaskOutcome run_prove_replay(TaskContext& context, TaskObserver* observer, FindingMemory& memory) {
    const Result<std::vector<uint32_t>> entities = named_entities(context, context.row().args);
    if (!entities || entities->size() > 1) {
        return TaskOutcome::from(
            entities ? Error{ErrorCode::kInvalidArgument, "prove_replay takes at most one entity"}
                     : entities.error());
    }
    ReplayOptions options;
    options.memory = plan_memory(context.indexer().config().memory_mib, MemoryUse::kService);
    options.scratch_parent = directory_of(context.database());
    if (!entities->empty()) {
        options.entity = entities->front();
    }
    options.is_cancelled = [&context] { return context.should_stop(); };
    options.on_progress = [&context](const ReplayProgress& progress) {
        context.tell_progress("replay", progress.phase, progress.done, progress.total);
    };
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
    record.time_s = unix_time_s(context);
    const Status recorded = write_down(context, [&](storage::CommitBatch& batch) {
        batch.record_proof(record);
        return lower_levels(batch, context.database(), report->scrub.damaged_block_numbers());
    });
    if (!recorded) {
        return TaskOutcome::from(recorded.error());
    }
    announce(observer, memory, context, {"replay", context.row().args, verdict}, report->findings);
    return TaskOutcome::done(to_json(*report, verdict));
}

}  // namespace

void add_proof_tasks(TaskKinds& kinds, TaskObserver* observer) {
    // All run on the one thread of their lane, repairs too.
    const auto memory = std::make_shared<FindingMemory>();
    kinds.add({"prove_log", "[FROM TO]",
               "Prove stored events against block headers; default: final blocks not proven yet",
               [observer, budget = std::make_shared<MendingBudget>()](TaskContext& context) {
                   return run_prove_log(context, observer, *budget);
               }});
    kinds.add({"prove_state", "[ENTITY...]", "Compare entities with what the contract tells",
               [observer, memory,
                state = std::make_shared<StateMemory>(StateMemory{*memory, {}, {}, {}, {}})](
                   TaskContext& context) { return run_prove_state(context, observer, *state); }});
    kinds.add({"prove_replay", "[ENTITY]", "Fold the log into a scratch database and compare",
               [observer, memory](TaskContext& context) {
                   return run_prove_replay(context, observer, *memory);
               }});
    add_repair_tasks(kinds, observer, memory);
    kinds.add({"scrub", "", "Read every stored byte and hold it against the digests",
               [observer, memory](TaskContext& context) {
                   return run_scrub(context, observer, *memory);
               }});
}

}  // namespace plumbline::engine
