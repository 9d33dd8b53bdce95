#include "tools/directory_watch.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "core/base/exception_guard.hpp"
#include "core/base/logging.hpp"

namespace plumbline::tools {

namespace {

/// A database may be made, and taken away, soon after the start.
constexpr std::chrono::milliseconds kUntilSeen{20};

enum class Found : uint8_t { kThere, kNot, kUnknown };

/// Only what is certainly not there is gone: a disk that cannot be read is another matter.
Found find(const std::string& path, struct stat& out) {
    if (::stat(path.c_str(), &out) == 0) {
        return Found::kThere;
    }
    return errno == ENOENT || errno == ENOTDIR ? Found::kNot : Found::kUnknown;
}

}  // namespace

DirectoryWatch::DirectoryWatch(std::string path, std::function<void()> on_gone,
                               std::chrono::milliseconds turn)
    : path_{std::move(path)},
      on_gone_{std::move(on_gone)} {
    look();  // It may go before the thread has begun.
    thread_ = std::jthread{[this, turn](const std::stop_token& done) {
        if (const Status ran =
                catch_exceptions("watching the database's directory", [&] { watch(done, turn); });
            !ran) {
            logging::error(ran.error().message);
        }
    }};
}

void DirectoryWatch::watch(const std::stop_token& done, std::chrono::milliseconds turn) {
    std::mutex mutex;
    std::condition_variable_any news;
    while (!look()) {
        std::unique_lock lock{mutex};
        const auto pause = seen_ ? turn : std::min(turn, kUntilSeen);
        if (news.wait_for(lock, done, pause, [&] { return done.stop_requested(); })) {
            return;
        }
    }
    is_gone_ = true;
    on_gone_();
}

/// True once it is gone after it was there.
bool DirectoryWatch::look() {
    struct stat directory {};
    struct stat current {};
    // RocksDB puts a new CURRENT in place of the old one, so there is always one.
    const Found found = find(path_ + "/CURRENT", current);
    const bool has_directory = find(path_, directory) == Found::kThere;
    if (!seen_) {
        if (found == Found::kThere && has_directory) {
            seen_ = directory.st_ino;
        }
        return false;
    }
    return found == Found::kNot || (has_directory && directory.st_ino != *seen_);
}

}  // namespace plumbline::tools
