#include "rpc/curl_transport.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <set>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace plumbline::rpc {
namespace {

// Accepts connections on a free loopback port and answers each with fixed bytes, then closes.
class RawServer {
  public:
    RawServer(std::string response, int connections) : response_{std::move(response)} {
        listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
        socklen_t size = sizeof(address);
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        ::listen(listener_, 16);
        thread_ = std::jthread{[this, connections] {
            for (int i = 0; i < connections; ++i) {
                const int client = ::accept(listener_, nullptr, nullptr);
                if (client < 0) {
                    return;
                }
                char buffer[8192];
                const ssize_t count = ::recv(client, buffer, sizeof(buffer), 0);
                request_.append(buffer, static_cast<size_t>(std::max<ssize_t>(0, count)));
                if (!response_.empty()) {
                    ::send(client, response_.data(), response_.size(), MSG_NOSIGNAL);
                    ::close(client);
                } else {
                    held_ = client;
                }
            }
        }};
    }
    ~RawServer() {
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        ::close(listener_);
        if (held_ >= 0) {
            ::close(held_);
        }
    }
    RawServer(const RawServer&) = delete;
    RawServer& operator=(const RawServer&) = delete;
    [[nodiscard]] std::string url() const {
        return "http://127.0.0.1:" + std::to_string(port_) + "/secret-path";
    }
    [[nodiscard]] const std::string& request() const { return request_; }

  private:
    std::string response_;
    std::string request_;
    int listener_ = -1;
    int held_ = -1;
    uint16_t port_ = 0;
    std::jthread thread_;
};

HttpCompletion exchange(HttpRequest request) {
    CurlTransport transport;
    const uint64_t id = transport.submit(std::move(request));
    EXPECT_EQ(transport.in_flight(), 1U);
    std::vector<HttpCompletion> completions;
    for (int i = 0; i < 100 && completions.empty(); ++i) {
        transport.poll(100, completions);
    }
    EXPECT_EQ(transport.in_flight(), 0U);
    if (completions.empty()) {
        ADD_FAILURE() << "no completion";
        return {};
    }
    EXPECT_EQ(completions[0].id, id);
    EXPECT_EQ(completions[0].error_text.find("secret"), std::string::npos);
    return std::move(completions[0]);
}

HttpRequest to(const std::string& url) {
    HttpRequest request;
    request.url = url;
    request.body = "{}";
    request.timeout_ms = 5'000;
    return request;
}

TEST(CurlTransportTest, BodiesComeWholeWithRoomForTheReader) {
    RawServer server{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello", 1};
    HttpRequest request = to(server.url());
    request.headers = {{"X-Key", "value"}};
    const HttpCompletion done = exchange(std::move(request));
    EXPECT_EQ(done.error, TransportError::kNone);
    EXPECT_EQ(done.status, 200);
    EXPECT_EQ(as_chars(done.body), "hello");
    EXPECT_GE(done.body.capacity(), done.body.size() + kBodyPadding);
    EXPECT_NE(server.request().find("X-Key: value"), std::string::npos);
    EXPECT_NE(server.request().find("Content-Type: application/json"), std::string::npos);
    EXPECT_NE(server.request().find("gzip"), std::string::npos);
}

TEST(CurlTransportTest, StatusAndRetryAfterAreReported) {
    RawServer server{
        "HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        1};
    const HttpCompletion done = exchange(to(server.url()));
    EXPECT_EQ(done.status, 429);
    EXPECT_EQ(done.retry_after_ms, 7'000);
}

TEST(CurlTransportTest, ARedirectIsNotFollowed) {
    RawServer server{
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nConnection: "
        "close\r\n\r\n",
        1};
    EXPECT_EQ(exchange(to(server.url())).status, 302);
}

TEST(CurlTransportTest, ABodyBeyondTheLimitIsCutOff) {
    RawServer server{"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\nConnection: close\r\n\r\n" +
                         std::string(100'000, 'x'),
                     1};
    HttpRequest request = to(server.url());
    request.body_size_max = 1'000;
    EXPECT_EQ(exchange(std::move(request)).error, TransportError::kTooLarge);
}

TEST(CurlTransportTest, AConnectionThatBreaksIsCut) {
    RawServer server{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nhalf", 1};
    EXPECT_EQ(exchange(to(server.url())).error, TransportError::kCut);
}

TEST(CurlTransportTest, SilenceIsATimeout) {
    RawServer server{"", 1};
    HttpRequest request = to(server.url());
    request.timeout_ms = 100;
    EXPECT_EQ(exchange(std::move(request)).error, TransportError::kTimeout);
}

TEST(CurlTransportTest, NobodyListeningIsUnreachable) {
    EXPECT_EQ(exchange(to("http://127.0.0.1:1/secret")).error, TransportError::kUnreachable);
}

TEST(CurlTransportTest, OtherProtocolsAreRefused) {
    for (const char* url : {"file:///etc/passwd", "ftp://127.0.0.1/secret", "", "::::"}) {
        EXPECT_NE(exchange(to(url)).error, TransportError::kNone) << url;
    }
}

TEST(CurlTransportTest, ManyRequestsAtOnceEachCompleteOnce) {
    RawServer server{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", 30};
    CurlTransport transport;
    std::set<uint64_t> open;
    for (int i = 0; i < 30; ++i) {
        open.insert(transport.submit(to(server.url())));
    }
    std::vector<HttpCompletion> completions;
    for (int i = 0; i < 100 && transport.in_flight() > 0; ++i) {
        transport.poll(100, completions);
    }
    for (const HttpCompletion& done : completions) {
        EXPECT_EQ(open.erase(done.id), 1U);
        EXPECT_EQ(done.status, 200) << done.error_text;
    }
    EXPECT_TRUE(open.empty());
}

TEST(CurlTransportTest, DestroyingItDropsWhatIsOnItsWay) {
    RawServer server{"", 1};
    CurlTransport transport;
    transport.submit(to(server.url()));
    std::vector<HttpCompletion> completions;
    transport.poll(10, completions);
    EXPECT_TRUE(completions.empty());
}

}  // namespace
}  // namespace plumbline::rpc
