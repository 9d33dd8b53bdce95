#include "engine/task/log_proof_task.hpp"

#include <utility>

#include "engine/proof/log/log_proof_record.hpp"
#include "engine/proof/log/log_proof_run.hpp"
#include "engine/proof/log/log_prover.hpp"
#include "engine/task/proof_task_parts.hpp"

namespace plumbline::engine {

namespace {

using storage::ProofLevel;

constexpr int64_t kStepWaitMs = 100;

Result<LogProofOptions> options_for(const TaskContext& context, const LogProofInput& input,
                                    evm::BlockRange range) {
    LogProofOptions options = log_proof_options(context.config().proof);
    options.range = range;
    if (options.level == ProofLevel::kNone) {
        options.level = ProofLevel::kReceipts;
    }
    PLUMBLINE_TRY(const std::optional<evm::BlockId> frontier, read_frontier(*input.view));
    if (frontier && frontier->block_num == range.to) {
        options.anchor = frontier;
    }
    return options;
}

/// The piece's levels, and the record of the run up to here.
Status write_piece(const TaskContext& context, const LogProofPiece& piece, const LogRun& run,
                   LogProofOutcome outcome) {
    outcome.findings = run.findings;
    outcome.counts = run.counts;
    return write_down(context, [&](storage::CommitBatch& batch) -> Status {
        PLUMBLINE_TRY_VOID(add_levels(batch, context.database(), piece));
        add_record(batch, outcome, *run.top, unix_time_s(context));
        return ok();
    });
}

}  // namespace

Result<LogProofOutcome> prove_and_write_down(TaskContext& context, evm::BlockRange range,
                                             LogRun& run) {
    PLUMBLINE_TRY(LogProofInput input, read_log_proof_input(context.database()));
    PLUMBLINE_TRY(const LogProofOptions options, options_for(context, input, range));
    LogProver prover{context.chain(), std::move(input), context.indexer().shared_plan(),
                     context.indexer().clock(), options};
    LogProofOutcome outcome;
    while (!prover.is_done() && !context.should_stop()) {
        const bool has_moved = prover.step();
        while (const std::optional<LogProofPiece> piece = prover.take()) {
            if (!run.top) {
                run.top = piece->top;
            }
            for (const Finding& finding : piece->findings) {
                run.findings.add(finding);
            }
            run.counts += piece->counts;
            add_piece(outcome, *piece);
            PLUMBLINE_TRY_VOID(write_piece(context, *piece, run, outcome));
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

}  // namespace plumbline::engine
