// Clients that want to keep others out, over real sockets. Nothing here measures time: who must not
// wait is answered while those in front of it are held.
#include <condition_variable>
#include <mutex>

#include "api/server/server.hpp"
#include "api/stream/stream.hpp"
#include "tests/api/api_world.hpp"
#include "tests/api/http_client.hpp"

namespace plumbline::api::test::hostile_client_test {
namespace {

using nlohmann::json;
using plumbline::test::Answer;
using plumbline::test::HttpClient;

/// Whoever looks for the database waits until it is let go: what scans and looks do first.
class HeldContext final : public ApiContext {
  public:
    explicit HeldContext(const ApiContext& inner) : inner_{inner} {}
    [[nodiscard]] storage::Database* database() const override {
        std::unique_lock lock{mutex_};
        ++held_;
        news_.notify_all();
        news_.wait(lock, [this] { return is_open_; });
        return inner_.database();
    }
    [[nodiscard]] std::shared_ptr<const engine::Plan> plan() const override {
        return inner_.plan();
    }
    [[nodiscard]] engine::ServiceStatus status() const override { return inner_.status(); }
    [[nodiscard]] std::optional<evm::Header> find_header(const evm::Hash& hash) const override {
        return inner_.find_header(hash);
    }
    [[nodiscard]] std::string metrics_text() const override { return inner_.metrics_text(); }
    [[nodiscard]] engine::WorkQueue* queue() const override { return inner_.queue(); }
    [[nodiscard]] Result<engine::TaskAdded> add_task(engine::TaskSpec spec) const override {
        return inner_.add_task(std::move(spec));
    }
    [[nodiscard]] const Clock& clock() const override { return inner_.clock(); }

    void wait_for_held(int count) {
        std::unique_lock lock{mutex_};
        news_.wait(lock, [&] { return held_ >= count; });
    }
    void open() {
        const std::scoped_lock lock{mutex_};
        is_open_ = true;
        news_.notify_all();
    }

  private:
    const ApiContext& inner_;
    mutable std::mutex mutex_;
    mutable std::condition_variable news_;
    mutable int held_ = 0;
    bool is_open_ = false;
};

class HostileClientTest : public testing::Test {
  protected:
    void start(ServerOptions options = {}, StreamHub* hub = nullptr) {
        auto server = Server::start(api_.router, hub, std::move(options));
        ASSERT_OK(server);
        server_ = *std::move(server);
    }
    void TearDown() override { server_.reset(); }
    [[nodiscard]] std::unique_ptr<HttpClient> connect() const {
        return std::make_unique<HttpClient>(server_->port());
    }

    ApiWorld api_;
    std::unique_ptr<Server> server_;
};

constexpr const char* kScan =
    "GET /v1/events?param.name=nobody HTTP/1.1\r\nHost: localhost\r\n\r\n";

TEST_F(HostileClientTest, WhoWatchesTheServiceDoesNotWaitForThoseWhoScanOrLook) {
    HeldContext held{api_.context};
    Router router{held, {}};
    auto server = Server::start(router, nullptr, {.trusted_proxies = {"127.0.0.1"}});
    ASSERT_OK(server);
    std::vector<std::unique_ptr<HttpClient>> scanning;
    // As many addresses, so that all threads that scan and that look are taken.
    for (int i = 0; i < 40; ++i) {
        scanning.push_back(std::make_unique<HttpClient>((*server)->port()));
        const std::string from = "X-Forwarded-For: 10.0.0." + std::to_string(i) + "\r\n\r\n";
        const std::string target = i % 2 == 0 ? "/v1/events?param.name=nobody" : "/v1/stats";
        scanning.back()->send("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + from);
    }
    held.wait_for_held(4);
    HttpClient watching{(*server)->port()};
    for (const char* target : {"/v1/health", "/v1/ready", "/metrics"}) {
        EXPECT_EQ(watching.get(target).status, 200U) << target;
    }
    held.open();
    for (const auto& client : scanning) {
        EXPECT_EQ(client->receive().status, 200U);
    }
}

TEST_F(HostileClientTest, OneAddressScansOneThingAtATimeAndOthersGetTheirTurn) {
    HeldContext held{api_.context};
    Router router{held, {}};
    auto server = Server::start(router, nullptr, {.trusted_proxies = {"127.0.0.1"}});
    ASSERT_OK(server);
    std::vector<std::unique_ptr<HttpClient>> attackers;
    size_t refused = 0;
    constexpr size_t kRefused = 40 - 1 - 32;  // One runs, 32 wait.
    for (int i = 0; i < 40; ++i) {
        attackers.push_back(std::make_unique<HttpClient>((*server)->port()));
        attackers.back()->send(kScan);
    }
    held.wait_for_held(1);
    HttpClient other{(*server)->port()};
    other.send("GET /v1/events HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 10.1.1.1\r\n\r\n");
    held.wait_for_held(2);  // It runs beside the first of the forty.
    while ((*server)->stats().requests < kRefused) {
        std::this_thread::yield();
    }
    held.open();
    EXPECT_EQ(other.receive().status, 200U);
    for (const auto& client : attackers) {
        const Answer answer = client->receive();
        EXPECT_TRUE(answer.status == 200 || answer.status == 429) << answer.status;
        refused += answer.status == 429 ? 1U : 0U;
    }
    EXPECT_GE(refused, kRefused);
}

TEST_F(HostileClientTest, SilentConnectionsKeepNobodyOut) {
    start({.connections_max = 3});
    std::vector<std::unique_ptr<HttpClient>> silent;
    for (int i = 0; i < 3; ++i) {
        silent.push_back(connect());
        silent.back()->send("GET /v1/hea");
        while (server_->stats().connections < silent.size()) {
            EXPECT_EQ(silent.back()->receive(5).status, 0U);
        }
    }
    HttpClient late{server_->port()};
    EXPECT_EQ(late.get("/v1/health").status, 200U);
    EXPECT_EQ(silent[0]->receive(5'000).status, 0U);
    EXPECT_TRUE(silent[0]->is_closed()) << "the one that was silent longest made place";
    EXPECT_EQ(server_->stats().refused, 0U);
    EXPECT_EQ(server_->stats().connections, 3U);
}

TEST_F(HostileClientTest, AnAddressHasItsShareOfTheConnections) {
    start({.client_connections_max = 2});
    const auto first = connect();
    EXPECT_EQ(first->get("/v1/health").status, 200U);
    const auto second = connect();
    EXPECT_EQ(second->get("/v1/health").status, 200U);
    const auto third = connect();
    EXPECT_EQ(third->get("/v1/health").status, 200U);
    // Which of the two was silent longer is for the server to see.
    const bool is_first_open = first->get("/v1/health").status == 200U;
    const bool is_second_open = second->get("/v1/health").status == 200U;
    EXPECT_NE(is_first_open, is_second_open);
}

TEST_F(HostileClientTest, AnswersThatNobodyTakesStopScansAndNothingElse) {
    start({.answer_bytes_max = 0});
    const auto client = connect();
    const Answer answer = client->get("/v1/events");
    EXPECT_EQ(answer.status, 503U);
    EXPECT_THAT(answer.head, testing::HasSubstr("Retry-After: 1"));
    EXPECT_EQ(client->get("/v1/stats").status, 200U);
    EXPECT_EQ(client->get("/v1/health").status, 200U);
}

TEST_F(HostileClientTest, AServerIsCalledByItsOwnNamesOnly) {
    start({.hosts = {"index.example.com"}});
    const auto get = [&](const std::string& host) {
        const auto client = connect();
        client->send("GET /v1/health HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
        const Answer answer = client->receive();
        if (answer.status != 200) {
            EXPECT_EQ(client->receive(5'000).status, 0U);
            EXPECT_TRUE(client->is_closed()) << host;
        }
        return answer.status;
    };
    EXPECT_EQ(get("evil.example:8080"), 421U);
    EXPECT_EQ(get("localhost:8080"), 200U);
    EXPECT_EQ(get("127.0.0.1"), 200U);
    EXPECT_EQ(get("INDEX.example.com:443"), 200U);
    // The same of a WebSocket, whose page and host name each other.
    const auto client = connect();
    client->send(
        "GET /v1/stream HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    EXPECT_EQ(client->receive().status, 421U);
}

TEST_F(HostileClientTest, WhatAProxyMayReadDifferentlyIsRefusedAndTheConnectionClosed) {
    start();
    const std::string token = std::string{"Authorization: Bearer "} + kToken + "\r\n";
    const struct {
        std::string head;
        unsigned status;
    } rows[] = {
        {"Host: localhost\r\nHost: localhost\r\n", 400},
        {"", 400},
        {"Host: localhost\r\nX: a\r\n b\r\n", 400},
        {"Host: localhost\r\nTransfer-Encoding: xchunked\r\nContent-Length: 2\r\n", 501},
        {"Host: localhost\r\nTransfer-Encoding: chunked, identity\r\n", 501},
        {"Host: localhost\r\n" + token, 400},
    };
    for (const auto& row : rows) {
        const auto client = connect();
        client->send("POST /v1/tasks HTTP/1.1\r\n" + row.head + token +
                     "\r\n{}GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n");
        EXPECT_EQ(client->receive().status, row.status) << row.head;
        EXPECT_EQ(client->receive(5'000).status, 0U) << "what is behind it is not read";
        EXPECT_TRUE(client->is_closed());
    }
    EXPECT_TRUE(api_.queue->list().empty());
}

TEST_F(HostileClientTest, TokensAreNotFoundByTrying) {
    start({.trusted_proxies = {"127.0.0.1"}});
    const auto client = connect();
    const auto post = [&](const std::string& token, const std::string& from) {
        return client->request(
            "POST", "/v1/tasks",
            "Authorization: bearer " + token + "\r\nX-Forwarded-For: " + from + "\r\n",
            R"({"kind":"scrub"})");
    };
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(post("wrong" + std::to_string(i), "10.0.0.1").status, 401U);
    }
    const Answer limited = post(kToken, "10.0.0.1");
    EXPECT_EQ(limited.status, 429U) << "not even the right one is looked at";
    EXPECT_THAT(limited.head, testing::HasSubstr("Retry-After: "));
    EXPECT_EQ(post(kToken, "10.0.0.2").status, 202U) << "another address, and a scheme in any case";
}

/// 25 MB of rows: more than sockets take on the way.
class SilentStreamTest : public HostileClientTest {
  protected:
    SilentStreamTest() {
        for (uint64_t i = 0; i < 64; ++i) {
            api_.world.block(
                13 + i, {api_.mapping.emit(
                            "hub.Joined",
                            {acc(500 + i), num(1), engine::test::text(std::string(400'000, 'x'))},
                            13 + i, 0)});
        }
        api_.world.commit();
    }
    StreamHub hub_{api_.mapping.plan, [this] { return api_.context.shown; }, [] { return true; },
                   StreamOptions{}};
};

TEST_F(SilentStreamTest, AStreamThatDoesNotTakeItsMessageIsLetGoThoughItPings) {
    start({.stream_send_ms_max = 200}, &hub_);
    {
        HttpClient client{server_->port()};
        ASSERT_EQ(client.upgrade("/v1/stream?entity=*&snapshot=true").status, 101U);
        while (server_->stats().streams == 0) {
            std::this_thread::yield();
        }
        while (server_->stats().streams > 0) {
            constexpr uint8_t kPing = 9;
            client.send_frame(kPing, "still here");
            std::this_thread::yield();
        }
    }
    while (server_->stats().connections >
           0) {  // Its place is free again, once both ends are closed.
        std::this_thread::yield();
    }
    server_.reset();
}

TEST_F(SilentStreamTest, AMessageOfASnapshotIsBoundedInBytes) {
    start({}, &hub_);
    {
        HttpClient client{server_->port()};
        ASSERT_EQ(client.upgrade("/v1/stream?entity=user&snapshot=true").status, 101U);
        size_t rows = 0;
        for (;;) {
            const auto message = client.message();
            ASSERT_TRUE(message.has_value());
            const json body = json::parse(*message);
            EXPECT_LE(message->size(), (256U << 10U) + 401'000U);
            if (body["type"] == "ready") {
                break;
            }
            rows += body.value("rows", json::array()).size();
        }
        EXPECT_EQ(rows, 64U + 10U);
    }
    server_.reset();
}

TEST_F(SilentStreamTest, APageIsBoundedInBytesAndGoesOnWhereItEnded) {
    start();
    const auto client = connect();
    std::string cursor;
    size_t rows = 0;
    size_t pages = 0;
    do {
        const Answer answer = client->get("/v1/entities/user?limit=1000" + cursor);
        ASSERT_EQ(answer.status, 200U);
        EXPECT_LE(answer.body.size(), (4U << 20U) + 401'000U);
        const json body = json::parse(answer.body);
        rows += body["rows"].size();
        ++pages;
        cursor = body["next"].is_null() ? "" : "&cursor=" + body["next"].get<std::string>();
    } while (!cursor.empty());
    EXPECT_EQ(rows, 64U + 10U);
    EXPECT_GE(pages, 6U);
}

}  // namespace
}  // namespace plumbline::api::test::hostile_client_test
