#include "engine/task/log_proof_task.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/proof/log/log_proof_record.hpp"
#include "engine/proof/log/log_proof_run.hpp"
#include "engine/proof/log/log_prover.hpp"
#include "engine/proof/replay/stored_damage.hpp"
#include "engine/task/proof_task_parts.hpp"

namespace plumbline::engine {

namespace {

using storage::ProofLevel;

constexpr int64_t kStepWaitMs = 100;
/// Before what cannot be proven is tried again: providers change, and a node may be upgraded.
constexpr uint64_t kUnprovableS = 6 * 3'600;

Result<LogProofOptions> options_for(const TaskContext& context, const LogProofInput& input,
                                    evm::BlockRange range, bool is_retry) {
    LogProofOptions options = log_proof_options(context.config().proof);
    options.needs_receipts = is_retry;
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

/// Of what is known, that which this run did not find itself.
uint64_t earlier_findings(const LogRun& run) {
    const uint64_t known = run.known.finding_count();
    return known - std::min<uint64_t>(known, run.findings.total);
}

/// Nobody had receipts just now, or none that fit: what they would prove is below the level asked
/// for, which is told, and tried again. On a chain whose receipts do not recompute that ends with
/// the self-test.
bool waits_for_receipts(const LogProofPiece& piece, const ChainProfile& profile) {
    return (profile.receipts ? piece.counts.unprovable : piece.counts.unsettled) > 0;
}

void add_to_run(LogRun& run, const LogProofPiece& piece, const storage::ReadView& view,
                uint64_t retry_s) {
    if (!run.top) {
        run.top = piece.top;
    }
    for (const Finding& finding : piece.findings) {
        run.findings.add(finding);
        if (!run.known.has(finding.block_num)) {
            run.news.add(finding);
        }
    }
    run.counts += piece.counts;
    run.known.take(piece, view, retry_s);
    if (!piece.findings.empty() || !piece.new_children.empty()) {
        add_piece(run.wrong, piece);
    }
}

/// The piece's levels, and the record of the run up to here.
Status write_piece(const TaskContext& context, const LogProofPiece& piece, LogRun& run,
                   LogProofOutcome outcome) {
    outcome.findings = run.findings;
    outcome.counts = run.counts;
    return write_down(context, [&](storage::CommitBatch& batch) -> Status {
        PLUMBLINE_TRY(const bool is_of_now,
                      add_levels(batch, context.database(), context.indexer().plan(), piece));
        if (!is_of_now) {
            run.outdated = {piece.range.from, run.outdated.value_or(piece.range).to};
        }
        add_record(batch, outcome, *run.top, unix_time_s(context), earlier_findings(run));
        run.known.write(batch, unix_time_s(context));
        return ok();
    });
}

}  // namespace

Result<LogProofOutcome> prove_and_write_down(TaskContext& context, evm::BlockRange range,
                                             LogRun& run) {
    PLUMBLINE_TRY(LogProofInput input, read_log_proof_input(context.database()));
    PLUMBLINE_TRY(const LogProofOptions options, options_for(context, input, range, run.is_retry));
    LogProver prover{context.chain(), std::move(input), context.indexer().shared_plan(),
                     context.indexer().clock(), options};
    ChainWaitTeller waits{run.observer, context.chain()};
    LogProofOutcome outcome;
    bool is_waiting = false;
    while (!prover.is_done() && !context.should_stop()) {
        const bool has_moved = prover.step();
        while (std::optional<LogProofPiece> piece = prover.take()) {
            mark_damage(*context.database().read_view(), piece->findings);
            add_to_run(run, *piece, *context.database().read_view(),
                       waits_for_receipts(*piece, prover.profile())
                           ? unix_time_s(context) + kUnprovableS
                           : 0);
            add_piece(outcome, *piece);
            PLUMBLINE_TRY_VOID(write_piece(context, *piece, run, outcome));
            if (outcome.range) {
                context.tell_progress("log", "blocks", outcome.range->size(), range.size());
            }
        }
        if (context.should_yield() && (outcome.range || is_waiting)) {
            break;
        }
        if (!has_moved && !prover.is_done()) {
            context.chain().poll(kStepWaitMs);
            is_waiting = waits.tell();
        }
    }
    if (prover.failure()) {
        return *prover.failure();
    }
    outcome.is_complete = outcome.range == range;
    outcome.has_ended = prover.is_done();
    outcome.profile = prover.profile();
    outcome.reason = prover.reason();
    return outcome;
}

Status write_down_unprovable(const TaskContext& context, evm::BlockRange range, LogRun& run,
                             LogProofOutcome outcome) {
    const uint64_t now_s = unix_time_s(context);
    run.known.add(
        {range, 0, now_s + kUnprovableS,
         run.is_retry ? fmt::format("{}: {}", kRetryNote, outcome.reason) : outcome.reason});
    outcome.findings = run.findings;
    outcome.counts = run.counts;
    return write_down(context, [&](storage::CommitBatch& batch) {
        add_record(batch, outcome, run.top.value_or(evm::BlockId{range.from, {}}), now_s,
                   earlier_findings(run));
        run.known.write(batch, now_s);
        return ok();
    });
}

}  // namespace plumbline::engine
