// A client that sends exactly the bytes a test says, over a plain socket: HTTP and the client's
// side of a WebSocket.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace plumbline::test {

struct Answer {
    unsigned status = 0;  ///< 0: the connection ended without an answer
    std::string head;     ///< status line and headers
    std::string body;
};

class HttpClient {
  public:
    explicit HttpClient(uint16_t port);
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;
    ~HttpClient();

    /// False where the server has closed the connection.
    bool send(std::string_view bytes);
    /// One answer; waits at most `wait_ms`.
    Answer receive(int wait_ms = 10'000, bool is_head = false);
    /// A whole request and its answer, keeping the connection.
    Answer get(const std::string& target, const std::string& headers = {});
    Answer request(const std::string& method, const std::string& target,
                   const std::string& headers = {}, const std::string& body = {});

    /// Turns the connection into a WebSocket; the answer has status 101 where that was done.
    Answer upgrade(const std::string& target, const std::string& headers = {});
    /// The next text message; empty when the stream ended or nothing came.
    std::optional<std::string> message(int wait_ms = 10'000);
    /// Says that nothing more will be sent.
    void finish();
    /// Reads and forgets what comes until the server closes; false where it does not in time.
    bool drain(int wait_ms);
    /// One masked frame.
    bool send_frame(uint8_t opcode, std::string_view payload);
    [[nodiscard]] bool is_closed() const noexcept { return closed_; }

  private:
    bool fill(int wait_ms);
    bool need(size_t bytes, int wait_ms);

    int socket_ = -1;
    std::string buffer_;
    bool closed_ = false;
};

}  // namespace plumbline::test
