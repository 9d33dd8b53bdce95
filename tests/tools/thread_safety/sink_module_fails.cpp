// Must not compile: it reads what a sink says of itself without the lock.
#include "sink/sink_module.hpp"

namespace plumbline::sink {

/// A second definition of a member, which may touch what the class keeps private.
void SinkModule::describe(engine::ServiceStatus& status) const {
#ifdef TAKE_THE_LOCK
    const MutexLock lock{mutex_};
#endif
    status.sinks.push_back(status_);
}

}  // namespace plumbline::sink
