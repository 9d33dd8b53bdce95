// Must not compile with -Wthread-safety: they read what all connections share without its lock.
#include "api/routes/guess_limit.hpp"
#include "api/server/connection_table.hpp"
#include "api/server/fair_pool.hpp"

namespace plumbline::api {

size_t ConnectionTable::size() const {
#ifdef TAKE_THE_LOCK
    const MutexLock lock{mutex_};
#endif
    return connections_.size();
}

void FairPool::stop() {
#ifdef TAKE_THE_LOCK
    const MutexLock lock{mutex_};
#endif
    is_stopped_ = true;
}

}  // namespace plumbline::api
