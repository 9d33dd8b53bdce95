// Must not compile with clang's -Wthread-safety -Werror: a text that one thread sets and others
// read is read without its lock. The fields are opened up here only so that the guard can be tried.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"
#define private public
#include "engine/ingest/ingest_progress.hpp"
#undef private

namespace plumbline::engine {

size_t count(const SharedText& text) {
#ifdef TAKE_THE_LOCK
    const MutexLock lock{text.mutex_};
#endif
    return text.text_.size();
}

}  // namespace plumbline::engine
