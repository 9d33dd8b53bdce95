// What is easily taken for something else: literals without a type, texts of which a log has the
// hash, fields, entities and words of other languages. Each is refused with what to write.
#include <initializer_list>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "tests/support/small_index.hpp"

namespace plumbline::engine::plan_mixups_test {
namespace {

using test::abi_json;
using test::Abis;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

const Abis kMixupsAbis{
    {"Hub.json", abi_json({
                     "event Idx(uint256 id, address g, string indexed s, bytes indexed b, "
                     "uint256[] indexed l, string t, uint256[] extra)",
                 })}};

std::string mixups_refusal(const std::string& rest, const std::string& contract = "") {
    return test::refusal(R"x(
[contracts.hub]
abi = "Hub.json"
address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
)x" + contract + R"x(
[entities.out]
key = { id = "uint64" }
fields = { x = "uint256", n = "uint256?", t2 = "string", ok = "bool", h = "bytes32", big = "string" }
[entities.items]
key = { k = "uint64" }
fields = { w = "uint256" }
[[on]]
event = "hub.Idx"
upsert = "out"
key = { id = "id" }
)x" + rest + "\n",
                         kMixupsAbis);
}

std::string of_set(const std::string& set) {
    return mixups_refusal("set = { " + set + " }");
}

using Table = std::initializer_list<std::pair<std::string, std::string>>;

TEST(PlanMixupsTest, AMistakeInWhenHidesNoneOfWhatTheHandlerDoes) {
    EXPECT_THAT(mixups_refusal("when = \"zzz > 1\"\nset = { x = \"yyy\" }"),
                AllOf(HasSubstr("no parameter \"zzz\""), HasSubstr("no parameter \"yyy\"")));
}

TEST(PlanMixupsTest, AbiEncodeTakesNoHexWithoutItsType) {
    const std::string address = "0x0000000000000000000000000000000000000001";
    EXPECT_THAT(of_set("h = \"keccak256(abi.encode(g, " + address + "))\""),
                HasSubstr("'abi.encode(g, " + address + ")' wants a type for '" + address +
                          "': write address(" + address + "), bytes20(" + address + "), uint256(" +
                          address + ") or bytes(" + address + ")"));
    EXPECT_THAT(of_set("h = \"keccak256(abi.encode(0x01020304))\""),
                HasSubstr("write bytes4(0x01020304), uint256(0x01020304) or bytes(0x01020304)"));
    EXPECT_THAT(of_set("h = \"keccak256(abi.encode(0x))\""), HasSubstr("write bytes(0x)"));
    EXPECT_THAT(of_set("h = \"keccak256(abi.encode(if(id == 1, 0x01, 0x02)))\""),
                HasSubstr("wants a type for 'if(id == 1, 0x01, 0x02)': write bytes1(if(id == 1, "
                          "0x01, 0x02)), uint256("));
    EXPECT_THAT(
        of_set("h = \"keccak256(abi.encode(if(id == 1, " + address + ", " + address + ")))\""),
        HasSubstr("write address(if("));
    EXPECT_THAT(of_set("h = \"keccak256(abi.encode(if(id == 1, 0x01, 0x0203)))\""),
                HasSubstr("write bytes(if("));
    for (const std::string& typed :
         {"address(" + address + ")", "bytes20(" + address + ")", std::string{"uint256(0x01)"},
          std::string{"bytes(0x01)"}, "if(id == 1, g, " + address + ")", std::string{"'text'"},
          std::string{"1"}, std::string{"true"}}) {
        EXPECT_EQ(of_set("h = \"keccak256(abi.encode(" + typed + "))\""), "") << typed;
    }
}

TEST(PlanMixupsTest, AFunctionOfAnIndexedTextIsRefusedForThereIsOnlyItsHash) {
    const std::string why = "is indexed: a log holds only its hash, which is bytes32(s)";
    for (const char* set :
         {"x = \"len(s)\"", "ok = \"keccak256(s) == keccak256('hello')\"",
          "h = \"keccak256(abi.encode(s))\"", "t2 = \"hex(s)\"", "t2 = \"text(s)\"",
          "t2 = \"string(s)\"", "h = \"keccak256(bytes(s))\"", "x = \"uint256(s)\"",
          "x = \"len(concat(s, 0x01))\"", "x = \"len(slice(s, 0, 1))\""}) {
        EXPECT_THAT(of_set(set), HasSubstr("that " + why)) << set;
    }
    EXPECT_THAT(of_set("x = \"len(l)\""), HasSubstr("a log holds only its hash"));
    EXPECT_THAT(of_set("x = \"len(if(id == 1, s, b))\""), HasSubstr("a log holds only its hash"));
    EXPECT_EQ(of_set("h = \"s\", t2 = \"hex(bytes32(s))\", ok = \"s == keccak256('hello')\", "
                     "x = \"uint256(bytes32(l))\""),
              "");
    EXPECT_EQ(of_set("h = \"keccak256(abi.encode(bytes32(s)))\""), "");
}

TEST(PlanMixupsTest, AComparisonWithAnIndexedTextSaysHowItIsWritten) {
    const std::string hint =
        "'s' is indexed: a log holds only its hash; write s == keccak256('hello')";
    EXPECT_THAT(mixups_refusal("when = \"s == 'hello'\"\nset = { x = 1 }"), EndsWith(": " + hint));
    EXPECT_THAT(mixups_refusal("when = \"s != 'hello'\"\nset = { x = 1 }"),
                HasSubstr("write s != keccak256('hello')"));
    EXPECT_THAT(mixups_refusal("when = \"b == 0x0102\"\nset = { x = 1 }"),
                HasSubstr("write b == keccak256(0x0102)"));
    EXPECT_THAT(mixups_refusal("when = \"s == t\"\nset = { x = 1 }"),
                HasSubstr("write s == keccak256(t)"));
    EXPECT_THAT(of_set("ok = \"s == 'hello'\""), HasSubstr(hint));
    EXPECT_THAT(of_set("ok = \"t == s\""), HasSubstr("write s == keccak256(t)"));
    const std::string hash = evm::to_hex(evm::keccak256(std::string_view{"hello"}));
    EXPECT_EQ(mixups_refusal("when = \"s == " + hash + "\"\nset = { x = 1 }"), "");
    EXPECT_EQ(mixups_refusal("when = \"s == keccak256('hello')\"\nset = { x = 1 }"), "");
}

TEST(PlanMixupsTest, AFilterTakesTheTextItselfAndSaysThatItHasQuotes) {
    EXPECT_EQ(mixups_refusal("set = { x = 1 }", "filter = { Idx = { s = \"'hello'\" } }"), "");
    EXPECT_THAT(mixups_refusal("set = { x = 1 }", "filter = { Idx = { s = \"hello\" } }"),
                HasSubstr("hello is no literal; a text is written in single quotes: \"'hello'\""));
}

TEST(PlanMixupsTest, AnUnknownNameIsUnknownWhereverItStands) {
    const std::string unknown = R"(hub.Idx: "zzz": no parameter "zzz"; there are: id, g, s, b, l)";
    for (const char* set :
         {"x = \"zzz\"", "ok = \"exists(zzz)\"", "x = \"zzz ?? 0\"", "x = \"(zzz + 1) ?? 0\""}) {
        EXPECT_THAT(of_set(set), HasSubstr(unknown)) << set;
    }
    EXPECT_THAT(of_set("ok = \"exists(g)\""), HasSubstr("'g' is always there"));
    EXPECT_THAT(of_set("x = \"id ?? 0\""), HasSubstr("'id' is never missing"));
}

TEST(PlanMixupsTest, AFieldOfTheHandlersRowIsToldHowItIsRead) {
    const std::string hint =
        "; the row's field is out[id].x, and add, sub, min and max work on it by themselves";
    EXPECT_THAT(of_set("x = \"x + 1\""), HasSubstr(hint));
    EXPECT_THAT(of_set("x = \"x\""), EndsWith(hint));
    EXPECT_THAT(of_set("ok = \"exists(n)\""), HasSubstr("the row's field is out[id].n,"));
    EXPECT_THAT(of_set("x = \"n ?? 0\""), HasSubstr("the row's field is out[id].n,"));
    EXPECT_THAT(of_set("t2 = \"big\""), HasSubstr("the row's field is out[id].big,"));
    EXPECT_THAT(of_set("t2 = \"big\""), Not(HasSubstr("single quotes")));
    EXPECT_THAT(of_set("ok = \"exists(items)\""), HasSubstr("; a row of that entity is items[k]"));
}

TEST(PlanMixupsTest, WordsOfElsewhereAreToldOnlyWhereTheyHelp) {
    for (const auto& [set, hint] : Table{
             {"x = \"event.params.id\"", "; write id: parameters go by their names alone"},
             {"x = \"event.params.amount\"",
              "hub.Idx: parameters go by their names alone: \"amount\": no parameter \"amount\";"},
             {"x = \"extra.length\"", "there is no 'extra.length'; write len(extra)"},
             {"x = \"t.length\"", "there is no 't.length'; write len(t)"},
             {"ok = \"TRUE\"", "; did you mean 'true', in small letters?"},
             {"n = \"NULL\"", "; did you mean 'null', in small letters?"}}) {
        EXPECT_THAT(of_set(set), HasSubstr(hint)) << set;
    }
    EXPECT_THAT(of_set("x = \"event.params.amount\""), Not(HasSubstr("write amount")));
}

TEST(PlanMixupsTest, ComparisonsThatChainAreToldToHaveBrackets) {
    for (const char* text : {"id > 5 == true", "id == id == id", "id < 5 < 6",
                             "if(id < 5 < 6, true, false)", "(id > 5 == true)"}) {
        for (const std::string& rest : {"set = { ok = \"" + std::string{text} + "\" }",
                                        "set = { x = 1 }\nwhen = \"" + std::string{text} + "\""}) {
            EXPECT_THAT(mixups_refusal(rest),
                        HasSubstr("comparisons do not chain: put one of them in brackets"))
                << rest;
        }
    }
    EXPECT_EQ(of_set("ok = \"(id > 5) == true\""), "");
    EXPECT_THAT(of_set("ok = \"id = 5\""), HasSubstr("write '==' to compare"));
}

TEST(PlanMixupsTest, ATextOverSeveralLinesIsQuotedWithItsLineBreaks) {
    EXPECT_THAT(mixups_refusal("set = { x = \"\"\"id +\nzzz yyy\"\"\" }"),
                HasSubstr(R"(in 'id +\nzzz yyy':)"));
}

TEST(PlanMixupsTest, MistakesOfEachCallsAndKeysHaveTheirColumn) {
    EXPECT_THAT(mixups_refusal("each = [\"extra\", \"t\"]\nset = { x = 1 }"),
                HasSubstr("test.toml:19:18: each: hub.Idx: 't' is string, not an array"));
    EXPECT_THAT(mixups_refusal("calls = { c = { call = \"hub.nope\" } }\nset = { x = 1 }"),
                HasSubstr("test.toml:19:11: call 'c':"));
    EXPECT_THAT(
        mixups_refusal("calls = { c = { call = \"function f() view returns (uint256)\", slots = { "
                       "base = 3 } } }\nset = { x = \"$call.c\" }"),
        HasSubstr("belongs to one value: write what it is of around it, as in slots = { NAME = { "
                  "base = 3 } }"));
    EXPECT_THAT(mixups_refusal("set = { x = 1, zz = 2 }"),
                HasSubstr("test.toml:19:16: set of out in [[on]]: unknown field 'zz'"));
}

}  // namespace
}  // namespace plumbline::engine::plan_mixups_test
