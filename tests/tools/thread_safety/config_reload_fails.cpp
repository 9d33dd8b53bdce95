// Must not compile: it takes the service away while a reload may be using it.
#include "tools/config_reload.hpp"

namespace plumbline::tools {

/// A second definition of a member, which may touch what the class keeps private.
void ConfigReload::watch(engine::Service* service) {
#ifdef TAKE_THE_LOCK
    const MutexLock lock{mutex_};
#endif
    service_ = service;
}

}  // namespace plumbline::tools
