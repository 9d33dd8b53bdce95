#include "tools/starting_mark.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "core/base/file_lock.hpp"
#include "storage/place_check.hpp"

namespace plumbline::tools {

namespace {

constexpr size_t kMarkUrlMax = 512;

std::string mark_path(const std::string& db_path) {
    return storage::named_place(db_path).string() + ".starting";
}

}  // namespace

StartingMark::StartingMark(const std::string& db_path, const std::string& url)
    : path_{mark_path(db_path)} {
    // Whoever reads it sends a token there.
    file_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (file_ < 0) {
        return;
    }
    const bool is_ours =
        lock_file(file_) && ftruncate(file_, 0) == 0 &&
        pwrite(file_, url.data(), url.size(), 0) == static_cast<ssize_t>(url.size());
    if (!is_ours) {  // Another one waits for the same, or the disk is full.
        close(file_);
        file_ = -1;
    }
}

StartingMark::~StartingMark() {
    if (file_ >= 0) {
        unlink(path_.c_str());
        close(file_);
    }
}

std::optional<std::string> find_starting_mark(const std::string& db_path) {
    const int file = open(mark_path(db_path).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) {
        return std::nullopt;
    }
    std::optional<std::string> out;
    if (is_file_locked(file).value_or(false)) {
        std::array<char, kMarkUrlMax> text{};
        const ssize_t size = pread(file, text.data(), text.size(), 0);
        out = std::string{text.data(), size > 0 ? static_cast<size_t>(size) : 0};
        if (!out->starts_with("http://")) {
            out->clear();
        }
    }
    close(file);
    return out;
}

}  // namespace plumbline::tools
