// Must not compile: it gives out a number without being the only one who changes tasks.
#include "engine/task/work_queue.hpp"

namespace plumbline::engine {

/// A second definition of a member, which may touch what the class keeps private.
Result<TaskAdded> WorkQueue::add(TaskSpec /*spec*/) {
#ifdef TAKE_THE_LOCK
    const MutexLock writing{writing_};
#endif
    return TaskAdded{next_id_++, true};
}

}  // namespace plumbline::engine
