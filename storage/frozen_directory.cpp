#include "storage/frozen_directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "core/base/sleep.hpp"

namespace plumbline::storage {

namespace {

/// With the pauses between them, some two seconds.
constexpr int kTriesMax = 400;
constexpr int kPauseMs = 5;
/// Looks that find none, before it is believed.
constexpr int kWithoutManifestMax = 10;

/// Files that the manifest names, or that say which it is.
bool is_of_state(const std::string& name) {
    return name.ends_with(".sst") || name.ends_with(".log") || name == "CURRENT" ||
           name.starts_with("MANIFEST-");
}

/// Ends where the file ended at the moment.
class CutFile final : public rocksdb::FSSequentialFileOwnerWrapper {
  public:
    CutFile(std::unique_ptr<rocksdb::FSSequentialFile>&& file, uint64_t size)
        : FSSequentialFileOwnerWrapper{std::move(file)},
          left_{size} {}
    rocksdb::IOStatus Read(size_t n, const rocksdb::IOOptions& options, rocksdb::Slice* result,
                           char* scratch, rocksdb::IODebugContext* debug) override {
        const auto most = static_cast<size_t>(std::min<uint64_t>(n, left_));
        const rocksdb::IOStatus status =
            FSSequentialFileOwnerWrapper::Read(most, options, result, scratch, debug);
        left_ -= status.ok() ? result->size() : 0;
        return status;
    }
    rocksdb::IOStatus Skip(uint64_t n) override {
        const uint64_t most = std::min(n, left_);
        left_ -= most;
        return FSSequentialFileOwnerWrapper::Skip(most);
    }

  private:
    uint64_t left_;
};

/// By this name the system opens the same file again, deleted or not.
std::string name_of(int descriptor) {
    return fmt::format("/proc/self/fd/{}", descriptor);
}

}  // namespace

FrozenDirectory::FrozenDirectory(const std::string& path, std::function<void()> between_looks)
    : FileSystemWrapper{rocksdb::FileSystem::Default()},
      path_{path.substr(0, path.find_last_not_of('/') + 1)},
      between_looks_{std::move(between_looks)} {}

/// Which manifest is in force and how long it is: it grows with every flush and compaction.
std::optional<std::string> FrozenDirectory::manifest_state() const {
    std::ifstream current{path_ + "/CURRENT"};
    std::string name;
    struct stat found = {};
    if (!std::getline(current, name) || stat((path_ + "/" + name).c_str(), &found) != 0) {
        return std::nullopt;
    }
    return fmt::format("{} {}", name, found.st_size);
}

/// One that is gone by now is held no longer only if it never was: who needs it sees the manifest
/// change.
Status FrozenDirectory::hold(const std::string& name) {
    Held& held = held_[name];
    if (name == "CURRENT" && held.descriptor >= 0) {  // The one name that is given to a new file.
        close(held.descriptor);
        held.descriptor = -1;
    }
    if (held.descriptor < 0) {
        held.descriptor = open((path_ + "/" + name).c_str(), O_RDONLY | O_CLOEXEC);
    }
    struct stat found = {};
    if (held.descriptor < 0 || fstat(held.descriptor, &found) != 0) {
        const int why = errno;
        held_.erase(name);
        return why == ENOENT
                   ? ok()
                   : Status{Error{ErrorCode::kIo, fmt::format("cannot open {}/{}: {}", path_, name,
                                                              std::strerror(why))}};
    }
    held.size = static_cast<uint64_t>(found.st_size);
    return ok();
}

/// All that the manifest names is there while it does not change: files are deleted after it is.
Result<bool> FrozenDirectory::try_freeze() {
    const std::optional<std::string> before = manifest_state();
    std::error_code error;
    std::vector<std::string> names;
    for (std::filesystem::directory_iterator entry{path_, error}, end; !error && entry != end;
         entry.increment(error)) {
        names.push_back(entry->path().filename().string());
    }
    if (error) {
        return Error{ErrorCode::kIo, fmt::format("cannot list {}: {}", path_, error.message())};
    }
    for (const std::string& name : names) {
        if (is_of_state(name)) {
            PLUMBLINE_TRY_VOID(hold(name));
        }
    }
    if (between_looks_) {
        between_looks_();
    }
    if (manifest_state() != before) {
        return false;
    }
    if (!before && ++without_manifest_ < kWithoutManifestMax) {
        return false;  // CURRENT may be just on its way.
    }
    // Held by an earlier try, and gone since.
    std::sort(names.begin(), names.end());
    for (auto held = held_.begin(); held != held_.end();) {
        if (std::binary_search(names.begin(), names.end(), held->first)) {
            ++held;
        } else {
            close(held->second.descriptor);
            held = held_.erase(held);
        }
    }
    return true;
}

Status FrozenDirectory::freeze() {
    thaw();
    without_manifest_ = 0;
    for (int i = 0; i < kTriesMax; ++i) {
        PLUMBLINE_TRY(is_frozen_, try_freeze());
        if (is_frozen_) {
            return ok();
        }
        // At first at once: what was held stays held, so the next try is shorter.
        if (i >= 4) {
            sleep_ms(i % 2 == 0 ? kPauseMs : 1);
        }
    }
    return Error{
        ErrorCode::kUnavailable,
        fmt::format("{}: the writer is too busy to read beside it: its files changed during "
                    "each of {} looks; try again",
                    path_, kTriesMax)};
}

void FrozenDirectory::thaw() noexcept {
    is_frozen_ = false;
    for (const auto& [name, held] : held_) {
        close(held.descriptor);
    }
    held_.clear();
}

const FrozenDirectory::Held* FrozenDirectory::find(const std::string& name) const {
    const bool is_inside = is_frozen_ && name.size() > path_.size() && name.starts_with(path_) &&
                           name[path_.size()] == '/';
    const auto held = is_inside ? held_.find(name.substr(name.find_last_of('/') + 1)) : held_.end();
    return held == held_.end() ? nullptr : &held->second;
}

rocksdb::IOStatus FrozenDirectory::NewSequentialFile(
    const std::string& name, const rocksdb::FileOptions& options,
    std::unique_ptr<rocksdb::FSSequentialFile>* out, rocksdb::IODebugContext* debug) {
    const Held* held = find(name);
    if (held == nullptr) {
        return FileSystemWrapper::NewSequentialFile(name, options, out, debug);
    }
    std::unique_ptr<rocksdb::FSSequentialFile> file;
    const rocksdb::IOStatus status =
        FileSystemWrapper::NewSequentialFile(name_of(held->descriptor), options, &file, debug);
    if (status.ok()) {
        *out = std::make_unique<CutFile>(std::move(file), held->size);
    }
    return status;
}

rocksdb::IOStatus FrozenDirectory::NewRandomAccessFile(
    const std::string& name, const rocksdb::FileOptions& options,
    std::unique_ptr<rocksdb::FSRandomAccessFile>* out, rocksdb::IODebugContext* debug) {
    const Held* held = find(name);
    return FileSystemWrapper::NewRandomAccessFile(
        held == nullptr ? name : name_of(held->descriptor), options, out, debug);
}

rocksdb::IOStatus FrozenDirectory::FileExists(const std::string& name,
                                              const rocksdb::IOOptions& options,
                                              rocksdb::IODebugContext* debug) {
    return find(name) != nullptr ? rocksdb::IOStatus::OK()
                                 : FileSystemWrapper::FileExists(name, options, debug);
}

rocksdb::IOStatus FrozenDirectory::GetFileSize(const std::string& name,
                                               const rocksdb::IOOptions& options, uint64_t* size,
                                               rocksdb::IODebugContext* debug) {
    const Held* held = find(name);
    if (held == nullptr) {
        return FileSystemWrapper::GetFileSize(name, options, size, debug);
    }
    *size = held->size;
    return rocksdb::IOStatus::OK();
}

/// Files of the state as they were, others as they are.
rocksdb::IOStatus FrozenDirectory::GetChildren(const std::string& directory,
                                               const rocksdb::IOOptions& options,
                                               std::vector<std::string>* names,
                                               rocksdb::IODebugContext* debug) {
    const rocksdb::IOStatus status =
        FileSystemWrapper::GetChildren(directory, options, names, debug);
    std::string whole = directory;
    whole.erase(whole.find_last_not_of('/') + 1);
    if (status.ok() && is_frozen_ && whole == path_) {
        std::erase_if(*names, is_of_state);
        for (const auto& [name, held] : held_) {
            names->push_back(name);
        }
    }
    return status;
}

}  // namespace plumbline::storage
