// Tasks that prove the index and mend it: the log against the chain's headers, the entities against
// the log and against the contract.
#pragma once

#include "engine/task/task_observer.hpp"
#include "engine/task/worker.hpp"

namespace plumbline::engine {

/// Registers them. `observer` may be null; it must outlive the tasks.
void add_proof_tasks(TaskKinds& kinds, TaskObserver* observer);

}  // namespace plumbline::engine
