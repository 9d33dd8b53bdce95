// Webhooks on a real chain: the receiver of examples/service takes what a running service posts,
// through a reorg and through a time when it was away, and ends with the rows of the database.
#include <signal.h>

#include <map>
#include <memory>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/e2e/chain.hpp"

namespace plumbline::test::webhook_test {
namespace {

using nlohmann::json;

constexpr const char* kSecret = "a-secret-for-tests";

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

class WebhookTest : public testing::Test {
  protected:
    void SetUp() override {
        act(0, 1, "");
        write_file(dir_.sub("CommunityHub.json"),
                   read_file(source_path("examples/community/CommunityHub.json")));
        start_receiver(0);
        write_file(dir_.sub("plumbline.toml"),
                   read_file(source_path("examples/community/plumbline.toml")) +
                       "\n[webhooks.app]\nurl = \"http://127.0.0.1:" + std::to_string(port_) +
                       "/hook\"\nsecret = \"" + kSecret +
                       "\"\nentities = [\"vote\", \"user\"]\n\n[http]\nlisten = \"127.0.0.1:0\"\n");
    }
    void act(int steps, int seed, const std::string& address) {
        std::vector<std::string> arguments{"--rpc",   anvil_.url(),
                                           "--steps", std::to_string(steps),
                                           "--seed",  std::to_string(seed)};
        if (!address.empty()) {
            arguments.insert(arguments.end(), {"--address", address});
        }
        const auto done = run_script("examples/community/activity.mjs", arguments);
        ASSERT_EQ(done.code, 0) << done.err;
        const std::string last = done.out.substr(done.out.rfind('\n', done.out.size() - 2) + 1);
        address_ = json::parse(last)["address"];
    }
    /// Port 0: a free one.
    void start_receiver(int port) {
        receiver_ = std::make_unique<Child>(
            std::vector<std::string>{"sh", "-c",
                                     std::string{"SECRET="} + kSecret + " exec node " +
                                         source_path("examples/service/webhook_receiver.mjs") +
                                         " " + std::to_string(port) + " >> " + dir_.sub("taken")});
        const size_t before = taken_;
        ASSERT_TRUE(eventually([&] { return take() && taken_ > before; }));
    }
    /// Reads what the receiver has written since.
    bool take() {
        const std::string all = read_file(dir_.sub("taken"));
        while (true) {
            const size_t end = all.find('\n', taken_);
            if (end == std::string::npos) {
                return true;
            }
            apply(json::parse(all.substr(taken_, end - taken_)));
            taken_ = end + 1;
        }
    }
    void apply(const json& message) {
        if (message.contains("listening")) {
            port_ = message["listening"];
            return;
        }
        ++types_[message["type"].get<std::string>()];
        for (const auto& change : message.value("rows", json::array())) {
            const auto entity = change["entity"].get<std::string>();
            EXPECT_TRUE(entity == "vote" || entity == "user") << change;
            const std::string key = entity + " " + change["key"].get<std::string>();
            if (change["row"].is_null()) {
                rows_.erase(key);
            } else {
                rows_[key] = change["row"];
            }
        }
    }
    /// Whether the rows that were told are those of the database.
    bool has_the_rows_of_the_database() {
        take();
        std::multiset<std::string> told;
        for (const auto& [key, row] : rows_) {
            told.insert(row.dump());
        }
        std::multiset<std::string> stored;
        for (const char* entity : {"vote", "user"}) {
            std::istringstream lines{plumbline({"dump", db_, "--entity", entity}).out};
            for (std::string line; std::getline(lines, line);) {
                stored.insert(json::parse(line).dump());
            }
        }
        return !stored.empty() && told == stored;
    }
    /// A message could not be delivered and waits: not one that is only about to be looked at.
    static bool is_refused(const json& task) {
        return task.value("state", "") == "waiting" && !task.value("error", "").empty();
    }
    /// For the message of a failure.
    std::string told() const { return read_file(dir_.sub("taken")).substr(0, 4'000); }
    std::vector<std::string> run_arguments() const {
        return {
            "run", dir_.sub("plumbline.toml"), "--db", db_, "--rpc", anvil_.url(), "--log-format",
            "json"};
    }
    /// The index has the chain's last block: only then does a reorg take something back.
    bool is_at_the_head() {
        const json status = json::parse(plumbline({"status", db_, "--json"}).out, nullptr, false);
        return status.is_object() && status["block"] == anvil_.head();
    }
    /// Whether the receiver of the webhook has taken all.
    bool is_taken(const std::string& webhook) {
        const json last = task(webhook);
        return last.value("state", "") == "done" &&
               last.value("args", "").starts_with(std::to_string(anvil_.head()) + "-");
    }
    /// The newest task of the webhook.
    json task(const std::string& webhook = "webhook.app") const {
        json newest = {{"id", 0}};
        std::istringstream lines{plumbline({"task", "list", db_, "--json"}).out};
        for (std::string line; std::getline(lines, line);) {
            json row = json::parse(line, nullptr, false);
            if (row.value("kind", "") == webhook && row["id"] > newest["id"]) {
                newest = std::move(row);
            }
        }
        return newest;
    }

    Anvil anvil_;
    TempDir dir_;
    std::string db_ = dir_.sub("db");
    std::string address_;
    std::unique_ptr<Child> receiver_;
    int port_ = 0;
    size_t taken_ = 0;  ///< bytes of what the receiver wrote
    std::map<std::string, int> types_;
    std::map<std::string, json> rows_;  ///< the receiver's copy
};

TEST_F(WebhookTest, AReceiverThatStaysAwayIsALineOnce) {
    const std::string log = dir_.sub("log");
    Child service{plumbline_with_log(run_arguments(), log)};
    ASSERT_TRUE(eventually([&] { return take() && types_["hello"] == 1; }));
    receiver_->send_signal(SIGTERM);
    receiver_->wait();
    act(10, 2, address_);
    ASSERT_TRUE(eventually([&] { return task().value("attempts", 0) >= 3; }));
    // It is a reason as well, and one without the address or the secret.
    const auto reasons_told = [&] {
        const json status = json::parse(plumbline({"status", db_, "--json"}).out, nullptr, false);
        return status.is_object() ? status["service"]["reasons"].dump() : std::string{};
    };
    ASSERT_TRUE(eventually([&] { return has(reasons_told(), "webhook app takes nothing for"); }));
    EXPECT_FALSE(has(reasons_told(), "/hook") || has(reasons_told(), kSecret));
    start_receiver(port_);
    ASSERT_TRUE(eventually([&] { return !has(reasons_told(), "webhook app"); }));
    EXPECT_TRUE(eventually(
        [&] { return has(read_file(log), "a webhook's receiver takes messages again"); }));
    // As it goes it may fail in two ways: what is on its way is cut off, then nobody is there.
    std::istringstream lines{read_file(log)};
    std::set<std::string> reasons;
    for (std::string line; std::getline(lines, line);) {
        const json told = json::parse(line, nullptr, false);
        if (told.is_object() && told.value("webhook", "") == "app" && told.contains("why")) {
            EXPECT_TRUE(reasons.insert(told.value("why", "")).second) << line;
        }
        EXPECT_NE(told.value("message", ""), "task failed") << line;
    }
    EXPECT_FALSE(reasons.empty());
    service.send_signal(SIGTERM);
    EXPECT_EQ(service.wait(), 0);
}

TEST_F(WebhookTest, AReceiverEndsWithTheRowsOfTheDatabaseThroughReorgsAndItsOwnAbsence) {
    Child service{plumbline_command(run_arguments())};
    ASSERT_TRUE(eventually([&] { return take() && types_["hello"] == 1; }));
    act(60, 2, address_);
    ASSERT_TRUE(eventually([&] { return is_at_the_head(); }));
    ASSERT_TRUE(eventually([&] { return has_the_rows_of_the_database(); })) << told();

    anvil_.call("anvil_reorg", {8, json::array()});
    ASSERT_TRUE(eventually([&] { return take() && types_["retract"] > 0; }));
    act(20, 3, address_);
    EXPECT_TRUE(eventually([&] { return has_the_rows_of_the_database(); }));
    EXPECT_EQ(types_["reset"], 0);

    // Away for a while: what it missed comes when it is back.
    receiver_->send_signal(SIGTERM);
    receiver_->wait();
    act(10, 4, address_);
    ASSERT_TRUE(eventually([&] { return is_refused(task()); })) << task();
    act(10, 5, address_);
    start_receiver(port_);
    EXPECT_TRUE(eventually([&] { return has_the_rows_of_the_database(); }));

    // A service that starts again goes on where the receiver stands.
    const std::string head = std::to_string(anvil_.head()) + "-";
    EXPECT_TRUE(eventually([&] {
        const json last = task();
        return last.value("state", "") == "done" && last.value("args", "").starts_with(head);
    })) << task()
        << " and the head is " << head;
    service.send_signal(SIGTERM);
    EXPECT_EQ(service.wait(), 0);
    Child again{plumbline_command(run_arguments())};
    act(10, 6, address_);
    EXPECT_TRUE(eventually([&] { return has_the_rows_of_the_database(); }));
    EXPECT_EQ(types_["hello"], 1);
    EXPECT_EQ(types_["reset"], 0);
    again.send_signal(SIGTERM);
    EXPECT_EQ(again.wait(), 0);
}

TEST_F(WebhookTest, OneThatTheConfigNoLongerNamesLeavesNothingBehindAndGoesOnOnceItIsBack) {
    const std::string toml = read_file(dir_.sub("plumbline.toml"));
    const std::string log = dir_.sub("log");
    {
        Child service{plumbline_command(run_arguments())};
        ASSERT_TRUE(eventually([&] { return take() && types_["hello"] == 1; }));
        ASSERT_TRUE(eventually([&] { return is_taken("webhook.app"); }));
        receiver_->send_signal(SIGTERM);
        receiver_->wait();
        act(10, 2, address_);
        ASSERT_TRUE(eventually([&] { return is_refused(task()); })) << task();
        service.send_signal(SIGTERM);
        ASSERT_EQ(service.wait(), 0);
    }
    const size_t at = toml.find("[webhooks.app]");
    write_file(dir_.sub("plumbline.toml"),
               toml.substr(0, at) + toml.substr(toml.find("[http]", at)));
    {
        Child service{plumbline_with_log(run_arguments(), log)};
        ASSERT_TRUE(eventually([&] { return task().value("state", "") == "cancelled"; })) << task();
        ASSERT_TRUE(eventually([&] { return is_at_the_head(); }));
        const json status = json::parse(plumbline({"status", db_, "--json"}).out, nullptr, false);
        EXPECT_EQ(status["service"]["reasons"], json::array());
        EXPECT_TRUE(has(read_file(log), "the config does not name a webhook any more"));
        service.send_signal(SIGTERM);
        ASSERT_EQ(service.wait(), 0);
    }
    write_file(dir_.sub("plumbline.toml"), toml);
    start_receiver(port_);
    Child service{plumbline_command(run_arguments())};
    // Rows went on while nobody told it: it is to read them anew.
    EXPECT_TRUE(eventually([&] { return take() && types_["reset"] == 1; })) << told();
    EXPECT_TRUE(eventually([&] { return is_taken("webhook.app"); }));
    EXPECT_EQ(types_["hello"], 1);
    service.send_signal(SIGTERM);
    EXPECT_EQ(service.wait(), 0);
}

TEST_F(WebhookTest, ARestoredIndexTakesBackWhatItToldAfterTheBackup) {
    // A second receiver follows events alone.
    std::string config = read_file(dir_.sub("plumbline.toml"));
    const size_t at = config.find("\n[webhooks.app]");
    std::string second = config.substr(at, config.find("entities", at) - at);
    second.replace(second.find(".app"), 4, ".log").replace(second.find("/hook"), 5, "/events");
    write_file(dir_.sub("plumbline.toml"), config + second + "events = [\"hub.*\"]\n");
    const auto once = run_arguments();
    const auto tell_all = [&](int steps, int seed) {
        Child service{plumbline_command(once)};
        act(steps, seed, address_);
        ASSERT_TRUE(eventually([&] { return is_taken("webhook.app") && is_taken("webhook.log"); }))
            << told();
        service.send_signal(SIGTERM);
        EXPECT_EQ(service.wait(), 0);
    };
    ASSERT_NO_FATAL_FAILURE(tell_all(20, 2));
    const uint64_t backed_up = anvil_.head();
    ASSERT_EQ(plumbline({"backup", db_, dir_.sub("backups")}).code, 0);
    ASSERT_NO_FATAL_FAILURE(tell_all(10, 3));
    std::filesystem::remove_all(db_);
    ASSERT_EQ(plumbline({"restore", dir_.sub("backups"), db_}).code, 0);
    // All that came after the backup is gone from the chain as well.
    anvil_.call("anvil_reorg", {anvil_.head() - backed_up, json::array()});
    types_.clear();
    Child service{plumbline_command(once)};
    EXPECT_TRUE(eventually([&] {
        return take() && types_["reset"] == 1 && types_["retract"] == 1;
    })) << told();
    service.send_signal(SIGTERM);
    EXPECT_EQ(service.wait(), 0);
    Child again{plumbline_command(once)};
    act(5, 4, address_);
    EXPECT_TRUE(eventually([&] { return is_at_the_head() && take() && types_["block"] > 0; }));
    EXPECT_EQ(types_["reset"], 1) << "once";
    again.send_signal(SIGTERM);
    EXPECT_EQ(again.wait(), 0);
}

TEST_F(WebhookTest, TheReceiverRefusesWhatIsNotSigned) {
    const std::string url = "http://127.0.0.1:" + std::to_string(port_) + "/hook";
    const auto done = run_command({"curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-d",
                                   R"({"messages":[{"type":"hello"}]})", url});
    EXPECT_EQ(done.out, "401");
    take();
    EXPECT_TRUE(types_.empty());
}

}  // namespace
}  // namespace plumbline::test::webhook_test
