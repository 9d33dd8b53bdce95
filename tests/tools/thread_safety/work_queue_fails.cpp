// Must not compile: it counts the queue's tasks without the queue's lock.
#include "engine/task/work_queue.hpp"

namespace plumbline::engine {

/// A second definition of a member, which may touch what the class keeps private.
size_t WorkQueue::unfinished() const {
#ifdef TAKE_THE_LOCK
    const MutexLock lock{mutex_};
#endif
    return tasks_.size();
}

}  // namespace plumbline::engine
