// The live stream as an app meets it: `plumbline run` on a real chain that reorganises, and a
// client that comes and goes. Its copy must be what the index answers.
#include <signal.h>

#include <cstdlib>
#include <random>

#include <gtest/gtest.h>

#include "tests/api/http_client.hpp"
#include "tests/api/stream_client.hpp"
#include "tests/e2e/chain.hpp"

namespace plumbline::test::stream_test {
namespace {

using nlohmann::json;
using Rows = std::map<std::string, std::string>;

class StreamCommandTest : public testing::Test {
  protected:
    void act(unsigned steps, const std::string& address = {}) {
        std::vector<std::string> arguments{"--rpc",   anvil_.url(),
                                           "--steps", std::to_string(steps),
                                           "--seed",  std::to_string(++acted_)};
        if (!address.empty()) {
            arguments.insert(arguments.end(), {"--address", address});
        }
        const auto done = run_script("examples/community/activity.mjs", arguments);
        ASSERT_EQ(done.code, 0) << done.err;
        address_ =
            json::parse(done.out.substr(done.out.rfind('\n', done.out.size() - 2) + 1))["address"];
    }
    json get(const std::string& target) const {
        HttpClient client{port_};
        return json::parse(client.get(target).body, nullptr, false);
    }
    bool is_at_head() {
        const json status = get("/v1/status");
        const json head = anvil_.call("eth_getBlockByNumber", {"latest", false});
        return status.is_object() && status["block"].is_object() &&
               status["block"]["hash"] == head["hash"];
    }
    Rows rows() const {
        Rows out;
        const json list = get("/v1/entities");
        for (const json& entity : list["entities"]) {
            const std::string name = entity["name"];
            std::string cursor;
            do {
                const json page = get("/v1/entities/" + name + "?limit=100" +
                                      (cursor.empty() ? "" : "&cursor=" + cursor));
                for (const json& row : page["rows"]) {
                    out[name + " " + row["key"].get<std::string>()] = row["row"].dump();
                }
                cursor = page["next"].is_null() ? "" : page["next"].get<std::string>();
            } while (!cursor.empty());
        }
        return out;
    }
    void connect() {
        client_.is_over = false;
        socket_ = std::make_unique<HttpClient>(port_);
        ASSERT_EQ(socket_->upgrade("/v1/stream?entity=*&snapshot=true" + client_.cursors()).status,
                  101U);
    }
    /// What has come so far.
    void follow(int wait_ms) {
        if (!socket_ || socket_->is_closed() || client_.is_over) {
            connect();
        }
        while (const auto message = socket_->message(wait_ms)) {
            client_.take(*message);
        }
    }

    Anvil anvil_;
    TempDir dir_;
    uint16_t port_ = free_port();
    unsigned acted_ = 0;
    std::string address_;
    StreamClient client_;
    std::unique_ptr<HttpClient> socket_;
};

TEST_F(StreamCommandTest, AClientThatComesAndGoesThroughReorgsHasTheRowsOfTheIndex) {
    const char* wish = std::getenv("PLUMBLINE_SEED");
    const uint64_t seed = wish == nullptr ? 1 : std::stoull(wish);
    SCOPED_TRACE("PLUMBLINE_SEED=" + std::to_string(seed));
    std::mt19937_64 random{seed};
    act(40);
    write_file(dir_.sub("CommunityHub.json"),
               read_file(source_path("examples/community/CommunityHub.json")));
    write_file(dir_.sub("plumbline.toml"),
               read_file(source_path("examples/community/plumbline.toml")) +
                   "\n[http]\nlisten = \"127.0.0.1:" + std::to_string(port_) + "\"\n");
    Child service{
        plumbline_command({"run", dir_.sub("plumbline.toml"), "--rpc", anvil_.url(), "--quiet"})};
    ASSERT_TRUE(eventually([&] {
        HttpClient client{port_};
        return client.get("/v1/ready").status == 200;
    }));
    for (int round = 0; round < 15; ++round) {
        ASSERT_NO_FATAL_FAILURE(follow(50));
        anvil_.call("anvil_reorg", {1 + random() % 6, json::array()});
        if (round % 5 == 4) {
            act(6, address_);
        } else {
            anvil_.mine(1 + static_cast<unsigned>(random() % 2));
        }
        if (random() % 2 == 0) {
            ASSERT_TRUE(eventually([&] { return is_at_head(); }));
        }
        if (random() % 3 == 0) {
            socket_.reset();
        }
    }
    act(10, address_);
    ASSERT_TRUE(eventually([&] { return is_at_head(); }));
    const std::string hash = get("/v1/status")["block"]["hash"];
    EXPECT_TRUE(eventually([&] {
        follow(50);
        return !client_.known.empty() && client_.known.back().second.starts_with(hash);
    }));
    EXPECT_EQ(client_.rows, rows());
    EXPECT_GT(client_.seen["retract"] + client_.seen["resume"] + client_.seen["reset"], 0);
    service.send_signal(SIGTERM);
    EXPECT_EQ(service.wait(), 0);
}

}  // namespace
}  // namespace plumbline::test::stream_test
