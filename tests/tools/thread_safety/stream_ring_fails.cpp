// Must not compile: it reads the ring's numbers without the ring's lock.
#include "api/stream/stream_ring.hpp"

namespace plumbline::api {

/// A second definition of a member, which may touch what the class keeps private.
uint64_t StreamRing::newest_seq() const {
#ifdef TAKE_THE_LOCK
    const MutexLock lock{mutex_};
#endif
    return next_seq_ - 1;
}

}  // namespace plumbline::api
