// Drives a log prover to its end: for commands, which have nothing else to do meanwhile.
#pragma once

#include <functional>
#include <memory>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/proof/log/log_proof.hpp"
#include "rpc/chain_source.hpp"

namespace plumbline::engine {

/// Told of each range as it is done, with what there was of progress (blocks done, of all).
using PieceCallback = std::function<void(const LogProofPiece&, uint64_t done, uint64_t total)>;

/// How a caller takes part in a proof under way; each may be left out.
struct LogProofWatch {
    std::function<bool()> is_cancelled;  ///< asked often, also while the chain is waited for
    PieceCallback on_piece;
};

/// Proves and waits. Being stopped is no error: the outcome is not complete. Errors as
/// `LogProver::failure` tells them.
[[nodiscard]] Result<LogProofOutcome> prove_range(rpc::ChainSource& source, LogProofInput input,
                                                  std::shared_ptr<const Plan> plan,
                                                  const Clock& clock, LogProofOptions options,
                                                  const LogProofWatch& watch = {});

/// Adds a piece to an outcome, as `prove_range` does: for hosts that drive the prover themselves.
/// Pieces come from the top downwards.
void add_piece(LogProofOutcome& outcome, LogProofPiece piece);

}  // namespace plumbline::engine
