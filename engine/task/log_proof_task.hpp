// One range of the log, proven on the worker's thread and written down piece by piece, so that what
// is done stays done whenever the task has to stop.
#pragma once

#include <optional>

#include "core/base/result.hpp"
#include "core/evm/block_id.hpp"
#include "engine/proof/finding.hpp"
#include "engine/proof/log/log_proof.hpp"
#include "engine/proof/log/log_proof_known.hpp"
#include "engine/task/task_observer.hpp"
#include "engine/task/worker.hpp"

namespace plumbline::engine {

/// What a run over several ranges has come to so far.
struct LogRun {
    TaskObserver* observer = nullptr;  ///< told of waits; may be null
    std::optional<evm::BlockId> top;   ///< of the highest range
    Findings findings;
    LogProofCounts counts;
    KnownRanges known;  ///< before the run, then with what it found
    /// Of ranges that waited for receipts: without any to be had there is nothing to do.
    bool is_retry = false;
    /// Blocks were written while they were proven: they are proven again.
    std::optional<evm::BlockRange> outdated;
    Findings news;  ///< of `findings`, those in blocks of which nothing was known
    /// Blocks with findings as the chain proves them, with what is needed to mend them.
    LogProofOutcome wrong;
};

/// Proves `range` and writes down each piece as it is done, adding to `run`. Not complete where the
/// task should stop, or should yield and has done something or waits for the chain.
[[nodiscard]] Result<LogProofOutcome> prove_and_write_down(TaskContext& context,
                                                           evm::BlockRange range, LogRun& run);

/// Writes down that the chain gives no ground to prove blocks `range`, and why: they are left alone
/// for six hours. Those of a retry keep their level meanwhile.
[[nodiscard]] Status write_down_unprovable(const TaskContext& context, evm::BlockRange range,
                                           LogRun& run, LogProofOutcome outcome);

}  // namespace plumbline::engine
