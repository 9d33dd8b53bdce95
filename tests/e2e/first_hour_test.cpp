// The commonest mistakes of the first hour: each is told in one sentence that says what to do.
#include <filesystem>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/chain.hpp"
#include "tests/support/paths.hpp"

namespace plumbline::test::first_hour_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kNobody = "0x00000000000000000000000000000000000a11ce";
constexpr const char* kTokenAbi =
    R"([{"type":"event","name":"Nothing","inputs":[{"name":"a","type":"uint8","indexed":false}]}])";
constexpr const char* kNoEventsAbi =
    R"([{"type":"function","name":"f","inputs":[],"outputs":[],"stateMutability":"view"}])";
constexpr const char* kImplementationSlot =
    "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc";

TEST(CommandLineTest, AMisspeltCommandNamesTheOneThatIsMeant) {
    const auto status = plumbline({"stauts", "./db"});
    EXPECT_EQ(status.code, 2);
    EXPECT_THAT(status.err, HasSubstr("there is no command 'stauts'; did you mean 'status'?"));
    const auto none = plumbline({});
    EXPECT_EQ(none.code, 2);
    EXPECT_THAT(none.err, HasSubstr("no command is given; see `plumbline help`"));
    const auto task = plumbline({"task", "lst", "./db"});
    EXPECT_EQ(task.code, 2);
    EXPECT_THAT(task.err, HasSubstr("did you mean 'list'?"));
}

TEST(CommandLineTest, ASourceInPlaceOfAnAbiIsToBeCompiledFirst) {
    const TempDir dir;
    const auto refused = plumbline({"init", dir.sub("mine"), "--abi",
                                    source_path("examples/community/CommunityHub.sol"), "--address",
                                    kNobody, "--rpc", "http://127.0.0.1:1"});
    EXPECT_EQ(refused.code, 2);
    EXPECT_THAT(refused.err, HasSubstr("CommunityHub.sol is a contract's source: compile it, and "
                                       "give the ABI"));
}

TEST(CommandLineTest, AllThatACommandLacksIsToldTogether) {
    const auto init = plumbline({"init"});
    EXPECT_EQ(init.code, 2);
    EXPECT_THAT(init.err, HasSubstr("init needs DIR, --address, --rpc;"));
    EXPECT_THAT(init.err, HasSubstr("`plumbline help init`"));
    const TempDir dir;
    EXPECT_THAT(plumbline({"init", dir.sub("index"), "--rpc", "http://127.0.0.1:9", "--address",
                           "0x0165878a594ca255338adfa4d48449f69242eb8f", "--template", "erc20",
                           "--abi", "X.json"})
                    .err,
                HasSubstr("--abi and --template are both given"));
    const auto backup = plumbline({"backup", "./db"});
    EXPECT_EQ(backup.code, 2);
    EXPECT_THAT(backup.err, HasSubstr("backup needs DIR;"));
    EXPECT_THAT(plumbline({"task"}).err, HasSubstr("task needs one of: list, add"));
    EXPECT_THAT(plumbline({"dump", "./db"}).err, HasSubstr("see `plumbline help dump`"));
    EXPECT_THAT(plumbline({"dump", "./db"}).err, HasSubstr("--entity"));
}

TEST(CommandLineTest, AMisspeltOptionNamesTheOneThatIsMeant) {
    const auto run = plumbline({"run", "missing.toml", "--untill", "head"});
    EXPECT_EQ(run.code, 2);
    EXPECT_THAT(run.err, HasSubstr("run has no option '--untill'; did you mean '--until'?"));
    const auto task = plumbline({"task", "list", "./db", "--stat=done"});
    EXPECT_EQ(task.code, 2);
    EXPECT_THAT(task.err, HasSubstr("task list has no option '--stat'; did you mean '--state'?"));
    EXPECT_THAT(plumbline({"status", "./db", "more"}).err, HasSubstr("plumbline help status"));
}

TEST(CommandLineTest, AMisspeltOptionIsToldWithWhatIsLacking) {
    const auto init = plumbline({"init", "mine", "--adress", "0x12"});
    EXPECT_EQ(init.code, 2);
    EXPECT_EQ(init.err,
              "plumbline: init has no option '--adress'; did you mean '--address'? init needs "
              "--address, --rpc; see `plumbline help init`\n");
    for (const char* option : {"--foo", "-v"}) {
        const auto alone = plumbline({option});
        EXPECT_EQ(alone.code, 2);
        EXPECT_EQ(alone.err, fmt::format("plumbline: plumbline has no option '{}'; see `plumbline "
                                         "help`\n",
                                         option));
    }
}

TEST(CommandLineTest, AValueThatAnOptionDoesNotTakeIsToldInOneSentence) {
    for (const auto& [command, said] :
         std::vector<std::pair<std::vector<std::string>, std::string>>{
             {{"list", "db", "e", "--limit", "x"},
              "list: --limit takes a number from 1 to 1000000000, not 'x'; see `plumbline help "
              "list`"},
             {{"init", "d", "--address", "0x1", "--rpc", "http://a", "--start-block", "-1"},
              "init: --start-block takes a number of at least 0, not '-1'; see `plumbline help "
              "init`"},
             {{"dump", "db", "--events", "--format", "cvs"},
              "dump: --format has no 'cvs'; did you mean 'csv'? known: jsonl, csv; see `plumbline "
              "help dump`"},
             {{"completion", "tcsh"},
              "completion: SHELL has no 'tcsh'; known: bash, zsh, fish; see `plumbline help "
              "completion`"},
             {{"task", "retry", "db", "x"},
              "task retry: ID takes a number, not 'x'; see `plumbline help task retry`"}}) {
        const auto refused = plumbline(command);
        EXPECT_EQ(refused.code, 2) << said;
        EXPECT_EQ(refused.err, "plumbline: " + said + "\n");
    }
}

TEST(CommandLineTest, AWordThatStandsWithoutItsOptionIsToldWithIt) {
    for (const auto& [command, said] :
         std::vector<std::pair<std::vector<std::string>, std::string>>{
             {{"list", "db", "transfer", "from=0x1"},
              "list: a condition stands behind --where: --where from=0x1; see `plumbline help "
              "list`"},
             {{"dump", "db", "transfer"},
              "dump needs one of --entity, --events, --facts; did you mean '--entity transfer'? "
              "see `plumbline help dump`"},
             {{"dump", "db"},
              "dump needs one of --entity, --events, --facts; see `plumbline help dump`"},
             {{"dump", "db", "--events", "--facts"},
              "dump takes only one of --entity, --events, --facts; see `plumbline help dump`"}}) {
        const auto refused = plumbline(command);
        EXPECT_EQ(refused.code, 2) << said;
        EXPECT_EQ(refused.err, "plumbline: " + said + "\n");
    }
}

TEST(CommandLineTest, WhatDidNotArriveWasNotDone) {
    const TempDir dir;
    const std::string binary = binary_dir() + "/plumbline ";
    for (const char* command : {"help", "--version", "man", "completion bash"}) {
        const auto full = run_command({"bash", "-c", binary + command + " >/dev/full; echo rc $?"});
        EXPECT_EQ(full.out, "rc 3\n") << command;
        EXPECT_THAT(full.err, HasSubstr("cannot write to standard output: No space left"))
            << command;
        const auto closed =
            run_command({"bash", "-c", "exec 3>&1; " + binary + command + " >&-; echo rc $? >&3"});
        EXPECT_EQ(closed.out, "rc 3\n") << command;
        const auto gone =
            run_command({"bash", "-c", "(" + binary + command + "; echo rc $? >&2) 3>&2 | true"});
        EXPECT_THAT(gone.err, Not(HasSubstr("cannot write"))) << command;
    }
}

TEST(CommandLineTest, AReaderThatGoesAwayWantedNoMoreAndIsNoFailure) {
    const TempDir dir;
    std::filesystem::copy(source_path("tests/storage/golden/v4"), dir.sub("db"));
    const std::string binary = binary_dir() + "/plumbline ";
    for (const std::string& command :
         {"dump " + dir.sub("db") + " --facts", "dump " + dir.sub("db") + " --entity user",
          "list " + dir.sub("db") + " user", "status " + dir.sub("db"), std::string{"man"}}) {
        const auto gone = run_command(
            {"bash", "-c",
             "exec 4>&1 3> >(exec true); wait $!; " + binary + command + " >&3; echo rc $? >&4"});
        EXPECT_EQ(gone.out, "rc 0\n") << command << ": " << gone.err;
        EXPECT_THAT(gone.err, Not(HasSubstr("plumbline:"))) << command;
    }
}

TEST(CommandLineTest, ADirectoryThatIsNotThereIsSaid) {
    EXPECT_THAT(plumbline({"restore", "nowhere", "--list"}).err,
                HasSubstr("there are no backups in nowhere: no such directory"));
}

TEST(CommandLineTest, HelpIsACommandToo) {
    EXPECT_EQ(plumbline({"help"}).out, plumbline({"--help"}).out);
    EXPECT_THAT(plumbline({"help", "run"}).out, HasSubstr("--until"));
    EXPECT_THAT(plumbline({"help", "task", "add"}).out, HasSubstr("retry_quarantine"));
    EXPECT_EQ(plumbline({"help", "runn"}).code, 2);
}

TEST(CommandLineTest, TheManualAndTheCompletionsKnowEveryCommandAndOption) {
    const TempDir dir;
    const auto man = plumbline({"man"});
    EXPECT_THAT(man.out, AllOf(HasSubstr(".SS task clear"), HasSubstr("\\-\\-until"),
                               HasSubstr("\\-\\-entity")));
    for (const char* shell : {"bash", "zsh", "fish"}) {
        const auto script = plumbline({"completion", shell});
        EXPECT_EQ(script.code, 0);
        for (const char* word : {"quarantine", "restore", "until", "on-drift", "retry"}) {
            EXPECT_THAT(script.out, HasSubstr(word)) << shell;
        }
        write_file(dir.sub(shell), script.out);
    }
    const std::string ask = "source " + dir.sub("bash") +
                            "; complete_it() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); "
                            "_plumbline; echo \"${COMPREPLY[*]}\"; }; "
                            "complete_it plumbline sta; complete_it plumbline task li; "
                            "complete_it plumbline run --log-format j; "
                            "complete_it plumbline verify --pro";
    const auto completed = run_command({"bash", "-c", ask});
    EXPECT_EQ(completed.out, "status\nlist\njson\n--proof\n") << completed.err;
}

TEST(CommandLineTest, WhoeverClosesStandardErrorChangesNothing) {
    for (const char* command : {"stauts", "run missing.toml", "status missing"}) {
        const auto ended = run_command(
            {"bash", "-c", binary_dir() + "/plumbline " + command + " 2>/dev/full; echo rc $?"});
        EXPECT_EQ(ended.out, "rc 2\n") << command << ": " << ended.err;
    }
}

TEST(CommandLineTest, NoEscapeSequencesWhereNobodyLooks) {
    EXPECT_THAT(plumbline({"run", "missing.toml"}).err, Not(HasSubstr("\x1b")));
}

constexpr const char* kBeaconSlot =
    "0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50";

class FirstHourTest : public ::testing::Test {
  protected:
    void SetUp() override {
        const auto acted = run_script("examples/community/activity.mjs",
                                      {"--rpc", anvil_.url(), "--steps", "20", "--seed", "7"});
        ASSERT_EQ(acted.code, 0) << acted.err;
        report_ = nlohmann::json::parse(acted.out);
        address_ = report_["address"];
        write_file(dir_.sub("Other.json"), kTokenAbi);
        write_file(dir_.sub("NoEvents.json"), kNoEventsAbi);
    }
    Finished init(const std::string& address, const std::string& abi,
                  std::vector<std::string> more = {}) {
        std::vector<std::string> arguments{"init", dir_.sub("mine"), "--abi",
                                           abi,    "--address",      address};
        if (more.empty() || more[0] != "--rpc") {
            more.insert(more.begin(), {"--rpc", anvil_.url()});
        }
        arguments.insert(arguments.end(), more.begin(), more.end());
        return plumbline(arguments);
    }
    /// Refused with `text`, and nothing is written.
    void expect_refused(const Finished& made, const std::string& text, int code = 2) {
        EXPECT_EQ(made.code, code) << made.err;
        EXPECT_THAT(made.err, HasSubstr(text));
        EXPECT_FALSE(std::filesystem::exists(dir_.sub("mine/plumbline.toml")));
    }
    /// Makes `proxy` an EIP-1967 proxy of the community's contract.
    void make_proxy(const std::string& proxy) {
        anvil_.call("anvil_setCode", {proxy, "0x00"});
        anvil_.call("anvil_setStorageAt", {proxy, kImplementationSlot,
                                           "0x000000000000000000000000" + address_.substr(2)});
    }

    Anvil anvil_;
    TempDir dir_;
    nlohmann::json report_;
    std::string address_;
    std::string community_ = source_path("examples/community/CommunityHub.json");
};

TEST_F(FirstHourTest, AnAddressWithoutCodeIsRefused) {
    expect_refused(init(kNobody, community_), "there is no contract code at");
}

TEST_F(FirstHourTest, AWrongChecksumIsRefused) {
    std::string wrong = "0x5fbDB2315678afecb367f032d93F642f64180aa3";
    expect_refused(init(wrong, community_), "no valid checksum");
}

TEST_F(FirstHourTest, AbisWithoutEventsAreRefusedAndAProxysNamesItsImplementation) {
    expect_refused(init(address_, dir_.sub("NoEvents.json")), "the ABI has no events");
    make_proxy(kNobody);
    const auto refused = init(kNobody, dir_.sub("NoEvents.json"));
    expect_refused(refused, "EIP-1967 proxy of 0x");
    EXPECT_THAT(refused.err, HasSubstr("give the ABI of that contract"));
    const auto made = init(kNobody, community_);
    EXPECT_EQ(made.code, 0) << made.err;
    EXPECT_THAT(made.err, HasSubstr("it has no events yet"));
}

TEST_F(FirstHourTest, ADirectoryThatCannotBeLookedIntoIsToldWithTheReason) {
    const auto refused = plumbline({"init", dir_.sub(std::string(300, 'd')), "--abi", community_,
                                    "--address", address_, "--rpc", anvil_.url()});
    expect_refused(refused, "cannot look into");
    EXPECT_THAT(refused.err, HasSubstr("File name too long"));
}

TEST_F(FirstHourTest, BeaconProxiesAndClonesNameTheirImplementationToo) {
    const std::string beacon = "0x00000000000000000000000000000000000bea00";
    const std::string proxy = "0x00000000000000000000000000000000000bea01";
    const std::string clone = "0x00000000000000000000000000000000000bea02";
    // implementation() of whatever is asked: one address.
    anvil_.call("anvil_setCode", {beacon, "0x73" + address_.substr(2) + "60005260206000f3"});
    anvil_.call("anvil_setCode", {proxy, "0x00"});
    anvil_.call("anvil_setStorageAt",
                {proxy, kBeaconSlot, "0x000000000000000000000000" + beacon.substr(2)});
    anvil_.call("anvil_setCode", {clone, "0x363d3d373d3d3d363d73" + address_.substr(2) +
                                             "5af43d82803e903d91602b57fd5bf3"});
    expect_refused(init(proxy, dir_.sub("NoEvents.json")), "EIP-1967 beacon proxy of 0x");
    expect_refused(init(clone, dir_.sub("NoEvents.json")), "EIP-1167 clone of 0x");
}

TEST_F(FirstHourTest, TheAbiOfAnotherContractIsRefusedWithTheEventsThatItDoesNotKnow) {
    expect_refused(init(address_, dir_.sub("Other.json")), "not in the ABI: topic0 0x");
}

TEST_F(FirstHourTest, AFileThatIsNoAbiIsNamedBeforeTheChainIsAsked) {
    const std::string nobody = "http://127.0.0.1:" + std::to_string(free_port());
    write_file(dir_.sub("Empty.json"), "");
    for (const auto& [file, said] :
         {std::pair{dir_.sub("Empty.json"), "not valid JSON"}, {dir_.path(), ": Is a directory"}}) {
        const auto refused = init(address_, file, {"--rpc", nobody});
        expect_refused(refused, said);
        EXPECT_THAT(refused.err, HasSubstr(file));
    }
}

TEST_F(FirstHourTest, AStartBehindTheDeploymentSaysWhatIsLeftOut) {
    const auto late = init(address_, community_, {"--start-block", "3"});
    EXPECT_EQ(late.code, 0) << late.err;
    EXPECT_THAT(late.err, HasSubstr("had code before --start-block 3: what it emitted before"));
    std::filesystem::remove_all(dir_.sub("mine"));
    const auto right = init(address_, community_, {"--start-block", "1"});
    EXPECT_EQ(right.code, 0) << right.err;
    EXPECT_EQ(right.err, "");
}

TEST_F(FirstHourTest, ARunOfAProxyWithItsOwnAbiNamesTheImplementation) {
    // It has the code and the events of the contract, and says that they are another's.
    make_proxy(address_);
    ASSERT_EQ(init(address_, dir_.sub("Other.json"), {"--chain-id", "31337"}).code, 0);
    const auto ran = plumbline({"run", dir_.sub("mine/plumbline.toml"), "--until", "head"});
    EXPECT_THAT(ran.err, AllOf(HasSubstr("not in the ABI: topic0 0x"),
                               HasSubstr("it is an EIP-1967 proxy of 0x")));
}

TEST_F(FirstHourTest, WhatCannotBeReadSaysWhy) {
    ASSERT_EQ(init(address_, community_).code, 0);
    const std::string config = dir_.sub("mine/plumbline.toml");
    const auto file = plumbline({"status", config});
    EXPECT_EQ(file.code, 2);
    EXPECT_THAT(file.err, HasSubstr(config + " is a file: a database is a directory"));
    const auto run_file = plumbline({"run", config, "--db", config, "--until", "head"});
    EXPECT_EQ(run_file.code, 2);
    EXPECT_THAT(run_file.err, HasSubstr("is a file: a database is a directory"));
    std::filesystem::create_symlink("loop", dir_.sub("loop"));
    const auto loop = plumbline({"run", dir_.sub("loop")});
    EXPECT_EQ(loop.code, 2);
    EXPECT_THAT(loop.err, HasSubstr("Too many levels of symbolic links"));
}

TEST_F(FirstHourTest, WhatIsNoPlainFileIsWrittenToAndStays) {
    ASSERT_EQ(init(address_, community_).code, 0);
    const std::string config = dir_.sub("mine/plumbline.toml");
    ASSERT_EQ(plumbline({"run", config, "--until", "head", "--quiet"}).code, 0);
    const std::string pipe = dir_.sub("pipe");
    for (const std::string& command : {"dump " + dir_.sub("mine/db") + " --events --out ",
                                       "codegen openapi " + config + " --out "}) {
        const auto piped =
            run_command({"bash", "-c",
                         "rm -f " + pipe + "; mkfifo " + pipe + "; (timeout 20 cat " + pipe +
                             " | wc -c) & " + binary_dir() + "/plumbline " + command + pipe +
                             " || echo failed; wait; test -p " + pipe + " && echo pipe"});
        EXPECT_THAT(piped.out, HasSubstr("pipe\n")) << piped.err;
        EXPECT_THAT(piped.out, Not(HasSubstr("failed"))) << piped.err;
        EXPECT_GT(std::stoul(piped.out), 100U) << piped.out;
    }
}

TEST_F(FirstHourTest, StatusTellsOfTheServiceWhatItTellsOfItself) {
    ASSERT_EQ(init(address_, community_).code, 0);
    const std::string config = dir_.sub("mine/plumbline.toml");
    const std::string db = dir_.sub("mine/db");
    std::string text = read_file(config);
    text.replace(text.find("127.0.0.1:8080"), 14, "127.0.0.1:0");
    write_file(config, text);
    ASSERT_EQ(plumbline({"run", config, "--until", "head", "--quiet"}).code, 0);
    EXPECT_THAT(plumbline({"status", db}).out, Not(HasSubstr("service")));
    Child service{plumbline_command({"run", config})};
    nlohmann::json told;
    ASSERT_TRUE(eventually([&] {
        told = nlohmann::json::parse(plumbline({"status", db, "--json"}).out);
        return told["service"].is_object() && told["service"]["ready"] == true;
    })) << told;
    EXPECT_EQ(told["service"]["state"], "live");
    EXPECT_EQ(told["service"]["head_block"], anvil_.head());
    EXPECT_EQ(told["service"]["lag"], 0);
    EXPECT_EQ(told["block"], anvil_.head());
    EXPECT_THAT(plumbline({"status", db}).out,
                HasSubstr(fmt::format(": live, ready; the chain's head is block {}, 0 behind",
                                      anvil_.head())));
    service.send_signal(SIGSTOP);
    EXPECT_THAT(plumbline({"status", db}).out, HasSubstr("the service does not answer at http://"));
    service.send_signal(SIGCONT);
    service.send_signal(SIGKILL);
    service.wait();
    EXPECT_THAT(plumbline({"status", db}).out, HasSubstr("none runs; it was at http://"));
}

TEST_F(FirstHourTest, AServiceWhoseDescriptorsAreClosedKeepsItsFilesFromThem) {
    ASSERT_EQ(init(address_, community_).code, 0);
    const std::string config = dir_.sub("mine/plumbline.toml");
    ASSERT_EQ(plumbline({"run", config, "--until", "head", "--quiet"}).code, 0);
    const auto ran = run_command(
        {"bash", "-c",
         "exec 4>&1; " + binary_dir() + "/plumbline run " + config + " --db " +
             dir_.sub("mine/db") +
             " <&- >&- 2>&- 4>&- & P=$!; for i in $(seq 200); do "
             "test -e " +
             dir_.sub("mine/db/SERVICE") +
             " && break; sleep 0.1; done; "
             "for d in 0 1 2; do readlink /proc/$P/fd/$d; done; kill $P; wait $P; echo rc $?"});
    EXPECT_EQ(ran.out, "/dev/null\n/dev/null\n/dev/null\nrc 0\n") << ran.err;
    EXPECT_EQ(plumbline({"verify", dir_.sub("mine/db"), "--proof", "replay"}).code, 0);
}

TEST_F(FirstHourTest, ALogOfJsonEndsWithTheReasonAsJson) {
    ASSERT_EQ(init(address_, community_, {"--chain-id", "1"}).code, 0);
    const auto ran = plumbline(
        {"run", dir_.sub("mine/plumbline.toml"), "--until", "head", "--log-format", "json"});
    EXPECT_EQ(ran.code, 2);
    std::istringstream lines{ran.err};
    nlohmann::json last;
    for (std::string line; std::getline(lines, line);) {
        last = nlohmann::json::parse(line, nullptr, false);
        EXPECT_TRUE(last.is_object()) << line;
    }
    EXPECT_EQ(last["level"], "error");
    EXPECT_THAT(last["message"].get<std::string>(), HasSubstr("it serves chain 31337"));
}

TEST_F(FirstHourTest, AStartAboveTheHeadIsRefusedByInitAndRun) {
    expect_refused(init(address_, community_, {"--start-block", "99999999"}),
                   "above the chain's head");
    ASSERT_EQ(init(address_, community_, {"--chain-id", "31337", "--start-block", "99999999"}).code,
              0);
    const auto ran = plumbline({"run", dir_.sub("mine/plumbline.toml"), "--until", "head"});
    EXPECT_EQ(ran.code, 2);
    EXPECT_THAT(ran.err, ::testing::MatchesRegex(
                             "plumbline: start_block 99999999 of community_hub is above[^\n]*\n"))
        << "once";
}

TEST_F(FirstHourTest, UrlsOfOtherKindsAreRefusedWithWhatIsWrong) {
    expect_refused(init(address_, community_, {"--rpc", "ws://127.0.0.1:8545"}), "WebSocket");
    expect_refused(init(address_, community_, {"--rpc", "127.0.0.1:8545"}), "http:// or https://");
    expect_refused(init(address_, community_, {"--rpc", " " + anvil_.url()}), "white space");
    ASSERT_EQ(init(address_, community_).code, 0);
    const std::string config = dir_.sub("mine/plumbline.toml");
    ASSERT_EQ(plumbline({"run", config, "--until", "head", "--quiet"}).code, 0);
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"run", config}, {"verify", dir_.sub("mine/db")}, {"doctor"}}) {
        auto arguments = command;
        if (command.front() != "doctor") {
            arguments.emplace_back("--rpc");
        }
        arguments.emplace_back("wss://node.example/key");
        const auto refused = plumbline(arguments);
        EXPECT_EQ(refused.code, 2) << command.front() << refused.err;
        EXPECT_THAT(refused.err, HasSubstr("WebSocket is not supported")) << command.front();
        EXPECT_THAT(refused.err, Not(HasSubstr("key"))) << command.front();
    }
}

TEST_F(FirstHourTest, ANodeThatDoesNotAnswerGivesNoGuessedChain) {
    const std::string nobody = "http://127.0.0.1:" + std::to_string(free_port());
    const auto refused = init(address_, community_, {"--rpc", nobody});
    expect_refused(refused, "does not tell its chain", 3);
    EXPECT_THAT(refused.err, HasSubstr("check the URL, and that the node runs"));
    EXPECT_THAT(refused.err, HasSubstr("--chain-id"));
}

TEST_F(FirstHourTest, ARunToTheHeadOfANodeThatDoesNotAnswerEndsAndSaysWhereToLook) {
    ASSERT_EQ(init(address_, community_).code, 0);
    const auto ran =
        plumbline({"run", dir_.sub("mine/plumbline.toml"), "--until", "head", "--rpc",
                   "http://127.0.0.1:" + std::to_string(free_port()), "--timeout", "2"});
    EXPECT_EQ(ran.code, 3);
    EXPECT_THAT(ran.err,
                AllOf(HasSubstr("nothing has come from the chain"), HasSubstr("plumbline doctor")));
}

TEST_F(FirstHourTest, ANodeOfAnotherChainIsToldWithBothChainsAndWhatToDo) {
    ASSERT_EQ(init(address_, community_, {"--chain-id", "1"}).code, 0);
    const auto ran = plumbline({"run", dir_.sub("mine/plumbline.toml"), "--until", "head"});
    EXPECT_EQ(ran.code, 2);
    EXPECT_THAT(ran.err,
                HasSubstr("it serves chain 31337, and the config says chain 1: correct id in "
                          "[chain], or give an endpoint of chain 1"));
    EXPECT_FALSE(std::filesystem::exists(dir_.sub("mine/db/CURRENT")));
    const auto looked = plumbline({"doctor", "--config", dir_.sub("mine/plumbline.toml")});
    EXPECT_EQ(looked.code, 1);
    EXPECT_THAT(looked.out, AllOf(HasSubstr("id 31337, and the config says 1"),
                                  HasSubstr("correct id in [chain]")));
}

TEST_F(FirstHourTest, ADirectoryInPlaceOfAFileNamesTheFile) {
    ASSERT_EQ(init(address_, community_).code, 0);
    const auto run_there = plumbline({"run", dir_.sub("mine"), "--until", "head"});
    EXPECT_EQ(run_there.code, 2);
    EXPECT_THAT(run_there.err, HasSubstr("its config is " + dir_.sub("mine/plumbline.toml")));
    ASSERT_EQ(
        plumbline({"run", dir_.sub("mine/plumbline.toml"), "--until", "head", "--quiet"}).code, 0);
    EXPECT_THAT(plumbline({"status", dir_.sub("mine")}).err,
                HasSubstr("did you mean '" + dir_.sub("mine/db") + "'?"));
}

TEST_F(FirstHourTest, ADirectoryThatCannotBeMadeSaysWhyAndWhatElseThereIs) {
    ASSERT_EQ(init(address_, community_).code, 0);
    const auto ran = plumbline(
        {"run", dir_.sub("mine/plumbline.toml"), "--until", "head", "--db", "/proc/nothing/db"});
    EXPECT_EQ(ran.code, 3);
    EXPECT_THAT(ran.err, HasSubstr("cannot make the directory /proc/nothing/db: No such file or "
                                   "directory; this user must be able to write"));
}

TEST_F(FirstHourTest, NamesThatAreMisspeltAreToldWithTheOneThatIsMeant) {
    ASSERT_EQ(init(address_, community_).code, 0);
    const std::string config = dir_.sub("mine/plumbline.toml");
    const std::string db = dir_.sub("mine/db");
    ASSERT_EQ(plumbline({"run", config, "--until", "head", "--quiet"}).code, 0);
    for (const auto& [command, meant] :
         std::vector<std::pair<std::vector<std::string>, std::string>>{
             {{"list", db, "comunity_created"}, "did you mean 'community_created'?"},
             {{"list", db, "community_created", "--where", "nam=x"}, "did you mean 'name'?"},
             {{"task", "add", db, "compakt"}, "did you mean 'compact'?"}}) {
        const auto refused = plumbline(command);
        EXPECT_EQ(refused.code, 2) << refused.err;
        EXPECT_THAT(refused.err, HasSubstr(meant));
    }
    std::string text = read_file(config);
    const size_t at = text.find("event = \"community_hub.MemberJoined\"");
    ASSERT_NE(at, std::string::npos);
    text.replace(at, 36, "event = \"community_hub.MemberJoind\"");
    write_file(config, text);
    EXPECT_THAT(plumbline({"run", config, "--until", "head"}).err,
                HasSubstr("did you mean 'MemberJoined'?"));
}

TEST_F(FirstHourTest, ADatabaseOfAnotherChainIsRefusedWithBothChains) {
    ASSERT_EQ(init(address_, community_).code, 0);
    const std::string config = dir_.sub("mine/plumbline.toml");
    ASSERT_EQ(plumbline({"run", config, "--until", "head", "--quiet"}).code, 0);
    std::string text = read_file(config);
    text.replace(text.find("id = 31337"), 10, "id = 1");
    write_file(config, text);
    const auto refused = plumbline({"run", config, "--until", "head"});
    EXPECT_EQ(refused.code, 2);
    EXPECT_THAT(refused.err, AllOf(HasSubstr("holds chain 31337"), HasSubstr("says chain 1"),
                                   HasSubstr("another database directory")));
}

TEST_F(FirstHourTest, AllMistakesOfACommandLineAreToldTogether) {
    const auto refused = init("0x12", dir_.sub("missing.json"), {"--rpc", "ws://127.0.0.1:1"});
    expect_refused(refused, "is not an address");
    EXPECT_THAT(refused.err, AllOf(HasSubstr("WebSocket"), HasSubstr("missing.json")));
}

TEST_F(FirstHourTest, ThePageIsWhereInitSaysAndAPortThatIsTakenSaysWhatToChange) {
    const auto made = init(address_, community_);
    ASSERT_EQ(made.code, 0) << made.err;
    EXPECT_THAT(made.out, HasSubstr("Its page is then at http://127.0.0.1:8080/"));
    const std::string config = dir_.sub("mine/plumbline.toml");
    std::string text = read_file(config);
    const std::string listen = "listen = \"127.0.0.1:8080\"";
    ASSERT_NE(text.find(listen), std::string::npos) << text;
    // The node's own port is taken.
    const std::string port = anvil_.url().substr(anvil_.url().rfind(':') + 1);
    text.replace(text.find(listen), listen.size(), "listen = \"127.0.0.1:" + port + "\"");
    write_file(config, text);
    const auto refused = plumbline({"run", config});
    EXPECT_EQ(refused.code, 3);
    EXPECT_THAT(refused.err, AllOf(HasSubstr("cannot listen on 127.0.0.1:" + port),
                                   HasSubstr("give another address or port in [http] listen"),
                                   Not(HasSubstr("a new one begins"))));
}

TEST_F(FirstHourTest, InitFindsTheBlockOfTheDeployment) {
    anvil_.mine(20);
    const auto made = init(address_, community_);
    ASSERT_EQ(made.code, 0) << made.err;
    EXPECT_THAT(made.out, HasSubstr("The contract was deployed in block"));
    const std::string config = read_file(dir_.sub("mine/plumbline.toml"));
    const size_t at = config.find("start_block = ") + 14;
    const uint64_t found = std::stoull(config.substr(at));
    const auto code_at = [&](uint64_t block) {
        return anvil_.call("eth_getCode", {address_, fmt::format("0x{:x}", block)})
            .get<std::string>();
    };
    EXPECT_NE(code_at(found), "0x");
    EXPECT_EQ(code_at(found - 1), "0x");
}

TEST_F(FirstHourTest, ARunSaysThatThereIsNoIndexYetAndThatNobodyIsAtTheAddress) {
    ASSERT_EQ(init(kNobody, community_, {"--chain-id", "31337"}).code, 0);
    const std::string config = dir_.sub("mine/plumbline.toml");
    const auto first = plumbline({"run", config, "--until", "head"});
    EXPECT_EQ(first.code, 0);
    EXPECT_THAT(first.err, AllOf(HasSubstr("there is no index yet: a new one begins"),
                                 HasSubstr("there is no contract code at")));
    const auto second = plumbline({"run", config, "--until", "head"});
    EXPECT_THAT(second.err, Not(HasSubstr("a new one begins")));
    std::filesystem::rename(dir_.sub("mine/db"), dir_.sub("moved"));
    EXPECT_THAT(plumbline({"run", config, "--until", "head"}).err, HasSubstr("a new one begins"));
    const auto deep = plumbline({"run", config, "--until", "head", "--db", dir_.sub("in/a/db")});
    EXPECT_EQ(deep.code, 0) << "the directories above it are made: " << deep.err;
}

TEST_F(FirstHourTest, AllMistakesOfAConfigAreToldTogether) {
    ASSERT_EQ(init(address_, community_).code, 0);
    const std::string path = dir_.sub("mine/plumbline.toml");
    std::string text = read_file(path);
    text.replace(text.find("listen = "), 6, "lissten");
    write_file(path, text +
                         "\n[schedul]\nbackup = \"1d\"\n[entities.a]\nkey = { id = \"uint257\" }\n"
                         "[entities.b]\nkeys = { id = \"uint256\" }\n");
    const auto refused = plumbline({"run", path, "--until", "head"});
    EXPECT_EQ(refused.code, 2);
    EXPECT_THAT(refused.err,
                AllOf(HasSubstr("uint257"), HasSubstr("'keys'"),
                      HasSubstr("did you mean 'schedule'"), HasSubstr("did you mean 'listen'")));
}

TEST_F(FirstHourTest, EventsOfNoAbiAreToldByTheRun) {
    ASSERT_EQ(init(address_, dir_.sub("Other.json"), {"--chain-id", "31337"}).code, 0);
    const auto ran = plumbline({"run", dir_.sub("mine/plumbline.toml"), "--until", "head"});
    EXPECT_EQ(ran.code, 0);
    EXPECT_THAT(ran.err, HasSubstr("events are in no ABI"));
    EXPECT_THAT(ran.err, Not(HasSubstr("other parameters indexed")));
    const auto checked = plumbline({"check", dir_.sub("mine/plumbline.toml")});
    EXPECT_EQ(checked.code, 1) << checked.err;
    EXPECT_THAT(checked.out, AllOf(HasSubstr("which its ABI does not have"),
                                   HasSubstr("logs fits its contract's ABI")));
    const auto as_json = plumbline({"check", dir_.sub("mine/plumbline.toml"), "--json"});
    EXPECT_EQ(as_json.code, 1);
    EXPECT_THAT(as_json.out, HasSubstr("\"none_fits\": true"));
    EXPECT_THAT(ran.err, HasSubstr("not in the ABI: topic0 0x"));
    EXPECT_THAT(ran.err, HasSubstr("plumbline status"));
}

}  // namespace
}  // namespace plumbline::test::first_hour_test
