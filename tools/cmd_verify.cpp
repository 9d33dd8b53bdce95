// plumbline verify: the three proofs, on a database at rest or beside a running service.
#include <fmt/format.h>

#include "core/base/clock.hpp"
#include "core/base/logging.hpp"
#include "core/evm/hex.hpp"
#include "engine/fold/scratch_database.hpp"
#include "engine/mapping/stored_plan.hpp"
#include "engine/repair/verify.hpp"
#include "tools/chain_access.hpp"
#include "tools/command.hpp"
#include "tools/commands.hpp"
#include "tools/proof_text.hpp"
#include "tools/stop_signal.hpp"

namespace plumbline::tools {

namespace {

Result<engine::VerifyOptions> make_options(const VerifyArguments& arguments,
                                           const storage::Database& database) {
    engine::VerifyOptions options;
    const auto wants = [&](std::string_view proof) {
        return arguments.proof == "all" || arguments.proof == proof;
    };
    options.with_log = wants("log");
    options.with_replay = wants("replay");
    options.with_state = wants("state");
    options.with_calls = wants("calls");
    options.calls_sample = arguments.calls_sample;
    options.from = arguments.from;
    options.to = arguments.to;
    options.scratch_dir = arguments.scratch;
    for (const std::string& name : arguments.entities) {
        PLUMBLINE_TRY(const size_t entity, find_entity(database, name));
        options.entities.push_back(static_cast<uint32_t>(entity));
    }
    options.memory = plan_memory(database, engine::MemoryUse::kProof);
    options.on_progress = show_progress;
    return options;
}

/// Levels and outcomes go into the database, where nobody else has it open to write.
Status record(const std::string& path, const engine::Plan& plan,
              const engine::VerifyReport& report) {
    storage::OpenOptions options;
    options.memory_bytes = kMemoryAtOpen;
    PLUMBLINE_TRY(const auto database, storage::Database::open(path, std::move(options)));
    const auto batch = database->make_batch();
    PLUMBLINE_TRY_VOID(engine::add_report(*batch, *database, plan, report, system_clock()));
    return database->commit(*batch, storage::Durability::kSync);
}

}  // namespace

Result<ExitCode> run_verify(const VerifyArguments& arguments) {
    if (!arguments.sink.empty()) {
        return run_verify_sink(arguments);
    }
    if (arguments.repair) {
        return Error{ErrorCode::kInvalidArgument,
                     "--repair mends the tables of a --sink; of the index: plumbline repair"};
    }
    const StopSignal signal{
        {.clear_away = engine::ScratchDatabase::clear_away, .ends_at_first = true}};
    engine::VerifyReport report;
    std::shared_ptr<const engine::Plan> plan;
    {
        PLUMBLINE_TRY(const auto database, open_to_read(arguments.path));
        PLUMBLINE_TRY(const engine::Config config, engine::stored_config(*database));
        PLUMBLINE_TRY(plan, engine::stored_plan(*database));
        PLUMBLINE_TRY(engine::VerifyOptions options, make_options(arguments, *database));
        options.proof = config.proof;
        options.proof.level = storage::ProofLevel::kReceipts;
        const bool needs_chain = options.with_log || options.with_state || options.with_calls;
        std::unique_ptr<rpc::ChainSource> chain;
        if (needs_chain) {
            PLUMBLINE_TRY(
                chain, open_chain(config, {arguments.rpc, arguments.config}, arguments.timeout_s));
        }
        auto looked = engine::verify(*database, plan, chain.get(), options);
        logging::set_status_line({});
        PLUMBLINE_TRY(report, std::move(looked));
    }
    if (arguments.from || arguments.to) {
        report.notes.emplace_back("not recorded: only a part was looked at");
    } else if (const Status recorded = record(arguments.path, *plan, report); !recorded) {
        report.notes.push_back("not recorded: " + recorded.error().message);
    }
    PLUMBLINE_TRY_VOID(print(arguments.json ? to_json(report) : to_text(report, arguments.path)));
    if (report.finding_count() > 0 || report.quarantine_fails()) {
        return ExitCode::kCheckFailed;
    }
    return report.is_complete() ? ExitCode::kDone : ExitCode::kEnvironment;
}

}  // namespace plumbline::tools
