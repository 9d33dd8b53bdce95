// A TCP port before a PostgreSQL server's socket that cuts connections wherever a test wants.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <list>
#include <stop_token>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace plumbline::test {

/// Hands bytes on until so many have passed. No child of the test has a part in its sockets: a
/// connection would outlive its end.
class CuttingProxy {
  public:
    explicit CuttingProxy(std::string socket_path) : target_{std::move(socket_path)} {
        listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(at);
        EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&at), size), 0);
        EXPECT_EQ(listen(listener_, 8), 0);
        EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size), 0);
        port_ = ntohs(at.sin_port);
        thread_ = std::jthread{[this](const std::stop_token& stop) { run(stop); }};
    }
    CuttingProxy(const CuttingProxy&) = delete;
    CuttingProxy& operator=(const CuttingProxy&) = delete;
    ~CuttingProxy() {
        thread_.request_stop();
        thread_.join();
        close(listener_);
    }
    [[nodiscard]] std::string url(const std::string& options = {}) const {
        return "postgresql://postgres@127.0.0.1:" + std::to_string(port_) +
               "/postgres?sslmode=disable&gssencmode=disable" +
               (options.empty() ? "" : "&" + options);
    }
    /// From now on, of both directions together, on connections that stand as well; then every new
    /// one at once. SIZE_MAX: never.
    void cut_after(size_t bytes) { left_ = bytes; }
    [[nodiscard]] bool has_cut() const { return left_ == 0; }
    /// Of those bytes.
    [[nodiscard]] size_t left() const { return left_; }

  private:
    void run(const std::stop_token& stop) {
        std::list<std::jthread> connections;  // Each ends as its sides or the proxy do.
        while (!stop.stop_requested()) {
            pollfd on{listener_, POLLIN, 0};
            if (poll(&on, 1, kLookMs) > 0) {
                const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
                connections.emplace_back(
                    [this, client](const std::stop_token& stopped) { serve(client, stopped); });
            }
        }
    }
    void serve(int client, const std::stop_token& stop) {
        const int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un at{};
        at.sun_family = AF_UNIX;
        std::strncpy(at.sun_path, target_.c_str(), sizeof(at.sun_path) - 1);
        if (connect(server, reinterpret_cast<sockaddr*>(&at), sizeof(at)) == 0) {
            hand_on(client, server, stop);
        }
        close(client);
        close(server);
    }
    void hand_on(int client, int server, const std::stop_token& stop) {
        pollfd on[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
        while (left_ > 0 && !stop.stop_requested()) {
            if (poll(on, 2, kLookMs) <= 0) {
                continue;
            }
            for (int from = 0; from < 2; ++from) {
                if (on[from].revents == 0) {
                    continue;
                }
                char buffer[16'384];
                size_t left = left_;
                const ssize_t got = recv(on[from].fd, buffer, std::min(sizeof(buffer), left), 0);
                if (got <= 0) {
                    return;
                }
                if (left != SIZE_MAX) {  // nothing to count, or set anew meanwhile
                    left_.compare_exchange_strong(left, left - static_cast<size_t>(got));
                }
                if (send(on[1 - from].fd, buffer, static_cast<size_t>(got), MSG_NOSIGNAL) != got) {
                    return;
                }
            }
        }
    }
    static constexpr int kLookMs = 20;
    std::string target_;
    std::atomic<size_t> left_{SIZE_MAX};
    int listener_ = -1;
    uint16_t port_ = 0;
    std::jthread thread_;
};

}  // namespace plumbline::test
