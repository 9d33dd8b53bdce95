#include "engine/fold/scratch_database.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "core/base/exception_guard.hpp"
#include "core/base/file_lock.hpp"
#include "core/base/mutex.hpp"
#include "storage/place_check.hpp"

namespace plumbline::engine {

namespace {

constexpr std::string_view kPrefix = "plumbline-scratch-";
/// A directory without a lock may be one that is being made.
constexpr std::chrono::minutes kMakingMax{10};

/// Whether somebody has the database open. Of another process only: a process does not see its own
/// locks.
bool is_locked(const std::filesystem::path& directory) {
    const int file = open((directory / "LOCK").c_str(), O_RDWR | O_CLOEXEC);
    if (file < 0) {
        std::error_code error;
        const auto written = std::filesystem::last_write_time(directory, error);
        return error || std::filesystem::file_time_type::clock::now() - written < kMakingMax;
    }
    const bool is_held = is_file_locked(file).value_or(true);
    close(file);
    return is_held;
}

/// Directories of those that live.
class Register {
  public:
    /// mkdtemp, and whoever clears away waits for `opened`: what opens a database makes its
    /// directory anew. False as mkdtemp fails, and once all was cleared away.
    [[nodiscard]] bool make(std::string& path) {
        const MutexLock lock{mutex_};
        if (is_over_) {
            errno = ECANCELED;
            return false;
        }
        if (mkdtemp(path.data()) == nullptr) {
            return false;
        }
        paths_.insert(path);
        ++opening_;
        return true;
    }
    void opened() {
        const MutexLock lock{mutex_};
        --opening_;
        changed_.notify_all();
    }
    void remove(const std::string& path) {
        const MutexLock lock{mutex_};
        paths_.erase(path);
    }
    void clear_away() {
        const MutexLock lock{mutex_};
        is_over_ = true;
        while (opening_ > 0) {
            changed_.wait(mutex_);
        }
        std::error_code error;
        for (const std::string& path : paths_) {
            // RocksDB may write a file while others go.
            for (int tries = 0; tries < 3 && std::filesystem::exists(path, error); ++tries) {
                std::filesystem::remove_all(path, error);
            }
        }
    }

  private:
    Mutex mutex_;
    CondVar changed_;
    std::set<std::string> paths_ PLUMBLINE_GUARDED_BY(mutex_);
    size_t opening_ PLUMBLINE_GUARDED_BY(mutex_) = 0;
    bool is_over_ PLUMBLINE_GUARDED_BY(mutex_) = false;
};

Register& alive() {
    static Register all;
    return all;
}

/// From `make` to where it stands.
struct Opening {
    Opening() = default;
    Opening(const Opening&) = delete;
    Opening& operator=(const Opening&) = delete;
    ~Opening() { alive().opened(); }
};

/// What processes that were killed have left.
void remove_stale(const std::string& parent) {
    const std::string own = fmt::format("{}{}-", kPrefix, getpid());
    std::error_code error;
    std::error_code ignored;
    for (std::filesystem::directory_iterator at{parent, error}, end; !error && at != end;
         at.increment(error)) {
        const std::string name = at->path().filename().string();
        if (name.starts_with(kPrefix) && !name.starts_with(own) && !is_locked(at->path())) {
            std::filesystem::remove_all(at->path(), ignored);
        }
    }
}

}  // namespace

Result<std::unique_ptr<ScratchDatabase>> ScratchDatabase::create(
    const std::string& parent, const storage::SchemaBundle& bundle, size_t memory_bytes) {
    remove_stale(parent);
    std::string path = fmt::format("{}/{}{}-XXXXXX", parent, kPrefix, getpid());
    if (!alive().make(path)) {
        return Error{ErrorCode::kIo,
                     fmt::format("cannot make a directory for the fold in '{}': {}; --scratch DIR "
                                 "puts it elsewhere",
                                 parent, std::generic_category().message(errno))};
    }
    auto scratch = std::unique_ptr<ScratchDatabase>(new ScratchDatabase);
    scratch->path_ = path;
    storage::OpenOptions options;
    options.create = true;
    options.identity = storage::ChainIdentity{};
    options.bundle = bundle;
    options.memory_bytes = memory_bytes;
    const Opening opening;
    PLUMBLINE_TRY(scratch->database_, storage::Database::open(path, std::move(options)));
    return scratch;
}

ScratchDatabase::~ScratchDatabase() {
    database_.reset();  // RocksDB writes into the directory until then.
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
    alive().remove(path_);
}

void ScratchDatabase::clear_away() noexcept {
    (void)catch_exceptions("clearing scratch databases away", [] { alive().clear_away(); });
}

std::string directory_of(const storage::Database& database) {
    return storage::named_place(database.path()).parent_path().string();
}

}  // namespace plumbline::engine
