// Must not compile: it copies the published status without the service's lock.
#include "engine/service/service.hpp"

namespace plumbline::engine {

/// A second definition of a member, which may touch what the class keeps private.
ServiceStatus Service::status() const {
#ifdef TAKE_THE_LOCK
    const MutexLock lock{mutex_};
#endif
    return status_;
}

}  // namespace plumbline::engine
