#include "engine/proof/log/log_proof_run.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/proof/log/log_prover.hpp"

namespace plumbline::engine {

namespace {

constexpr int64_t kPollMs = 50;

}  // namespace

void add_piece(LogProofOutcome& outcome, LogProofPiece piece) {
    outcome.range =
        outcome.range ? evm::BlockRange{piece.range.from, outcome.range->to} : piece.range;
    outcome.below = piece.below;
    outcome.counts += piece.counts;
    for (const LevelSpan& span : piece.spans) {
        outcome.level = outcome.level == storage::ProofLevel::kNone
                            ? span.level
                            : std::min(outcome.level, span.level);
    }
    for (Finding& finding : piece.findings) {
        outcome.findings.add(std::move(finding));
    }
    for (ProvenBlock& block : piece.proven) {
        if (outcome.proven.size() < Findings::kKeptMax) {
            outcome.proven.push_back(std::move(block));
        }
    }
    std::ranges::move(piece.new_children, std::back_inserter(outcome.new_children));
}

Result<LogProofOutcome> prove_range(rpc::ChainSource& source, LogProofInput input,
                                    std::shared_ptr<const Plan> plan, const Clock& clock,
                                    LogProofOptions options, const LogProofWatch& watch) {
    const evm::BlockRange range = options.range;
    LogProver prover{source, std::move(input), std::move(plan), clock, std::move(options)};
    LogProofOutcome outcome;
    while (!prover.is_done() && !(watch.is_cancelled && watch.is_cancelled())) {
        const bool moved = prover.step();
        while (auto piece = prover.take()) {
            if (watch.on_piece) {
                watch.on_piece(*piece, prover.blocks_done(), prover.blocks_total());
            }
            add_piece(outcome, *std::move(piece));
        }
        if (prover.is_done()) {
            break;
        }
        int64_t wait = moved ? 0 : kPollMs;
        if (const int64_t wake = prover.wake_at_ms(); wake >= 0) {
            wait = std::clamp<int64_t>(wake - clock.monotonic_ms(), 0, wait);
        }
        source.poll(wait);
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

}  // namespace plumbline::engine
