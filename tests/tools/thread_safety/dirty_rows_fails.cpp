// Must not compile: it forgets what a sink has to send without the lock, beside the writer's
// thread.
#include "sink/dirty_rows.hpp"

namespace plumbline::sink {

/// A second definition of a member, which may touch what the class keeps private.
void DirtyRows::forget() {
#ifdef TAKE_THE_LOCK
    const MutexLock lock{mutex_};
#endif
    drop_all();
}

}  // namespace plumbline::sink
