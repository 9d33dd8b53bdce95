#include "storage/backup_owner.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace plumbline::storage {

namespace {

/// A line for each database: its identity, a blank, its path when it was written.
constexpr const char* kFileName = "/OWNER";
constexpr size_t kBytesMax = 64U << 10U;

Error io_error(const std::string& directory, std::string_view what) {
    return Error{ErrorCode::kIo, fmt::format("cannot {} {}{}: {}", what, directory, kFileName,
                                             std::generic_category().message(errno))};
}

Result<std::string> read_all(int file, const std::string& directory) {
    std::string out;
    std::array<char, 4096> part{};
    while (out.size() < kBytesMax) {
        const ssize_t got = pread(file, part.data(), part.size(), static_cast<off_t>(out.size()));
        if (got < 0) {
            return io_error(directory, "read");
        }
        if (got == 0) {
            break;
        }
        out.append(part.data(), static_cast<size_t>(got));
    }
    return out;
}

bool names(std::string_view text, const std::string& identity) {
    return text.starts_with(identity + " ") ||
           text.find("\n" + identity + " ") != std::string_view::npos;
}

}  // namespace

Result<BackupOwner> BackupOwner::lock(const std::string& directory) {
    const int file =
        open((directory + kFileName).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (file < 0) {
        return io_error(directory, "open");
    }
    BackupOwner out{directory, file};
    if (flock(file, LOCK_EX | LOCK_NB) != 0) {
        return Error{
            ErrorCode::kUnavailable,
            fmt::format("another process makes a backup in {} now: wait for it", directory)};
    }
    return out;
}

BackupOwner::BackupOwner(BackupOwner&& other) noexcept
    : directory_{std::move(other.directory_)},
      file_{std::exchange(other.file_, -1)} {}

BackupOwner::~BackupOwner() {
    if (file_ >= 0) {
        close(file_);
    }
}

Status BackupOwner::claim(const std::string& identity, const std::string& db_path) const {
    PLUMBLINE_TRY(const std::string text, read_all(file_, directory_));
    if (text.empty()) {
        return add(identity, db_path);
    }
    if (names(text, identity)) {
        return ok();
    }
    const size_t at = text.find(' ') + 1;
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("{0} holds the backups of another database, {1}: give {2} a directory of "
                    "its own (where {2} is the same index made again, delete {0}{3})",
                    directory_, text.substr(at, text.find('\n', at) - at), db_path, kFileName)};
}

Status BackupOwner::add(const std::string& identity, const std::string& db_path) const {
    PLUMBLINE_TRY(const std::string text, read_all(file_, directory_));
    if (names(text, identity) || text.size() >= kBytesMax) {
        return ok();
    }
    const std::string line = fmt::format("{} {}\n", identity, db_path);
    const ssize_t put = pwrite(file_, line.data(), line.size(), static_cast<off_t>(text.size()));
    if (put != static_cast<ssize_t>(line.size()) || fsync(file_) != 0) {
        return io_error(directory_, "write");
    }
    return ok();
}

}  // namespace plumbline::storage
