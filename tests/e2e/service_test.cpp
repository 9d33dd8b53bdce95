// The running service as a person meets it: tasks, proofs by themselves, reload, backup and
// restore, on a real chain.
#include <signal.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/chain.hpp"
#include "tests/support/paths.hpp"

namespace plumbline::test::service_test {
namespace {

using testing::HasSubstr;
using testing::Not;

class ServiceCommandTest : public testing::Test {
  protected:
    void SetUp() override {
        const auto done = run_script("examples/community/activity.mjs",
                                     {"--rpc", anvil_.url(), "--steps", "60", "--seed", "1"});
        ASSERT_EQ(done.code, 0) << done.err;
        anvil_.mine(70);  // Until something is final.
        write_file(dir_.sub("CommunityHub.json"),
                   read_file(source_path("examples/community/CommunityHub.json")));
        write_config("");
    }
    void write_config(const std::string& more) const {
        write_file(dir_.sub("plumbline.toml"),
                   read_file(source_path("examples/community/plumbline.toml")) + more);
    }
    std::vector<std::string> run_arguments() const {
        return {
            "run", dir_.sub("plumbline.toml"), "--db", db_, "--rpc", anvil_.url(), "--log-format",
            "json"};
    }
    /// Every task as JSON, of a state.
    std::vector<nlohmann::json> tasks(const std::string& state) const {
        std::vector<nlohmann::json> out;
        const auto listed = plumbline({"task", "list", db_, "--json", "--state", state});
        std::istringstream lines{listed.out};
        for (std::string line; std::getline(lines, line);) {
            out.push_back(nlohmann::json::parse(line, nullptr, false));
        }
        return out;
    }
    bool is_done(const std::string& kind) const {
        for (const auto& task : tasks("done")) {
            if (task["kind"] == kind) {
                return true;
            }
        }
        return false;
    }
    nlohmann::json status(const std::string& db) const {
        const auto done = plumbline({"status", db, "--json"});
        return nlohmann::json::parse(done.out, nullptr, false);
    }

    Anvil anvil_;
    TempDir dir_;
    std::string db_ = dir_.sub("db");
};

TEST_F(ServiceCommandTest, AWatchedConfigIsTakenWhenItIsSavedAndAWrongOneIsNot) {
    const auto counted = [](const std::string& entity) {
        return "\n[entities." + entity +
               "]\nkey = { n = \"uint8\" }\nfields = { count = \"uint64\" }\n[[on]]\n"
               "event = \"hub.VoteCast\"\nupsert = \"" +
               entity + "\"\nkey = { n = 1 }\nadd = { count = 1 }\n";
    };
    const auto has_rows = [&](const std::string& entity) {
        const auto listed = plumbline({"list", db_, entity});
        return listed.code == 0 && listed.out.find("\"count\":") != std::string::npos;
    };
    auto arguments = run_arguments();
    arguments.emplace_back("--watch");
    Child service{plumbline_command(arguments)};
    EXPECT_TRUE(eventually([&] { return plumbline({"list", db_, "user"}).code == 0; }));
    write_config(counted("tally"));
    EXPECT_TRUE(eventually([&] { return has_rows("tally"); }));
    write_config("\n[[on]]\nevent = \"hub.Nothing\"\n");
    write_file(dir_.sub("CommunityHub.json"), "[");
    write_file(dir_.sub("CommunityHub.json"),
               read_file(source_path("examples/community/CommunityHub.json")));
    // An ABI alone makes a change too, but the config still is wrong: so this one is the next.
    write_config(counted("other"));
    EXPECT_TRUE(eventually([&] { return has_rows("other"); }));
    EXPECT_EQ(plumbline({"list", db_, "tally"}).code, 2);
    service.send_signal(SIGTERM);
    EXPECT_EQ(service.wait(), 0);
    auto both = run_arguments();
    both.insert(both.end(), {"--watch", "--until", "head"});
    EXPECT_EQ(plumbline(both).code, 2);
}

TEST_F(ServiceCommandTest,
       AConfigOfOtherContractsAloneIsRefusedAndTouchesNothingUnlessItMayReplace) {
    auto arguments = run_arguments();
    arguments.insert(arguments.end(), {"--until", "head"});
    ASSERT_EQ(plumbline(arguments).code, 0);
    const auto rows = [&] { return plumbline({"list", db_, "user"}).out; };
    const std::string before = rows();
    ASSERT_NE(before, "");

    const std::string hub = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
    const std::string other = "0x35D1b3F3D7966A1DFe207aa4514C12a259A0492B";
    std::string config = read_file(dir_.sub("plumbline.toml"));
    config.replace(config.find(hub), hub.size(), other);
    write_file(dir_.sub("plumbline.toml"), config);
    const std::vector<std::string> rebuild = {"rebuild", db_, "--config",
                                              dir_.sub("plumbline.toml")};
    for (const auto& command : {arguments, rebuild}) {
        const auto refused = plumbline(command);
        EXPECT_EQ(refused.code, 2) << command.front();
        for (const std::string& part :
             {db_ + " holds ", "of hub (" + hub + ")", dir_.sub("plumbline.toml") + " has none",
              "but hub (" + other + ")", std::string{"--db DIR"}, std::string{"--replace"}}) {
            EXPECT_NE(refused.err.find(part), std::string::npos) << part << ": " << refused.err;
        }
        EXPECT_EQ(rows(), before);
    }
    arguments.emplace_back("--replace");
    const auto replaced = plumbline(arguments);
    EXPECT_EQ(replaced.code, 0) << replaced.err;
    EXPECT_NE(replaced.err.find("contract hub (" + hub + ")"), std::string::npos) << replaced.err;
    EXPECT_EQ(rows(), "");
}

TEST_F(ServiceCommandTest, WhatIsNoTerminalGetsNoStatusLine) {
    auto arguments = run_arguments();
    arguments.insert(arguments.end(), {"--until", "head"});
    ASSERT_EQ(plumbline(arguments).code, 0);
    const auto rebuilt = plumbline({"rebuild", db_});
    EXPECT_EQ(rebuilt.code, 0);
    EXPECT_EQ(rebuilt.err.find('\r'), std::string::npos) << rebuilt.err;
    EXPECT_EQ(rebuilt.err.find('\x1b'), std::string::npos) << rebuilt.err;
}

TEST_F(ServiceCommandTest, WhatIsLostByALesserChangeIsALineOfTheLog) {
    write_config(
        "\n[entities.tally]\nkey = { n = \"uint8\" }\nfields = { count = \"uint64\" }\n"
        "[[on]]\nevent = \"hub.VoteCast\"\nupsert = \"tally\"\nkey = { n = 1 }\n"
        "add = { count = 1 }\n");
    auto arguments = run_arguments();
    arguments.insert(arguments.end(), {"--until", "head"});
    ASSERT_EQ(plumbline(arguments).code, 0);
    write_config("");
    const auto changed = plumbline(arguments);
    EXPECT_EQ(changed.code, 0) << changed.err;
    EXPECT_NE(changed.err.find("entity tally (1 row)"), std::string::npos) << changed.err;
    EXPECT_EQ(plumbline(arguments).err.find("tally"), std::string::npos);
}

TEST_F(ServiceCommandTest, WhatNeedsTheDatabaseAloneSaysWhereTheServiceIsAndWhatToDoInstead) {
    write_config("\n[http]\nlisten = \"127.0.0.1:0\"\n");
    Child service{plumbline_command(run_arguments())};
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(db_ + "/SERVICE"); }));
    ASSERT_TRUE(eventually([&] { return plumbline({"list", db_, "user"}).code == 0; }));
    const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
        {run_arguments(), "stop it first, or read beside it: plumbline status " + db_},
        {{"rebuild", db_}, "stop it first"},
        {{"repair", db_, "--rpc", anvil_.url()}, "plumbline task add " + db_ + " repair"},
        {{"backup", db_, dir_.sub("backups")}, "plumbline task add " + db_ + " backup"}};
    for (const auto& [command, instead] : cases) {
        const auto refused = plumbline(command);
        EXPECT_EQ(refused.code, 3) << command.front();
        EXPECT_NE(refused.err.find("a service does so at http://127.0.0.1:"), std::string::npos)
            << refused.err;
        EXPECT_NE(refused.err.find(instead), std::string::npos) << refused.err;
    }
    // Nothing a token would help with.
    const auto task = plumbline({"task", "add", db_, "compact"});
    EXPECT_NE(task.err.find("set token in [http]"), std::string::npos) << task.err;
    EXPECT_EQ(task.err.find("--token"), std::string::npos) << task.err;
    service.send_signal(SIGTERM);
    EXPECT_EQ(service.wait(), 0);
}

TEST_F(ServiceCommandTest, ProvesByItselfTakesTasksReloadsAndStops) {
    // What is put into the queue of a database at rest runs with the next service.
    auto arguments = run_arguments();
    arguments.insert(arguments.end(), {"--until", "head"});
    ASSERT_EQ(plumbline(arguments).code, 0);
    const auto added = plumbline({"task", "add", db_, "compact"});
    ASSERT_EQ(added.code, 0) << added.err;
    EXPECT_EQ(plumbline({"task", "add", db_, "nonsense"}).code, 2);
    EXPECT_EQ(plumbline({"task", "cancel", db_, "99"}).code, 1);
    ASSERT_EQ(plumbline({"task", "add", db_, "prune"}).code, 0);
    ASSERT_EQ(plumbline({"task", "cancel", db_, "2"}).code, 0);
    ASSERT_EQ(tasks("cancelled").size(), 1U);

    Child service{plumbline_command(run_arguments())};
    EXPECT_TRUE(eventually([&] { return is_done("compact"); }));
    EXPECT_TRUE(eventually([&] { return is_done("prove_log"); }));
    for (const auto& task : tasks("done")) {
        if (task["kind"] == "prove_log") {
            const auto report =
                nlohmann::json::parse(task["result"].get<std::string>(), nullptr, false);
            EXPECT_EQ(report["verdict"], "equal") << task["result"];
            EXPECT_EQ(report["mismatches"], 0U) << task["result"];
        }
    }
    // Beside a service without [http] the command says what to do.
    const auto refused = plumbline({"task", "add", db_, "compact"});
    EXPECT_EQ(refused.code, 3);
    EXPECT_NE(refused.err.find("[http]"), std::string::npos) << refused.err;
    const auto backup = plumbline({"backup", db_, dir_.sub("backups")});
    EXPECT_EQ(backup.code, 3);
    EXPECT_NE(backup.err.find("plumbline task add"), std::string::npos) << backup.err;

    write_config("\n[schedule]\nprove_state = \"1h\"\n");
    service.send_signal(SIGHUP);
    EXPECT_TRUE(eventually([&] { return is_done("prove_state"); }));
    for (const auto& task : tasks("done")) {
        if (task["kind"] == "prove_state") {
            const auto report =
                nlohmann::json::parse(task["result"].get<std::string>(), nullptr, false);
            EXPECT_EQ(report["verdict"], "equal") << task["result"];
        }
    }
    // People are told it in words.
    const std::string listed = plumbline({"task", "list", db_}).out;
    EXPECT_NE(listed.find("  equal: blocks 0 to "), std::string::npos) << listed;
    EXPECT_NE(listed.find(" answers of the contract held against "), std::string::npos) << listed;
    EXPECT_EQ(listed.find('{'), std::string::npos) << listed;
    service.send_signal(SIGTERM);
    EXPECT_EQ(service.wait(), 0);
}

TEST_F(ServiceCommandTest, TheCommandFindsAServiceWhosePortNobodyKnowsBefore) {
    write_config("\n[http]\nlisten = \"127.0.0.1:0\"\ntoken = \"a-token-for-this-test\"\n");
    Child service{plumbline_command(run_arguments())};
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(db_ + "/SERVICE"); }));
    const auto added =
        plumbline({"task", "add", db_, "compact", "--token", "a-token-for-this-test"});
    EXPECT_EQ(added.code, 0) << added.err;
    EXPECT_TRUE(eventually([&] { return is_done("compact"); }));
    service.send_signal(SIGTERM);
    EXPECT_EQ(service.wait(), 0);
    EXPECT_FALSE(std::filesystem::exists(db_ + "/SERVICE"));
}

TEST_F(ServiceCommandTest, WhereAServiceRunsTheCommandAsksItOverHttp) {
    const std::string address = "127.0.0.1:" + std::to_string(free_port());
    write_config("\n[http]\nlisten = \"" + address + "\"\ntoken = \"a-token-for-this-test\"\n");
    Child service{plumbline_command(run_arguments())};
    ASSERT_TRUE(eventually([&] {
        return run_command({"curl", "-sf", "http://" + address + "/v1/ready"}).code == 0;
    }));
    const auto refused = plumbline({"task", "add", db_, "compact"});
    EXPECT_NE(refused.code, 0);
    EXPECT_NE(refused.err.find("--token"), std::string::npos) << refused.err;
    for (const auto& task : tasks("all")) {
        EXPECT_NE(task["kind"], "compact");
    }
    const auto added =
        plumbline({"task", "add", db_, "compact", "--token", "a-token-for-this-test"});
    ASSERT_EQ(added.code, 0) << added.err;
    EXPECT_EQ(nlohmann::json::parse(added.out)["task"]["kind"], "compact");
    EXPECT_TRUE(eventually([&] { return is_done("compact"); }));
    const auto late = run_command({"env", "PLUMBLINE_TOKEN=a-token-for-this-test",
                                   binary_dir() + "/plumbline", "task", "cancel", db_, "1"});
    EXPECT_NE(late.code, 0);
    EXPECT_NE(late.err.find("the service at"), std::string::npos) << late.err;
    EXPECT_EQ(plumbline({"task", "clear", db_, "--state", "done", "--url",
                         "http://" + address + "/", "--token", "a-token-for-this-test"})
                  .code,
              0);
    EXPECT_FALSE(is_done("compact"));
    // A row is answered from the same directory by the command and over HTTP alike.
    const auto row = run_command({"curl", "-sf", "http://" + address + "/v1/entities/community/1"});
    const auto got = plumbline({"get", db_, "community", "id=1", "--json"});
    EXPECT_EQ(nlohmann::json::parse(row.out)["row"], nlohmann::json::parse(got.out))
        << got.out << got.err;
    service.send_signal(SIGTERM);
    EXPECT_EQ(service.wait(), 0);
}

TEST_F(ServiceCommandTest, VerifyWhereNobodyCanBeReachedSaysThatAndWhyAndNothingOfTheChain) {
    auto arguments = run_arguments();
    arguments.insert(arguments.end(), {"--until", "head"});
    ASSERT_EQ(plumbline(arguments).code, 0);
    const auto run = plumbline({"verify", db_, "--timeout", "1", "--rpc", "http://127.0.0.1:1",
                                "--rpc", "http://127.0.0.1:2"});
    EXPECT_EQ(run.code, 3) << run.err;
    EXPECT_THAT(run.out, HasSubstr("not proven: log: "));
    EXPECT_THAT(run.out, HasSubstr("Couldn't connect to server"));
    EXPECT_THAT(run.out, Not(HasSubstr("headers of the chain with block")));
    EXPECT_THAT(run.out, Not(HasSubstr("look at the endpoints with `plumbline doctor`, or give a "
                                       "longer --timeout; http://")))
        << "one text for each provider";
}

TEST_F(ServiceCommandTest, StatusOfADatabaseWhoseServiceWasKilledSaysWhereItWas) {
    write_config("\n[http]\nlisten = \"127.0.0.1:0\"\n");
    Child service{plumbline_command(run_arguments())};
    std::string url;
    ASSERT_TRUE(eventually([&] {
        const auto seen = plumbline({"status", db_, "--json"});
        // One that is being made is none to make again.
        EXPECT_EQ(seen.err.find("never finished"), std::string::npos) << seen.err;
        const auto told = nlohmann::json::parse(seen.out, nullptr, false);
        if (seen.code != 0 || !told["service"].is_object() || !told["service"]["url"].is_string()) {
            return false;
        }
        url = told["service"]["url"];
        return true;
    }));
    EXPECT_FALSE(status(db_).contains("ended_service"));
    service.send_signal(SIGKILL);
    service.wait();
    EXPECT_THAT(
        plumbline({"status", db_}).out,
        HasSubstr("none runs; it was at " + url + ", and was killed or crashed: start it again"));
    const auto told = status(db_);
    EXPECT_TRUE(told["service"].is_null());
    EXPECT_EQ(told["ended_service"], url);
}

TEST_F(ServiceCommandTest, AServedDatabaseThatIsDeletedEndsTheServiceWithThree) {
    Child service{plumbline_command(run_arguments())};
    ASSERT_TRUE(eventually([&] { return is_done("prove_log"); }));
    std::filesystem::rename(db_, dir_.sub("moved"));
    EXPECT_EQ(service.wait(), 3);
    EXPECT_EQ(plumbline({"status", dir_.sub("moved")}).code, 0) << "it is whole where it is now";
}

TEST_F(ServiceCommandTest, OverHttpABackupGoesWhereTheConfigSaysAndATokenComesFromTheEnvironment) {
    const std::string address = "127.0.0.1:" + std::to_string(free_port());
    const std::string token = "a-token-for-this-test";
    write_config("\n[http]\nlisten = \"" + address + "\"\ntoken = \"" + token +
                 "\"\n[backup]\npath = \"backups\"\n");
    Child service{plumbline_command(run_arguments())};
    ASSERT_TRUE(eventually([&] {
        return run_command({"curl", "-sf", "http://" + address + "/v1/ready"}).code == 0;
    }));
    const auto post = [&](const std::string& args) {
        return run_command({"curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H",
                            "authorization: bearer " + token, "-d",
                            R"({"kind":"backup","args":")" + args + "\"}",
                            "http://" + address + "/v1/tasks"})
            .out;
    };
    EXPECT_EQ(post(dir_.sub("elsewhere")), "400");
    EXPECT_EQ(post("../../x"), "400");
    EXPECT_EQ(post(dir_.sub("backups/daily")), "202");
    const std::string evil = run_command({"curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
                                          "-H", "Host: evil.example", "http://" + address + "/"})
                                 .out;
    EXPECT_EQ(evil, "421");
    ::setenv("PLUMBLINE_TEST_TOKEN", token.c_str(), 1);
    const auto added =
        plumbline({"task", "add", db_, "compact", "--token", "env:PLUMBLINE_TEST_TOKEN"});
    EXPECT_EQ(added.code, 0) << added.err;
    EXPECT_TRUE(eventually([&] { return is_done("backup"); }));
    EXPECT_FALSE(std::filesystem::exists(dir_.sub("elsewhere")));
    service.send_signal(SIGTERM);
    EXPECT_EQ(service.wait(), 0);
}

TEST_F(ServiceCommandTest, TasksMendADamagedDatabaseBesideTheIndex) {
    auto once = run_arguments();
    once.insert(once.end(), {"--until", "head"});
    ASSERT_EQ(plumbline(once).code, 0);
    const auto dump = [this] {
        return plumbline({"dump", db_, "--entity", "vote"}).out +
               plumbline({"dump", db_, "--events"}).out;
    };
    const auto damage = [this](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), binary_dir() + "/plumbline_damage");
        arguments.insert(arguments.begin() + 2, db_);
        return run_command(arguments).code;
    };
    const auto run_task = [&](const std::string& kind, const std::vector<std::string>& arguments) {
        std::vector<std::string> add{"task", "add", db_, kind};
        add.insert(add.end(), arguments.begin(), arguments.end());
        ASSERT_EQ(plumbline(add).code, 0);
        Child service{plumbline_command(run_arguments())};
        EXPECT_TRUE(eventually([&] { return is_done(kind); })) << kind;
        service.send_signal(SIGTERM);
        EXPECT_EQ(service.wait(), 0);
    };
    const std::string before = dump();

    ASSERT_EQ(damage({"set-field", "--entity", "vote", "--field", "weight", "--value", "999"}), 0);
    ASSERT_EQ(damage({"drop-event", "--seed", "3"}), 0);
    ASSERT_NE(dump(), before);
    run_task("repair", {});
    EXPECT_EQ(dump(), before);

    ASSERT_EQ(damage({"drop-event", "--seed", "5"}), 0);
    ASSERT_NE(dump(), before);
    run_task("refetch", {"1", std::to_string(status(db_)["block"].get<uint64_t>())});
    EXPECT_EQ(dump(), before);
}

TEST_F(ServiceCommandTest, ADamagedLogIsNotCalledProvenAnyMoreAndNobodyIsBlamedForIt) {
    auto once = run_arguments();
    once.insert(once.end(), {"--until", "head"});
    ASSERT_EQ(plumbline(once).code, 0);
    ASSERT_EQ(plumbline({"verify", db_, "--rpc", anvil_.url()}).code, 0);
    const auto levels = [this] {
        std::istringstream lines{
            plumbline({"sql", db_, "SELECT DISTINCT level FROM blocks WHERE events > 0"}).out};
        std::set<std::string> out;
        for (std::string line; std::getline(lines, line);) {
            out.insert(line);
        }
        out.erase("level");
        return out;
    };
    ASSERT_EQ(levels(), std::set<std::string>{"receipts"});
    const std::string before = plumbline({"dump", db_, "--events"}).out;
    const auto drop = [this](const char* seed) {
        return run_command({binary_dir() + "/plumbline_damage", "drop-event", db_, "--seed", seed})
            .code;
    };
    ASSERT_EQ(drop("3"), 0);
    // Without a provider: the digests alone tell.
    ASSERT_EQ(plumbline({"verify", db_, "--proof", "replay"}).code, 1);
    EXPECT_EQ(levels(), (std::set<std::string>{"fetched", "receipts"}));
    const auto asked = plumbline({"verify", db_, "--proof", "log", "--rpc", anvil_.url()});
    EXPECT_EQ(asked.code, 1);
    EXPECT_THAT(asked.out, HasSubstr("stored bytes changed after they were committed"));
    EXPECT_THAT(asked.out, Not(HasSubstr("had answered")));
    ASSERT_EQ(plumbline({"repair", db_, "--rpc", anvil_.url()}).code, 0);
    EXPECT_EQ(plumbline({"dump", db_, "--events"}).out, before);
    const std::string journal = plumbline({"journal", db_, "--json"}).out;
    EXPECT_THAT(journal, HasSubstr("log inserted"));
    EXPECT_THAT(journal, Not(HasSubstr("event_count")));
    EXPECT_THAT(journal, Not(HasSubstr(anvil_.url())));

    // A running service finds it by itself, takes the level back, proves the block anew, mends it.
    ASSERT_EQ(drop("5"), 0);
    ASSERT_NE(plumbline({"dump", db_, "--events"}).out, before);
    ASSERT_EQ(plumbline({"task", "add", db_, "prove_replay"}).code, 0);
    auto arguments = run_arguments();
    Child service{plumbline_command(arguments)};
    EXPECT_TRUE(eventually([&] { return is_done("prove_replay"); }));
    EXPECT_TRUE(eventually([&] {
        return plumbline({"dump", db_, "--events"}).out == before &&
               levels() == std::set<std::string>{"receipts"};
    }));
    service.send_signal(SIGTERM);
    EXPECT_EQ(service.wait(), 0);
}

TEST_F(ServiceCommandTest, ABackupComesBackAndGoesOn) {
    auto arguments = run_arguments();
    arguments.insert(arguments.end(), {"--until", "head"});
    ASSERT_EQ(plumbline(arguments).code, 0);
    const auto made = plumbline({"backup", db_, dir_.sub("backups")});
    ASSERT_EQ(made.code, 0) << made.err;
    const auto listed = plumbline({"restore", dir_.sub("backups"), "--list"});
    EXPECT_NE(listed.out.find("backup 1: chain 31337"), std::string::npos) << listed.out;
    EXPECT_EQ(plumbline({"restore", dir_.sub("backups"), db_}).code, 2) << "something is there";
    const std::string again = dir_.sub("again");
    const auto restored = plumbline({"restore", dir_.sub("backups"), again});
    ASSERT_EQ(restored.code, 0) << restored.err;
    EXPECT_EQ(status(again)["block_hash"], status(db_)["block_hash"]);
    EXPECT_EQ(plumbline({"dump", again, "--entity", "community"}).out,
              plumbline({"dump", db_, "--entity", "community"}).out);
    anvil_.mine(3);
    ASSERT_EQ(plumbline({"run", dir_.sub("plumbline.toml"), "--db", again, "--rpc", anvil_.url(),
                         "--quiet", "--until", "head"})
                  .code,
              0);
    EXPECT_EQ(status(again)["block"], anvil_.head());
}

TEST_F(ServiceCommandTest, EachTimeThatTheHeadGrowsOldIsALineAndItsEndToo) {
    std::string config = read_file(dir_.sub("plumbline.toml"));
    config.insert(config.find("finality ="), "head_age = \"2s\"\n");
    write_file(dir_.sub("plumbline.toml"), config);
    const std::string log = dir_.sub("log");
    Child service{plumbline_with_log(run_arguments(), log)};
    const auto told = [&] {
        std::vector<std::string> out;
        std::istringstream lines{read_file(log)};
        for (std::string line; std::getline(lines, line);) {
            if (line.find("\"the chain's head is old\"") != std::string::npos) {
                out.emplace_back("old");
            } else if (line.find("\"the chain's head is old no longer\"") != std::string::npos) {
                out.emplace_back("old no longer");
            }
        }
        return out;
    };
    // On a busy machine a block may be old before the service sees it: then it gets another.
    EXPECT_TRUE(eventually([&] {
        const auto lines = told();
        if (!lines.empty() && lines.back() == "old") {
            anvil_.call("evm_setNextBlockTimestamp", {std::time(nullptr)});
            anvil_.mine();
            (void)eventually([&] { return told().size() > lines.size(); }, std::chrono::seconds{2});
        }
        return lines.size() >= 4;
    }));
    auto lines = told();
    lines.resize(4);
    EXPECT_THAT(lines, testing::ElementsAre("old", "old no longer", "old", "old no longer"));
    service.send_signal(SIGTERM);
    EXPECT_EQ(service.wait(), 0);
}

TEST_F(ServiceCommandTest, ADamagedBackupIsRefusedWithTheWayToAnOlderOne) {
    auto arguments = run_arguments();
    arguments.insert(arguments.end(), {"--until", "head"});
    ASSERT_EQ(plumbline(arguments).code, 0);
    ASSERT_EQ(plumbline({"backup", db_, dir_.sub("backups")}).code, 0);
    size_t damaged = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{dir_.sub("backups")}) {
        if (entry.path().extension() == ".sst") {
            std::fstream file{entry.path(), std::ios::in | std::ios::out | std::ios::binary};
            file.seekp(10).put('\x55');
            ++damaged;
        }
    }
    ASSERT_GT(damaged, 0U);
    const auto refused = plumbline({"restore", dir_.sub("backups"), dir_.sub("again")});
    EXPECT_EQ(refused.code, 4) << refused.err;
    EXPECT_NE(refused.err.find("`plumbline restore " + dir_.sub("backups") + " --list`"),
              std::string::npos)
        << refused.err;
    EXPECT_EQ(refused.err.find("index again"), std::string::npos) << refused.err;
}

}  // namespace
}  // namespace plumbline::test::service_test
