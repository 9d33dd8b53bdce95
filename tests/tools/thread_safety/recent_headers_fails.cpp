// Must not compile with -Wthread-safety: the newest headers are counted without the lock. The
// fields are private; opening them up here is only so that the guard itself can be tried.
#include <deque>
#include <optional>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/evm/header.hpp"
#define private public
#include "engine/ingest/recent_headers.hpp"
#undef private

namespace plumbline::engine {

size_t count_headers(const RecentHeaders& headers) {
#ifdef TAKE_THE_LOCK
    const MutexLock lock{headers.mutex_};
#endif
    return headers.headers_.size();
}

}  // namespace plumbline::engine
