// What the running service does by itself about stored events that a log proof has just proven
// wrong
// ([repair] on_log): the proven ones take their place, and the entities are folded again.
#pragma once

#include <atomic>
#include <cstdint>

#include "engine/repair/repair.hpp"
#include "engine/task/log_proof_task.hpp"
#include "engine/task/task_observer.hpp"
#include "engine/task/worker.hpp"

namespace plumbline::engine {

/// How many blocks may still be mended before somebody has to ask for it: a provider or a program
/// that is wrong about more is not to rewrite an index by itself. One for the life of the process.
/// Thread-safe.
struct MendingBudget {
    std::atomic<uint64_t> blocks_left{1'000};
};

/// Mends what `run` has found and may be mended unasked (`RepairPlan::add_certain_log`), each block
/// from the receipts that have proven it wrong, and says so in one line; the journal has the rest.
/// Blocks that are mended are open to the next proof; the others are tried again after six hours.
/// Does nothing where the config says "report", nothing was found, or the task should stop.
void mend_log(TaskContext& context, TaskObserver* observer, MendingBudget& budget, LogRun& run);

/// Carries `plan` out on the writer's thread; `observer`, which may be null, is told of each entry
/// of the journal first.
[[nodiscard]] Status carry_out(const TaskContext& context, TaskObserver* observer,
                               const std::shared_ptr<const Plan>& mapping, const RepairPlan& plan);

}  // namespace plumbline::engine
