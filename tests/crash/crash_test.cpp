// The real command against a real chain, killed again and again at random moments while the chain
// grows, forks and shrinks: at the end it holds what the contract holds, and the same bytes as an
// index that was never disturbed. PLUMBLINE_SEED replays the moments, PLUMBLINE_KILLS sets how
// many.
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <system_error>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/e2e/chain.hpp"

namespace plumbline::test::crash_test {
namespace {

const std::vector<std::string> kEntities = {"community", "membership", "option",
                                            "question",  "user",       "vote"};
const std::string kConfig = "examples/community/plumbline.toml";

uint64_t from_environment(const char* name, uint64_t fallback) {
    const char* text = std::getenv(name);
    return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

class CrashTest : public testing::Test {
  protected:
    nlohmann::json act(unsigned steps, uint64_t seed) {
        std::vector<std::string> arguments{"--rpc",   anvil_.url(),
                                           "--steps", std::to_string(steps),
                                           "--seed",  std::to_string(seed)};
        if (!address_.empty()) {
            arguments.insert(arguments.end(), {"--address", address_});
        }
        const auto done = run_script("examples/community/activity.mjs", arguments);
        EXPECT_EQ(done.code, 0) << done.err;
        return nlohmann::json::parse(done.out, nullptr, false);
    }
    [[nodiscard]] std::vector<std::string> run_arguments(const std::string& db) const {
        return {"run", config_, "--db", db, "--rpc", anvil_.url(), "--quiet"};
    }
    void index_to_head(const std::string& db) const {
        auto arguments = run_arguments(db);
        arguments.insert(arguments.end(), {"--until", "head"});
        const auto done = plumbline(arguments);
        ASSERT_EQ(done.code, 0) << done.err;
    }
    [[nodiscard]] static std::string dump(const std::string& db,
                                          const std::vector<std::string>& what) {
        std::vector<std::string> arguments{"dump", db};
        arguments.insert(arguments.end(), what.begin(), what.end());
        const auto done = plumbline(arguments);
        EXPECT_EQ(done.code, 0) << done.err;
        return done.out;
    }

    /// The command is killed at random moments until that was done `kills_wanted` times, while the
    /// contract is used and the chain forks, and is then left to come to the head.
    void kill_while_the_chain_forks(uint64_t kills_wanted);

    // Two epochs of four slots: finality follows eight blocks behind, so that forks cross it too.
    Anvil anvil_{{"--slots-in-an-epoch", "4"}};
    std::string address_;  ///< what is indexed; empty until it is deployed
    std::string config_ = source_path(kConfig);
    TempDir dir_;
    std::string db_ = dir_.sub("db");
};

void CrashTest::kill_while_the_chain_forks(uint64_t kills_wanted) {
    const uint64_t seed = from_environment("PLUMBLINE_SEED", std::random_device{}());
    std::printf("PLUMBLINE_SEED=%lu\n", seed);
    SCOPED_TRACE("PLUMBLINE_SEED=" + std::to_string(seed));
    auto report = act(60, seed % 1000);
    ASSERT_TRUE(report.is_object());
    address_ = report["address"];

    std::atomic<uint64_t> kills{0};
    std::atomic<uint64_t> ended_alone{0};
    std::jthread killer{[&](const std::stop_token& stop) {
        std::mt19937_64 random{seed};
        while (!stop.stop_requested()) {
            Child indexer{plumbline_command(run_arguments(db_))};
            // The moment is what is tried, so it is a time and no condition. Mostly soon: while it
            // opens, catches up and commits; sometimes in the quiet.
            const uint64_t longest = random() % 4 == 0 ? 1'500 : 400;
            std::this_thread::sleep_for(std::chrono::milliseconds{random() % longest});
            if (!indexer.is_running()) {
                ++ended_alone;
                continue;
            }
            indexer.send_signal(SIGKILL);
            EXPECT_EQ(indexer.wait(), 128 + SIGKILL);
            ++kills;
        }
    }};

    std::mt19937_64 random{seed + 1};
    unsigned forks = 0;
    unsigned rounds = 0;
    // As long as it takes: how fast the machine is says nothing.
    while (ended_alone == 0 && (kills < kills_wanted || rounds < 6)) {
        ++rounds;
        const auto snapshot = anvil_.call("evm_snapshot");
        report = act(10 + static_cast<unsigned>(random() % 30), random() % 100'000);
        ASSERT_TRUE(report.is_object());
        switch (random() % 4) {
            case 0: anvil_.call("anvil_reorg", {1 + random() % 9, nlohmann::json::array()}); break;
            case 1: anvil_.call("anvil_rollback", {1 + random() % 6}); break;
            case 2: anvil_.call("evm_revert", nlohmann::json::array({snapshot})); break;
            default: continue;
        }
        ++forks;
        if (random() % 2 == 0) {
            anvil_.mine(1 + static_cast<unsigned>(random() % 3));
        }
    }
    killer.request_stop();
    killer.join();
    std::printf("%lu kills, %u rounds of activity, %u forks, head %lu\n", kills.load(), rounds,
                forks, anvil_.head());
    EXPECT_EQ(ended_alone.load(), 0U) << "it gave up without being killed";

    // Everything before becomes final, so that both indexes keep the same blocks.
    report = act(40, seed % 1000 + 1);
    index_to_head(db_);
}

TEST_F(CrashTest, KilledAtAnyMomentWhileTheChainForksItLosesAndInventsNothing) {
    kill_while_the_chain_forks(from_environment("PLUMBLINE_KILLS", 30));
    ASSERT_FALSE(HasFatalFailure());
    const std::string fresh = dir_.sub("fresh");
    index_to_head(fresh);
    EXPECT_TRUE(dump(db_, {"--events"}) == dump(fresh, {"--events"})) << "the logs differ";
    for (const std::string& entity : kEntities) {
        const std::string rows = dump(db_, {"--entity", entity});
        EXPECT_EQ(rows, dump(fresh, {"--entity", entity})) << entity;
        const auto chain =
            run_script("tests/contracts/community_state.mjs",
                       {"--rpc", anvil_.url(), "--address", address_, "--entity", entity, "--all"});
        ASSERT_EQ(chain.code, 0) << chain.err;
        EXPECT_EQ(rows, chain.out) << entity;
    }
}

/// What the contract tells at the newest final block, once, and at the block of the event.
std::string config_of_calls() {
    return fmt::format(R"([chain]
id = 31337
rpc = ["http://127.0.0.1:8545"]
[contracts.hub]
abi = "{}"
address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
[entities.registered]
key = {{ user = "address" }}
fields = {{ point = "uint256", options_max = "uint256", role = "uint8", reason = "bytes32" }}
[entities.changed]
key = {{ block = "uint64", log = "uint32" }}
fields = {{ users = "uint64", communities = "uint64" }}
[[on]]
event = "hub.UserRegistered"
upsert = "registered"
key = {{ user = "user" }}
set = {{ point = "$call.point", options_max = "$call.options_max", role = "$call.role", reason = "$call.reason" }}
[on.calls]
point = {{ call = "hub.POINT", once = true, state = "head" }}
options_max = {{ call = "hub.MAX_OPTIONS", once = true, state = "head" }}
role = {{ call = "hub.ROLE_ADMIN", once = true, state = "head" }}
reason = {{ call = "hub.REASON_BAN", once = true, state = "head" }}
[[on]]
event = "hub.ReputationChanged"
insert = "changed"
key = {{ block = "$block.number", log = "$log.index" }}
set = {{ users = "$call.users", communities = "$call.communities" }}
[on.calls]
users = {{ call = "hub.userCount" }}
communities = {{ call = "hub.communityCount" }}
)",
                       source_path("examples/community/CommunityHub.json"));
}

TEST_F(CrashTest, KilledWhileContractsAreAskedItKeepsTheFactsOfTheChainThatCounts) {
    config_ = dir_.sub("calls.toml");
    write_file(config_, config_of_calls());
    kill_while_the_chain_forks(from_environment("PLUMBLINE_KILLS", 15));
    ASSERT_FALSE(HasFatalFailure());
    const std::string fresh = dir_.sub("fresh");
    index_to_head(fresh);
    for (const char* entity : {"registered", "changed"}) {
        EXPECT_EQ(dump(db_, {"--entity", entity}), dump(fresh, {"--entity", entity})) << entity;
    }
    EXPECT_GT(std::ranges::count(dump(db_, {"--facts"}), '\n'), 4);
    const auto verified = plumbline({"verify", db_, "--proof", "calls", "--rpc", anvil_.url()});
    EXPECT_EQ(verified.code, 0) << verified.out << verified.err;
}

TEST_F(CrashTest, KilledBesideASlowProviderItKeepsWhatWasFetched) {
    auto report = act(20, 1);
    ASSERT_TRUE(report.is_object());
    anvil_.mine(400);
    Child provider{{"node", source_path("tests/crash/slow_provider.mjs"), "--rpc", anvil_.url(),
                    "--blocks", "6", "--delay", "50"}};
    const std::string ready = provider.read_line();
    ASSERT_TRUE(ready.starts_with("ready ")) << ready;
    Child indexer{plumbline_command({"run", source_path(kConfig), "--db", db_, "--rpc",
                                     "http://127.0.0.1:" + ready.substr(6), "--quiet"})};
    // Of about seventy such answers that the blocks take.
    for (int answers = 0; answers < 25; ++answers) {
        ASSERT_TRUE(provider.read_line().starts_with("logs "));
    }
    indexer.send_signal(SIGKILL);
    EXPECT_EQ(indexer.wait(), 128 + SIGKILL);
    const auto done = plumbline({"status", db_, "--json"});
    ASSERT_EQ(done.code, 0) << done.err;
    const auto status = nlohmann::json::parse(done.out, nullptr, false);
    ASSERT_TRUE(status["block"].is_number()) << done.out;
    EXPECT_GE(status["block"].get<uint64_t>(), 50U);
    EXPECT_GT(status["events"].get<uint64_t>(), 0U);
}

bool has_open(pid_t pid, const std::string& path) {
    std::error_code error;
    const std::filesystem::path files = "/proc/" + std::to_string(pid) + "/fd";
    for (const auto& file : std::filesystem::directory_iterator{files, error}) {
        if (std::filesystem::read_symlink(file.path(), error) ==
            std::filesystem::weakly_canonical(path, error)) {
            return true;
        }
    }
    return false;
}

TEST_F(CrashTest, AStopThatIsForcedSaysSoInItsExitCode) {
    anvil_.mine(3);
    Child indexer{plumbline_command(run_arguments(db_))};
    ASSERT_TRUE(eventually([&] { return plumbline({"status", db_}).code == 0; }));
    // Both wait for it when it wakes, so that the second comes before the first is obeyed.
    indexer.send_signal(SIGSTOP);
    indexer.send_signal(SIGINT);
    indexer.send_signal(SIGTERM);
    indexer.send_signal(SIGCONT);
    EXPECT_EQ(indexer.wait(), 128 + SIGTERM);
    Child again{plumbline_command(run_arguments(db_))};
    // The database is there already: that it is open says that signals are heard.
    ASSERT_TRUE(eventually([&] { return has_open(again.pid(), db_ + "/LOCK"); }));
    again.send_signal(SIGTERM);
    EXPECT_EQ(again.wait(), 0) << "one signal is a stop on request";
}

}  // namespace
}  // namespace plumbline::test::crash_test
