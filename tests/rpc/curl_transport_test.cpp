#include "rpc/curl_transport.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "core/base/ascii.hpp"
#include "rpc/curl_exchange.ipp"

namespace plumbline::rpc::curl_transport_test {
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

// A loopback port that nobody accepts on. With a large backlog the kernel takes connections and
// requests, which are never answered; with a full one it drops them, as a dead network does.
class SilentListener {
  public:
    static constexpr int kFull = 0;

    explicit SilentListener(int backlog) {
        listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
        socklen_t size = sizeof(address);
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        ::listen(listener_, backlog);
        if (backlog == kFull) {
            for (int& filler : fillers_) {
                filler = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
                static_cast<void>(
                    ::connect(filler, reinterpret_cast<sockaddr*>(&address), sizeof(address)));
            }
        }
    }
    ~SilentListener() {
        for (const int filler : fillers_) {
            if (filler >= 0) {
                ::close(filler);
            }
        }
        ::close(listener_);
    }
    SilentListener(const SilentListener&) = delete;
    SilentListener& operator=(const SilentListener&) = delete;
    [[nodiscard]] std::string url() const {
        return "http://127.0.0.1:" + std::to_string(port_) + "/secret-path";
    }

  private:
    int listener_ = -1;
    int fillers_[4] = {-1, -1, -1, -1};
    uint16_t port_ = 0;
};

/// Polls until nothing is on its way; whatever never completes is a failure.
std::vector<HttpCompletion> finish_all(CurlTransport& transport) {
    std::vector<HttpCompletion> completions;
    for (int i = 0; i < 200 && transport.in_flight() > 0; ++i) {
        transport.poll(100, completions);
    }
    EXPECT_EQ(transport.in_flight(), 0U);
    return completions;
}

size_t open_files() {
    const std::filesystem::directory_iterator files{"/proc/self/fd"};
    return static_cast<size_t>(std::distance(begin(files), end(files)));
}

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

TEST(CurlTransportTest, ContentTypeIsSentOnceAndTheCallersOwnCounts) {
    constexpr const char* kDone =
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    const auto lines_of = [](std::string text) {
        std::vector<std::string> out;
        std::ranges::transform(text, text.begin(), ascii_lower);
        constexpr std::string_view kName = "\r\ncontent-type: ";
        for (size_t at = text.find(kName); at != std::string::npos; at = text.find(kName, at + 1)) {
            const size_t from = at + kName.size();
            out.push_back(text.substr(from, text.find('\r', from) - from));
        }
        return out;
    };
    using Headers = std::vector<std::pair<std::string, std::string>>;
    for (const auto& [headers, wanted] :
         {std::pair{Headers{}, "application/json"},
          {Headers{{"X-Key", "value"}}, "application/json"},
          {Headers{{"Content-Type", "application/json"}}, "application/json"},
          {Headers{{"content-type", "application/json; charset=utf-8"}},
           "application/json; charset=utf-8"}}) {
        RawServer server{kDone, 1};
        HttpRequest request = to(server.url());
        request.headers = headers;
        exchange(std::move(request));
        EXPECT_EQ(lines_of(server.request()), std::vector<std::string>{wanted});
    }
}

TEST(CurlTransportTest, StatusAndRetryAfterAreReported) {
    RawServer server{
        "HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        1};
    const HttpCompletion done = exchange(to(server.url()));
    EXPECT_EQ(done.status, 429);
    EXPECT_EQ(done.retry_after_ms, 7'000);
}

TEST(CurlTransportTest, RetryAfterIsSecondsOrADate) {
    constexpr int64_t kNow = 1'445'412'480;  // Wed, 21 Oct 2015 07:28:00 GMT
    struct Case {
        const char* value;
        std::optional<int64_t> ms;
    };
    for (const Case& c : {Case{"7", 7'000},
                          {" 120 \r\n", 120'000},
                          {"0", 0},
                          {" Wed, 21 Oct 2015 07:28:05 GMT\r\n", 5'000},
                          {"Wed, 21 Oct 2015 07:27:00 GMT", 0},
                          {"soon", {}},
                          {"", {}},
                          {" \r\n", {}},
                          {"-5", {}}}) {
        EXPECT_EQ(parse_retry_after(c.value, kNow), c.ms) << c.value;
    }
}

TEST(CurlTransportTest, ARedirectIsNotFollowed) {
    RawServer server{
        "HTTP/1.1 302 Found\r\nLocation: "
        "http://127.0.0.1:1/v2/SECRET?key=SECRET\r\nContent-Length: 0\r\nConnection: "
        "close\r\n\r\n",
        1};
    const HttpCompletion answer = exchange(to(server.url()));
    EXPECT_EQ(answer.status, 302);
    EXPECT_EQ(answer.redirect, "http://127.0.0.1:1");
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

struct Outage {
    const char* name;
    int backlog;
    int connections_per_host_max;
};

class CurlOutageTest : public testing::TestWithParam<Outage> {};

// More requests than connections: most wait inside curl, for a connection to come free or to prove
// that it can be shared, when their time is over.
TEST_P(CurlOutageTest, HundredsOfTimeoutsLeaveTheTransportAsGoodAsNew) {
    const size_t files_before = open_files();
    {
        const SilentListener silent{GetParam().backlog};
        CurlOptions options;
        options.connections_per_host_max = GetParam().connections_per_host_max;
        CurlTransport transport{options};
        for (int wave = 0; wave < 4; ++wave) {
            std::set<uint64_t> open;
            for (int i = 0; i < 60; ++i) {
                HttpRequest request = to(silent.url());
                request.timeout_ms = 200;
                open.insert(transport.submit(std::move(request)));
            }
            for (const HttpCompletion& done : finish_all(transport)) {
                EXPECT_EQ(open.erase(done.id), 1U);
                EXPECT_EQ(done.error, TransportError::kTimeout) << done.error_text;
                EXPECT_TRUE(done.body.empty());
            }
            EXPECT_TRUE(open.empty());
        }
        RawServer server{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", 8};
        for (int i = 0; i < 8; ++i) {
            transport.submit(to(server.url()));
        }
        for (const HttpCompletion& done : finish_all(transport)) {
            EXPECT_EQ(done.status, 200) << done.error_text;
        }
    }
    EXPECT_EQ(open_files(), files_before);
}

INSTANTIATE_TEST_SUITE_P(All, CurlOutageTest,
                         testing::Values(Outage{"NobodyAnswers", 4096, 16},
                                         Outage{"NobodyAnswersOneConnection", 4096, 1},
                                         Outage{"SynsAreDropped", SilentListener::kFull, 16},
                                         Outage{"SynsAreDroppedOneConnection",
                                                SilentListener::kFull, 1}),
                         [](const auto& test) { return std::string{test.param.name}; });

// Requests that end while others of the same host wait and are asked again at once, as the pool
// does: handles go back and forth between failing and being set up.
TEST(CurlTransportTest, RequestsThatTimeOutOneByOneAreReplacedAtOnce) {
    const SilentListener silent{4096};
    CurlOptions options;
    options.connections_per_host_max = 2;
    CurlTransport transport{options};
    size_t submitted = 0;
    const auto submit = [&] {
        HttpRequest request = to(silent.url());
        request.timeout_ms = 100 + static_cast<int64_t>(submitted * 37 % 150);
        transport.submit(std::move(request));
        ++submitted;
    };
    while (submitted < 12) {
        submit();
    }
    size_t completed = 0;
    while (completed < 150) {
        std::vector<HttpCompletion> completions;
        transport.poll(1'000, completions);
        ASSERT_FALSE(completions.empty());
        for (const HttpCompletion& done : completions) {
            EXPECT_EQ(done.error, TransportError::kTimeout) << done.error_text;
            ++completed;
            submit();
        }
    }
    EXPECT_EQ(transport.in_flight(), submitted - completed);
}

TEST(CurlTransportTest, UrlsThatCannotBeUsedHarmNoLaterRequest) {
    CurlTransport transport;
    for (int i = 0; i < 3; ++i) {
        for (const char* url :
             {"ws://127.0.0.1:8545", " http://127.0.0.1:1", "file:///etc/passwd"}) {
            const uint64_t id = transport.submit(to(url));
            const auto done = finish_all(transport);
            ASSERT_EQ(done.size(), 1U) << url;
            EXPECT_EQ(done[0].id, id);
            EXPECT_EQ(done[0].error, TransportError::kBadUrl) << url << ": " << done[0].error_text;
        }
    }
    RawServer server{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", 1};
    transport.submit(to(server.url()));
    const auto done = finish_all(transport);
    ASSERT_EQ(done.size(), 1U);
    EXPECT_EQ(done[0].status, 200) << done[0].error_text;
}

TEST(CurlTransportTest, AnOptionThatCurlRefusesFailsTheRequestOnly) {
    CurlTransport transport;
    // Longer than curl takes a string for.
    transport.submit(to("http://127.0.0.1:1/" + std::string(9'000'000, 'x')));
    EXPECT_EQ(transport.in_flight(), 1U);
    const auto done = finish_all(transport);
    ASSERT_EQ(done.size(), 1U);
    EXPECT_EQ(done[0].error, TransportError::kBadUrl);
    EXPECT_FALSE(done[0].error_text.empty());
}

TEST(CurlTransportTest, ATransportWithoutRequestsWaits) {
    CurlTransport transport;
    std::vector<HttpCompletion> completions;
    const auto start = std::chrono::steady_clock::now();
    transport.poll(30, completions);
    EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds{30});
    EXPECT_TRUE(completions.empty());
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

TEST(CurlTransportTest, BeyondWhatBodiesShareOneGrowsAtATimeAndAllComeWhole) {
    constexpr size_t kBody = size_t{4} << 20;
    constexpr size_t kShared = size_t{1} << 20;
    const std::string response =
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(kBody) +
        "\r\n\r\n" + std::string(kBody, 'x');
    std::vector<std::unique_ptr<RawServer>> servers;
    CurlOptions options;
    options.bodies_shared_max = kShared;
    CurlTransport transport{std::move(options)};
    for (int i = 0; i < 6; ++i) {
        servers.push_back(std::make_unique<RawServer>(response, 1));
        HttpRequest request = to(servers.back()->url());
        request.timeout_ms = 60'000;
        static_cast<void>(transport.submit(std::move(request)));
    }
    size_t most = 0;
    std::vector<HttpCompletion> completions;
    while (transport.in_flight() > 0) {
        transport.poll(0, completions);
        most = std::max(most, transport.held_bytes());
    }
    EXPECT_LE(most, kShared + kBody);
    EXPECT_EQ(transport.held_bytes(), 0U);
    ASSERT_EQ(completions.size(), servers.size());
    for (const HttpCompletion& done : completions) {
        EXPECT_EQ(done.error, TransportError::kNone) << done.error_text;
        EXPECT_EQ(done.body.size(), kBody);
    }
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
}  // namespace plumbline::rpc::curl_transport_test
