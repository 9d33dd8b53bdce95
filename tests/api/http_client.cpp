#include "tests/api/http_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "core/base/check.hpp"

namespace plumbline::test {

HttpClient::HttpClient(uint16_t port) {
    socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
    PLUMBLINE_CHECK(socket_ >= 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    closed_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0;
}

HttpClient::~HttpClient() {
    ::close(socket_);
}

bool HttpClient::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
}

bool HttpClient::fill(int wait_ms) {
    pollfd ready{socket_, POLLIN, 0};
    if (::poll(&ready, 1, wait_ms) <= 0) {
        return false;
    }
    char bytes[65536];
    const ssize_t got = ::recv(socket_, bytes, sizeof(bytes), 0);
    if (got <= 0) {
        closed_ = true;
        return false;
    }
    buffer_.append(bytes, static_cast<size_t>(got));
    return true;
}

bool HttpClient::need(size_t bytes, int wait_ms) {
    while (buffer_.size() < bytes) {
        if (!fill(wait_ms)) {
            return false;
        }
    }
    return true;
}

Answer HttpClient::receive(int wait_ms, bool is_head) {
    Answer out;
    size_t end = std::string::npos;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
        if (!fill(wait_ms)) {
            return out;
        }
    }
    out.head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    if (out.head.size() > 12) {
        std::from_chars(out.head.data() + 9, out.head.data() + 12, out.status);
    }
    const std::string wanted = "\r\nContent-Length: ";
    const size_t at = out.head.find(wanted);
    size_t length = 0;
    if (at != std::string::npos) {
        std::from_chars(out.head.data() + at + wanted.size(), out.head.data() + out.head.size(),
                        length);
    }
    if (!is_head && need(length, wait_ms)) {
        out.body = buffer_.substr(0, length);
        buffer_.erase(0, length);
    }
    return out;
}

void HttpClient::finish() {
    ::shutdown(socket_, SHUT_WR);
}

bool HttpClient::drain(int wait_ms) {
    while (!closed_ && fill(wait_ms)) {
        buffer_.clear();
    }
    return closed_;
}

Answer HttpClient::get(const std::string& target, const std::string& headers) {
    return request("GET", target, headers);
}

Answer HttpClient::request(const std::string& method, const std::string& target,
                           const std::string& headers, const std::string& body) {
    const std::string length =
        body.empty() ? "" : fmt::format("Content-Length: {}\r\n", body.size());
    send(fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\n{}{}\r\n{}", method, target, headers,
                     length, body));
    return receive(10'000, method == "HEAD");
}

Answer HttpClient::upgrade(const std::string& target, const std::string& headers) {
    send(
        fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
                    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n",
                    target, headers));
    return receive();
}

std::optional<std::string> HttpClient::message(int wait_ms) {
    std::string whole;
    for (;;) {
        if (!need(2, wait_ms)) {
            return std::nullopt;
        }
        const auto byte = [this](size_t i) { return static_cast<uint8_t>(buffer_[i]); };
        const bool is_last = (byte(0) & 0x80U) != 0;
        const unsigned opcode = byte(0) & 0x0fU;
        uint64_t size = byte(1) & 0x7fU;
        size_t head = 2;
        if (size >= 126) {
            const size_t extra = size == 126 ? 2 : 8;
            if (!need(2 + extra, wait_ms)) {
                return std::nullopt;
            }
            size = 0;
            for (size_t i = 0; i < extra; ++i) {
                size = size << 8U | byte(2 + i);
            }
            head += extra;
        }
        if (!need(head + size, wait_ms)) {
            return std::nullopt;
        }
        const std::string payload = buffer_.substr(head, size);
        buffer_.erase(0, head + size);
        if (opcode == 8) {
            closed_ = true;
            return std::nullopt;
        }
        if (opcode == 9) {
            send_frame(10, payload);
        } else if (opcode <= 2) {
            whole += payload;
            if (is_last) {
                return whole;
            }
        }
    }
}

bool HttpClient::send_frame(uint8_t opcode, std::string_view payload) {
    std::string frame;
    frame += static_cast<char>(0x80U | opcode);
    if (payload.size() < 126) {
        frame += static_cast<char>(0x80U | payload.size());
    } else {
        frame += static_cast<char>(0x80U | 126U);
        frame += static_cast<char>(payload.size() >> 8U);
        frame += static_cast<char>(payload.size());
    }
    const std::string mask = "abcd";
    frame += mask;
    for (size_t i = 0; i < payload.size(); ++i) {
        frame += static_cast<char>(payload[i] ^ mask[i % 4]);
    }
    return send(frame);
}

}  // namespace plumbline::test
