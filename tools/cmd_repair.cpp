// plumbline repair: mend what the proofs find, cause first.
#include <fmt/format.h>

#include "core/base/logging.hpp"
#include "engine/fold/scratch_database.hpp"
#include "engine/mapping/coverage_names.hpp"
#include "engine/mapping/stored_plan.hpp"
#include "engine/repair/verify.hpp"
#include "tools/chain_access.hpp"
#include "tools/command.hpp"
#include "tools/commands.hpp"
#include "tools/proof_text.hpp"
#include "tools/stop_signal.hpp"

namespace plumbline::tools {

Result<ExitCode> run_repair(const RepairArguments& arguments) {
    const StopSignal signal{engine::ScratchDatabase::clear_away};
    PLUMBLINE_TRY(
        const auto database,
        arguments.dry_run
            ? open_to_read(arguments.path)
            : open_to_write(arguments.path, fmt::format("while a service runs let it repair: "
                                                        "plumbline task add {} repair",
                                                        arguments.path)));
    PLUMBLINE_TRY(const engine::Config config, engine::stored_config(*database));
    PLUMBLINE_TRY(const auto plan, engine::stored_plan(*database));
    if (!arguments.dry_run) {
        PLUMBLINE_TRY_VOID(engine::rename_coverage(*database, *plan));
    }
    engine::RepairOptions options;
    options.verify.proof = config.proof;
    options.verify.proof.level = storage::ProofLevel::kReceipts;
    options.verify.calls_sample = arguments.calls_sample;
    options.verify.scratch_dir = arguments.scratch;
    options.verify.memory = plan_memory(*database, engine::MemoryUse::kProof);
    options.verify.on_progress = show_progress;
    options.dry_run = arguments.dry_run;
    options.on_drift = config.repair.on_drift;
    if (!arguments.on_drift.empty()) {
        options.on_drift = arguments.on_drift == "chain" ? engine::DriftPolicy::kChain
                                                         : engine::DriftPolicy::kReport;
    }
    PLUMBLINE_TRY(const auto chain,
                  open_chain(config, {arguments.rpc, arguments.config}, arguments.timeout_s));
    auto repaired = engine::repair(*database, plan, chain.get(), options);
    logging::set_status_line({});
    PLUMBLINE_TRY(const engine::RepairOutcome outcome, std::move(repaired));
    if (!arguments.dry_run) {
        const auto batch = database->make_batch();
        PLUMBLINE_TRY_VOID(engine::add_report(*batch, *database, *plan, outcome.report));
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
