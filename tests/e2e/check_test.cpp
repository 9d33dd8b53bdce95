// plumbline check: handlers tried on real events, nothing kept.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/chain.hpp"
#include "tests/support/paths.hpp"

namespace plumbline::test::check_test {
namespace {

using nlohmann::json;

class CheckTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::filesystem::create_directory(dir_.sub("tmp"));
        setenv("TMPDIR", dir_.sub("tmp").c_str(), 1);
        const auto acted = run_script("examples/community/activity.mjs",
                                      {"--rpc", anvil_.url(), "--steps", "60", "--seed", "7"});
        ASSERT_EQ(acted.code, 0) << acted.err;
        report_ = json::parse(acted.out);
        for (const char* name : {"plumbline.toml", "CommunityHub.json"}) {
            write_file(dir_.sub(name),
                       read_file(source_path(std::string{"examples/community/"} + name)));
        }
    }
    void TearDown() override { unsetenv("TMPDIR"); }

    Finished check(std::vector<std::string> more = {}) {
        std::vector<std::string> arguments{"check", dir_.sub("plumbline.toml"), "--rpc",
                                           anvil_.url()};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return plumbline(arguments);
    }
    [[nodiscard]] bool is_clean() const {
        return std::filesystem::is_empty(dir_.sub("tmp")) &&
               !std::filesystem::exists(dir_.sub("db"));
    }

    Anvil anvil_;
    TempDir dir_;
    json report_;
};

TEST_F(CheckTest, TellsWhatEachHandlerDidAndLeavesNothingBehind) {
    const auto tried = check({"--events", "1000000", "--json"});
    ASSERT_EQ(tried.code, 0) << tried.err;
    const json found = json::parse(tried.out);
    EXPECT_EQ(found["events"], report_["logs"]);
    EXPECT_EQ(found["refused"], 0);
    EXPECT_EQ(found["is_head"], true);
    for (const json& entity : found["entities"]) {
        EXPECT_EQ(entity["rows"], report_["counts"][entity["entity"].get<std::string>()]) << entity;
    }
    uint64_t registered = 0;
    for (const json& handler : found["handlers"]) {
        if (handler["handler"] == "hub.UserRegistered: insert user") {
            registered = handler["ran"].get<uint64_t>();
        }
    }
    EXPECT_EQ(registered, report_["counts"]["user"].get<uint64_t>());
    EXPECT_TRUE(is_clean());

    // The same in words, for the first events only.
    const auto few = check({"--events", "5"});
    EXPECT_EQ(few.code, 0) << few.err;
    EXPECT_NE(few.out.find("hub.UserRegistered: insert user"), std::string::npos) << few.out;
    EXPECT_TRUE(is_clean());
}

TEST_F(CheckTest, BrokenRulesAreShownWithTheirReasonsAndEndWithOne) {
    const auto tried = check({"--from", "6"});
    EXPECT_EQ(tried.code, 1) << tried.err;
    EXPECT_NE(tried.out.find("there is no such row"), std::string::npos) << tried.out;
    const auto above = check({"--from", "900"});
    EXPECT_EQ(above.code, 0) << above.err;
    EXPECT_NE(above.out.find("no block from 900 on yet"), std::string::npos) << above.out;
    EXPECT_EQ(check({"--from", "-1"}).code, 2);
    EXPECT_TRUE(is_clean());
}

TEST_F(CheckTest, WithoutEventsTheConfigAloneIsReadAndNobodyAsked) {
    const auto right = plumbline(
        {"check", dir_.sub("plumbline.toml"), "--events", "0", "--rpc", "http://127.0.0.1:1"});
    EXPECT_EQ(right.code, 0) << right.err;
    EXPECT_NE(right.out.find("is right: 1 contract, 6 entities"), std::string::npos) << right.out;

    std::string config = read_file(dir_.sub("plumbline.toml"));
    config.replace(config.find("insert = \"user\""), 15, "insert = \"usr\" ");
    write_file(dir_.sub("plumbline.toml"), config);
    const auto wrong = check();
    EXPECT_EQ(wrong.code, 2);
    EXPECT_NE(wrong.err.find("unknown entity 'usr'; did you mean 'user'?"), std::string::npos)
        << wrong.err;
}

TEST_F(CheckTest, AnEntityThatNoHandlerWritesIsAWarningAndNoMistake) {
    write_file(dir_.sub("plumbline.toml"),
               read_file(dir_.sub("plumbline.toml")) +
                   "\n[entities.balance_of]\nkey = { id = \"address\" }\n"
                   "fields = { value = \"uint256\" }\n");
    const auto tried = check({"--events", "0"});
    EXPECT_EQ(tried.code, 0) << tried.err;
    EXPECT_NE(tried.err.find("no [[on]] writes entity 'balance_of'"), std::string::npos)
        << tried.err;
    EXPECT_EQ(std::ranges::count(tried.err, '\n'), 1) << tried.err;
}

TEST_F(CheckTest, ADeadNodeIsToldAfterTheConfigAndEndsWithThree) {
    const auto tried = plumbline(
        {"check", dir_.sub("plumbline.toml"), "--rpc", "http://127.0.0.1:1", "--timeout", "1"});
    EXPECT_EQ(tried.code, 3);
    EXPECT_NE(tried.out.find("is right"), std::string::npos) << tried.out;
    EXPECT_NE(tried.err.find("nothing has come from the chain for"), std::string::npos)
        << tried.err;
    EXPECT_TRUE(is_clean());
    const auto for_programs = plumbline({"check", dir_.sub("plumbline.toml"), "--rpc",
                                         "http://127.0.0.1:1", "--timeout", "1", "--json"});
    EXPECT_EQ(for_programs.code, 3);
    EXPECT_EQ(json::parse(for_programs.out)["error"]["kind"], "environment") << for_programs.out;
}

TEST_F(CheckTest, AnEndpointOfAnotherChainIsOneSentenceAndNothingIsCalledRight) {
    std::string config = read_file(dir_.sub("plumbline.toml"));
    config.replace(config.find("id = 31337"), 10, "id = 1    ");
    write_file(dir_.sub("plumbline.toml"), config);
    const auto tried = check();
    EXPECT_EQ(tried.code, 2);
    EXPECT_EQ(tried.out, "");
    EXPECT_NE(tried.err.find("it serves chain 31337, and the config says chain 1: correct id"),
              std::string::npos)
        << tried.err;
    EXPECT_EQ(std::ranges::count(tried.err, '\n'), 1) << tried.err;
}

TEST_F(CheckTest, NamesThatReportsAndWebhooksGetWrongAreToldTogether) {
    write_file(dir_.sub("plumbline.toml"),
               read_file(dir_.sub("plumbline.toml")) +
                   "\n[reports.most]\nentity = \"vot\"\ngroup_by = \"voter\"\nmetric = \"count\"\n"
                   "[webhooks.app]\nurl = \"http://127.0.0.1:1\"\nsecret = \"long-enough\"\n"
                   "events = [\"hub.VoteCst\", \"hub.UserRegistred\"]\n");
    const auto tried = check({"--events", "0"});
    EXPECT_EQ(tried.code, 2);
    for (const char* said :
         {"'vot'", "did you mean 'VoteCast'?", "did you mean 'UserRegistered'?"}) {
        EXPECT_NE(tried.err.find(said), std::string::npos) << said << ": " << tried.err;
    }
}

TEST_F(CheckTest, AMistakeIsJsonForPrograms) {
    std::string config = read_file(dir_.sub("plumbline.toml"));
    config.replace(config.find("insert = \"user\""), 15, "insert = \"usr\" ");
    write_file(dir_.sub("plumbline.toml"), config);
    const auto tried = check({"--json"});
    EXPECT_EQ(tried.code, 2);
    const json found = json::parse(tried.out);
    EXPECT_EQ(found["error"]["kind"], "config");
    EXPECT_NE(found["error"]["message"].get<std::string>().find("unknown entity 'usr'"),
              std::string::npos)
        << found;
}

TEST_F(CheckTest, AnAddressWithoutCodeIsNamedWhereNothingWasFound) {
    std::string config = read_file(dir_.sub("plumbline.toml"));
    const size_t at = config.find("address = \"0x");
    ASSERT_NE(at, std::string::npos);
    config.replace(at, 54, "address = \"0x00000000000000000000000000000000000000aa\"");
    write_file(dir_.sub("plumbline.toml"), config);
    const auto tried = check();
    EXPECT_EQ(tried.code, 0) << tried.err;
    EXPECT_NE(tried.out.find("0x00000000000000000000000000000000000000aa is no contract on this"),
              std::string::npos)
        << tried.out;
}

TEST_F(CheckTest, ALongSearchTellsWhereItIs) {
    anvil_.mine(512);
    const auto tried = check({"--events", "1000000"});
    EXPECT_EQ(tried.code, 0) << tried.err;
    EXPECT_NE(tried.err.find("looking further for 1000000"), std::string::npos) << tried.err;
}

}  // namespace
}  // namespace plumbline::test::check_test
