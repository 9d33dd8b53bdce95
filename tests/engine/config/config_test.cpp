#include "engine/config/config.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/evm/hex.hpp"
#include "engine/config/config_secrets.hpp"
#include "engine/config/config_toml.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/temp_dir.hpp"

namespace plumbline::engine::config_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Result<std::string> any_abi(const std::string& name) {
    return "abi of " + name;
}

Config parsed(std::string_view text) {
    auto config = parse_config(text, "config.toml", any_abi);
    EXPECT_TRUE(config.has_value()) << config.error().message;
    return config.has_value() ? *std::move(config) : Config{};
}

constexpr std::string_view kHub = R"toml(
[contracts.hub]
abi = "hub.json"
address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
)toml";

std::string with_chain(std::string_view chain) {
    return fmt::format("[chain]\nid = 1\n{}\n{}", chain, kHub);
}

std::vector<std::string> names(const std::vector<storage::Field>& fields) {
    std::vector<std::string> out;
    for (const storage::Field& field : fields) {
        out.push_back(field.name);
    }
    return out;
}

TEST(ConfigTest, DefaultsOfTheSmallestConfig) {
    const Config config = parsed(with_chain("rpc = \"http://127.0.0.1:8545\""));
    EXPECT_EQ(config.path, "config.toml");
    EXPECT_EQ(config.chain.id, 1U);
    ASSERT_EQ(config.chain.rpc.size(), 1U);
    EXPECT_EQ(config.chain.rpc[0].url, "http://127.0.0.1:8545");
    EXPECT_TRUE(config.chain.rpc[0].headers.empty());
    EXPECT_FALSE(config.chain.finality_depth.has_value());
    EXPECT_EQ(config.chain.poll_interval_ms, 1000);
    EXPECT_EQ(config.db_path, "db");
    EXPECT_EQ(config.memory_mib, 256U);
    ASSERT_EQ(config.contracts.size(), 1U);
    EXPECT_EQ(config.contracts[0].name, "hub");
    EXPECT_EQ(config.contracts[0].abis[0].file, "hub.json");
    EXPECT_EQ(config.contracts[0].abis[0].text, "abi of hub.json");
    EXPECT_EQ(config.contracts[0].start_block, 0U);
    EXPECT_EQ(evm::to_hex(config.contracts[0].addresses.at(0)),
              "0x5fbdb2315678afecb367f032d93f642f64180aa3");
    EXPECT_EQ(config.contracts[0].pos.line, 5U);
}

TEST(ConfigTest, ReadsChainAndDatabase) {
    const Config config = parsed(with_chain(R"toml(
rpc = ["https://a.example/v1", { url = "http://b", token = "t", headers = { X-Key = "k" } }]
finality = 64
poll_interval = "500ms"
[database]
path = "/data/index"
memory_mib = 512
)toml"));
    ASSERT_EQ(config.chain.rpc.size(), 2U);
    EXPECT_EQ(config.chain.rpc[0].url, "https://a.example/v1");
    EXPECT_EQ(config.chain.rpc[1].url, "http://b");
    EXPECT_THAT(config.chain.rpc[1].headers,
                ElementsAre(std::pair<std::string, std::string>{"X-Key", "k"},
                            std::pair<std::string, std::string>{"Authorization", "Bearer t"}));
    EXPECT_EQ(config.chain.finality_depth, 64U);
    EXPECT_EQ(config.chain.poll_interval_ms, 500);
    EXPECT_EQ(config.db_path, "/data/index");
    EXPECT_EQ(config.memory_mib, 512U);
}

TEST(ConfigTest, ReadsProofAndRepair) {
    const std::string base = with_chain("rpc = \"http://a\"");
    EXPECT_EQ(parsed(base).proof.level, storage::ProofLevel::kReceipts);
    EXPECT_EQ(parsed(base).repair.on_drift, DriftPolicy::kReport);
    EXPECT_EQ(parsed(base).repair.on_log, LogPolicy::kMend);
    const Config config = parsed(base + R"toml(
[proof]
level = "bloom"
sample = 0.25
requests_per_second = 7
range_blocks = 50
[repair]
on_log = "report"
on_drift = "chain"
)toml");
    EXPECT_EQ(config.proof.level, storage::ProofLevel::kBloom);
    EXPECT_EQ(config.proof.sample, 0.25);
    EXPECT_EQ(config.proof.requests_per_second, 7U);
    EXPECT_EQ(config.proof.range_blocks, 50U);
    EXPECT_EQ(config.repair.on_drift, DriftPolicy::kChain);
    EXPECT_EQ(config.repair.on_log, LogPolicy::kReport);
    EXPECT_EQ(parsed(base + "[proof]\nlevel = \"off\"\nsample = 1").proof.level,
              storage::ProofLevel::kNone);
}

TEST(ConfigTest, ShownDecimalsAreNoPartOfWhatIsStored) {
    const auto with = [](const std::string& type) {
        return parsed("[chain]\nid = 1\nrpc = \"http://node\"\n" + std::string{kHub} +
                      "[entities.item]\nkey = { id = \"uint256\" }\nfields = { n = " + type +
                      " }\n");
    };
    const Config shown = with(R"({ type = "uint256", decimals = 18 })");
    const Config plain = with(R"("uint256")");
    EXPECT_EQ(shown.entities[0].fields, plain.entities[0].fields);
    ASSERT_EQ(shown.entities[0].decimals.size(), 1U);
    EXPECT_EQ(shown.entities[0].decimals[0].first, "n");
    EXPECT_EQ(shown.entities[0].decimals[0].second, 18);
    EXPECT_TRUE(plain.entities[0].decimals.empty());
}

TEST(ConfigTest, MistakesOfAllSectionsAreToldTogetherAndNotWhatFollowsFromThem) {
    const auto config =
        parse_config("[chain]\nid = 1\nrpc = \"http://node\"\n" + std::string{kHub} +
                         "[entities.a]\nkey = { id = \"uint257\" }\n"
                         "[entities.b]\nkeys = { id = \"uint256\" }\n"
                         "[[on]]\nevent = \"hub.Made\"\ninsert = \"a\"\nkey = { id = \"id\" }\n"
                         "[http]\nlissten = \"x\"\n",
                     "config.toml", any_abi);
    ASSERT_FALSE(config);
    const std::string& said = config.error().message;
    EXPECT_EQ(std::ranges::count(said, '\n'), 2) << said;
    EXPECT_NE(said.find("uint257"), std::string::npos) << said;
    EXPECT_NE(said.find("'keys'"), std::string::npos) << said;
    EXPECT_NE(said.find("'lissten'"), std::string::npos) << said;
}

TEST(ConfigTest, ReadsEndpointsAsTables) {
    const Config config = parsed(
        "[chain]\nid = 1\n[[chain.rpc]]\nurl = \"http://a\"\n[[chain.rpc]]\nurl = \"http://b\"\n"
        "headers.X-Key = \"k\"\n" +
        std::string{kHub});
    ASSERT_EQ(config.chain.rpc.size(), 2U);
    EXPECT_EQ(config.chain.rpc[1].headers.at(0).second, "k");
    EXPECT_THAT(config.text, Not(HasSubstr("\"k\"")));
}

TEST(ConfigTest, ReadsPollIntervals) {
    const std::vector<std::pair<std::string, int64_t>> known{
        {"\"250ms\"", 250}, {"\"2s\"", 2000}, {"\"1m\"", 60000}, {"1500", 1500}};
    for (const auto& [text, ms] : known) {
        EXPECT_EQ(parsed(with_chain("rpc = \"http://a\"\npoll_interval = " + text))
                      .chain.poll_interval_ms,
                  ms)
            << text;
    }
}

TEST(ConfigTest, ReadsHowOldTheHeadMayBe) {
    const Config usual = parsed(with_chain("rpc = \"http://a\""));
    EXPECT_EQ(usual.chain.ready_age_ms, 60'000);
    EXPECT_FALSE(usual.chain.head_age_ms.has_value());
    const Config own =
        parsed(with_chain("rpc = \"http://a\"\nready_age = \"off\"\nhead_age = \"5m\""));
    EXPECT_EQ(own.chain.ready_age_ms, 0);
    EXPECT_EQ(own.chain.head_age_ms, 300'000);
}

TEST(ConfigTest, ReadsContracts) {
    const Config config = parsed(R"toml(
[chain]
id = 1
rpc = "http://a"
finality = "finalized"
[contracts.zebra]
abi = "z.json"
address = ["0x0000000000000000000000000000000000000002", "0x0000000000000000000000000000000000000001"]
start_block = 12
events = ["B", "A(uint256, (address,bytes32)[])"]
[contracts.ant]
abi = "a.json"
factory = { event = "zebra.Made(address)", address = "$arg.0" }
)toml");
    ASSERT_EQ(config.contracts.size(), 2U);
    EXPECT_EQ(config.contracts[0].name, "zebra");
    EXPECT_EQ(config.contracts[0].start_block, 12U);
    EXPECT_THAT(config.contracts[0].events, ElementsAre("B", "A(uint256,(address,bytes32)[])"));
    EXPECT_EQ(config.contracts[0].addresses.at(0).bytes[19], 2);
    ASSERT_EQ(config.contracts[1].factories.size(), 1U);
    EXPECT_EQ(config.contracts[1].factories[0].contract, "zebra");
    EXPECT_EQ(config.contracts[1].factories[0].event, "Made(address)");
    EXPECT_EQ(config.contracts[1].factories[0].address_param, "$arg.0");
    EXPECT_TRUE(config.contracts[1].addresses.empty());
}

TEST(ConfigTest, ReadsFromWhereOnAChildCounts) {
    const auto since = [](const std::string& text) {
        return parsed(R"toml(
[chain]
id = 1
rpc = "http://a"
[contracts.hub]
abi = "z.json"
address = "0x0000000000000000000000000000000000000002"
[contracts.pair]
abi = "a.json"
factory = { event = "hub.Made(address)", address = "$arg.0")toml" +
                      text + " }")
            .contracts[1]
            .factories.at(0);
    };
    EXPECT_EQ(since("").since, ChildSince::kBlock);
    EXPECT_EQ(since(", since = \"block\"").since, ChildSince::kBlock);
    EXPECT_EQ(since(", since = \"announcement\"").since, ChildSince::kAnnouncement);
    EXPECT_EQ(since(", since = 0").since, ChildSince::kNumber);
    EXPECT_EQ(since(", since = 12000000").since_block, 12'000'000U);
}

TEST(ConfigTest, KeepsFileOrder) {
    const Config config = parsed(with_chain("rpc = \"http://a\"") + R"toml(
[entities.z]
key = { y = "uint8", b = "uint8", a = "string" }
index = [["b"], ["f2", "y"]]
[entities.z.fields]
f9 = "uint8"
f10 = "int16"
f2 = "bytes4"
[entities.m]
fields = { b = "bool", a = "bytes" }
key = { c = "address" }
[[on]]
event = "hub.E"
upsert = "z"
key = { y = 1, b = 2, a = "'x'" }
set = { f9 = 1, f2 = "0x00000000", f10 = -2 }
[entities.a]
key = { k = "bool" }
[[on]]
event = ["hub.F(uint256)", "hub.G"]
delete = "a"
key = { k = true }
)toml");
    ASSERT_EQ(config.entities.size(), 3U);
    EXPECT_EQ(config.entities[0].name, "z");
    EXPECT_EQ(config.entities[1].name, "m");
    EXPECT_EQ(config.entities[2].name, "a");
    EXPECT_THAT(names(config.entities[0].key), ElementsAre("y", "b", "a"));
    EXPECT_THAT(names(config.entities[0].fields), ElementsAre("f9", "f10", "f2"));
    EXPECT_THAT(names(config.entities[1].fields), ElementsAre("b", "a"));
    EXPECT_EQ(config.entities[0].fields[1].type,
              (storage::FieldType{storage::FieldKind::kInt, 16}));
    EXPECT_THAT(config.entities[0].indexes, ElementsAre(ElementsAre("b"), ElementsAre("f2", "y")));
    ASSERT_EQ(config.handlers.size(), 2U);
    const HandlerConfig& first = config.handlers[0];
    EXPECT_EQ(first.action, HandlerAction::kUpsert);
    ASSERT_EQ(first.set.size(), 3U);
    EXPECT_EQ(first.set[0].field, "f9");
    EXPECT_EQ(first.set[1].field, "f2");
    EXPECT_EQ(first.set[2].field, "f10");
    EXPECT_TRUE(first.set[2].value.negative);
    EXPECT_EQ(first.set[2].value.source, "-2");
    EXPECT_THAT(config.handlers[1].events, ElementsAre("hub.F(uint256)", "hub.G"));
    EXPECT_EQ(config.handlers[1].key[0].value.kind, Operand::Kind::kBool);
}

TEST(ConfigTest, ReadsWholeHandlers) {
    const Config config = parsed(with_chain("rpc = \"http://a\"") + R"toml(
[entities.item]
key = { id = "uint256" }
fields = { n = "uint64", low = "uint64", high = "uint64", owner = "address" }
drop = "n == 0"
[[on]]
event = "hub.Many"
each = ["ids", "order.amounts"]
when = ["order.amounts > 0", "item[ids].n != 5"]
update = "item"
key = { id = "ids" }
set = { owner = "$txn.from" }
add = { n = "order.amounts" }
sub = { n = 1 }
min = { low = "$each.index" }
max = { high = "$block.number" }
)toml");
    ASSERT_EQ(config.handlers.size(), 1U);
    const HandlerConfig& handler = config.handlers[0];
    EXPECT_THAT(handler.each, ElementsAre("ids", "order.amounts"));
    ASSERT_EQ(handler.when.size(), 2U);
    EXPECT_EQ(handler.when[0].op, CompareOp::kGt);
    EXPECT_EQ(handler.when[1].left.entity, "item");
    EXPECT_EQ(handler.add.at(0).value.path, (std::vector<std::string>{"order", "amounts"}));
    EXPECT_EQ(handler.sub.at(0).value.number, evm::U256{1});
    EXPECT_EQ(handler.min.at(0).value.kind, Operand::Kind::kEachIndex);
    EXPECT_EQ(handler.max.at(0).value.kind, Operand::Kind::kBlockNumber);
    ASSERT_TRUE(config.entities[0].drop.has_value());
    EXPECT_EQ(config.entities[0].drop->left.path, (std::vector<std::string>{"n"}));
}

TEST(ConfigTest, ReadsState) {
    const Config config = parsed(with_chain("rpc = \"http://a\"") + R"toml(
[entities.pair]
key = { pool = "address", id = "uint256" }
fields = { n = "uint64", name = "string" }
count = "hub.pairs()"
state = [
  { call = "hub.items(uint256, address)", at = "pool", args = ["id", 7, "pair[pool, id].n"], returns = ["n", "_", true, "'x'", "name"], deleted = [0, 0, false, "''", "''"] },
  { call = "hub.one", returns = ["n"], gone = "revert" },
]
)toml");
    const EntityConfig& entity = config.entities.at(0);
    EXPECT_EQ(entity.count, "hub.pairs()");
    ASSERT_EQ(entity.state.size(), 2U);
    const StateConfig& state = entity.state[0];
    EXPECT_EQ(state.contract, "hub");
    EXPECT_EQ(state.function, "items(uint256,address)");
    ASSERT_TRUE(state.at.has_value());
    EXPECT_EQ(state.at->path, (std::vector<std::string>{"pool"}));
    ASSERT_EQ(state.args.size(), 3U);
    EXPECT_EQ(state.args[2].kind, Operand::Kind::kLookup);
    ASSERT_EQ(state.returns.size(), 5U);
    EXPECT_EQ(state.returns[0].kind, StateConfig::Return::Kind::kField);
    EXPECT_EQ(state.returns[0].field, "n");
    EXPECT_EQ(state.returns[1].kind, StateConfig::Return::Kind::kIgnored);
    EXPECT_EQ(state.returns[2].kind, StateConfig::Return::Kind::kLiteral);
    EXPECT_EQ(state.returns[2].literal.kind, Operand::Kind::kBool);
    EXPECT_EQ(state.returns[3].literal.text, "x");
    ASSERT_TRUE(state.deleted.has_value());
    EXPECT_EQ(state.deleted->values.size(), 5U);
    EXPECT_TRUE(entity.state[1].deleted->reverts);
    EXPECT_FALSE(entity.state[1].at.has_value());
}

TEST(ConfigTest, WhatADeletedRowTellsIsSaidOnce) {
    const auto config = parse_config(with_chain("rpc = \"http://a\"") + R"toml(
[entities.item]
key = { id = "uint256" }
fields = { n = "uint64" }
state = { call = "hub.items", args = ["id"], returns = ["n"], deleted = [0], gone = [0] }
)toml",
                                     "test.toml", any_abi);
    ASSERT_FALSE(config.has_value());
    EXPECT_THAT(config.error().message, HasSubstr("both deleted and its old name gone"));
}

TEST(ConfigTest, AStateMayBeOneTable) {
    const Config config = parsed(with_chain("rpc = \"http://a\"") + R"toml(
[entities.item]
key = { id = "uint256" }
[entities.item.state]
call = "hub.items"
args = ["id"]
returns = [true]
)toml");
    EXPECT_EQ(config.entities.at(0).state.size(), 1U);
}

TEST(ConfigTest, TakesValuesFromTheEnvironment) {
    ::setenv("PLUMBLINE_TEST_URL", "https://node.example/v2/0123456789abcdef", 1);
    ::setenv("PLUMBLINE_TEST_TOKEN", "tok-0123456789", 1);
    const Config config = parsed(with_chain(
        R"(rpc = ["env:PLUMBLINE_TEST_URL", { url = "http://b", token = "env:PLUMBLINE_TEST_TOKEN" }])"));
    EXPECT_EQ(config.chain.rpc.at(0).url, "https://node.example/v2/0123456789abcdef");
    EXPECT_EQ(config.chain.rpc.at(1).headers.at(0).second, "Bearer tok-0123456789");
    EXPECT_THAT(config.text, Not(HasSubstr("0123456789")));
    // The stored text stands alone: it needs no environment.
    ::unsetenv("PLUMBLINE_TEST_URL");
    ::unsetenv("PLUMBLINE_TEST_TOKEN");
    EXPECT_EQ(parsed(config.text).chain.rpc.size(), 2U);
}

TEST(ConfigTest, StoredTextHasNoSecrets) {
    const std::string text = with_chain(R"(# old: https://x.example/v2/s3cr3t-commented
rpc = [
  "https://user:s3cr3t@a.example:8545/v2/s3cr3t-in-the-path?key=s3cr3t#s3cr3t", # s3cr3t
  'https://b.example/s3cr3t-s3cr3t',
  { url = "https:\u002f\u002fc.example/?k=s3cr3t", token = """s3cr3t"tok""", headers = { "X-É" = "s3cr3t", A = 's3cr3t' } },
])");
    // Header names are ASCII, so this one is refused; the rest stays the same.
    std::string fixed = text;
    fixed.replace(fixed.find("X-É"), std::string_view{"X-É"}.size(), "X-E");
    EXPECT_FALSE(parse_config(text, "config.toml", any_abi).has_value());
    const Config config = parsed(fixed);
    ASSERT_EQ(config.chain.rpc.size(), 3U);
    EXPECT_EQ(config.chain.rpc[2].url, "https://c.example/?k=s3cr3t");
    EXPECT_THAT(config.text, Not(HasSubstr("s3cr3t")));
    EXPECT_THAT(config.text, HasSubstr("https://a.example:8545/v2/redacted\""));
    const Config again = parsed(config.text);
    EXPECT_EQ(again.chain.rpc[0].url, "https://a.example:8545/v2/redacted");
    EXPECT_EQ(again.chain.rpc[1].url, "https://b.example/redacted");
    EXPECT_EQ(again.chain.rpc[2].url, "https://c.example/");
    EXPECT_EQ(again.contracts[0].pos.line, config.contracts[0].pos.line);
    EXPECT_EQ(again.text, config.text) << "taking secrets out twice changes nothing";
}

TEST(ConfigTest, StoredTextKeepsHashesInStrings) {
    const Config config =
        parsed(with_chain("rpc = \"http://a\" # comment 'with \" quotes") + R"toml(
[entities.item]
key = { id = "uint256" }
fields = { s = "string" } # "
[[on]]
event = "hub.E"
insert = "item" #
key = { id = "a" }
set = { s = "'# no comment'" }
)toml");
    EXPECT_EQ(parsed(config.text).handlers.at(0).set.at(0).value.text, "# no comment");
    EXPECT_THAT(config.text, Not(HasSubstr("with")));
}

TEST(ConfigTest, ReadsWindowsLineEndsAndByteOrderMark) {
    std::string text = "\xEF\xBB\xBF" + with_chain("rpc = \"http://u:p@a\" # x");
    for (size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2) {
        text.replace(at, 1, "\r\n");
    }
    const Config config = parsed(text);
    EXPECT_THAT(config.text, Not(HasSubstr("u:p")));
    EXPECT_EQ(parsed(config.text).chain.rpc.at(0).url, "http://a");
}

TEST(ConfigTest, AddressesMayHaveAnyOneCase) {
    for (const std::string_view address : {"0x5fbdb2315678afecb367f032d93f642f64180aa3",
                                           "0x5FBDB2315678AFECB367F032D93F642F64180AA3",
                                           "0x5FbDB2315678afecb367f032d93F642f64180aa3",
                                           "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"}) {
        const Config config = parsed(fmt::format(
            "[chain]\nid = 1\nrpc = \"http://a\"\n[contracts.a]\nabi = \"a\"\naddress = \"{}\"\n",
            address));
        EXPECT_EQ(config.contracts.at(0).addresses.size(), 1U) << address;
    }
}

TEST(ConfigTest, LoadsFilesNextToTheConfig) {
    const auto config = load_config(source_dir() + "/examples/community/plumbline.toml");
    ASSERT_TRUE(config.has_value()) << config.error().message;
    EXPECT_THAT(config->contracts.at(0).abis.at(0).text, HasSubstr("CommunityCreated"));
    EXPECT_GE(config->entities.size(), 5U);
    const auto again = parse_config(config->text, config->path, any_abi);
    ASSERT_TRUE(again.has_value()) << again.error().message;
    EXPECT_EQ(again->handlers.size(), config->handlers.size());
}

TEST(ConfigTest, AMistypedAddressIsAMistakeWhereverItStandsInAConfigFile) {
    const test::TempDir dir;
    const auto load = [&](const std::string& address) {
        std::ofstream{dir.path() + "/hub.json"} << "[]";
        std::ofstream{dir.path() + "/c.toml"}
            << "[chain]\nid = 1\nrpc = \"http://node\"\n[contracts.hub]\nabi = \"hub.json\"\n"
               "address = \"0x5FbDB2315678afecb367f032d93F642f64180aa3\"\n"
               "[entities.item]\nkey = { id = \"uint256\" }\nfields = { n = \"uint64\" }\n"
               "[[on]]\nevent = \"hub.Made\"\nwhen = \"owner != " +
                   address + "\"\nupdate = \"item\"\nkey = { id = \"id\" }\nadd = { n = 1 }\n";
        return load_config(dir.path() + "/c.toml");
    };
    EXPECT_TRUE(load("0x5FbDB2315678afecb367f032d93F642f64180aa3"));
    EXPECT_TRUE(load("0x5fbdb2315678afecb367f032d93f642f64180aa3"));
    const auto wrong = load("0x5FbDB2315678afecb367f032d93F642f64180aA3");
    ASSERT_FALSE(wrong);
    EXPECT_THAT(
        wrong.error().message,
        HasSubstr("c.toml:12:8: the letter case of 0x5FbDB2315678afecb367f032d93F642f64180aA3"));
}

TEST(ConfigTest, EveryExampleOfTheGuideParses) {
    std::ifstream in{source_dir() + "/docs/config.md"};
    const std::string guide{std::istreambuf_iterator<char>{in}, {}};
    size_t count = 0;
    for (size_t at = 0; (at = guide.find("```toml\n", at)) != std::string::npos;) {
        at += std::string_view{"```toml\n"}.size();
        const size_t end = guide.find("```", at);
        ASSERT_NE(end, std::string::npos);
        std::string text = guide.substr(at, end - at);
        // Examples that show one section only get the others from here.
        if (text.find("[chain]") == std::string::npos) {
            text += "[chain]\nid = 1\nrpc = \"http://a\"\n";
        }
        if (text.find("[contracts.") == std::string::npos) {
            text += kHub;
        }
        ::setenv("ALCHEMY_KEY", "k", 1);
        ::setenv("RPC_URL", "http://a", 1);
        const auto config = parse_config(text, "config.md", any_abi);
        EXPECT_TRUE(config.has_value()) << config.error().message << "\n" << text;
        at = end;
        ++count;
    }
    EXPECT_GE(count, 5U);
}

TEST(ConfigSecretsTest, RedactsUrls) {
    EXPECT_EQ(redact_url("http://127.0.0.1:8545"), "http://127.0.0.1:8545");
    EXPECT_EQ(redact_url("https://u:p@h.example/v3/0123456789abcdef?x=y#z"),
              "https://h.example/v3/redacted");
    EXPECT_EQ(redact_url("https://h.example//rpc/"), "https://h.example//rpc/");
    EXPECT_EQ(redact_url("https://h.example/v3/shortk8y"), "https://h.example/v3/redacted");
    EXPECT_EQ(redact_url("https://k3yk3y.eth-mainnet.h.example/"),
              "https://redacted.eth-mainnet.h.example/");
    EXPECT_EQ(redact_url("https://node7x.h.example/", true), "https://node7x.h.example/");
    EXPECT_EQ(redact_url("https://h?key=1"), "https://h");
    EXPECT_EQ(redact_url("https://a@b@h/"), "https://h/");
    EXPECT_EQ(redact_url("env:NAME"), "http://redacted.invalid");
    EXPECT_EQ(redact_url(""), "http://redacted.invalid");
}

// Whoever works by a stored config must not ask an endpoint that lost its key.
TEST(ConfigSecretsTest, AnEndpointThatLostASecretIsKnown) {
    for (const char* url : {"http://redacted.invalid", "https://h.example/v3/redacted",
                            "https://redacted.h.example/", "https://a.redacted.h.example/"}) {
        EXPECT_TRUE(is_redacted({url, {}})) << url;
    }
    EXPECT_TRUE(is_redacted({"https://h.example", {{"X-Key", "redacted"}}}));
    EXPECT_TRUE(is_redacted({"https://h.example", {{"Authorization", "Bearer redacted"}}}));
    EXPECT_FALSE(is_redacted({"http://127.0.0.1:8545", {}}));
    EXPECT_FALSE(is_redacted({"https://mainnet.h.example/v2", {}}));
}

TEST(ConfigTomlTest, FindsStringsAndComments) {
    const std::string_view text = R"(a = "x # \" y" # one
b = '\' # two
c = """ "" # """"" # three
d = ''' ' # ''' # four
e = "" # five)";
    const TomlScan scan = scan_toml(text);
    std::vector<std::string> strings;
    for (const TextSpan& span : scan.strings) {
        strings.emplace_back(text.substr(span.begin, span.end - span.begin));
    }
    EXPECT_THAT(strings, ElementsAre(R"("x # \" y")", R"('\')", R"(""" "" # """"")",
                                     R"(''' ' # ''')", R"("")"));
    std::vector<std::string> comments;
    for (const TextSpan& span : scan.comments) {
        comments.emplace_back(text.substr(span.begin, span.end - span.begin));
    }
    EXPECT_THAT(comments, ElementsAre("# one", "# two", "# three", "# four", "# five"));
}

TEST(ConfigTomlTest, BadCharactersOutsideStringsAreMistakes) {
    for (const std::string_view text :
         {"[=", "[%x]", "a.\xD2\x88 = 1", "yn\xD2\x88 = 1", "[\xC3\xA9]", "a = \xC2\xA0 1", "= 1",
          "a = [\xD2\x88]", "a = {\xD2\x88}", "[[", "[[a", "a = 1\xC3\xA9"}) {
        const auto root = parse_toml(text, "t");
        ASSERT_FALSE(root.has_value()) << text;
        EXPECT_TRUE(root.error().message.starts_with("t:1:")) << root.error().message;
    }
    const auto continued = parse_toml("a = \"\"\"x\\\n  \xC3\xA9\"\"\"", "t");
    ASSERT_TRUE(continued.has_value()) << continued.error().message;
    EXPECT_EQ(continued->entries.at(0).value.text, "x\xC3\xA9");
}

TEST(ConfigTomlTest, DeepestNestingIsHandled) {
    std::string text;
    for (int i = 0; i < 31; ++i) {
        for (int part = 0; part < 60; ++part) {
            text += "a.";
        }
        text += "a = [\n{";
    }
    const auto root = parse_toml("[[x]]\n" + text.substr(0, text.size() - 1), "t");
    EXPECT_FALSE(root.has_value());
}

TEST(ConfigTomlTest, SortsByPlaceInTheFile) {
    const auto root = parse_toml("z.b = 1\nz.a = 2\n[y]\n[x.w]\n[x.a]\n", "t");
    ASSERT_TRUE(root.has_value());
    ASSERT_EQ(root->entries.size(), 3U);
    EXPECT_EQ(root->entries[0].key, "z");
    EXPECT_EQ(root->entries[0].value.entries[0].key, "b");
    EXPECT_EQ(root->entries[1].key, "y");
    EXPECT_EQ(root->entries[2].value.entries[0].key, "w");
}

}  // namespace
}  // namespace plumbline::engine::config_test
