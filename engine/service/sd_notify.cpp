#include "engine/service/sd_notify.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace plumbline::engine {

bool notify_service_manager(std::string_view text) {
    const char* path = std::getenv("NOTIFY_SOCKET");  // NOLINT(concurrency-mt-unsafe)
    if (path == nullptr || (path[0] != '/' && path[0] != '@')) {
        return false;
    }
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const size_t size = std::strlen(path);
    if (size >= sizeof(address.sun_path)) {
        return false;
    }
    std::memcpy(address.sun_path, path, size);
    if (path[0] == '@') {
        address.sun_path[0] = '\0';  // An abstract socket.
    }
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
    const ssize_t sent = sendto(fd, text.data(), text.size(), MSG_NOSIGNAL,
                                reinterpret_cast<const sockaddr*>(&address), length);
    close(fd);
    return sent == static_cast<ssize_t>(text.size());
}

int64_t watchdog_interval_ms() {
    const char* text = std::getenv("WATCHDOG_USEC");  // NOLINT(concurrency-mt-unsafe)
    if (text == nullptr) {
        return 0;
    }
    int64_t usec = 0;
    const auto [end, error] = std::from_chars(text, text + std::strlen(text), usec);
    return error == std::errc{} && *end == '\0' && usec > 0 ? usec / 2'000 : 0;
}

void ManagerNews::on_turn(int64_t now_ms) {
    if (!std::exchange(is_ready_told_, true)) {
        notify_service_manager("READY=1");
    }
    if (watchdog_ms_ > 0 && now_ms >= next_watchdog_ms_) {
        next_watchdog_ms_ = now_ms + watchdog_ms_;
        notify_service_manager("WATCHDOG=1");
    }
}

}  // namespace plumbline::engine
