// plumbline repair: mend what the proofs find, cause first.
#include <fmt/format.h>

#include "core/base/clock.hpp"
#include "core/base/logging.hpp"
#include "engine/fold/scratch_database.hpp"
#include "engine/mapping/left_coverage.hpp"
#include "engine/mapping/stored_plan.hpp"
#include "engine/proof/journal.hpp"
#include "engine/repair/verify.hpp"
#include "storage/table_files.hpp"
#include "tools/chain_access.hpp"
#include "tools/command.hpp"
#include "tools/commands.hpp"
#include "tools/open_to_mend.hpp"
#include "tools/proof_text.hpp"
#include "tools/stop_signal.hpp"

namespace plumbline::tools {

namespace {

/// For what no proof gets past: table files that RocksDB cannot read. A fold replaces those of what
/// is made from the log, and reads none of them. An error names another.
Result<engine::RepairPlan> plan_for_damaged_files(const storage::Database& database,
                                                  const std::stop_token& stop) {
    PLUMBLINE_TRY(const std::vector<storage::DamagedFile> files,
                  storage::find_damaged_files(database, [&stop] { return stop.stop_requested(); }));
    engine::RepairPlan plan;
    for (const storage::DamagedFile& file : files) {
        if (!file.is_derived) {
            return file.error;
        }
        plan.add_refold(fmt::format("{}, a table file of {}, is damaged", file.path, file.family));
        engine::Finding finding;
        finding.kind = engine::FindingKind::kUnreadable;
        finding.key = file.family;
        finding.detail = file.error.message;
        plan.journal.push_back(
            engine::journal_of(finding, "folded again", "the fold of the stored log"));
    }
    return plan;
}

}  // namespace

Result<ExitCode> run_repair(const RepairArguments& arguments) {
    const StopSignal signal{
        {.clear_away = engine::ScratchDatabase::clear_away, .on_first = [] {
             logging::info(
                 "stopping: what is mended stays, and the next start folds what it must; "
                 "again to stop at once");
         }}};
    PLUMBLINE_TRY(
        const auto database,
        arguments.dry_run
            ? open_to_read(arguments.path)
            : open_to_mend(arguments.path, fmt::format("while a service runs let it repair: "
                                                       "plumbline task add {} repair",
                                                       arguments.path)));
    PLUMBLINE_TRY(const engine::Config config, engine::stored_config(*database));
    PLUMBLINE_TRY(const auto plan, engine::stored_plan(*database));
    if (!arguments.dry_run) {
        PLUMBLINE_TRY_VOID(engine::adopt_coverage(*database, *plan));
    }
    engine::RepairOptions options;
    options.verify.proof = config.proof;
    options.verify.proof.level = storage::ProofLevel::kReceipts;
    options.verify.calls_sample = arguments.calls_sample;
    options.verify.scratch_dir = arguments.scratch;
    options.verify.memory = plan_memory(*database, engine::MemoryUse::kProof);
    options.verify.on_progress = show_progress;
    options.verify.stop = signal.token();
    options.dry_run = arguments.dry_run;
    options.on_drift = config.repair.on_drift;
    if (!arguments.on_drift.empty()) {
        options.on_drift = arguments.on_drift == "chain" ? engine::DriftPolicy::kChain
                                                         : engine::DriftPolicy::kReport;
    }
    PLUMBLINE_TRY(engine::RepairPlan files, plan_for_damaged_files(*database, options.verify.stop));
    if (!arguments.dry_run) {
        PLUMBLINE_TRY_VOID(
            engine::apply_repair(*database, plan, files, system_clock(), fold_options(options)));
    }
    PLUMBLINE_TRY(const auto chain,
                  open_chain(config, {arguments.rpc, arguments.config}, arguments.timeout_s));
    auto repaired = engine::repair(*database, plan, chain.get(), options);
    logging::set_status_line({});
    PLUMBLINE_TRY(engine::RepairOutcome outcome, std::move(repaired));
    if (!files.is_empty()) {
        outcome.plans.insert(outcome.plans.begin(), std::move(files));
    }
    if (!arguments.dry_run) {
        const auto batch = database->make_batch();
        PLUMBLINE_TRY_VOID(
            engine::add_report(*batch, *database, *plan, outcome.report, system_clock()));
        PLUMBLINE_TRY_VOID(database->commit(*batch, storage::Durability::kSync));
    }
    PLUMBLINE_TRY_VOID(print(arguments.json ? to_json(outcome, arguments.dry_run)
                                            : to_text(outcome, arguments.dry_run, arguments.path)));
    if (!outcome.is_whole()) {
        return ExitCode::kCheckFailed;
    }
    // What could not be looked at may be wrong all the same.
    return outcome.report.is_complete() ? ExitCode::kDone : ExitCode::kEnvironment;
}

}  // namespace plumbline::tools
