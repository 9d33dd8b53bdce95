// Must not compile: it forgets what was noted of deleted keys without their lock.
#include "storage/deleted_keys.hpp"

namespace plumbline::storage {

/// A second definition of a member, which may touch what the class keeps private.
void DeletedKeys::close() {
#ifdef TAKE_THE_LOCK
    const MutexLock lock{mutex_};
#endif
    families_.clear();
}

}  // namespace plumbline::storage
