// Expressions against an evaluator that shares no code with ours: expression_oracle.mjs, written
// from docs/config.md alone, makes up expressions with what they must give, and each goes through
// config, plan and fold.
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "storage/read_view.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/process.hpp"
#include "tests/support/small_index.hpp"

namespace plumbline::engine::expression_oracle_test {
namespace {

using test::abi_json;
using test::Abis;
using test::AbiValue;
using test::Emitted;
using test::list;
using test::Mapping;
using test::World;
using Json = nlohmann::json;

constexpr size_t kBatch = 50;
constexpr std::string_view kParams =
    "uint256 a, int256 b, uint8 c, bool d, address e, bytes32 f, bytes g, string h, uint256[] "
    "list, (uint64 x, string y) t, bytes4 k";

AbiValue word(const std::string& decimal) {
    const bool is_negative = decimal.starts_with('-');
    const auto value = evm::U256::parse(std::string_view{decimal}.substr(is_negative ? 1 : 0));
    EXPECT_TRUE(value.has_value()) << decimal;
    return AbiValue::number(is_negative ? evm::negate(*value) : *value);
}
Bytes bytes_of(const std::string& hex) {
    auto bytes = evm::parse_hex(hex);
    EXPECT_TRUE(bytes.has_value()) << hex;
    return bytes ? *std::move(bytes) : Bytes{};
}

/// The parameters, in the order of `kParams`, from the oracle's JSON: numbers as decimal text.
std::vector<AbiValue> values_of(const Json& args) {
    std::vector<AbiValue> elements;
    for (const Json& element : args.at("list")) {
        elements.push_back(word(element.get<std::string>()));
    }
    const auto text = [](const Json& value) { return AbiValue::text(value.get<std::string>()); };
    evm::Address address;
    const Bytes raw = bytes_of(args.at("e"));
    std::copy_n(raw.begin(), 20, address.bytes.begin());
    return {word(args.at("a")),
            word(args.at("b")),
            word(args.at("c")),
            AbiValue::number(evm::U256{args.at("d").get<bool>() ? 1U : 0U}),
            AbiValue::address(address),
            AbiValue::fixed_bytes(bytes_of(args.at("f"))),
            AbiValue::blob(bytes_of(args.at("g"))),
            text(args.at("h")),
            list(std::move(elements)),
            list({word(args.at("t").at("x")), text(args.at("t").at("y"))}),
            AbiValue::fixed_bytes(bytes_of(args.at("k")))};
}

Abis abis() {
    std::vector<std::string> lines{"event Row(uint256 id, uint256 v, string s)"};
    for (size_t i = 0; i < kBatch; ++i) {
        lines.push_back(fmt::format("event V{}({})", i, kParams));
    }
    return {{"Hub.json", abi_json(lines)}};
}

const std::string kEntities = R"(
[contracts.hub]
abi = "Hub.json"
address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
[entities.row]
key = { id = "uint256" }
fields = { v = "uint256", s = "string" }
[entities.out]
key = { id = "uint256" }
fields = { v = "string" }
[[on]]
event = "hub.Row"
insert = "row"
key = { id = "id" }
set = { v = "v", s = "s" }
)";

std::string handler(size_t number, const std::string& expression) {
    return fmt::format(
        "[[on]]\nevent = \"hub.V{0}\"\ninsert = \"out\"\nkey = {{ id = {0} }}\nset = {{ v = "
        "{1} }}\n",
        number, Json("text(" + expression + ")").dump());
}

/// What our side makes of one expression: "= value", "violation", or "mistake".
std::vector<std::string> ours(const std::vector<Json>& cases, const Json& rows) {
    static const Abis kAbis = abis();
    std::vector<std::string> out;
    std::string toml = kEntities;
    std::vector<size_t> compiled;
    for (size_t i = 0; i < cases.size(); ++i) {
        const std::string one = handler(i, cases[i].at("expr"));
        out.emplace_back("mistake");
        const auto config = test::read_config(kEntities + one, kAbis);
        if (!config) {
            out.back() += ": " + config.error().message;
        } else if (const auto plan = Plan::compile(*config); !plan) {
            out.back() += ": " + plan.error().message;
        } else {
            compiled.push_back(i);
            toml += one;
        }
    }
    const Mapping mapping{toml, kAbis};
    World world{mapping};
    std::vector<Emitted> events;
    uint32_t index = 0;
    for (const auto& [id, row] : rows.items()) {
        events.push_back(mapping.emit(
            "hub.Row",
            {word(id), word(row.at("v")), AbiValue::text(row.at("s").get<std::string>())}, 1,
            index++));
    }
    for (const size_t i : compiled) {
        events.push_back(
            mapping.emit(fmt::format("hub.V{}", i), values_of(cases[i].at("args")), 1, index++));
    }
    world.block(1, events);
    const std::vector<std::string> quarantine = world.quarantine();
    for (const size_t i : compiled) {
        const std::string row = world.row("out", fmt::format("id={}", i));
        if (!row.empty()) {
            out[i] = "= " + Json::parse(row).at("v").get<std::string>();
            continue;
        }
        out[i] = "violation";
        for (const std::string& line : quarantine) {
            if (line.find(fmt::format(" hub.V{}:", i)) != std::string::npos) {
                out[i] += ": " + line;
            }
        }
    }
    return out;
}

TEST(ExpressionOracleTest, RandomExpressionsGiveWhatAnIndependentEvaluatorSays) {
    const char* wanted = std::getenv("PLUMBLINE_EXPRESSIONS");
    const std::string count = wanted == nullptr ? "1500" : wanted;
    const uint64_t seed = test::test_seed(20261128);
    const auto oracle = plumbline::test::run_command(
        {"node", source_dir() + "/tests/engine/fold/expression_oracle.mjs", "--seed",
         std::to_string(seed), "--count", count});
    ASSERT_EQ(oracle.code, 0) << oracle.err;
    std::istringstream lines{oracle.out};
    std::string line;
    ASSERT_TRUE(std::getline(lines, line));
    const Json rows = Json::parse(line).at("rows");
    std::vector<Json> cases;
    size_t seen = 0;
    std::map<std::string, size_t> kinds;
    const auto check = [&] {
        const std::vector<std::string> results = ours(cases, rows);
        for (size_t i = 0; i < cases.size(); ++i) {
            const std::string expected = cases[i].at("is");
            ++kinds[expected.substr(0, expected.find(' '))];
            const bool agrees = expected.starts_with("= ") ? results[i] == expected
                                                           : results[i].starts_with(expected);
            EXPECT_TRUE(agrees) << "seed " << seed << "\n"
                                << cases[i].at("expr").get<std::string>() << "\nwith "
                                << cases[i].at("args").dump() << "\nthe oracle: " << expected
                                << "\nours: " << results[i];
        }
        seen += cases.size();
        cases.clear();
    };
    while (std::getline(lines, line)) {
        cases.push_back(Json::parse(line));
        if (cases.size() == kBatch) {
            check();
            ASSERT_FALSE(::testing::Test::HasFailure()) << "after " << seen;
        }
    }
    check();
    EXPECT_EQ(seen, std::stoul(count));
    // An oracle that refuses all would prove nothing.
    EXPECT_GT(kinds["="], seen / 2);
    EXPECT_GT(kinds["violation"], seen / 100);
    EXPECT_GT(kinds["mistake"], seen / 100);
}

}  // namespace
}  // namespace plumbline::engine::expression_oracle_test
