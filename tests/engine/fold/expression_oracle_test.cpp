// Expressions against an evaluator that shares no code with ours: expression_oracle.mjs, written
// from docs/config.md alone, makes up expressions with what they must give, and each goes through
// config, plan and fold.
#include <cstdlib>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/mapping/block_tick.hpp"
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
    std::vector<std::string> lines{
        "event Row(uint256 id, uint256 v, string s, uint8 st)", "event SetO(uint256 id, uint256 x)",
        "event SetM(uint256 id, int256 x)", "event SetN(uint256 id, string x)",
        "event SetU(uint256 id, uint8 x)"};
    for (size_t i = 0; i < kBatch; ++i) {
        lines.push_back(fmt::format("event V{}({})", i, kParams));
    }
    return {{"Hub.json", abi_json(lines)}};
}

const std::string kEntities = R"toml(
[contracts.hub]
abi = "Hub.json"
address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
[entities.row]
key = { id = "uint256" }
[entities.row.fields]
v = "uint256"
s = "string"
st = { enum = ["open", "closed", "on_hold"] }
o = "uint256?"
m = "decimal(6)?"
n = "string?"
u = { enum = ["open", "closed", "on_hold"], optional = true }
[entities.out]
key = { id = "uint256" }
fields = { v = "string?" }
[[on]]
event = "hub.Row"
insert = "row"
key = { id = "id" }
set = { v = "v", s = "s", st = "st" }
[[on]]
event = "hub.SetO"
update = "row"
key = { id = "id" }
set = { o = "x" }
[[on]]
event = "hub.SetM"
update = "row"
key = { id = "id" }
set = { m = "from_units(x, 6)" }
[[on]]
event = "hub.SetN"
update = "row"
key = { id = "id" }
set = { n = "x" }
[[on]]
event = "hub.SetU"
update = "row"
key = { id = "id" }
set = { u = "x" }
)toml";

/// Where a batch of expressions is folded: by an event of the contract each, or by a handler of
/// blocks each.
struct Place {
    uint64_t block_num = 1;
    std::vector<uint64_t> every;  ///< one for each of a batch; all divide the block's number
    [[nodiscard]] std::string trigger(size_t i) const {
        return every.empty() ? fmt::format("event = \"hub.V{}\"", i)
                             : fmt::format("every = {{ blocks = {} }}", every[i]);
    }
    [[nodiscard]] std::string event(size_t i) const {
        return every.empty() ? fmt::format("hub.V{}", i)
                             : fmt::format("every {} blocks.Tick", every[i]);
    }
};

std::string handler(size_t number, const Json& one, const Place& place) {
    const std::string expression = one.at("expr");
    return fmt::format(
        "[[on]]\n{}\ninsert = \"out\"\nkey = {{ id = {} }}\nset = {{ v = {} }}\n",
        place.trigger(number), number,
        Json(one.value("whole", false) ? expression : "text(" + expression + ")").dump());
}

/// The events that make the entity `row`.
std::vector<Emitted> rows_of(const Json& rows, const Mapping& mapping, uint64_t block_num) {
    std::vector<Emitted> out;
    const auto emit = [&](const char* event, const std::vector<AbiValue>& values) {
        out.push_back(mapping.emit(event, values, block_num, static_cast<uint32_t>(out.size())));
    };
    const auto text = [](const Json& value) { return AbiValue::text(value.get<std::string>()); };
    for (const auto& [id, row] : rows.items()) {
        emit("hub.Row", {word(id), word(row.at("v")), text(row.at("s")), word(row.at("st"))});
        for (const auto& [event, field] : {std::pair{"hub.SetO", "o"},
                                           {"hub.SetM", "m"},
                                           {"hub.SetN", "n"},
                                           {"hub.SetU", "u"}}) {
            const Json& value = row.at(field);
            if (!value.is_null()) {
                emit(event, {word(id), field[0] == 'n' ? text(value) : word(value)});
            }
        }
    }
    return out;
}

/// The cases that compile, and for each other one the mistake.
std::vector<size_t> compile(const std::vector<Json>& cases, const Place& place, const Abis& abis,
                            std::vector<std::string>& out) {
    std::vector<size_t> compiled;
    for (size_t i = 0; i < cases.size(); ++i) {
        out.emplace_back("mistake");
        const auto config = test::read_config(kEntities + handler(i, cases[i], place), abis);
        if (!config) {
            out.back() += ": " + config.error().message;
        } else if (const auto plan = Plan::compile(*config); !plan) {
            out.back() += ": " + plan.error().message;
        } else {
            compiled.push_back(i);
        }
    }
    return compiled;
}

/// What our side makes of one expression: "= value", "null", "violation", or "mistake".
std::vector<std::string> ours(const std::vector<Json>& cases, const Json& rows,
                              const Place& place) {
    static const Abis kAbis = abis();
    std::vector<std::string> out;
    const std::vector<size_t> compiled = compile(cases, place, kAbis, out);
    std::string toml = kEntities;
    for (const size_t i : compiled) {
        toml += handler(i, cases[i], place);
    }
    const Mapping mapping{toml, kAbis};
    World world{mapping};
    std::vector<Emitted> events = rows_of(rows, mapping, place.block_num);
    for (const size_t i : compiled) {
        if (place.every.empty()) {
            events.push_back(mapping.emit(fmt::format("hub.V{}", i), values_of(cases[i].at("args")),
                                          place.block_num, static_cast<uint32_t>(events.size())));
        } else {
            events.emplace_back();
            events.back().log =
                make_tick(place.every[i], place.block_num, test::hash_of(place.block_num));
        }
    }
    world.block(place.block_num, events);
    const std::vector<std::string> quarantine = world.quarantine();
    for (const size_t i : compiled) {
        const std::string row = world.row("out", fmt::format("id={}", i));
        if (!row.empty()) {
            const Json value = Json::parse(row).at("v");
            out[i] = value.is_null() ? "null" : "= " + value.get<std::string>();
            continue;
        }
        out[i] = "violation";
        for (const std::string& line : quarantine) {
            if (line.find(fmt::format(" {}:", place.event(i))) != std::string::npos) {
                out[i] += ": " + line;
            }
        }
    }
    return out;
}

/// `count` expressions of the oracle, each held against ours.
void compare(const std::string& count, const Place& place) {
    const uint64_t seed = test::test_seed(20261128);
    std::vector<std::string> command{
        "node",
        source_dir() + "/tests/engine/fold/expression_oracle.mjs",
        "--seed",
        std::to_string(seed),
        "--count",
        count,
        "--block",
        fmt::format("{}:{}:{}", place.block_num, test::time_of(place.block_num),
                    evm::to_hex(test::hash_of(place.block_num)))};
    if (!place.every.empty()) {
        command.emplace_back("--ticks");
    }
    const auto oracle = plumbline::test::run_command(command);
    ASSERT_EQ(oracle.code, 0) << oracle.err;
    std::istringstream lines{oracle.out};
    std::string line;
    ASSERT_TRUE(std::getline(lines, line));
    const Json rows = Json::parse(line).at("rows");
    std::vector<Json> cases;
    size_t seen = 0;
    std::map<std::string, size_t> kinds;
    const auto check = [&] {
        const std::vector<std::string> results = ours(cases, rows, place);
        for (size_t i = 0; i < cases.size(); ++i) {
            const std::string expected = cases[i].at("is");
            ++kinds[expected.substr(0, expected.find(' '))];
            const bool agrees = expected.starts_with("= ") ? results[i] == expected
                                                           : results[i].starts_with(expected);
            EXPECT_TRUE(agrees) << "seed " << seed << "\n"
                                << cases[i].at("expr").get<std::string>() << "\nwith "
                                << cases[i].at("args").dump() << "\nrows " << rows.dump()
                                << "\nthe oracle: " << expected << "\nours: " << results[i];
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
    // A block's number and time are few ways to fail, and what literals alone fail in is a mistake.
    EXPECT_GT(kinds["violation"], seen / (place.every.empty() ? 100 : 200));
    EXPECT_GT(kinds["mistake"], seen / 100);
    EXPECT_GT(kinds["null"], seen / 200);
}

/// How many expressions of events; of handlers of blocks it is a sixth.
size_t wanted_count() {
    const char* wanted = std::getenv("PLUMBLINE_EXPRESSIONS");
    return wanted == nullptr ? 1'500 : std::stoul(wanted);
}

TEST(ExpressionOracleTest, RandomExpressionsGiveWhatAnIndependentEvaluatorSays) {
    compare(std::to_string(wanted_count()), {});
}

TEST(ExpressionOracleTest, SoDoThoseOfHandlersOfBlocks) {
    Place place{720'720, {}};  // a number that many divide
    for (uint64_t every = 1; place.every.size() < kBatch; ++every) {
        if (place.block_num % every == 0) {
            place.every.push_back(every);
        }
    }
    compare(std::to_string(wanted_count() / 6), place);
}

}  // namespace
}  // namespace plumbline::engine::expression_oracle_test
