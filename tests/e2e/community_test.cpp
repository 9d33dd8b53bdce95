// The main job on a real chain: the community contract on anvil, indexed by the real command, and
// compared with what the contract's own getters return.
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/e2e/chain.hpp"

namespace plumbline::test::community_test {
namespace {

const std::vector<std::string> kEntities = {"community", "membership", "option",
                                            "question",  "user",       "vote"};
const std::string kActivity = "examples/community/activity.mjs";
const std::string kConfig = "examples/community/plumbline.toml";

class CommunityTest : public testing::Test {
  protected:
    /// Deploys (the first time) and makes activity; the script's report.
    nlohmann::json act(unsigned steps, unsigned seed) {
        std::vector<std::string> arguments{"--rpc",   anvil_.url(),
                                           "--steps", std::to_string(steps),
                                           "--seed",  std::to_string(seed)};
        if (!address_.empty()) {
            arguments.insert(arguments.end(), {"--address", address_});
        }
        const auto done = run_script(kActivity, arguments);
        EXPECT_EQ(done.code, 0) << done.err;
        const auto report = nlohmann::json::parse(done.out, nullptr, false);
        EXPECT_TRUE(report.is_object()) << done.out;
        address_ = report.value("address", "");
        return report;
    }
    std::vector<std::string> run_arguments() const {
        return {"run", source_path(kConfig), "--db", db_, "--rpc", anvil_.url(), "--quiet"};
    }
    void index_to_head() {
        auto arguments = run_arguments();
        arguments.insert(arguments.end(), {"--until", "head"});
        const auto done = plumbline(arguments);
        ASSERT_EQ(done.code, 0) << done.err;
    }
    nlohmann::json status() const {
        const auto done = plumbline({"status", db_, "--json"});
        EXPECT_EQ(done.code, 0) << done.err;
        return nlohmann::json::parse(done.out, nullptr, false);
    }
    std::string dump(const std::string& entity) const {
        const auto done = plumbline({"dump", db_, "--entity", entity});
        EXPECT_EQ(done.code, 0) << done.err;
        return done.out;
    }
    void expect_equals_contract(const std::string& address) {
        for (const std::string& entity : kEntities) {
            const auto chain = run_script(
                "tests/contracts/community_state.mjs",
                {"--rpc", anvil_.url(), "--address", address, "--entity", entity, "--all"});
            ASSERT_EQ(chain.code, 0) << chain.err;
            EXPECT_FALSE(chain.out.empty()) << entity;
            EXPECT_EQ(dump(entity), chain.out) << entity;
        }
    }

    Anvil anvil_;
    std::string address_;
    TempDir dir_;
    std::string db_ = dir_.sub("db");
};

TEST_F(CommunityTest, EntitiesEqualTheContractsGettersAndRebuildGivesTheSameBytes) {
    const auto report = act(400, 1);
    index_to_head();

    const auto now = status();
    EXPECT_EQ(now["chain_id"], 31337);
    EXPECT_EQ(now["block"], report["headBlock"]);
    EXPECT_EQ(now["block_hash"], report["headHash"]);
    EXPECT_EQ(now["events"], report["logs"]);
    EXPECT_EQ(now["quarantined"], 0);
    EXPECT_EQ(now["finalized_block"].get<uint64_t>() + 64, now["block"].get<uint64_t>());
    EXPECT_GT(now["size_bytes"], 0);
    for (const std::string& entity : kEntities) {
        EXPECT_EQ(now["entities"][entity], report["counts"][entity]) << entity;
    }
    expect_equals_contract(report["address"]);

    std::map<std::string, std::string> before;
    for (const std::string& entity : kEntities) {
        before[entity] = dump(entity);
    }
    const auto rebuilt = plumbline({"rebuild", db_, "--quiet"});
    ASSERT_EQ(rebuilt.code, 0) << rebuilt.err;
    for (const std::string& entity : kEntities) {
        EXPECT_EQ(dump(entity), before[entity]) << entity;
    }
    EXPECT_EQ(status()["entities"], now["entities"]);
}

TEST_F(CommunityTest, FollowsTheHeadWhileToolsReadAndStopsCleanlyOnSigterm) {
    act(50, 1);
    Child indexer{plumbline_command(run_arguments())};
    // Until its first commit there is nothing to read yet.
    ASSERT_TRUE(eventually([&] { return plumbline({"status", db_, "--json"}).code == 0; }));
    ASSERT_TRUE(eventually([&] { return status()["block"] == anvil_.head(); }));
    const uint64_t events = status()["events"];
    act(150, 2);
    ASSERT_TRUE(eventually([&] { return status()["block"] == anvil_.head(); }));
    EXPECT_GT(status()["events"], events);
    expect_equals_contract(address_);
    anvil_.call("anvil_reorg", {7, nlohmann::json::array()});
    act(40, 3);
    ASSERT_TRUE(eventually([&] { return status()["block"] == anvil_.head(); }));
    expect_equals_contract(address_);

    const auto second = plumbline(run_arguments());
    EXPECT_EQ(second.code, 3) << "another writer must be refused";
    EXPECT_NE(second.err.find(db_), std::string::npos) << second.err;

    indexer.send_signal(SIGTERM);
    EXPECT_EQ(indexer.wait(), 0);
    EXPECT_EQ(status()["quarantined"], 0);
}

/// As good as a full disk: every write to a file fails.
void limit_file_size(pid_t pid, rlim_t bytes) {
    rlimit limit{};
    ASSERT_EQ(prlimit(pid, RLIMIT_FSIZE, nullptr, &limit), 0);
    limit.rlim_cur = bytes;
    ASSERT_EQ(prlimit(pid, RLIMIT_FSIZE, &limit, nullptr), 0);
}

/// Address space for the program and its libraries, and for so much more.
TEST_F(CommunityTest, ALimitOfMemoryIsAReasonAndNoAbort) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "sanitizers reserve address space of their own";
#endif
    act(50, 1);
    index_to_head();
    size_t works = 0;
    for (unsigned kib = 60'000; kib <= 400'000; kib += 20'000) {
        SCOPED_TRACE(kib);
        std::vector<std::string> command{
            "/bin/sh", "-c", "ulimit -v " + std::to_string(kib) + "; exec \"$@\"", "sh"};
        for (const std::string& part : plumbline_command({"status", db_})) {
            command.push_back(part);
        }
        const Finished status = run_command(command);
        EXPECT_TRUE(status.code == 0 || status.code == 3 || status.code == 127)
            << status.code << ' ' << status.err;  // 127: the libraries found no room
        works += status.code == 0 ? 1U : 0U;
    }
    EXPECT_GT(works, 0U);
}

std::vector<std::string> with_address_space(unsigned kib, const std::vector<std::string>& rest) {
    std::vector<std::string> command{
        "/bin/sh", "-c", "ulimit -v " + std::to_string(kib) + "; exec \"$@\" 2>&1", "sh"};
    for (const std::string& part : plumbline_command(rest)) {
        command.push_back(part);
    }
    return command;
}

/// With less and less room for the stacks of threads, whichever of them is the first that cannot be
/// started.
TEST_F(CommunityTest, WhereAThreadCannotBeStartedACommandEndsWithAReason) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "sanitizers reserve address space of their own";
#endif
    act(50, 1);
    index_to_head();
    std::vector<std::string> to_head = run_arguments();
    to_head.insert(to_head.end(), {"--until", "head"});
    const std::vector<std::string> commands[] = {
        to_head, {"verify", db_, "--rpc", anvil_.url()}, {"rebuild", db_, "--quiet"}};
    for (unsigned kib = 100'000; kib <= 300'000; kib += 20'000) {
        for (const std::vector<std::string>& command : commands) {
            SCOPED_TRACE(std::to_string(kib) + " " + command.front());
            const Finished ended = run_command(with_address_space(kib, command));
            EXPECT_TRUE(ended.code == 0 || ended.code == 3 || ended.code == 127)
                << ended.code << ' ' << ended.out;
            EXPECT_TRUE(ended.code == 0 || !ended.out.empty());
        }
    }
}

bool says(Child& process, const std::string& text) {
    std::string line;
    do {
        line = process.read_line();
    } while (!line.empty() && line.find(text) == std::string::npos);
    return !line.empty();
}

TEST_F(CommunityTest, AServiceThatCannotStartItsThreadsEndsWithThree) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "sanitizers reserve address space of their own";
#endif
    act(50, 1);
    const std::string config = dir_.sub("plumbline.toml");
    std::ofstream{config} << read_file(source_path(kConfig))
                          << "\n[http]\nlisten = \"127.0.0.1:0\"\n";
    std::filesystem::copy_file(source_path("examples/community/CommunityHub.json"),
                               dir_.sub("CommunityHub.json"));
    size_t refused = 0;
    for (unsigned kib = 160'000; kib <= 400'000; kib += 20'000) {
        SCOPED_TRACE(kib);
        Child service{with_address_space(kib, {"run", config, "--db", db_, "--rpc", anvil_.url()})};
        if (says(service, "the API listens")) {
            service.send_signal(SIGTERM);
        }
        const int code = service.wait();
        EXPECT_TRUE(code == 0 || code == 3) << code;
        refused += code == 3 ? 1U : 0U;
    }
    EXPECT_GT(refused, 0U);
}

TEST_F(CommunityTest, TooFewDescriptorsAreNamedBeforeAnybodyIsBlamed) {
    std::vector<std::string> command{"/bin/sh", "-c", "ulimit -n 40; exec \"$@\"", "sh"};
    for (const std::string& part : plumbline_command(run_arguments())) {
        command.push_back(part);
    }
    const Finished ended = run_command(command);
    EXPECT_EQ(ended.code, 3) << ended.err;
    EXPECT_NE(ended.err.find("ulimit -n"), std::string::npos) << ended.err;
}

TEST_F(CommunityTest, ADumpThatTheDiskDoesNotTakeLeavesNothingBehind) {
    act(50, 1);
    index_to_head();
    const std::string out = dir_.sub("events.jsonl");
    std::vector<std::string> command{"/bin/sh", "-c", "ulimit -f 1; exec \"$@\"", "sh"};
    for (const std::string& part : plumbline_command({"dump", db_, "--events", "--out", out})) {
        command.push_back(part);
    }
    const Finished dumped = run_command(command);
    EXPECT_EQ(dumped.code, 3) << dumped.err;
    EXPECT_NE(dumped.err.find("cannot write " + out), std::string::npos) << dumped.err;
    EXPECT_FALSE(std::filesystem::exists(out));
    EXPECT_FALSE(std::filesystem::exists(out + ".partial"));
}

TEST_F(CommunityTest, ABackupThatHasNowhereToGoIsRefusedWhenItIsAdded) {
    act(50, 1);
    index_to_head();
    const auto added = plumbline({"task", "add", db_, "backup"});
    EXPECT_EQ(added.code, 2) << added.out;
    EXPECT_NE(added.err.find("a backup needs to know where"), std::string::npos) << added.err;
    EXPECT_EQ(plumbline({"task", "add", db_, "backup", dir_.sub("backups")}).code, 0);
}

TEST_F(CommunityTest, AProcessWhoseDiskWasFullGoesOnByItself) {
    act(50, 1);
    std::vector<std::string> command = plumbline_command(run_arguments());
    command.insert(command.begin(), {"sh", "-c", "exec \"$@\" 2>&1", "sh"});
    Child indexer{command};
    ASSERT_TRUE(eventually([&] { return plumbline({"status", db_, "--json"}).code == 0; }));
    ASSERT_TRUE(eventually([&] { return status()["block"] == anvil_.head(); }));
    limit_file_size(indexer.pid(), 0);
    act(40, 2);
    EXPECT_TRUE(says(indexer, "waiting until it works"));
    limit_file_size(indexer.pid(), RLIM_INFINITY);
    EXPECT_TRUE(says(indexer, "closing the database and opening it again"));
    ASSERT_TRUE(eventually([&] { return status()["block"] == anvil_.head(); }));
    expect_equals_contract(address_);
    indexer.send_signal(SIGTERM);
    EXPECT_EQ(indexer.wait(), 0);
}

/// The first table file of a column family, by number.
std::string table_file_of(const std::string& db, const std::string& family) {
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator{db}) {
        if (entry.path().extension() == ".sst" &&
            read_file(entry.path().string()).find(family) != std::string::npos) {
            found.insert(entry.path().string());
        }
    }
    return found.empty() ? std::string{} : *found.begin();
}

TEST_F(CommunityTest, ADamagedFileEndsARunWithFourAndIsMendedByARepair) {
    act(150, 1);
    auto first = run_arguments();
    first.insert(first.end(), {"--until", "30"});
    ASSERT_EQ(plumbline(first).code, 0);
    index_to_head();
    const std::string entity = kEntities[0];
    const std::string victim = table_file_of(db_, "entity." + entity + "#1");
    ASSERT_FALSE(victim.empty());
    std::fstream{victim, std::ios::in | std::ios::out | std::ios::binary}.seekp(10).put('\x55');

    // Whatever reads the file first, the run says which it is and ends.
    ASSERT_EQ(plumbline({"task", "add", db_, "compact"}).code, 0);
    std::vector<std::string> command = plumbline_command(run_arguments());
    command.insert(command.begin(), {"sh", "-c", "exec \"$@\" 2>&1", "sh"});
    Child indexer{command};
    EXPECT_TRUE(says(indexer, victim + ", a table file of entity." + entity + "#1, is damaged"));
    EXPECT_EQ(indexer.wait(), 4);
    const auto backup = plumbline({"backup", db_, dir_.sub("backups")});
    EXPECT_EQ(backup.code, 4) << backup.out;
    EXPECT_NE(backup.err.find(victim), std::string::npos) << backup.err;

    const auto repaired = plumbline({"repair", db_, "--rpc", anvil_.url()});
    EXPECT_EQ(repaired.code, 0) << repaired.err << repaired.out;
    EXPECT_NE(repaired.out.find(victim), std::string::npos) << repaired.out;
    index_to_head();
    EXPECT_EQ(plumbline({"backup", db_, dir_.sub("backups")}).code, 0);
    expect_equals_contract(address_);
}

TEST_F(CommunityTest, StopsAtTheAskedBlockAndGoesOnFromThere) {
    const auto report = act(200, 3);
    auto arguments = run_arguments();
    arguments.insert(arguments.end(), {"--until", "20"});
    const auto first = plumbline(arguments);
    ASSERT_EQ(first.code, 0) << first.err;
    EXPECT_EQ(status()["block"], 20);
    index_to_head();
    EXPECT_EQ(status()["block"], report["headBlock"]);
    expect_equals_contract(report["address"]);
}

TEST_F(CommunityTest, ReorgsAreFollowedToTheWinningChain) {
    act(120, 4);
    index_to_head();
    // Ten blocks away and others in their place: the head number stays the same.
    anvil_.call("anvil_reorg", {10, nlohmann::json::array()});
    anvil_.mine();
    index_to_head();
    EXPECT_EQ(status()["block"], anvil_.head());
    expect_equals_contract(address_);
    // Life goes on in the winning chain otherwise than it did in the other.
    act(60, 5);
    index_to_head();
    expect_equals_contract(address_);
}

TEST_F(CommunityTest, RowsAreFoundByKeyPrefixAndIndex) {
    act(200, 1);
    index_to_head();
    const auto one = plumbline({"get", db_, "community", "id=1", "--json"});
    ASSERT_EQ(one.code, 0) << one.err;
    const auto community = nlohmann::json::parse(one.out);
    EXPECT_EQ(community["id"], "1");

    const auto by_admin = plumbline(
        {"list", db_, "community", "--where", "admin=" + community["admin"].get<std::string>()});
    ASSERT_EQ(by_admin.code, 0) << by_admin.err;
    EXPECT_NE(by_admin.out.find(one.out), std::string::npos);

    // Page by page gives what the whole gives.
    const std::string whole = plumbline({"list", db_, "option", "--limit", "100000"}).out;
    std::string pages;
    std::string after;
    for (int guard = 0; guard < 1000; ++guard) {
        std::vector<std::string> arguments{"list", db_, "option", "--limit", "7"};
        if (!after.empty()) {
            arguments.insert(arguments.end(), {"--after", after});
        }
        const auto page = plumbline(arguments);
        ASSERT_EQ(page.code, 0) << page.err;
        pages += page.out;
        const size_t more = page.err.find("more: --after '");
        if (more == std::string::npos) {
            break;
        }
        after = page.err.substr(more + 15, page.err.find('\'', more + 15) - more - 15);
    }
    EXPECT_EQ(pages, whole);

    EXPECT_EQ(plumbline({"get", db_, "community", "id=999999"}).code, 1);
    EXPECT_EQ(plumbline({"get", db_, "community", "id=x"}).code, 2);
    EXPECT_EQ(plumbline({"get", db_, "nothing", "id=1"}).code, 2);
    EXPECT_EQ(plumbline({"list", db_, "community", "--where", "name=x"}).code, 2);
}

TEST_F(CommunityTest, EventsAreDumpedDecodedInOrder) {
    const auto report = act(150, 1);
    index_to_head();
    const auto all = plumbline({"dump", db_, "--events"});
    ASSERT_EQ(all.code, 0) << all.err;
    std::istringstream lines{all.out};
    std::map<std::string, uint64_t> seen;
    std::pair<uint64_t, uint64_t> last{0, 0};
    uint64_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
        const auto event = nlohmann::json::parse(line, nullptr, false);
        ASSERT_TRUE(event.is_object()) << line;
        const std::pair<uint64_t, uint64_t> at{event["block"], event["log_index"]};
        EXPECT_TRUE(count == 0 || last < at) << line;
        last = at;
        EXPECT_EQ(event["contract"], "hub");
        EXPECT_TRUE(event["params"].is_object()) << line;
        EXPECT_TRUE(event["topics"].is_array() && !event["topics"].empty()) << line;
        const nlohmann::json block =
            anvil_.call("eth_getBlockByNumber", {fmt::format("{:#x}", at.first), false});
        EXPECT_EQ(event["block_hash"], block["hash"]) << line;
        EXPECT_EQ(fmt::format("{:#x}", event["timestamp"].get<uint64_t>()), block["timestamp"]);
        ++seen[event["event"]];
    }
    EXPECT_EQ(count, report["logs"]);
    for (const auto& [name, times] : report["events"].items()) {
        EXPECT_EQ(seen[name], times) << name;
    }

    const auto file = dir_.sub("part.csv");
    const auto part = plumbline(
        {"dump", db_, "--events", "--from", "5", "--to", "9", "--format", "csv", "--out", file});
    ASSERT_EQ(part.code, 0) << part.err;
    EXPECT_TRUE(read_file(file).starts_with(
        "block,block_hash,timestamp,log_index,txn_index,txn_hash,address,contract,event,topics,"
        "params,data\n"));
    EXPECT_FALSE(std::filesystem::exists(file + ".partial"));
}

TEST_F(CommunityTest, AnotherChainsDatabaseIsRefusedAndLeftAlone) {
    act(30, 1);
    index_to_head();
    const auto before = status();
    Anvil other{{"--chain-id", "5"}};
    auto arguments = run_arguments();
    arguments[5] = other.url();
    arguments.insert(arguments.end(), {"--until", "head"});
    const auto refused = plumbline(arguments);
    EXPECT_EQ(refused.code, 2) << refused.err;
    EXPECT_NE(refused.err.find("31337"), std::string::npos) << refused.err;
    // RocksDB's own files grow with every open.
    auto after = status();
    after["size_bytes"] = before["size_bytes"];
    EXPECT_EQ(after, before);
}

TEST_F(CommunityTest, ADirectoryThatCannotBeWrittenIsToldByName) {
    db_ = "/sys/plumbline/db";
    auto arguments = run_arguments();
    arguments.insert(arguments.end(), {"--until", "head"});
    const auto refused = plumbline(arguments);
    EXPECT_EQ(refused.code, 3) << refused.err;
    EXPECT_NE(refused.err.find("/sys/plumbline"), std::string::npos) << refused.err;
}

TEST_F(CommunityTest, InitWritesAConfigThatRunsAsItIs) {
    const auto report = act(150, 1);
    const std::string folder = dir_.sub("mine");
    const auto made =
        plumbline({"init", folder, "--abi", source_path("examples/community/CommunityHub.json"),
                   "--address", report["address"], "--rpc", anvil_.url()});
    ASSERT_EQ(made.code, 0) << made.err;
    const auto ran = plumbline({"run", folder + "/plumbline.toml", "--until", "head", "--quiet"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    db_ = folder + "/db";
    const auto now = status();
    EXPECT_EQ(now["events"], report["logs"]);
    EXPECT_EQ(now["quarantined"], 0);
    uint64_t rows = 0;
    for (const auto& [name, count] : now["entities"].items()) {
        rows += count.get<uint64_t>();
    }
    EXPECT_EQ(rows, report["logs"].get<uint64_t>()) << "one row for each event";
    const auto again =
        plumbline({"init", folder, "--abi", source_path("examples/community/CommunityHub.json"),
                   "--address", report["address"], "--rpc", anvil_.url()});
    EXPECT_EQ(again.code, 2) << "an existing config must not be overwritten";
}

}  // namespace
}  // namespace plumbline::test::community_test
