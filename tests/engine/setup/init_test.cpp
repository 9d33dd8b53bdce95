#include "engine/setup/init.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/evm/abi_json.hpp"
#include "core/evm/hex.hpp"
#include "engine/config/config.hpp"
#include "engine/mapping/plan.hpp"
#include "tests/support/paths.hpp"

namespace plumbline::engine::init_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

InitOptions options(std::string abi, std::string file = "out/Token.sol/Token.json") {
    InitOptions out;
    out.abi_json = std::move(abi);
    out.abi_file = std::move(file);
    out.address = *evm::parse_address("0x5fbdb2315678afecb367f032d93f642f64180aa3");
    out.rpc_url = "http://127.0.0.1:8545";
    out.start_block = 7;
    out.chain_id = 31337;
    return out;
}

InitFiles made(const InitOptions& from) {
    auto out = make_config(from);
    EXPECT_TRUE(out.has_value()) << out.error().message;
    return out.has_value() ? *std::move(out) : InitFiles{};
}

Config parsed(const InitFiles& files, const std::string& text) {
    auto config = parse_config(text, "plumbline.toml", [&](const std::string& name) {
        return name == files.abi_file ? Result<std::string>{files.abi_json}
                                      : Error{ErrorCode::kInvalidArgument, "no such file"};
    });
    EXPECT_TRUE(config.has_value()) << config.error().message << "\n" << text;
    return config.has_value() ? *std::move(config) : Config{};
}

/// The config with all its examples uncommented.
std::string uncommented(const std::string& text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        const bool starts_line = i == 0 || text[i - 1] == '\n';
        const bool is_example = starts_line && text[i] == '#' && i + 1 < text.size() &&
                                text[i + 1] != ' ' && text[i + 1] != '\n';
        if (!is_example) {
            out += text[i];
        }
    }
    return out;
}

std::string read_source(const std::string& name) {
    std::ifstream in{source_dir() + "/" + name};
    return {std::istreambuf_iterator<char>{in}, {}};
}

constexpr std::string_view kToken = R"([
 {"type":"event","name":"Transfer","anonymous":false,"inputs":[
  {"name":"from","type":"address","indexed":true},{"name":"to","type":"address","indexed":true},
  {"name":"value","type":"uint256","indexed":false}]},
 {"type":"function","name":"balanceOf","stateMutability":"view","inputs":[{"name":"account","type":"address"}],
  "outputs":[{"name":"","type":"uint256"}]}
])";

TEST(InitTest, WritesAConfigThatRunsAsItIs) {
    const InitFiles files = made(options(std::string{kToken}));
    EXPECT_EQ(files.contract, "token");
    EXPECT_EQ(files.abi_file, "token.json");
    const Config config = parsed(files, files.config);
    EXPECT_EQ(config.chain.id, 31337U);
    EXPECT_EQ(config.chain.rpc.at(0).url, "http://127.0.0.1:8545");
    EXPECT_EQ(config.contracts.at(0).start_block, 7U);
    ASSERT_EQ(config.entities.size(), 1U);
    EXPECT_EQ(config.entities[0].name, "transfer");
    EXPECT_THAT(config.entities[0].key,
                ElementsAre(storage::Field{"block", {storage::FieldKind::kUint, 64}},
                            storage::Field{"log_index", {storage::FieldKind::kUint, 32}}));
    EXPECT_THAT(config.entities[0].fields,
                ElementsAre(storage::Field{"from", {storage::FieldKind::kAddress, 160}},
                            storage::Field{"to", {storage::FieldKind::kAddress, 160}},
                            storage::Field{"value", {storage::FieldKind::kUint, 256}}));
    ASSERT_EQ(config.handlers.size(), 1U);
    EXPECT_THAT(config.handlers[0].events, ElementsAre("token.Transfer"));
    EXPECT_EQ(config.handlers[0].action, HandlerAction::kInsert);
}

TEST(InitTest, ItsExamplesParseWhenUncommented) {
    const InitFiles files = made(options(std::string{kToken}));
    const Config config = parsed(files, uncommented(files.config));
    ASSERT_EQ(config.entities.size(), 4U);
    EXPECT_EQ(config.entities[0].indexes.size(), 1U);
    EXPECT_EQ(config.entities[1].name, "transfer_by_from");
    EXPECT_EQ(config.entities[2].name, "transfer_by_from_total");
    EXPECT_EQ(config.handlers.at(2).when.at(0).left.kind, Operand::Kind::kLookup);
    EXPECT_EQ(config.entities[3].name, "balance_of");
    EXPECT_EQ(config.entities[3].state.at(0).function, "balanceOf");
}

TEST(InitTest, NamesOverloadsByTheirSignature) {
    const InitFiles files = made(options(R"([
     {"type":"event","name":"Set","inputs":[{"name":"a","type":"uint256","indexed":false}]},
     {"type":"event","name":"Set","inputs":[{"name":"a","type":"bytes32","indexed":false}]},
     {"type":"event","name":"set_2","inputs":[]}])"));
    const Config config = parsed(files, files.config);
    ASSERT_EQ(config.entities.size(), 3U);
    EXPECT_EQ(config.entities[0].name, "set");
    EXPECT_EQ(config.entities[1].name, "set_2");
    EXPECT_EQ(config.entities[2].name, "set_2_2");
    EXPECT_TRUE(config.entities[2].fields.empty());
    EXPECT_THAT(config.handlers[1].events, ElementsAre("token.Set(bytes32)"));
    EXPECT_THAT(config.handlers[2].events, ElementsAre("token.set_2"));
    parsed(files, uncommented(files.config));
}

TEST(InitTest, TakesParametersByPositionWhereNamesDoNotDo) {
    const InitFiles files = made(options(R"([{"type":"event","name":"E","inputs":[
      {"name":"","type":"address","indexed":true},
      {"name":"block","type":"uint256","indexed":false},
      {"name":"logIndex","type":"uint8","indexed":false},
      {"name":"Amount","type":"uint8","indexed":false},
      {"name":"amount","type":"int128","indexed":false},
      {"name":"_","type":"bool","indexed":false},
      {"name":"$odd","type":"bytes4","indexed":false},
      {"name":"p","type":"tuple","indexed":false,"components":[
         {"name":"","type":"uint8"},{"name":"","type":"string"}]}]}])"));
    const Config config = parsed(files, files.config);
    std::vector<std::string> fields;
    for (const storage::Field& field : config.entities.at(0).fields) {
        fields.push_back(field.name);
    }
    EXPECT_THAT(fields, ElementsAre("arg_0", "block_2", "log_index_2", "amount", "amount_2",
                                    "unnamed", "arg_6", "p_0", "p_1"));
    std::vector<std::string> values;
    for (const Assignment& item : config.handlers.at(0).set) {
        values.push_back(item.value.source);
    }
    EXPECT_THAT(values, ElementsAre("$arg.0", "block", "logIndex", "Amount", "amount", "_",
                                    "$arg.6", "p.0", "p.1"));
    parsed(files, uncommented(files.config));
}

TEST(InitTest, FlattensTuplesAndShowsHowToStoreArrays) {
    const InitFiles files = made(options(R"([{"type":"event","name":"OrderMade","inputs":[
      {"name":"order","type":"tuple","indexed":false,"components":[
         {"name":"maker","type":"address"},
         {"name":"limits","type":"tuple","components":[{"name":"minPrice","type":"uint64"}]},
         {"name":"items","type":"tuple[]","components":[{"name":"id","type":"uint256"},{"name":"note","type":"string"}]}]},
      {"name":"ids","type":"uint256[3]","indexed":false},
      {"name":"grid","type":"uint8[][]","indexed":false},
      {"name":"memo","type":"string","indexed":true},
      {"name":"tags","type":"bytes32[]","indexed":true},
      {"name":"callback","type":"function","indexed":false}]}])"));
    const Config config = parsed(files, files.config);
    const EntityConfig& entity = config.entities.at(0);
    EXPECT_EQ(entity.name, "order_made");
    std::vector<std::string> fields;
    for (const storage::Field& field : entity.fields) {
        fields.push_back(field.name + " " + storage::to_string(field.type));
    }
    EXPECT_THAT(fields, ElementsAre("order_maker address", "order_limits_min_price uint64",
                                    "memo_hash bytes32", "tags_hash bytes32", "callback bytes24"));
    EXPECT_EQ(config.handlers.at(0).set.at(1).value.source, "order.limits.minPrice");
    EXPECT_THAT(files.config, HasSubstr("order.items ((uint256,string)[]) is an array"));
    EXPECT_THAT(files.config, HasSubstr("ids (uint256[3]) is an array"));
    EXPECT_THAT(files.config, HasSubstr("grid (uint8[][]) is an array and does not fit a field. "
                                        "Its items are arrays themselves: each = [\"grid\"]"));
    EXPECT_THAT(files.config, HasSubstr("memo (string) is indexed: a log holds only its keccak"));
    const Config all = parsed(files, uncommented(files.config));
    const HandlerConfig& items = all.handlers.at(1);
    EXPECT_THAT(items.each, ElementsAre("order.items"));
    EXPECT_EQ(items.set.at(1).value.source, "order.items.note");
    EXPECT_EQ(all.handlers.at(2).set.at(0).value.source, "ids");
}

TEST(InitTest, LeavesAnonymousEventsOut) {
    const InitFiles files = made(options(
        R"([{"type":"event","name":"Raw","anonymous":true,"inputs":[{"name":"a","type":"uint8","indexed":false}]}])"));
    EXPECT_TRUE(parsed(files, files.config).entities.empty());
    EXPECT_THAT(files.config, HasSubstr("# Raw(uint8) is left out: it is anonymous"));
}

TEST(InitTest, WritesUrlsAsTheyWereGiven) {
    InitOptions from = options(std::string{kToken});
    from.rpc_url = "http://node/\"quoted\\";
    const InitFiles files = made(from);
    EXPECT_THAT(files.config, HasSubstr(R"(rpc = ["http://node/\"quoted\\"])"));
}

TEST(InitTest, TakesTheAbiOutOfArtifacts) {
    const std::string abi{kToken};
    const std::vector<std::pair<std::string, std::string>> artifacts{
        {fmt::format(R"({{"contractName":"MyToken","abi":{},"bytecode":"0x00"}})", abi),
         "my_token"},
        {fmt::format(
             R"({{"abi":{},"metadata":{{"settings":{{"compilationTarget":{{"a.sol":"ERC20Mock"}}}}}}}})",
             abi),
         "erc20_mock"},
        {fmt::format(R"({{"abi":{},"metadata":"text"}})", abi), "token"},
        {fmt::format(R"({{"contracts":{{"a.sol:Vault":{{"abi":{}}}}}}})", abi), "vault"},
        {fmt::format(R"({{"contracts":{{"a.sol":{{"Vault":{{"abi":{}}}}}}}}})", abi), "vault"},
    };
    for (const auto& [artifact, name] : artifacts) {
        const InitFiles files = made(options(artifact));
        EXPECT_EQ(files.contract, name);
        EXPECT_TRUE(files.abi_json.starts_with("[")) << files.abi_json;
        const auto plain = evm::read_abi(files.abi_json);
        ASSERT_TRUE(plain.has_value());
        EXPECT_EQ(plain->events, evm::read_abi(abi)->events);
        EXPECT_EQ(parsed(files, files.config).entities.size(), 1U);
    }
}

TEST(InitTest, PicksOneOfSeveralContracts) {
    InitOptions from = options(fmt::format(
        R"({{"contracts":{{"a.sol:A":{{"abi":{0}}},"b.sol:B":{{"abi":{0}}},"c.sol:C":{{"abi":[]}}}}}})",
        kToken));
    EXPECT_FALSE(make_config(from).has_value());
    from.contract = "B";
    const InitFiles files = made(from);
    EXPECT_EQ(files.contract, "b");
    EXPECT_EQ(parsed(files, files.config).entities.size(), 1U);
}

TEST(InitTest, WhatIsNoAbiIsSaidWithItsFile) {
    for (const std::string_view text : {"", "{", "[1]", "{\"abi\":1}", "nonsense"}) {
        const auto out = make_config(options(std::string{text}, "x.json"));
        ASSERT_FALSE(out.has_value()) << text;
        EXPECT_TRUE(out.error().message.starts_with("x.json: ")) << out.error().message;
    }
}

TEST(InitTest, TheCommunityExampleGivesOneEntityForEachEvent) {
    const std::string abi = read_source("examples/community/CommunityHub.json");
    const InitFiles files = made(options(abi, "CommunityHub.json"));
    EXPECT_EQ(files.contract, "community_hub");
    const Config config = parsed(files, files.config);
    EXPECT_EQ(config.entities.size(), evm::read_abi(abi)->events.size());
    EXPECT_EQ(config.handlers.size(), config.entities.size());
    parsed(files, uncommented(files.config));
}

/// What `run` says of the config that init wrote; empty: it takes it.
std::string refusal(const InitFiles& files) {
    const Config config = parsed(files, files.config);
    const auto plan = Plan::compile(config);
    return plan ? "" : plan.error().message;
}

TEST(InitTest, WhatItWritesForShapesTwinsAndOverloadsRuns) {
    const InitFiles files =
        made(options(R"(event Transfer(address indexed from, address indexed to, uint256 value)
event Transfer(address indexed from, address indexed to, uint256 indexed tokenId)
event Update(uint256 indexed assetId, address holder)
event Update(uint256 indexed holder, address other)
event Order((uint256 a, uint256 b) order)
event Order((uint256 b, uint256 c) order)
event Uri(string indexed uri)
event Uri(string uri)
event Uri(bool uri)
event Both()
event Both() anonymous
event Price(fixed128x18 price)
)",
                     "Token.abi"));
    EXPECT_EQ(refusal(files), "");
    EXPECT_EQ(files.abi_file, "token.txt");
    EXPECT_THAT(files.config,
                HasSubstr("event = \"token.Transfer(address indexed,address indexed,uint256)\""));
    EXPECT_THAT(files.config, HasSubstr("holder = \"$arg.1\"")) << "the name of two parameters";
    EXPECT_THAT(files.config, HasSubstr("# Price is left out: "));
}

/// What nothing forbids a contract to call its events and parameters.
TEST(InitTest, NamesThatTheConfigUsesItselfRunToo) {
    std::string inputs;
    for (const char* name : {"and", "or", "not", "null", "true", "false", "min", "if", "exists",
                             "text", "day", "_", "$", "$x", "$block", "block", "log_index"}) {
        inputs += fmt::format("{}{{\"name\":\"{}\",\"type\":\"uint64\"}}",
                              inputs.empty() ? "" : ",", name);
    }
    std::string abi;
    for (const char* name : {"null", "if", "every", "min", "$dollar", "$", "_", "a$b"}) {
        abi += fmt::format(R"({}{{"type":"event","name":"{}","inputs":[{}]}})",
                           abi.empty() ? "" : ",", name, inputs);
    }
    const InitFiles files = made(options("[" + abi + "]"));
    for (const std::string& text : {files.config, uncommented(files.config)}) {
        const Config config = parsed(files, text);
        const auto plan = Plan::compile(config);
        ASSERT_TRUE(plan.has_value()) << plan.error().message << "\n" << text;
        EXPECT_GE(config.handlers.size(), 8U);
    }
}

TEST(InitTest, WhatItWritesForAnyAbiRuns) {
    for (uint64_t seed = 1; seed <= 300; ++seed) {
        std::mt19937_64 random{seed};
        const auto one_of = [&random](std::initializer_list<const char*> list) {
            return std::string{*(list.begin() + static_cast<long>(random() % list.size()))};
        };
        std::string abi;
        for (uint64_t left = 1 + random() % 12; left > 0; --left) {
            std::string params;
            int indexed = 0;
            for (uint64_t n = random() % 4; n > 0; --n) {
                const bool is_indexed = random() % 3 == 0 && indexed < 3;
                indexed += is_indexed ? 1 : 0;
                params += fmt::format(
                    "{}{}{} {}", params.empty() ? "" : ", ",
                    one_of({"uint256", "address", "string", "uint8[]", "(uint256 a, bool b)",
                            "(bool b, uint256 a)[]", "bytes32"}),
                    is_indexed ? " indexed" : "",
                    fmt::format("{}{}", one_of({"a", "b", "_a", "from", "true", "$x"}), n));
            }
            abi += fmt::format("event {}({}){}\n", one_of({"A", "B", "Transfer"}), params,
                               random() % 6 == 0 ? " anonymous" : "");
        }
        const InitFiles files = made(options(abi));
        EXPECT_EQ(refusal(files), "") << "seed " << seed << "\n" << abi << files.config;
        if (HasFailure()) {
            return;
        }
    }
}

TEST(InitTest, ManyEventsStopAtTheLimit) {
    std::string abi = "[";
    for (int i = 0; i < 300; ++i) {
        abi +=
            fmt::format(R"({}{{"type":"event","name":"E{}","inputs":[]}})", i == 0 ? "" : ",", i);
    }
    const InitFiles files = made(options(abi + "]"));
    EXPECT_EQ(parsed(files, files.config).entities.size(), 256U);
    EXPECT_THAT(files.config, HasSubstr("# E256() is left out: a config has at most 256 entities"));
}

TEST(InitTest, SnakeCase) {
    const std::vector<std::pair<std::string, std::string>> known{{"MemberJoined", "member_joined"},
                                                                 {"tokenURI", "token_uri"},
                                                                 {"ERC20", "erc20"},
                                                                 {"ERC20Token", "erc20_token"},
                                                                 {"NFTMinted", "nft_minted"},
                                                                 {"already_snake", "already_snake"},
                                                                 {"_private", "private"},
                                                                 {"a$b", "a_b"},
                                                                 {"2pac", "_2pac"},
                                                                 {"", "unnamed"},
                                                                 {"$", "unnamed"},
                                                                 {"X", "x"},
                                                                 {"getV2Price", "get_v2_price"},
                                                                 {"my-token v1", "my_token_v1"}};
    for (const auto& [name, snake] : known) {
        EXPECT_EQ(to_snake_case(name), snake) << name;
    }
}

}  // namespace
}  // namespace plumbline::engine::init_test
