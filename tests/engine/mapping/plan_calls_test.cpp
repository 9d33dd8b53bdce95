// Contract calls of handlers, compiled: which are refused, and where.
#include <ostream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/mapping/compiled_plan.hpp"
#include "tests/support/small_index.hpp"

namespace plumbline::engine::plan_calls_test {
namespace {

using test::abi_json;
using test::Abis;
using test::Mapping;
using test::read_config;
using testing::HasSubstr;

const Abis kAbis{{"Hub.json", abi_json({
                                  "event Made(address indexed token, uint256 id)",
                                  "function name() view (string)",
                                  "function pair() view (uint112 first, address second)",
                                  "function price(address token, uint8 kind) view (uint256)",
                                  "function set(uint256 id) nonpayable (bool)",
                                  "function all() view (uint256[])",
                                  "function item() view ((address owner, string text) it)",
                              })}};

std::string mapping_of(const std::string& calls, const std::string& set) {
    return R"(
[contracts.hub]
abi = "Hub.json"
address = ["0x5FbDB2315678afecb367f032d93F642f64180aa3", "0x00000000000000000000000000000000000000a4"]
[contracts.other]
abi = "Hub.json"
address = "0x00000000000000000000000000000000000000a5"
[entities.item]
key = { token = "address" }
fields = { n = "uint256", text = "string", owner = "address" }
[[on]]
event = "hub.Made"
upsert = "item"
key = { token = "token" }
set = { )" +
           set + " }\n[on.calls]\n" + calls + "\n";
}

std::string compile_error(const std::string& calls, const std::string& set = "n = 1") {
    const auto config = read_config(mapping_of(calls, set), kAbis);
    if (!config) {
        return "PARSER " + config.error().message;
    }
    const auto plan = Plan::compile(*config);
    return plan ? "" : plan.error().message;
}

/// One call named `name`.
std::string call(const std::string& name, const std::string& function,
                 const std::string& more = "") {
    return name + " = { call = \"" + function + "\"" + more + " }\n";
}

TEST(PlanCallsTest, WhatAnswersIsUsedByNamesPlacesAndMembers) {
    EXPECT_EQ(
        compile_error(call("a", "hub.name()") + call("b", "hub.pair()") + call("c", "hub.item()") +
                          call("d", "other.price", ", args = [\"token\", 3], default = 0") +
                          call("e", "function x(bytes) view returns (uint8)",
                               ", at = \"token\", args = \"0x00ff\""),
                      "text = \"concat($call.a, $call.c.text)\", owner = \"$call.b.second\", "
                      "n = \"$call.d + $call.e + $call.b.0\""),
        "");
}

TEST(PlanCallsTest, AFunctionIsAskedOfOneStateInAllOfTheConfig) {
    const std::string once = ", once = true";
    const std::string head = ", once = true, state = \"head\"";
    EXPECT_THAT(compile_error(call("a", "hub.name()", once) + call("b", "hub.name()", head)),
                HasSubstr("is asked with state = \"head\" here and without it in line"));
    EXPECT_EQ(compile_error(call("a", "hub.name()", head) + call("b", "hub.name()", head)), "");
    EXPECT_EQ(compile_error(call("a", "hub.name()", once) + call("b", "hub.pair()", head)), "");
}

TEST(PlanCallsTest, OnlyWhatIsKnownBeforeTheFoldIsAsked) {
    const std::string by_answer = call("a", "hub.name()", ", at = \"$call.o.second\"");
    EXPECT_THAT(compile_error(call("a", "hub.name()", ", at = \"item[token].owner\"")),
                HasSubstr("'item[token].owner' is not known before the event is folded"));
    EXPECT_THAT(compile_error(call("o", "other.pair()") + by_answer),
                HasSubstr("'$call.o.second' is not known before the event is folded"));
    EXPECT_EQ(compile_error(call("o", "other.pair()", ", once = true") + by_answer), "");
    EXPECT_THAT(compile_error(call("a", "hub.name()", ", at = \"$call.a\"")),
                HasSubstr("'$call.a': the handler has no calls"));
}

TEST(PlanCallsTest, CallsThatCannotBeMadeAreRefused) {
    EXPECT_THAT(compile_error(call("a", "hub.set(uint256)", ", args = \"id\"")),
                HasSubstr("set(uint256) is no getter"));
    EXPECT_THAT(compile_error(call("a", "hub.nothing()")), HasSubstr("contract 'hub': "));
    EXPECT_THAT(compile_error(call("a", "hub.price", ", args = \"token\"")),
                HasSubstr("price(address,uint8) takes 2 arguments, not 1"));
    EXPECT_THAT(compile_error(call("a", "hub.price", ", args = [\"id\", 1]")),
                HasSubstr("argument 1 of call 'a' is address, but 'id' is uint256"));
    EXPECT_THAT(compile_error(call("a", "hub.pair()", ", default = 1")),
                HasSubstr("pair() returns 2 values, but default has 1"));
    EXPECT_THAT(compile_error(call("a", "hub.name()", ", default = 1")),
                HasSubstr("default of call 'a' is string"));
    EXPECT_THAT(compile_error(call("a", "hub.name()", ", default = \"token\"")),
                HasSubstr("default takes literals"));
    EXPECT_THAT(compile_error(call("a", "function f() view")), HasSubstr("call 'a'"));
}

TEST(PlanCallsTest, SlotsAreOfValuesAndArgumentsOfTheFunction) {
    const auto slots = [](const std::string& text) { return ", slots = { " + text + " }"; };
    const std::string price = ", args = [\"token\", 1]";
    EXPECT_EQ(
        compile_error(call("a", "hub.pair()", slots("first = { base = 8 }, 1 = { base = 9 }"))),
        "");
    EXPECT_EQ(compile_error(call("a", "hub.price",
                                 price + slots("0 = { base = 3, keys = [\"token\", \"$arg.1\", 7, "
                                               "\"'x'\"], word = 1, offset = 0 }"))),
              "");
    EXPECT_THAT(compile_error(call("a", "hub.pair()", slots("third = { base = 8 }"))),
                HasSubstr("returns no value 'third'"));
    EXPECT_THAT(compile_error(call("a", "hub.name()", slots("0 = { base = 8 }"))),
                HasSubstr("only values of fixed width"));
    EXPECT_THAT(compile_error(call("a", "hub.pair()", slots("first = { base = 8, offset = 20 }"))),
                HasSubstr("does not fit at offset 20"));
    EXPECT_THAT(
        compile_error(call("a", "hub.price", price + slots("0 = { base = 3, keys = [\"id\"] }"))),
        HasSubstr("a key in slots is an argument of price(address,uint8)"));
    EXPECT_THAT(compile_error(call("a", "hub.all()", slots("0 = { base = 8 }"))),
                HasSubstr("only single values"));
    EXPECT_THAT(compile_error(call("a", "hub.pair()", slots("first = { base = 8 }")) +
                              call("b", "hub.pair()", slots("first = { base = 9 }"))),
                HasSubstr("which ones count for an address cannot be told"));
    EXPECT_EQ(compile_error(call("a", "hub.pair()", slots("first = { base = 8 }")) +
                            call("b", "other.pair()", slots("first = { base = 9 }"))),
              "")
        << "one of them is asked at a literal address, the other anywhere";
}

TEST(PlanCallsTest, UsesThatMeanNothingAreRefused) {
    EXPECT_THAT(compile_error(call("a", "hub.name()"), "n = \"$call.a\""),
                HasSubstr("is uint256, but '$call.a' is string"));
    EXPECT_THAT(compile_error(call("price", "hub.name()"), "text = \"$call.pric\""),
                HasSubstr("unknown call 'pric'; did you mean 'price'?"));
    EXPECT_THAT(compile_error(call("a", "hub.pair()"), "n = \"$call.a\""),
                HasSubstr("returns 2 values: name one, as in $call.a.0"));
    EXPECT_THAT(compile_error(call("a", "hub.all()"), "n = \"$call.a\""),
                HasSubstr("which is not one value"));
}

TEST(PlanCallsTest, AnElementOfAnArrayInAnAnswerIsAValue) {
    EXPECT_EQ(compile_error(call("a", "hub.all()"), "n = \"$call.a[2] + $call.a.0[1]\""), "");
    EXPECT_EQ(compile_error(call("a", "hub.all()"), "n = \"$call.a[2] ?? 0\""), "");
    EXPECT_THAT(compile_error(call("a", "hub.all()"), "n = \"$call.a[2][0]\""),
                HasSubstr("uint256 is not an array"));
    EXPECT_THAT(compile_error(call("a", "hub.name()"), "text = \"$call.a[0]\""),
                HasSubstr("string is not an array"));
    EXPECT_THAT(compile_error(call("a", "hub.pair()"), "n = \"$call.a[0]\""),
                HasSubstr("returns 2 values: name one, as in $call.a.0"));
    EXPECT_THAT(compile_error(call("a", "hub.all()"), "n = \"$call.b[0]\""),
                HasSubstr("unknown call 'b'"));
}

TEST(PlanCallsTest, AnArgumentThatDoesNotFitIsToldAsTheCallsAndNotAsTheFields) {
    const Mapping mapping{
        mapping_of(
            call("a", "hub.price", ", args = [\"token\", \"id + 300\"], default = 0") +
                call("b", "hub.price", ", args = [\"token\", \"1 / (id - 3)\"], default = 0"),
            "n = \"if(id == 3, $call.b, $call.a)\""),
        kAbis};
    test::World world{mapping};
    world.block(1, {mapping.emit("hub.Made", {test::acc(9), test::num(1)}, 1, 0)});
    world.block(2, {mapping.emit("hub.Made", {test::acc(9), test::num(3)}, 2, 0)});
    EXPECT_THAT(world.quarantine(),
                testing::ElementsAre(HasSubstr("field 'n': argument 2 of call 'a': 'id + 300' is "
                                               "301, which uint8 cannot hold"),
                                     HasSubstr("field 'n': argument 2 of call 'b': '1 / (id - 3)': "
                                               "division by zero")));
}

TEST(PlanCallsTest, WhatIsNotOneValueSaysHowOneIsNamed) {
    EXPECT_THAT(compile_error(call("a", "hub.all()"), "n = \"$call.a\""),
                HasSubstr("'$call.a': all()(uint256[]) returns uint256[] there, which is not one "
                          "value: $call.a[0] is its first element"));
    const std::string pairs = call("a", "function f() view returns ((uint256 x, string)[] all)");
    EXPECT_THAT(compile_error(pairs, "n = \"$call.a[1]\""),
                HasSubstr("not one value: name one of its members: $call.a[1].x, $call.a[1].1"));
    EXPECT_EQ(compile_error(pairs, "n = \"$call.a[1].x\", text = \"$call.a[1].1\""), "");
}

TEST(PlanCallsTest, ADeclarationsMistakeSaysItsPlaceOnce) {
    EXPECT_THAT(compile_error(call("a", "function f() view returns (mapping x)")),
                testing::MatchesRegex("test.toml:[0-9:]+: call 'a': type .*"));
}

TEST(PlanCallsTest, CallsThatNothingUsesAreTold) {
    const auto unused = [](const std::string& calls, const std::string& set) {
        return Mapping{mapping_of(calls, set), kAbis}.plan->unused();
    };
    const std::string once = call("o", "other.pair()", ", once = true");
    EXPECT_THAT(unused(call("a", "hub.name()"), "n = 1"),
                testing::ElementsAre(HasSubstr(": call 'a' is made and stored, and no value of its "
                                               "[[on]] uses $call.a")));
    EXPECT_THAT(unused(call("a", "hub.name()"), "text = \"concat('a', $call.a)\""),
                testing::IsEmpty());
    EXPECT_THAT(
        unused(once + call("a", "hub.name()", ", at = \"$call.o.second\""), "text = \"$call.a\""),
        testing::IsEmpty());
}

TEST(PlanCallsTest, AWrongPlaceInAnAnswerIsNamedAsItIsWritten) {
    EXPECT_THAT(
        compile_error(call("a", "hub.pair()"), "n = \"$call.a.frist\""),
        HasSubstr("'$call.a.frist': pair()(uint112,address): no value \"frist\"; did you mean"));
    EXPECT_THAT(compile_error(call("a", "hub.pair()"), "n = \"$call.a.5\""),
                HasSubstr("'$call.a.5': pair()(uint112,address): no value 5; there are 2"));
    EXPECT_THAT(compile_error(call("a", "hub.item()"), "owner = \"$call.a.ownr\""),
                HasSubstr("no component \"ownr\""));
    for (const char* set : {"n = \"$call.a.x\"", "n = \"$call.a.9\"", "n = \"$call.a.0.0\""}) {
        for (const char* function : {"hub.name()", "hub.pair()", "hub.item()", "hub.all()"}) {
            const std::string error = compile_error(call("a", function), set);
            EXPECT_NE(error, "") << function << " " << set;
            EXPECT_EQ(error.find("$arg"), std::string::npos) << error;
        }
    }
}

TEST(PlanCallsTest, AHandlerOfBlocksAsksWhomItNames) {
    const auto of_blocks = [](const std::string& calls) {
        std::string text = mapping_of(calls, "n = \"$call.a\"");
        text.replace(text.find("event = \"hub.Made\""), 18, "every = { blocks = 5 }");
        text.replace(text.find("token = \"token\" }"), 15,
                     "token = \"0x00000000000000000000000000000000000000a5\"");
        const auto config = read_config(text, kAbis);
        if (!config) {
            return config.error().message;
        }
        const auto plan = Plan::compile(*config);
        return plan ? "" : plan.error().message;
    };
    const std::string kind = ", args = [\"0x00000000000000000000000000000000000000a4\", 1]";
    EXPECT_EQ(of_blocks(call("a", "other.price", kind)), "");
    EXPECT_EQ(of_blocks(call("a", "function at(uint256) view returns (uint256)",
                             ", at = \"0x00000000000000000000000000000000000000a5\", "
                             "args = \"$block.number\"")),
              "");
    EXPECT_THAT(of_blocks(call("a", "function n() view returns (uint256)")),
                HasSubstr("a handler of blocks has no contract of its own"));
    EXPECT_THAT(of_blocks(call("a", "hub.price", kind)), HasSubstr("has several addresses"));
    EXPECT_THAT(of_blocks(call("a", "other.price", ", at = \"$log.address\"" + kind)),
                HasSubstr("belongs to an event"));
}

TEST(PlanCallsTest, TheFingerprintTellsCallsApart) {
    const auto print = [](const std::string& calls) {
        const auto plan = Plan::compile(*read_config(mapping_of(calls, "n = 1"), kAbis));
        return (*plan)->bundle().fingerprint;
    };
    const std::string first = print(call("a", "hub.name()"));
    EXPECT_NE(first, print(call("a", "hub.name()", ", once = true")));
    EXPECT_NE(first, print(call("a", "hub.name()", ", at = \"token\"")));
    EXPECT_NE(first, print(call("a", "hub.pair()")));
    EXPECT_NE(first, print(call("a", "other.name()")));
    EXPECT_EQ(first, print(call("a", "hub.name")));
}

}  // namespace
}  // namespace plumbline::engine::plan_calls_test
