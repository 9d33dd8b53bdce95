// What a service says that reads its config again: each section that says something else, once, and
// none that only looks different.
#include "engine/config/config_difference.hpp"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plumbline::engine::config_difference_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kAbi = R"([{"type":"event","name":"Put","anonymous":false,"inputs":[)"
                             R"({"name":"who","type":"address","indexed":true},)"
                             R"({"name":"amount","type":"uint256","indexed":false}]}])";

constexpr const char* kWhole = R"(
[chain]
id = 1
rpc = [{ url = "http://127.0.0.1:1", headers = { Token = "env:DIFFERENCE_TEST" } }]
[contracts.bank]
abi = "bank.json"
address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
[entities.account]
key = { who = "address" }
fields = { amount = "uint256" }
[[on]]
event = "bank.Put"
upsert = "account"
key = { who = "who" }
add = { amount = "amount" }
[proof]
sample = 0.5
[repair]
on_drift = "report"
[database]
memory_mib = 300
[schedule]
scrub = "1d"
[http]
listen = "127.0.0.1:8081"
[webhooks.app]
url = "http://127.0.0.1:1"
secret = "01234567"
[sinks.pg]
url = "postgresql://127.0.0.1/a"
entities = ["account"]
[backup]
path = "there"
[log]
level = "info"
[reports.puts]
event = "bank.Put"
metric = "count"
)";

Config read(const std::string& text, const std::string& abi = kAbi) {
    auto config = parse_config(text, "plumbline.toml",
                               [&abi](const std::string&) -> Result<std::string> { return abi; });
    EXPECT_TRUE(config.has_value()) << config.error().message;
    return config ? *std::move(config) : Config{};
}

std::string with(const std::string& from, const std::string& to) {
    std::string out = kWhole;
    const size_t at = out.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return out.replace(at, from.size(), to);
}

std::vector<std::string> difference(const std::string& from, const std::string& to) {
    return differing_sections(read(kWhole), read(with(from, to)));
}

class ConfigDifferenceTest : public testing::Test {
  protected:
    void SetUp() override { ::setenv("DIFFERENCE_TEST", "one", 1); }
};

TEST_F(ConfigDifferenceTest, EachSectionThatSaysSomethingElseIsNamed) {
    const char* kMapping = "contracts, entities or handlers";
    const struct {
        const char* from;
        const char* to;
        const char* section;
    } kCases[] = {
        {"[chain]\n", "[chain]\nfinality = 3\n", "[chain]"},
        {"127.0.0.1:1\", headers", "127.0.0.1:2\", headers", "[chain]"},
        {"url = \"http://127.0.0.1:1\", headers",
         "url = \"http://127.0.0.1:1\", public_host = true, headers", "[chain]"},
        {"0x5FbDB2315678afecb367f032d93F642f64180aa3", "0x35d1b3f3d7966a1dfe207aa4514c12a259a0492b",
         kMapping},
        {"\"uint256\"", "\"uint128\"", kMapping},
        {"add = { amount = \"amount\" }", "add = { amount = 1 }", kMapping},
        {"sample = 0.5", "sample = 0.25", "[proof]"},
        {"sample = 0.5", "quarantine = \"fail\"\nsample = 0.5", "[proof]"},
        {"\"report\"", "\"chain\"", "[repair]"},
        {"300", "301", "[database]"},
        {"8081", "8082", "[http]"},
        {"01234567", "01234568", "[webhooks]"},
        {"127.0.0.1/a", "127.0.0.1/b", "[sinks]"},
        {"\"there\"", "\"elsewhere\"", "[backup]"},
        {"path = \"there\"", "path = \"there\"\nkept_max = 3", "[backup]"},
        {"metric = \"count\"", "metric = \"count\"\ntop = 3", "[reports]"},
    };
    for (const auto& [from, to, section] : kCases) {
        EXPECT_THAT(difference(from, to), ElementsAre(section)) << from << " -> " << to;
    }
}

TEST_F(ConfigDifferenceTest, ASecretAndAnAbiCountThoughTheFileIsTheSame) {
    const Config before = read(kWhole);
    ::setenv("DIFFERENCE_TEST", "another", 1);
    EXPECT_THAT(differing_sections(before, read(kWhole)), ElementsAre("[chain]"));
    ::setenv("DIFFERENCE_TEST", "one", 1);
    std::string abi = kAbi;
    abi.replace(abi.find("uint256"), 7, "uint128");
    EXPECT_THAT(differing_sections(before, read(kWhole, abi)),
                ElementsAre("contracts, entities or handlers"));
}

TEST_F(ConfigDifferenceTest, WhatOnlyLooksDifferentAndWhatIsAppliedAtOnceAreNone) {
    EXPECT_THAT(difference("[proof]", "# a line more\n\n[proof]"), IsEmpty());
    EXPECT_THAT(difference("\"bank.Put\"\nmetric", "'bank.Put'\nmetric"), IsEmpty());
    EXPECT_THAT(difference("metric = \"count\"", "metric  =  \"count\" # so many"), IsEmpty());
    EXPECT_THAT(difference("\"1d\"", "\"2d\""), IsEmpty());
    EXPECT_THAT(difference("\"info\"", "\"error\""), IsEmpty());
}

}  // namespace
}  // namespace plumbline::engine::config_difference_test
