// One range of the log, proven on the worker's thread and written down piece by piece, so that what
// is done stays done whenever the task has to stop.
#pragma once

#include <optional>

#include "core/base/result.hpp"
#include "core/evm/block_id.hpp"
#include "engine/proof/finding.hpp"
#include "engine/proof/log/log_proof.hpp"
#include "engine/task/worker.hpp"

namespace plumbline::engine {

/// What a run over several ranges has come to so far.
struct LogRun {
    std::optional<evm::BlockId> top;  ///< of the highest range
    Findings findings;
    LogProofCounts counts;
};

/// Proves `range` and writes down each piece as it is done, adding to `run`. Not complete where the
/// task should stop, or should yield and has done something.
[[nodiscard]] Result<LogProofOutcome> prove_and_write_down(TaskContext& context,
                                                           evm::BlockRange range, LogRun& run);

}  // namespace plumbline::engine
