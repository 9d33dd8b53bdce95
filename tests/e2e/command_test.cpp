// The command's surface: help with examples, exit codes, messages.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/e2e/chain.hpp"
#include "tests/support/paths.hpp"

namespace plumbline::test::command_test {
namespace {

TEST(CommandTest, EverySubcommandsHelpShowsAnExample) {
    const auto overview = plumbline({"--help"});
    EXPECT_EQ(overview.code, 0);
    for (const std::string command :
         {"init", "check", "run", "status", "get", "list", "dump", "rebuild", "diff", "journal",
          "quarantine", "doctor", "backup", "restore", "task", "codegen"}) {
        EXPECT_NE(overview.out.find(command), std::string::npos) << command;
        const auto help = plumbline({command, "--help"});
        EXPECT_EQ(help.code, 0);
        EXPECT_NE(help.out.find("Example: plumbline " + command), std::string::npos) << help.out;
    }
}

TEST(CommandTest, AnyNameOfAContractOrEventHasItsTypes) {
    const TempDir dir;
    write_file(dir.sub("Odd.json"),
               R"([{"type":"event","name":"$Sent","inputs":[{"name":"$to","type":"address"}]}])");
    write_file(dir.sub("p.toml"), R"(
[chain]
id = 1
rpc = "http://127.0.0.1:1"
[contracts.odd]
abi = "Odd.json"
address = "0x0165878a594ca255338adfa4d48449f69242eb8f"
[entities.seen]
key = { number = "uint64" }
fields = { at = "uint64" }
[[on]]
every = { blocks = 10 }
insert = "seen"
key = { number = "$block.number" }
set = { at = "$block.timestamp" }
)");
    const auto document = plumbline({"codegen", "openapi", dir.sub("p.toml")});
    ASSERT_EQ(document.code, 0) << document.err;
    for (const std::string part :
         {"\"/v1/events/every%2010%20blocks/Tick\"", "\"event.every_10_blocks.Tick.",
          "\"event.odd._Sent.", "\"/v1/events/odd/%24Sent\"", "\"$to\""}) {
        EXPECT_NE(document.out.find(part), std::string::npos) << part;
    }
    EXPECT_EQ(plumbline({"codegen", "ts", dir.sub("p.toml")}).code, 0);
}

TEST(CommandTest, WrongUsageIsTwo) {
    EXPECT_EQ(plumbline({}).code, 2);
    EXPECT_EQ(plumbline({"nonsense"}).code, 2);
    EXPECT_EQ(plumbline({"status"}).code, 2);
    EXPECT_EQ(plumbline({"status", "/nonexistent/place"}).code, 2);
    EXPECT_EQ(plumbline({"run", "/nonexistent/plumbline.toml"}).code, 2);
    EXPECT_EQ(plumbline({"dump", "/tmp", "--entity", "a", "--events"}).code, 2);
}

TEST(CommandTest, AConfigMistakeIsToldWithFileAndLineAndTouchesNothing) {
    TempDir dir;
    std::string config = read_file(source_path("examples/community/plumbline.toml"));
    const size_t at = config.find("finality");
    ASSERT_NE(at, std::string::npos);
    config.replace(at, 8, "finalty");
    const auto line =
        1 + std::count(config.begin(), config.begin() + static_cast<std::ptrdiff_t>(at), '\n');
    write_file(dir.sub("bad.toml"), config);
    write_file(dir.sub("CommunityHub.json"),
               read_file(source_path("examples/community/CommunityHub.json")));
    const auto run = plumbline({"run", dir.sub("bad.toml"), "--db", dir.sub("db")});
    EXPECT_EQ(run.code, 2);
    EXPECT_NE(run.err.find("bad.toml:" + std::to_string(line)), std::string::npos) << run.err;
    EXPECT_FALSE(std::filesystem::exists(dir.sub("db")));
}

TEST(CommandTest, AServiceThatAnswersNobodyChecksItsReportsAllTheSame) {
    TempDir dir;
    std::string config = read_file(source_path("examples/community/plumbline.toml"));
    ASSERT_EQ(config.find("\n[http]"), std::string::npos);
    write_file(dir.sub("plumbline.toml"), config + "\n[reports.bad]\nentity = \"nobody\"\n");
    write_file(dir.sub("CommunityHub.json"),
               read_file(source_path("examples/community/CommunityHub.json")));
    const auto run =
        plumbline({"run", dir.sub("plumbline.toml"), "--rpc", "http://127.0.0.1:1", "--quiet"});
    EXPECT_EQ(run.code, 2) << run.err;
    EXPECT_NE(run.err.find("[reports.bad]"), std::string::npos) << run.err;
}

TEST(CommandTest, ARunWithAnEndAndADeadNodeEndsWithThree) {
    TempDir dir;
    write_file(dir.sub("plumbline.toml"),
               read_file(source_path("examples/community/plumbline.toml")));
    write_file(dir.sub("CommunityHub.json"),
               read_file(source_path("examples/community/CommunityHub.json")));
    const auto run = plumbline({"run", dir.sub("plumbline.toml"), "--until", "head", "--timeout",
                                "1", "--rpc", "http://127.0.0.1:1"});
    EXPECT_EQ(run.code, 3) << run.err;
    EXPECT_NE(run.err.find("nothing has come from the chain for"), std::string::npos) << run.err;
    EXPECT_NE(run.err.find("http://127.0.0.1:1"), std::string::npos) << run.err;
}

TEST(CommandTest, OfAServiceThatWaitsToMakeItsDatabaseStatusSaysWhichAndWhatItWaitsFor) {
    TempDir dir;
    write_file(dir.sub("plumbline.toml"),
               read_file(source_path("examples/community/plumbline.toml")) +
                   "\n[http]\nlisten = \"127.0.0.1:0\"\n");
    write_file(dir.sub("CommunityHub.json"),
               read_file(source_path("examples/community/CommunityHub.json")));
    const std::string db = dir.sub("db");
    Child service{plumbline_command(
        {"run", dir.sub("plumbline.toml"), "--db", db, "--rpc", "http://127.0.0.1:1"})};
    Finished told;
    ASSERT_TRUE(eventually([&] {
        told = plumbline({"status", db});
        return told.err.find("http://127.0.0.1:1 is not asked") != std::string::npos;
    })) << told.err;
    EXPECT_EQ(told.code, 3);
    EXPECT_NE(told.err.find(fmt::format("the database at {} is not there yet: the service at "
                                        "http://127.0.0.1:",
                                        db)),
              std::string::npos)
        << told.err;
    EXPECT_NE(told.err.find(": starting, not ready; the chain's head is not told yet, lag unknown"),
              std::string::npos)
        << told.err;
    EXPECT_EQ(plumbline({"list", db, "x"}).code, 3) << "as every command that reads it";
    service.send_signal(SIGKILL);
    service.wait();
    EXPECT_EQ(plumbline({"status", db}).code, 2) << "nobody makes it any more";
}

TEST(CommandTest, ARestoreNamesTheDirectoryThatIsNotThere) {
    const TempDir dir;
    const auto restored = plumbline({"restore", dir.sub("bk"), dir.sub("no/db")});
    EXPECT_EQ(restored.code, 2);
    EXPECT_NE(
        restored.err.find(fmt::format("there is no directory {}; make it first", dir.sub("no"))),
        std::string::npos)
        << restored.err;
}

TEST(CommandTest, APlaceWhereNoDatabaseCanBeMadeIsToldBeforeTheChainIsAsked) {
    TempDir dir;
    write_file(dir.sub("plumbline.toml"),
               read_file(source_path("examples/community/plumbline.toml")));
    write_file(dir.sub("CommunityHub.json"),
               read_file(source_path("examples/community/CommunityHub.json")));
    for (const char* place : {"/proc/none/db", "/dev/null/db"}) {
        // Nobody answers there, and a run without an end waits for ever.
        const auto run = plumbline(
            {"run", dir.sub("plumbline.toml"), "--db", place, "--rpc", "http://127.0.0.1:1"});
        EXPECT_EQ(run.code, 3) << run.err;
        EXPECT_NE(run.err.find(fmt::format("cannot make the directory {}", place)),
                  std::string::npos)
            << run.err;
        EXPECT_EQ(run.err.find("a new one begins"), std::string::npos) << run.err;
    }
}

/// Holds the lock of a database as a run does that makes it.
class HeldLock {
  public:
    explicit HeldLock(const std::string& db)
        : file_{open((db + "/LOCK").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)} {
        struct flock lock = {};
        lock.l_type = F_WRLCK;
        lock.l_whence = SEEK_SET;
        EXPECT_EQ(fcntl(file_, F_SETLK, &lock), 0);
    }
    HeldLock(const HeldLock&) = delete;
    HeldLock& operator=(const HeldLock&) = delete;
    ~HeldLock() { close(file_); }

  private:
    int file_;
};

TEST(CommandTest, ADatabaseThatAnotherProcessIsMakingIsToldAsThatAndNotAsOneToMakeAgain) {
    TempDir dir;
    std::filesystem::create_directory(dir.sub("db"));
    {
        const HeldLock lock{dir.sub("db")};
        const auto early = plumbline({"status", dir.sub("db")});
        EXPECT_EQ(early.code, 3);
        EXPECT_NE(early.err.find("a running process is making it"), std::string::npos) << early.err;
    }
    const auto alone = plumbline({"status", dir.sub("db")});
    EXPECT_EQ(alone.code, 2);
    EXPECT_NE(alone.err.find("the directory is empty"), std::string::npos) << alone.err;
}

/// Of everything below `path`: what others than the owner may do.
std::string open_to_others(const std::string& path) {
    namespace fs = std::filesystem;
    constexpr fs::perms kOthers = fs::perms::group_all | fs::perms::others_all;
    std::string out;
    for (const auto& entry : fs::recursive_directory_iterator{path}) {
        if ((entry.status().permissions() & kOthers) != fs::perms::none) {
            out += entry.path().string() + "\n";
        }
    }
    return out;
}

TEST(CommandTest, WhatIsWrittenIsTheOwnersAlone) {
    TempDir dir;
    const std::string fixture = source_path("tests/storage/golden/v4");
    const std::string db = dir.sub("work/db");
    EXPECT_EQ(plumbline({"init", dir.sub("work"), "--abi",
                         source_path("examples/community/CommunityHub.json"), "--address",
                         "0x00000000000000000000000000000000000000aa", "--rpc",
                         "env:PLUMBLINE_NOT_SET", "--chain-id", "31337"})
                  .code,
              0);
    std::filesystem::copy(fixture, dir.sub("old"));
    EXPECT_EQ(plumbline({"backup", dir.sub("old"), dir.sub("work/backups")}).code, 0);
    EXPECT_EQ(plumbline({"restore", dir.sub("work/backups"), db}).code, 0);
    EXPECT_EQ(plumbline({"dump", db, "--entity", "user", "--out", dir.sub("work/user.jsonl")}).code,
              0);
    EXPECT_EQ(open_to_others(dir.sub("work")), "");
}

TEST(CommandTest, ALockThatCannotBeOpenedIsNotAnotherProcess) {
    TempDir dir;
    std::filesystem::copy(source_path("tests/storage/golden/v4"), dir.sub("db"));
    std::filesystem::remove(dir.sub("db/LOCK"));
    std::filesystem::create_directory(dir.sub("db/LOCK"));
    const auto run = plumbline({"task", "add", dir.sub("db"), "compact"});
    EXPECT_EQ(run.code, 3);
    EXPECT_NE(run.err.find("cannot open the lock"), std::string::npos) << run.err;
    EXPECT_EQ(run.err.find("another process"), std::string::npos) << run.err;
}

TEST(CommandTest, ASecretOfACommandCanComeFromTheEnvironment) {
    for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
             {"doctor", "env:PLUMBLINE_NOT_SET"},
             {"doctor", "http://127.0.0.1:1", "--token", "env:PLUMBLINE_NOT_SET"}}) {
        const auto run = plumbline(args);
        EXPECT_EQ(run.code, 2) << run.err;
        EXPECT_NE(run.err.find("the environment variable PLUMBLINE_NOT_SET is not set"),
                  std::string::npos)
            << run.err;
    }
    EXPECT_EQ(plumbline({"doctor"}).code, 2) << "neither a URL nor a config";
}

TEST(CommandTest, NothingThatActsOnATerminalIsPrinted) {
    TempDir dir;
    std::filesystem::copy(source_path("tests/storage/golden/v4"), dir.sub("db"));
    const std::string acting =
        "\x1b]0;x\x07\xc2\x9b"
        "31m\xe2\x80\xae";
    EXPECT_EQ(plumbline({"task", "add", dir.sub("db"), "backup", acting}).code, 0);
    for (const std::vector<std::string>& args :
         std::vector<std::vector<std::string>>{{"task", "list", dir.sub("db")},
                                               {"task", "list", dir.sub("db"), "--json"},
                                               {"get", dir.sub("db"), acting, acting},
                                               {"list", dir.sub("db"), acting}}) {
        const auto run = plumbline(args);
        for (const char* bad : {"\x1b", "\x07", "\xc2\x9b", "\xe2\x80\xae"}) {
            EXPECT_EQ((run.out + run.err).find(bad), std::string::npos) << args[0];
        }
        EXPECT_NE((run.out + run.err).find("202e"), std::string::npos) << "it is shown";
    }
}

/// Takes connections, as the system does for it, and never answers.
class SilentPort {
  public:
    SilentPort() : socket_{::socket(AF_INET, SOCK_STREAM, 0)} {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const raw = reinterpret_cast<sockaddr*>(&address);
        EXPECT_EQ(::bind(socket_, raw, size), 0);
        EXPECT_EQ(::listen(socket_, 64), 0);
        EXPECT_EQ(::getsockname(socket_, raw, &size), 0);
        url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    }
    SilentPort(const SilentPort&) = delete;
    SilentPort& operator=(const SilentPort&) = delete;
    ~SilentPort() { ::close(socket_); }
    [[nodiscard]] const std::string& url() const { return url_; }

  private:
    int socket_;
    std::string url_;
};

/// An index of a few blocks whose chain is gone.
void make_orphan(const std::string& db) {
    Anvil anvil;
    anvil.mine(3);
    const auto run = plumbline({"run", source_path("examples/community/plumbline.toml"), "--db", db,
                                "--rpc", anvil.url(), "--until", "head", "--quiet"});
    ASSERT_EQ(run.code, 0) << run.err;
}

TEST(CommandTest, CommandsThatAskTheChainGiveUpOnASilentOneWithThreeAndAReason) {
    TempDir dir;
    const SilentPort silent;
    make_orphan(dir.sub("db"));
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"verify", dir.sub("db"), "--proof", "log", "--rpc",
                                   silent.url()},
          {"repair", dir.sub("db"), "--rpc", silent.url()},
          {"doctor", silent.url()}}) {
        std::vector<std::string> arguments = command;
        arguments.insert(arguments.end(), {"--timeout", "2"});
        const auto run = plumbline(arguments);
        EXPECT_EQ(run.code, 3) << command[0] << ": " << run.err << run.out;
        EXPECT_NE((run.err + run.out).find(silent.url()), std::string::npos)
            << command[0] << ": " << run.err << run.out;
    }
}

TEST(CommandTest, WhatACommandWaitsForIsToldAfterTenSeconds) {
    TempDir dir;
    const SilentPort silent;
    make_orphan(dir.sub("db"));
    const auto run = plumbline(
        {"verify", dir.sub("db"), "--proof", "log", "--rpc", silent.url(), "--timeout", "12"});
    EXPECT_EQ(run.code, 3) << run.err;
    EXPECT_NE(run.err.find("waiting for the chain"), std::string::npos) << run.err;
    EXPECT_NE(run.err.find(silent.url() + ": eth_"), std::string::npos) << run.err;
}

TEST(CommandTest, ACommandBesideAServiceThatHangsSaysWhatItWaitsForAndEnds) {
    TempDir dir;
    const SilentPort silent;
    make_orphan(dir.sub("db"));
    const auto run = plumbline({"task", "add", dir.sub("db"), "compact", "--url", silent.url()});
    EXPECT_EQ(run.code, 3) << run.err;
    const size_t told = run.err.find("waiting for the service");
    ASSERT_NE(told, std::string::npos) << run.err;
    EXPECT_NE(run.err.find("POST /v1/tasks", told), std::string::npos) << run.err;
    EXPECT_NE(run.err.find("has not answered POST /v1/tasks within 15 s", told), std::string::npos)
        << run.err;
}

TEST(CommandTest, SqlTakesParametersByNameAndTellsNullFromAnEmptyTextInCsv) {
    TempDir dir;
    std::filesystem::copy(source_path("tests/storage/golden/v4"), dir.sub("db"));
    const auto ask = [&](std::vector<std::string> more) {
        std::vector<std::string> arguments{"sql", dir.sub("db"), "--format", "csv"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return plumbline(arguments);
    };
    const auto told =
        ask({"--param", "n=7", "--param", "t=a=b", "select :n + 1 as sum, :t as text"});
    EXPECT_EQ(told.out, "sum,text\n8,a=b\n") << told.err;
    EXPECT_EQ(ask({"select null as n, '' as e, 'null' as word, ',' as c"}).out,
              "n,e,word,c\n,\"\",null,\",\"\n");
    EXPECT_EQ(ask({"--param", "n=7", "select :m"}).code, 2);
    EXPECT_EQ(ask({"--param", "n", "select :n"}).code, 2);
    EXPECT_EQ(ask({"--param", "n=1", "--param", "n=2", "select :n"}).code, 2);
}

TEST(CommandTest, TextThatIsNotUtf8IsTakenAndShownAndEndsNoCommand) {
    TempDir dir;
    std::filesystem::copy(source_path("tests/storage/golden/v4"), dir.sub("db"));
    const std::string odd = "a\xff\xfe\x80z";
    for (const std::string kind : {"backup", odd.c_str()}) {
        const auto added = plumbline({"task", "add", dir.sub("db"), kind, odd});
        EXPECT_EQ(added.code, kind == odd ? 2 : 0) << added.err;
    }
    const auto listed = plumbline({"task", "list", dir.sub("db"), "--json"});
    EXPECT_EQ(listed.code, 0) << listed.err;
    EXPECT_NE(listed.out.find("a\xEF\xBF\xBD"), std::string::npos) << listed.out;
    EXPECT_EQ(plumbline({"task", "list", dir.sub("db")}).code, 0);
    EXPECT_EQ(plumbline({"get", dir.sub("db"), "user", odd}).code, 2);
}

TEST(CommandTest, AnEndpointThatCannotBeAskedIsWrongUsageForEveryCommandThatTakesOne) {
    TempDir dir;
    const std::string config = source_path("examples/community/plumbline.toml");
    const std::string abi = source_path("examples/community/CommunityHub.json");
    for (const std::string url : {"", " ", "ws://127.0.0.1:8545", "http://127.0.0.1:85 45"}) {
        for (const std::vector<std::string>& arguments :
             {std::vector<std::string>{"run", config, "--db", dir.sub("new"), "--rpc", url},
              {"doctor", url},
              {"init", dir.sub("init"), "--abi", abi, "--address",
               "0x5FbDB2315678afecb367f032d93F642f64180aa3", "--rpc", url}}) {
            const auto refused = plumbline(arguments);
            EXPECT_EQ(refused.code, 2) << arguments[0] << " '" << url << "': " << refused.err;
            EXPECT_NE(refused.err.find("http:// or https:// URL"), std::string::npos)
                << refused.err;
        }
    }
    EXPECT_FALSE(std::filesystem::exists(dir.sub("new")));
    std::vector<std::string> many{"run", config, "--db", dir.sub("new")};
    for (int i = 0; i < 65; ++i) {
        many.insert(many.end(), {"--rpc", "http://127.0.0.1:1"});
    }
    const auto refused = plumbline(many);
    EXPECT_EQ(refused.code, 2) << refused.err;
    EXPECT_NE(refused.err.find("at most 32"), std::string::npos) << refused.err;
}

TEST(CommandTest, ADirectoryThatIsNoDatabaseIsRefused) {
    TempDir dir;
    write_file(dir.sub("file"), "x");
    EXPECT_EQ(plumbline({"status", dir.path()}).code, 2);
}

TEST(CommandTest, DiffAndJournalOfACopySayThatNothingDiffersAndNothingWasRepaired) {
    TempDir dir;
    for (const char* name : {"a", "b"}) {
        std::filesystem::copy(source_path("tests/storage/golden/v4"), dir.sub(name));
    }
    const auto same = plumbline({"diff", dir.sub("a"), dir.sub("b")});
    EXPECT_EQ(same.code, 0) << same.err;
    EXPECT_EQ(same.out, "equal\n");
    const auto json = plumbline({"diff", dir.sub("a"), dir.sub("b"), "--json"});
    EXPECT_NE(json.out.find("\"differences\": 0"), std::string::npos) << json.out;
    EXPECT_EQ(plumbline({"diff", dir.sub("a"), dir.sub("none")}).code, 2);
    const auto journal = plumbline({"journal", dir.sub("a")});
    EXPECT_EQ(journal.code, 0);
    EXPECT_EQ(journal.out, "nothing was ever repaired\n");
    EXPECT_EQ(plumbline({"journal", dir.sub("a"), "--json"}).out, "");
}

TEST(CommandTest, TheDamageToolBreaksWhatItSays) {
    TempDir dir;
    std::filesystem::copy(source_path("tests/storage/golden/v4"), dir.sub("db"));
    const auto damage = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), binary_dir() + "/plumbline_damage");
        return run_command(arguments);
    };
    const std::string db = dir.sub("db");
    const auto event = damage({"drop-event", db, "--block", "4", "--log-index", "1"});
    EXPECT_EQ(event.code, 0) << event.err;
    EXPECT_EQ(event.out, "the event at block 4, log 1 is gone\n");
    EXPECT_EQ(damage({"drop-event", db, "--block", "4", "--log-index", "1"}).code, 1);
    const auto field = damage({"set-field", db, "--entity", "user", "--key", "id=3", "--field",
                               "score", "--value", "-9"});
    EXPECT_EQ(field.out, "user id=3: score is now -9\n") << field.err;
    const auto shown = plumbline({"get", db, "user", "id=3"});
    EXPECT_NE(shown.out.find("-9"), std::string::npos) << shown.out << shown.err;
    EXPECT_EQ(plumbline({"get", db, "user", "3"}).out, shown.out) << "a key of one field, bare";
    EXPECT_EQ(plumbline({"get", db, "user", "three"}).code, 2);
    const auto index = damage({"drop-index", db, "--entity", "user", "--key", "id=2"});
    EXPECT_EQ(index.out, "user id=2: its entry in index owner is gone\n") << index.err;
    EXPECT_EQ(damage({"flip", db, "--family", "log", "--seed", "3"}).code, 0);
    EXPECT_EQ(damage({"flip", db, "--family", "nothing"}).code, 1);
}

}  // namespace
}  // namespace plumbline::test::command_test
