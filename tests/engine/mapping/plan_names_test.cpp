// What a name in a value means, and that what may mean two things is refused.
#include <initializer_list>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/small_index.hpp"

namespace plumbline::engine::plan_names_test {
namespace {

using test::abi_json;
using test::Abis;
using test::list;
using test::Mapping;
using test::num;
using test::World;
using testing::HasSubstr;

const Abis kNamesAbis{
    {"Hub.json", abi_json({
                     "event Nested(uint256 id, (uint256 x, uint256 y)[] ps, uint256[] ns)",
                 })}};

std::string names_mapping(const std::string& set, const std::string& more = "",
                          const std::string& event = "Nested") {
    return R"(
[contracts.hub]
abi = "Hub.json"
address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
[entities.out]
key = { id = "uint64" }
fields = { x = "uint256", y = "uint256?", ok = "bool" }
)" + more + "[[on]]\nevent = \"hub." +
           event + "\"\nupsert = \"out\"\nkey = { id = \"id\" }\nset = { " + set + " }\n";
}

/// An entity with the name of the parameter `ps`, with or without a field `x`.
std::string rows_called_ps(const std::string& key, const std::string& field = "x") {
    return "[entities.ps]\nkey = { a = \"" + key + "\" }\nfields = { " + field +
           " = \"uint256?\" }\n";
}

std::string names_refusal(const std::string& set, const std::string& more = "",
                          const std::string& event = "Nested") {
    return test::refusal(names_mapping(set, more, event), kNamesAbis);
}

TEST(PlanNamesTest, AParameterAndAnEntityOfOneNameAreNotTakenForEachOther) {
    EXPECT_EQ(names_refusal("x = \"ps[0].x\""), "");
    const std::string both =
        "'ps[0].x': both a parameter of hub.Nested and an entity are called 'ps': write "
        "$arg.1[0].x for the parameter, ps[uint256(0)].x for the row";
    EXPECT_THAT(names_refusal("x = \"ps[0].x\"", rows_called_ps("uint64")), HasSubstr(both));
    EXPECT_THAT(names_refusal("x = \"1 + ps[0].x\"", rows_called_ps("int8")), HasSubstr(both));
    EXPECT_THAT(names_refusal("x = \"ps[0].x ?? 5\"", rows_called_ps("uint64")), HasSubstr(both));
    // Where no row can be meant, only the parameter's way out is told.
    EXPECT_THAT(names_refusal("x = \"ps[0].x\"", rows_called_ps("address")),
                testing::EndsWith("are called 'ps': write $arg.1[0].x for the parameter"));
    EXPECT_THAT(names_refusal("x = \"ps[0].x\"", rows_called_ps("uint64", "z")),
                HasSubstr("(of an event's array of that name: $arg.N[0].x)"));
}

TEST(PlanNamesTest, WhatCanMeanOneThingOnlyIsThat) {
    const std::string rows = rows_called_ps("uint64");
    EXPECT_EQ(names_refusal("x = \"$arg.1[0].x\"", rows), "");
    EXPECT_EQ(names_refusal("x = \"ps[uint256(0)].x\"", rows), "");
    EXPECT_EQ(names_refusal("ok = \"exists(ps[0].x) or exists(ps[0])\"", rows), "");
    // A number is one in whatever form.
    EXPECT_THAT(names_refusal("x = \"ps[0x00].x\"", rows),
                HasSubstr("$arg.1[0].x for the parameter, ps[uint256(0)].x for the row"));
    // `x` is no part of a number, and `z` no component: rows.
    EXPECT_EQ(names_refusal("x = \"ns[0].x\"",
                            "[entities.ns]\nkey = { a = \"uint64\" }\nfields = "
                            "{ x = \"uint256\" }\n"),
              "");
    EXPECT_EQ(names_refusal("x = \"ps[0].z\"", rows_called_ps("uint64", "z")), "");
}

TEST(PlanNamesTest, BothWaysOutGiveWhatTheySay) {
    const std::string first =
        "[[on]]\nevent = \"hub.Nested\"\nupsert = \"ps\"\nkey = { a = 0 }\nset = { x = 77 }\n";
    const Mapping mapping{names_mapping("x = \"$arg.1[0].x\", y = \"ps[uint256(0)].x\"",
                                        rows_called_ps("uint64") + first),
                          kNamesAbis};
    World world{mapping};
    world.block(
        1, {mapping.emit("hub.Nested", {num(5), list({list({num(1), num(2)})}), list({})}, 1, 0)});
    EXPECT_THAT(world.row_or_reason("out", "id=5"), HasSubstr(R"("x":"1","y":"77")"));
}

TEST(PlanNamesTest, AnElementOfAParameterIsNeverMissing) {
    EXPECT_THAT(names_refusal("x = \"ps[0].x ?? 5\""), HasSubstr("'ps[0].x' is never missing"));
}

TEST(PlanNamesTest, ALogOfTwoContractsOfOneAddressIsHandledByNamesThatMeanTheSameInBoth) {
    const Abis abis{{"A.json", abi_json({"event Swap(address a, uint256 x, uint256 y)"})},
                    {"B.json", abi_json({"event Swap(address a, uint256 y, uint256 x)"})}};
    const auto refused = [&](const std::string& second, const std::string& set) {
        return test::refusal(
            "[contracts.z]\nabi = \"A.json\"\naddress = "
            "\"0x5FbDB2315678afecb367f032d93F642f64180aa3\"\n"
            "[contracts.z2]\nabi = \"B.json\"\naddress = \"" +
                second +
                "\"\n[entities.t]\nkey = { k = \"uint64\" }\n"
                "fields = { x = \"uint256\", a = \"address\" }\n"
                "[[on]]\nevent = [\"z.Swap\", \"z2.Swap\"]\nupsert = \"t\"\n"
                "key = { k = \"$log.index\" }\nset = { " +
                set + " }\n",
            abis);
    };
    const std::string same = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
    EXPECT_THAT(refused(same, "x = \"1 + x\""),
                HasSubstr("a log may be z.Swap as well as z2.Swap, and 'x' names parameter 1 in "
                          "the one ABI and 2 in the other; write $arg.N"));
    EXPECT_EQ(refused(same, "x = \"$arg.1\", a = \"a\""), "");
    EXPECT_EQ(refused("0x35D1b3F3D7966A1DFe207aa4514C12a259A0492B", "x = \"x\""), "");
}

/// Of a value of the text field `s` or the enum `e`, else of `x`.
std::string word_refusal(const std::string& set) {
    return test::refusal(R"x(
[contracts.hub]
abi = "Hub.json"
address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
[entities.out]
key = { id = "uint64" }
fields = { x = "uint256", s = "string", e = { enum = ["open", "closed"] }, a = "address", h = "bytes32", ok = "bool" }
[[on]]
event = "hub.Nested(uint, (uint, uint)[], uint[])"
upsert = "out"
key = { id = "id" }
set = { )x" + set + " }\n",
                         kNamesAbis);
}

TEST(PlanNamesTest, ATextWithoutItsQuotesIsToldToHaveThem) {
    EXPECT_THAT(word_refusal("s = \"hello\""),
                HasSubstr("; a text is written in single quotes: \"'hello'\""));
    EXPECT_THAT(word_refusal("s = \"if(id == 1, hello, 'b')\""),
                HasSubstr("; a text is written in single quotes: \"'hello'\""));
    EXPECT_THAT(word_refusal("s = \"hello world\""),
                HasSubstr("expected the end of the value (a text is written in single quotes)"));
    EXPECT_THAT(word_refusal("s = \"???\""), HasSubstr("(a text is written in single quotes)"));
    EXPECT_THAT(word_refusal("e = \"closed\""),
                HasSubstr("; the name of an enum is written in single quotes: \"'closed'\""));
    EXPECT_THAT(word_refusal("ok = \"out[1].e == open\""), HasSubstr("\"'open'\""));
    EXPECT_THAT(word_refusal("x = \"hello\""), testing::Not(HasSubstr("quotes")));
    EXPECT_EQ(word_refusal("s = \"'hello'\", e = \"'open'\""), "");
}

TEST(PlanNamesTest, WordsOfSolidityTheGraphAndPonderPointToOurs) {
    for (const auto& [theirs, ours] : std::initializer_list<std::pair<std::string, std::string>>{
             {"event.params.id", "; write id: parameters go by their names alone"},
             {"event.args.id", "; write id: parameters go by their names alone"},
             {"event.block.timestamp", "; write $block.timestamp"},
             {"block.timestamp", "; write $block.timestamp"},
             {"event.transaction.hash", "; write $txn.hash"},
             {"tx.origin", "; write $txn.from"},
             {"event.address", "; write $log.address"},
             {"event.log.address", "; write $log.address"},
             {"event.logIndex", "; write $log.index"},
             {"uint256(msg.sender)", "; write $txn.from"},
             {"$msg.value", "; write $txn.value"},
             {"call.price", "; write $call.price"},
             {"uint256(address(this))", "; write $log.address"},
             {"id.plus(1)", "; write a + b"},
             {"1e18", "(1e18 is written 10 ** 18)"},
             {"id * 1_000_000", "(1_000_000 is written 1000000)"},
             {"id in (1, 2)", "write 'a == b or a == c' for in"},
             {"id is null", "write 'not exists(entity[key].field)' for is null"}}) {
        EXPECT_THAT(word_refusal("x = \"" + theirs + "\""), HasSubstr(ours)) << theirs;
    }
}

TEST(PlanNamesTest, AValueOfAnotherTypeIsToldWithWhatMakesOne) {
    for (const auto& [set, way] : std::initializer_list<std::pair<std::string, std::string>>{
             {"s = \"$log.address\"", "; hex($log.address) makes one of it"},
             {"s = \"id\"", "; text(id) makes one of it"},
             {"a = \"id\"", "; address(id) makes one of it"},
             {"h = \"$log.address\"", "; bytes32(uint256($log.address)) makes one of it"},
             {"x = \"$log.address\"", "; uint256($log.address) makes one of it"},
             {"ok = \"id\"", "; id != 0 makes one of it"},
             {"s = \"concat('a', id)\"", "wants text or bytes (text(id) is one)"},
             {"s = \"'a' + 'b'\"", "wants numbers (concat(a, b) joins texts)"},
             {"x = \"ps.x\"",
              "has no components; an element of it is [0], and each walks through all"}}) {
        EXPECT_THAT(word_refusal(set), HasSubstr(way)) << set;
    }
    EXPECT_EQ(word_refusal("s = \"hex($log.address)\", a = \"address(id)\", ok = \"id != 0\", "
                           "h = \"bytes32(uint256($log.address))\", x = \"uint256($log.address)\""),
              "");
}

TEST(PlanNamesTest, WhatAlwaysFailsIsAMistake) {
    EXPECT_THAT(word_refusal("x = \"id / 0\""), HasSubstr("'id / 0' divides by zero"));
    EXPECT_THAT(word_refusal("x = \"1 % 0\""), HasSubstr("'1 % 0' divides by zero"));
    EXPECT_THAT(word_refusal("x = \"mul_div(id, 2, 0)\""), HasSubstr("divides by zero"));
    EXPECT_THAT(word_refusal("x = \"uint8(300)\""),
                HasSubstr("'uint8(300)' is 300, which uint8 cannot hold"));
    EXPECT_EQ(word_refusal("x = \"uint8(255) + 1 / id\""), "");
}

TEST(PlanNamesTest, FunctionsAndUnitsOfOthersAreToldAsTheyAreWrittenHere) {
    EXPECT_THAT(word_refusal("x = \"abi.encodePacked(id, id)\""),
                HasSubstr("write concat(bytes(a), bytes(b))"));
    EXPECT_THAT(word_refusal("x = \"type(uint256)\""),
                HasSubstr("write 2 ** 256 - 1 for the most"));
    EXPECT_THAT(word_refusal("x = \"1 ether\""), HasSubstr("write 'n * 10 ** 18' for n ether"));
    EXPECT_THAT(word_refusal("x = \"5 days\""), HasSubstr("write 'n * 86400' for n days"));
}

TEST(PlanNamesTest, MistakesOfTypesSayTheColumn) {
    EXPECT_THAT(word_refusal("x = \"ok\""), HasSubstr("test.toml:15:14: hub.Nested: \"ok\""));
    EXPECT_THAT(word_refusal("x = \"$log.address\""),
                HasSubstr("test.toml:15:14: field 'out.x' is uint256, but '$log.address'"));
    EXPECT_THAT(word_refusal("x = \"'5'\""),
                HasSubstr("test.toml:15:14: field 'out.x' is uint256"));
    EXPECT_THAT(word_refusal("x = \"$call.y\""), HasSubstr("test.toml:15:14: '$call.y'"));
}

}  // namespace
}  // namespace plumbline::engine::plan_names_test
