#include "core/base/file_lock.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace plumbline {

namespace {

struct flock whole_file() noexcept {
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return lock;
}

}  // namespace

bool lock_file(int file) noexcept {
    struct flock lock = whole_file();
    return fcntl(file, F_SETLK, &lock) == 0;
}

std::optional<bool> is_file_locked(int file) noexcept {
    struct flock lock = whole_file();
    return fcntl(file, F_GETLK, &lock) == 0 ? std::optional{lock.l_type != F_UNLCK} : std::nullopt;
}

}  // namespace plumbline
