// The server over real sockets: limits, keep-alive, many readers while the writer commits.
#include "api/server/server.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <optional>
#include <system_error>
#include <thread>

#include "api/stream/stream.hpp"
#include "tests/api/api_world.hpp"
#include "tests/api/http_client.hpp"
#include "tests/support/few_threads.hpp"

namespace plumbline::api::test::server_test {
namespace {

using nlohmann::json;
using plumbline::test::Answer;
using plumbline::test::HttpClient;

class ServerTest : public testing::Test {
  protected:
    void start(ServerOptions options = {}) {
        auto server = Server::start(api_.router, nullptr, options);
        ASSERT_OK(server);
        server_ = *std::move(server);
    }
    void TearDown() override { server_.reset(); }

    ApiWorld api_;
    std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, OneConnectionCarriesManyRequests) {
    start();
    HttpClient client{server_->port()};
    for (int i = 0; i < 5; ++i) {
        const Answer answer = client.get("/v1/entities/user?limit=2");
        EXPECT_EQ(answer.status, 200U);
        EXPECT_EQ(json::parse(answer.body)["rows"].size(), 2U);
    }
    const Answer head = client.request("HEAD", "/v1/health");
    EXPECT_EQ(head.status, 200U);
    EXPECT_TRUE(head.body.empty());
    EXPECT_EQ(client.get("/v1/health").status, 200U);
    // Sent in one piece, answered one after the other.
    client.send(
        "GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        "GET /v1/ready HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_THAT(client.receive().body, testing::HasSubstr("\"status\""));
    EXPECT_THAT(client.receive().body, testing::HasSubstr("\"ready\""));
    EXPECT_EQ(server_->stats().connections, 1U);
}

TEST_F(ServerTest, ReadersOfOtherPagesAreNotInvited) {
    start();
    HttpClient client{server_->port()};
    EXPECT_EQ(
        client.get("/v1/health", "Origin: http://evil.example\r\n").head.find("Access-Control"),
        std::string::npos);
    server_.reset();
    start({.cors = {"https://app.example"}});
    HttpClient other{server_->port()};
    EXPECT_EQ(
        other.get("/v1/health", "Origin: http://evil.example\r\n").head.find("Access-Control"),
        std::string::npos);
    const std::string invited = "Origin: https://app.example\r\n";
    EXPECT_THAT(
        other.get("/v1/health", invited).head,
        testing::AllOf(testing::HasSubstr("Access-Control-Allow-Origin: https://app.example"),
                       testing::ContainsRegex("Access-Control-Expose-Headers: .*Retry-After")));
    const Answer preflight = other.request("OPTIONS", "/v1/tasks", invited);
    EXPECT_EQ(preflight.status, 204U);
    EXPECT_THAT(preflight.head, testing::HasSubstr("Authorization"));
    EXPECT_EQ(other.request("OPTIONS", "/v1/tasks", "Origin: http://evil.example\r\n").status,
              405U);
}

TEST_F(ServerTest, WhatIsTooLargeIsRefused) {
    start({.header_bytes_max = 1024, .body_bytes_max = 100});
    const std::string token = std::string{"Authorization: Bearer "} + kToken + "\r\n";
    {
        HttpClient client{server_->port()};
        EXPECT_EQ(client.request("POST", "/v1/tasks", token, std::string(101, ' ')).status, 413U);
        EXPECT_EQ(client.receive(5'000).status, 0U);
        EXPECT_TRUE(client.is_closed());
    }
    {
        HttpClient client{server_->port()};
        EXPECT_EQ(client.get("/v1/health", "X-Long: " + std::string(2000, 'x') + "\r\n").status,
                  431U);
    }
    {
        HttpClient client{server_->port()};
        EXPECT_EQ(client.request("POST", "/v1/tasks", token, R"({"kind":"scrub"})").status, 202U);
    }
    EXPECT_EQ(api_.queue->list().size(), 1U);
}

TEST_F(ServerTest, WhatIsNotHttpIsRefusedOrDropped) {
    start();
    for (const std::string bytes :
         {"nonsense\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
          "\x16\x03\x01\x02\x00\x01\r\n\r\n",
          "POST /v1/tasks HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
          "POST /v1/tasks HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
        HttpClient client{server_->port()};
        client.send(bytes);
        const Answer answer = client.receive(5'000);
        EXPECT_TRUE(answer.status == 400U || client.is_closed()) << bytes;
    }
    HttpClient client{server_->port()};
    EXPECT_EQ(client.get("/v1/health").status, 200U);
}

TEST_F(ServerTest, WhoSendsNothingIsDropped) {
    start({.request_ms_max = 100, .idle_ms_max = 100});
    HttpClient silent{server_->port()};
    HttpClient slow{server_->port()};
    slow.send("GET /v1/hea");
    EXPECT_EQ(silent.receive(5'000).status, 0U);
    EXPECT_TRUE(silent.is_closed());
    EXPECT_EQ(slow.receive(5'000).status, 0U);
    EXPECT_TRUE(slow.is_closed());
}

/// Takes every descriptor that is left, until it goes.
class NoDescriptors {
  public:
    NoDescriptors() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        rlimit low = before_;
        low.rlim_cur = 256;
        ::setrlimit(RLIMIT_NOFILE, &low);
        for (int taken = ::dup(0); taken >= 0; taken = ::dup(0)) {
            taken_.push_back(taken);
        }
    }
    NoDescriptors(const NoDescriptors&) = delete;
    NoDescriptors& operator=(const NoDescriptors&) = delete;
    ~NoDescriptors() {
        while (!taken_.empty()) {
            give_one_back();
        }
        ::setrlimit(RLIMIT_NOFILE, &before_);
    }
    void give_one_back() {
        ::close(taken_.back());
        taken_.pop_back();
    }

  private:
    rlimit before_{};
    std::vector<int> taken_;
};

/// A slow machine makes the time longer, which allows more tries: only a server that tries again
/// without its rest can exceed the bound.
TEST_F(ServerTest, WithoutDescriptorsItRestsBetweenTries) {
    constexpr int64_t kRestMs = 50;
    start({.accept_rest_ms = kRestMs});
    std::optional<HttpClient> client;
    {
        NoDescriptors none;
        none.give_one_back();
        const int64_t started_ms = system_clock().monotonic_ms();
        client.emplace(server_->port());
        client->send("GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n");
        while (server_->stats().accept_failures < 3) {
            EXPECT_EQ(client->receive(20).status, 0U) << "there is no descriptor to take it with";
        }
        const auto failures = static_cast<int64_t>(server_->stats().accept_failures);
        const int64_t took_ms = system_clock().monotonic_ms() - started_ms + 1;
        EXPECT_LE(failures, took_ms / kRestMs + 1) << "in " << took_ms << " ms";
        EXPECT_FALSE(client->is_closed());
    }
    EXPECT_EQ(client->receive().status, 200U);
}

TEST_F(ServerTest, ATakenPortIsSaidAndNothingRuns) {
    start();
    const auto second = Server::start(api_.router, nullptr, {.port = server_->port()});
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
    EXPECT_FALSE(Server::start(api_.router, nullptr, {.address = "nowhere"}).has_value());
}

TEST_F(ServerTest, WhereNotAllThreadsCanBeStartedThoseThatRunEnd) {
    if (!plumbline::test::kCanLimitThreads) {
        GTEST_SKIP() << "a sanitizer needs the address space";
    }
    {
        const plumbline::test::FewThreads few{rlim_t{400} << 20};
        EXPECT_THROW(static_cast<void>(Server::start(api_.router, nullptr, {.threads = 1'000})),
                     std::system_error);
    }
    start();
    HttpClient client{server_->port()};
    EXPECT_EQ(client.get("/v1/health").status, 200U);
}

/// In block n, user 500 gets its points raised to n times 3: every answer can be checked against
/// the block that it names.
TEST_F(ServerTest, EveryAnswerIsThatOfTheBlockItNames) {
    start();
    constexpr uint64_t kFirst = 13;
    constexpr uint64_t kLast = 160;
    const std::string account = engine::test::hex_of(500);
    api_.world.block(
        kFirst,
        {api_.mapping.emit("hub.Joined", {acc(500), num(7), engine::test::text("x")}, kFirst, 0),
         api_.mapping.emit("hub.Scored", {acc(500), num(kFirst * 3)}, kFirst, 1)});
    api_.world.commit();
    std::atomic<bool> is_done{false};
    std::atomic<uint64_t> checked{0};
    std::atomic<uint64_t> wrong{0};
    std::vector<std::jthread> readers;
    constexpr int kReaders = 20;
    std::atomic<int> waiting{kReaders};
    for (int i = 0; i < kReaders; ++i) {
        readers.emplace_back([&, i] {
            HttpClient client{server_->port()};
            for (bool first = true; first || !is_done.load(); first = false) {
                const Answer one = client.get("/v1/entities/user/" + account);
                const json row = json::parse(one.body, nullptr, false);
                const json page = json::parse(
                    client.get("/v1/entities/user?order=points&limit=1000").body, nullptr, false);
                bool good = one.status == 200 &&
                            row["row"]["points"] == row["block"]["number"].get<uint64_t>() * 3;
                bool found = false;
                for (const json& entry : page["rows"]) {
                    if (entry["row"]["account"] == account) {
                        found = true;
                        good = good && entry["row"]["points"] ==
                                           page["block"]["number"].get<uint64_t>() * 3;
                    }
                }
                wrong += good && found ? 0U : 1U;
                checked += 2;
                if (first) {
                    --waiting;
                }
            }
            static_cast<void>(i);
        });
    }
    while (waiting.load() > 0) {
        std::this_thread::yield();
    }
    for (uint64_t block = kFirst + 1; block <= kLast; ++block) {
        api_.world.block(block, {api_.mapping.emit("hub.Scored", {acc(500), num(3)}, block, 0)});
        api_.world.commit();
    }
    is_done = true;
    readers.clear();
    EXPECT_EQ(wrong.load(), 0U);
    EXPECT_GE(checked.load(), 2U * kReaders);
    RecordProperty("checked", static_cast<int>(checked.load()));
}

}  // namespace
}  // namespace plumbline::api::test::server_test
