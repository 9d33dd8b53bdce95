// Must not compile: it copies the schedule without its lock.
#include "engine/task/schedule.hpp"

namespace plumbline::engine {

/// A second definition of a member, which may touch what the class keeps private.
std::vector<ScheduleEntry> Scheduler::entries() const {
#ifdef TAKE_THE_LOCK
    const MutexLock lock{mutex_};
#endif
    return entries_;
}

}  // namespace plumbline::engine
