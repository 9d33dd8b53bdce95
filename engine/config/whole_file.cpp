#include "engine/config/whole_file.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace plumbline::engine {

namespace {

/// As `plumbline init` names it.
constexpr const char* kConfigName = "plumbline.toml";
constexpr int kPipeWaitMs = 10'000;
constexpr size_t kReadBytes = size_t{64} << 10U;

Error wrong(std::string message) {
    return {ErrorCode::kInvalidArgument, std::move(message)};
}

std::string system_text() {
    return std::generic_category().message(errno);
}

/// Closes what it holds.
class File {
  public:
    explicit File(int fd) : fd_{fd} {}
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }
    [[nodiscard]] int fd() const noexcept { return fd_; }

  private:
    int fd_;
};

/// A pipe has no end before its writer closes it, and one without a writer seems to end at once.
Status wait_for_bytes(int fd) {
    pollfd waited{fd, POLLIN, 0};
    int ready = 0;
    do {
        ready = ::poll(&waited, 1, kPipeWaitMs);
    } while (ready < 0 && errno == EINTR);
    if (ready == 0) {
        return wrong("it is a pipe into which nobody has written for 10 seconds");
    }
    return ready < 0 ? Status{wrong(fmt::format("it cannot be read: {}", system_text()))} : ok();
}

}  // namespace

Result<std::string> read_whole_file(const std::filesystem::path& path, size_t size_max) {
    // A pipe is opened at once, whether somebody writes or not.
    const File file{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
    if (file.fd() < 0) {
        return errno == ENOENT ? wrong("no such file")
                               : wrong(fmt::format("it cannot be opened: {}", system_text()));
    }
    struct stat about {};
    if (::fstat(file.fd(), &about) != 0) {
        return wrong(fmt::format("it cannot be read: {}", system_text()));
    }
    if (S_ISDIR(about.st_mode)) {
        std::error_code error;
        return std::filesystem::exists(path / kConfigName, error)
                   ? wrong(fmt::format("it is a directory; its config is {}",
                                       (path / kConfigName).string()))
                   : wrong("it is a directory");
    }
    const bool is_file = S_ISREG(about.st_mode);
    std::string out;
    while (out.size() <= size_max) {
        if (!is_file) {
            PLUMBLINE_TRY_VOID(wait_for_bytes(file.fd()));
        }
        const size_t begin = out.size();
        out.resize(begin + kReadBytes);
        const ssize_t got = ::read(file.fd(), out.data() + begin, kReadBytes);
        out.resize(begin + static_cast<size_t>(std::max<ssize_t>(0, got)));
        if (got == 0) {
            return out;
        }
        if (got < 0 && errno != EINTR && errno != EAGAIN) {
            return wrong(fmt::format("it cannot be read: {}", system_text()));
        }
    }
    return wrong(fmt::format("it is larger than {} MiB", size_max >> 20U));
}

}  // namespace plumbline::engine
