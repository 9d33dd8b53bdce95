#include "engine/task/repair_tasks.hpp"

#include <stop_token>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "core/base/exception_guard.hpp"
#include "core/base/json_writer.hpp"
#include "core/base/logging.hpp"
#include "core/base/sleep.hpp"
#include "engine/proof/finding_json.hpp"
#include "engine/repair/verify.hpp"
#include "engine/task/log_mending.hpp"
#include "engine/task/proof_ranges.hpp"
#include "engine/task/proof_task_parts.hpp"
#include "engine/task/tasks.hpp"

namespace plumbline::engine {

namespace {

using storage::ProofLevel;

/// A repair tells lines of three kinds, and the findings of four proofs.
constexpr size_t kLinesBytesMax = 5U << 10U;
constexpr size_t kFoundBytesMax = 10U << 10U;
constexpr int64_t kLookMs = 50;

/// The first `lines` that have room, and the last, which may say why.
void write_lines(JsonWriter& json, const std::vector<std::string>& lines) {
    size_t written = lines.empty() ? 0 : lines.back().size();
    json.open_array();
    for (size_t i = 0; i + 1 < lines.size() && written + lines[i].size() < kLinesBytesMax; ++i) {
        written += lines[i].size();
        json.value(lines[i]);
    }
    if (!lines.empty()) {
        json.value(std::string_view{lines.back()}.substr(0, kLinesBytesMax));
    }
    json.close_array();
}

/// What the last look found, in place of what proofs had found before it.
void write_found(JsonWriter& json, const VerifyReport& report) {
    json.open_object();
    const auto write = [&json](const char* proof, const auto& outcome) {
        if (outcome) {
            write_findings(json.key(proof), outcome->findings, kShownFindings, kFoundBytesMax);
        }
    };
    write("log", report.log);
    write("replay", report.replay);
    write("calls", report.calls);
    write("state", report.state);
    json.close_object();
}

std::string to_json(const RepairOutcome& outcome, bool is_dry_run) {
    std::vector<std::string> steps;
    for (const RepairPlan& plan : outcome.plans) {
        steps.insert(steps.end(), plan.steps.begin(), plan.steps.end());
    }
    std::string out;
    JsonWriter json{out};
    json.open_object()
        .member("task", "repair")
        .member("dry_run", is_dry_run)
        .member("whole", outcome.is_whole());
    write_lines(json.key("steps"), steps);
    write_lines(json.key("left"), outcome.left);
    json.member("leaves_drift", outcome.leaves_drift);
    write_lines(json.key("unproven"), outcome.report.unproven);
    json.member("mismatches", outcome.report.finding_count());
    write_found(json.key("found"), outcome.report);
    json.close_object();
    return out;
}

/// What a repair's looks find, as the proofs' own tasks tell it; what these have told is not told
/// again. `entities`: whose state was looked at, as `prove_state` takes them.
void announce_look(TaskObserver* observer, FindingMemory& memory, const TaskContext& context,
                   std::string_view entities, const VerifyReport& report) {
    const auto tell = [&](std::string_view proof, std::string_view part, std::string_view verdict,
                          const Findings& findings, bool is_whole = true) {
        announce(observer, memory, context, {proof, part, verdict, is_whole}, findings);
    };
    if (report.log) {
        const auto known = KnownRanges::read(*context.database().read_view(), unix_time_s(context));
        Findings news;
        for (const Finding& finding : report.log->findings.kept) {
            if (!known || !known->has(finding.block_num)) {
                news.add(finding);
            }
        }
        tell("log", context.row().args, verdict_of(*report.log), news, report.log->is_complete);
    }
    if (report.replay) {
        tell("replay", {}, verdict_of(report.replay->findings, true), report.replay->findings);
    }
    if (report.calls) {
        tell("calls", {}, verdict_of(report.calls->findings, report.calls->unproven.empty()),
             report.calls->findings, report.calls->unproven.empty());
    }
    if (report.state) {
        tell("state", entities, verdict_of(*report.state), report.state->findings,
             why_not_looked_at(*report.state).empty());
    }
}

RepairOptions repair_options(const TaskContext& context) {
    RepairOptions options;
    options.verify.proof = context.config().proof;
    options.verify.clock = &context.indexer().clock();
    options.verify.proof.level = ProofLevel::kReceipts;
    options.on_drift = context.config().repair.on_drift;
    return options;
}

/// What it could not mend, in one line: the last of what is left says why.
void tell_left(const TaskContext& context, const RepairOutcome& outcome) {
    const uint64_t found = outcome.report.finding_count();
    if (found > 0 || !outcome.left.empty()) {
        logging::warning(
            "a repair ran and left something",
            {{"mismatches", found},
             {"why", outcome.left.empty() ? std::string{"nothing of it can be mended"}
                                          : outcome.left.back()},
             {"see", fmt::format("plumbline task list {} --state done, or /v1/conflicts",
                                 context.indexer().db_path())}});
    }
}

TaskOutcome repair_with(TaskContext& context, TaskObserver* observer, FindingMemory& memory,
                        std::string_view entities, RepairOptions options) {
    std::stop_source stop;
    options.verify.stop = stop.get_token();
    options.verify.on_progress = [&context](std::string_view proof, std::string_view part,
                                            uint64_t done, uint64_t total) {
        context.tell_progress(proof, part, done, total);
    };
    ChainWaitTeller waits{observer, context.chain()};
    options.verify.on_turn = [&waits] { waits.tell(); };
    // From outside: what waits for a provider that hangs has no progress to tell.
    const std::jthread watch{[&context, &stop](const std::stop_token& is_over) {
        const Status ran = catch_exceptions("watching for the end of a repair", [&] {
            while (!is_over.stop_requested() && !stop.stop_requested()) {
                if (context.should_stop()) {
                    stop.request_stop();
                }
                sleep_ms(kLookMs);
            }
        });
        if (!ran) {  // Nobody could stop it any more.
            logging::error(ran.error().message);
            stop.request_stop();
        }
    }};
    const std::shared_ptr<const Plan> mapping = context.indexer().shared_plan();
    options.on_look = [&](const VerifyReport& report) {
        announce_look(observer, memory, context, entities, report);
    };
    options.apply = [&](const RepairPlan& plan) {
        for (const std::string& step : plan.steps) {
            logging::warning("repair", {{"step", step}});
        }
        return carry_out(context, observer, mapping, plan);
    };
    const Result<RepairOutcome> repaired =
        repair(context.database(), mapping, &context.chain(), options);
    if (!repaired) {
        return TaskOutcome::from(repaired.error());
    }
    if (!options.dry_run) {
        const Status recorded = write_down(context, [&](storage::CommitBatch& batch) {
            return add_report(batch, context.database(), *mapping, repaired->report,
                              context.indexer().clock());
        });
        if (!recorded) {
            return TaskOutcome::from(recorded.error());
        }
        tell_left(context, *repaired);
    }
    return TaskOutcome::done(to_json(*repaired, options.dry_run));
}

/// All that is wrong.
TaskOutcome run_repair(TaskContext& context, TaskObserver* observer, FindingMemory& memory) {
    const RepairArgs args = read_repair_args(context.row().args);
    RepairOptions options = repair_options(context);
    options.dry_run = args.is_dry_run;
    Result<std::vector<uint32_t>> entities = named_entities(context, args.entities);
    if (!entities) {
        return TaskOutcome::from(entities.error());
    }
    options.verify.entities = *std::move(entities);
    return repair_with(context, observer, memory, args.entities, std::move(options));
}

/// Only what is wrong with the stored events of some blocks.
TaskOutcome run_refetch(TaskContext& context, TaskObserver* observer, FindingMemory& memory) {
    const Result<evm::BlockRange> range = parse_range_args(context.row().args);
    if (!range) {
        return TaskOutcome::from(range.error());
    }
    RepairOptions options = repair_options(context);
    options.verify.from = range->from;
    options.verify.to = range->to;
    options.verify.with_replay = false;
    options.verify.with_state = false;
    options.verify.with_calls = false;  // Who is wrong there is for a person to decide.
    return repair_with(context, observer, memory, {}, std::move(options));
}

}  // namespace

void add_repair_tasks(TaskKinds& kinds, TaskObserver* observer,
                      const std::shared_ptr<FindingMemory>& memory) {
    kinds.add({"repair", "[dry-run] [ENTITY...]",
               "Run all proofs and mend what they find, cause first",
               [observer, memory](TaskContext& context) {
                   return run_repair(context, observer, *memory);
               }});
    kinds.add({"refetch", "FROM TO",
               "Prove these blocks by their receipts and write anew what differs",
               [observer, memory](TaskContext& context) {
                   return run_refetch(context, observer, *memory);
               }});
}

}  // namespace plumbline::engine
