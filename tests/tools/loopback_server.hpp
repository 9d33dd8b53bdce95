// A port of 127.0.0.1 where each request has the same answer, or none ever.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "core/base/check.hpp"

namespace plumbline::tools::test {

class LoopbackServer {
  public:
    /// `body`: of every answer; empty: the first request is never answered.
    explicit LoopbackServer(std::optional<std::string> body) : body_{std::move(body)} {
        listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        auto* raw = reinterpret_cast<sockaddr*>(&address);
        socklen_t size = sizeof(address);
        PLUMBLINE_CHECK(::bind(listener_, raw, size) == 0 && ::listen(listener_, 16) == 0 &&
                        ::getsockname(listener_, raw, &size) == 0);
        port_ = ntohs(address.sin_port);
        thread_ = std::jthread{[this] { serve(); }};
    }
    LoopbackServer(const LoopbackServer&) = delete;
    LoopbackServer& operator=(const LoopbackServer&) = delete;
    ~LoopbackServer() {
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        ::close(listener_);
        if (held_ >= 0) {
            ::close(held_);
        }
    }
    [[nodiscard]] std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }
    /// Until the request that is not answered is there.
    void await_held() const { held_.wait(-1); }
    /// Whether who sent it has gone.
    [[nodiscard]] bool has_hung_up() const {
        pollfd one{held_, POLLRDHUP, 0};
        return ::poll(&one, 1, 1'000) == 1;
    }

  private:
    void serve() {
        for (;;) {
            const int client = ::accept(listener_, nullptr, nullptr);
            if (client < 0) {
                return;
            }
            char buffer[8192];
            if (::recv(client, buffer, sizeof(buffer), 0) > 0 && !body_ && held_ < 0) {
                held_ = client;
                held_.notify_all();
                continue;
            }
            const std::string answer =
                fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
                            body_.value_or("").size(), body_.value_or(""));
            ::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
            ::close(client);
        }
    }

    const std::optional<std::string> body_;
    int listener_ = -1;
    std::atomic<int> held_{-1};
    uint16_t port_ = 0;
    std::jthread thread_;
};

}  // namespace plumbline::tools::test
