// Tasks that mend what proofs find, cause first: of the whole index, or of some blocks.
#pragma once

#include <memory>

#include "engine/task/finding_memory.hpp"
#include "engine/task/task_observer.hpp"
#include "engine/task/worker.hpp"

namespace plumbline::engine {

/// Registers them. `observer` may be null; it must outlive the tasks. `memory` is that of the
/// proofs' own tasks, on the same thread: what one has told the others do not tell again.
void add_repair_tasks(TaskKinds& kinds, TaskObserver* observer,
                      const std::shared_ptr<FindingMemory>& memory);

}  // namespace plumbline::engine
