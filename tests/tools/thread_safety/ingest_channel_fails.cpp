// Must not compile with clang's -Wthread-safety -Werror: it reads what a lock guards without that
// lock. The fields are private; opening them up here is only so that the guard itself can be tried.
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/base/result.hpp"
#include "engine/ingest/ingest.hpp"
#define private public
#include "core/base/bounded_queue.hpp"
#include "engine/ingest/ingest_channel.hpp"
#include "engine/ingest/writer_calls.hpp"
#undef private

namespace plumbline::engine {

#ifdef TAKE_THE_LOCK
#define LOCK(owner)        \
    const MutexLock lock { \
        (owner).mutex_     \
    }
#else
#define LOCK(owner) static_cast<void>(owner)
#endif

bool has_failure(const IngestChannel& channel) {
    LOCK(channel);
    return channel.failure_.has_value();
}

size_t count_calls(WriterCalls& calls) {
    LOCK(calls);
    return calls.calls_.size();
}

size_t count_items(const BoundedQueue<WorkItem>& queue) {
    LOCK(queue);
    return queue.items_.size();
}

}  // namespace plumbline::engine
