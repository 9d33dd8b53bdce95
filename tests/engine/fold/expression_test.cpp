#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/read_view.hpp"
#include "tests/support/small_index.hpp"

namespace plumbline::engine::expression_test {
namespace {

using test::abi_json;
using test::Abis;
using test::acc;
using test::list;
using test::Mapping;
using test::neg;
using test::num;
using test::text;
using test::World;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Abis kAbis{{"Hub.json", abi_json({
                                  "event Put(uint256 id, uint256 a, int256 b, string s)",
                                  "event Many(uint256[] ids, uint256[] values)",
                                  "event Deep(uint256[][] grid)",
                                  "event Pairs((uint256 id, uint256 v)[] list)",
                              })}};

const std::string kHead = R"(
[contracts.hub]
abi = "Hub.json"
address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
[entities.item]
key = { id = "uint256" }
fields = { v = "uint256", n = "int256", small = "uint8", note = "string", ok = "bool" }
)";

std::string on_put(const std::string& rest) {
    return kHead + "[[on]]\nevent = \"hub.Put\"\nupsert = \"item\"\nkey = { id = \"id\" }\n" +
           rest + "\n";
}

/// Why the config is refused.
std::string refusal(const std::string& mapping) {
    return test::refusal(mapping, kAbis);
}

struct Put {
    uint64_t id = 1;
    uint64_t a = 0;
    test::AbiValue b = num(0);
    std::string s;
};

/// What one handler makes of these events, each in a block of its own: the row's JSON at id 1, or
/// the reason.
std::string made(const std::string& rest, const std::vector<Put>& puts) {
    const Mapping mapping{on_put(rest), kAbis};
    World world{mapping};
    uint64_t block = 1;
    for (const Put& put : puts) {
        world.block(block, {mapping.emit("hub.Put", {num(put.id), num(put.a), put.b, text(put.s)},
                                         block, 0)});
        ++block;
    }
    return world.row_or_reason("item", "id=1");
}

TEST(ExpressionTest, AWholeCalculationGoesIntoAField) {
    EXPECT_THAT(
        made(
            R"~(set = { v = "(a + 1) * 10 ** 18 / 3", n = "b - a", ok = "a > 1 and not (b == 0)" })~",
            {{1, 2, neg(5), ""}}),
        HasSubstr(R"("v":"1000000000000000000","n":"-7","small":0,"note":"","ok":true)"));
}

TEST(ExpressionTest, AValueThatTheFieldCannotHoldIsAViolationThatShowsIt) {
    EXPECT_THAT(made(R"~(set = { small = "a * 2" })~", {{1, 127, num(0), ""}}),
                HasSubstr(R"("small":254)"));
    EXPECT_EQ(made(R"~(set = { small = "a * 2" })~", {{1, 128, num(0), ""}}),
              "1/0 hub.Put: upsert of 'item' (id=1): field 'small': 'a * 2' is 256, which uint8 "
              "cannot hold");
    EXPECT_THAT(made(R"~(set = { v = "a - 1" })~", {{1, 0, num(0), ""}}),
                HasSubstr("'a - 1' is -1, which uint256"));
}

TEST(ExpressionTest, WhatIsTrueOrFalseIsAConditionByItself) {
    const std::string second = R"~(set = { ok = "a > 1" }
[[on]]
event = "hub.Put"
update = "item"
key = { id = "id" }
set = { small = 1 }
when = )~";
    for (const char* alone :
         {"\"item[id].ok\"", "\" (item[id].ok) \"", "[\"item[id].ok\", \"a > 0\"]"}) {
        EXPECT_THAT(made(second + alone, {{1, 2, num(0), ""}}), HasSubstr(R"("small":1)"));
        EXPECT_THAT(made(second + alone, {{1, 1, num(0), ""}}), HasSubstr(R"("small":0)"));
    }
    EXPECT_THAT(refusal(on_put("when = \"a\"")), HasSubstr("'a' is a number, not true or false"));
    EXPECT_THAT(refusal(on_put("when = \"s\"")), HasSubstr("'s' is string, not true or false"));
    EXPECT_THAT(refusal(on_put("when = \"item[id].small\"")), HasSubstr("is a number, not true"));
    std::string dropping = on_put(R"~(set = { ok = "a > 1", v = "a" })~");
    dropping.replace(dropping.find("[[on]]"), 0, "drop = \"ok\"\n");
    const Mapping mapping{dropping, kAbis};
    World world{mapping};
    world.block(1, {mapping.emit("hub.Put", {num(1), num(2), num(0), text("")}, 1, 0),
                    mapping.emit("hub.Put", {num(2), num(1), num(0), text("")}, 1, 1)});
    EXPECT_EQ(world.row("item", "id=1"), "");
    EXPECT_THAT(world.row("item", "id=2"), HasSubstr(R"("v":"1")"));
}

TEST(ExpressionTest, AnIndexBehindTheEndIsAViolationWhereAnArrayIsWalkedOrCountedToo) {
    const std::string on_deep = kHead + "[[on]]\nevent = \"hub.Deep\"\nupsert = \"item\"\n";
    const std::vector<std::string> handlers{"key = { id = \"grid[1]\" }\neach = [\"grid[1]\"]\n",
                                            "key = { id = 5 }\nset = { v = \"len(grid[1])\" }\n",
                                            "key = { id = 5 }\nset = { v = \"grid[1][0]\" }\n"};
    for (const std::string& handler : handlers) {
        const Mapping mapping{on_deep + handler, kAbis};
        World world{mapping};
        world.block(1, {mapping.emit("hub.Deep", {list({list({num(3)}), list({num(5)})})}, 1, 0)});
        EXPECT_NE(world.row("item", "id=5"), "") << handler;
        EXPECT_THAT(world.quarantine(), IsEmpty()) << handler;
        world.block(2, {mapping.emit("hub.Deep", {list({list({num(3)})})}, 2, 0)});
        EXPECT_THAT(world.quarantine(), ElementsAre(HasSubstr("lies behind the end of an array")))
            << handler;
    }
}

TEST(ExpressionTest, AViolationNamesThePartThatFailed) {
    EXPECT_THAT(made(R"~(set = { v = "1 / a + 7" })~", {{1, 0, num(0), ""}}),
                HasSubstr("field 'v': '1 / a': division by zero"));
    EXPECT_THAT(made(R"~(set = { v = "1 + 7 / a" })~", {{1, 0, num(0), ""}}),
                HasSubstr("field 'v': '7 / a': division by zero"));
    EXPECT_THAT(made(R"~(set = { v = "(a ** 511) * 2" })~", {{1, 2, num(0), ""}}),
                HasSubstr("'a ** 511': the result needs more than 512 bits"));
}

TEST(ExpressionTest, AnAmountMayBeBelowZeroOrPastTheField) {
    EXPECT_THAT(made(R"~(add = { v = "a + b" })~", {{1, 9, num(0), ""}, {1, 1, neg(4), ""}}),
                HasSubstr(R"("v":"6")"));
    EXPECT_THAT(made(R"~(add = { v = "a + b" })~", {{1, 1, neg(4), ""}}),
                HasSubstr("leaves the range of uint256"));
    EXPECT_THAT(made(R"~(min = { small = "a * a" }
set = { small = 200 })~",
                     {{1, 1000, num(0), ""}}),
                HasSubstr(R"("small":200)"));
    EXPECT_THAT(made(R"~(max = { n = "0 - a * a" })~", {{1, 3, num(0), ""}}),
                HasSubstr(R"("n":"0")"));
}

TEST(ExpressionTest, ConditionsAreOfAnyForm) {
    const std::string rest = R"~(when = ["a > 5 or b < 0", "not (s == '')"]
set = { v = "a" })~";
    EXPECT_THAT(made(rest, {{1, 6, num(0), "x"}}), HasSubstr(R"("v":"6")"));
    EXPECT_THAT(made(rest, {{1, 1, neg(1), "x"}}), HasSubstr(R"("v":"1")"));
    EXPECT_EQ(made(rest, {{1, 1, num(0), "x"}}), "");
    EXPECT_EQ(made(rest, {{1, 6, num(0), ""}}), "");
}

TEST(ExpressionTest, DefaultsTakeThePlaceOfAMissingRowOnly) {
    const std::string rest = R"~(set = { v = "(item[a].v ?? 100) + 1" })~";
    EXPECT_THAT(made(rest, {{1, 7, num(0), ""}}), HasSubstr(R"("v":"101")"));
    // The handler's own row is there already, of zeros, so the first of these makes a 1.
    EXPECT_THAT(made(rest, {{7, 7, num(0), ""}, {1, 7, num(0), ""}}), HasSubstr(R"("v":"2")"));
    // The key of the look-up fails, and that is no missing row.
    EXPECT_THAT(made(R"~(set = { v = "item[1 / a].v ?? 100" })~", {{1, 0, num(0), ""}}),
                HasSubstr("division by zero"));
    // Two look-ups inside each other, the inner one of which finds nothing.
    EXPECT_THAT(made(R"~(set = { v = "item[item[99].v].v ?? 5" })~", {{1, 0, num(0), ""}}),
                HasSubstr(R"("v":"5")"));
    // The inner one has a default of its own, and the outer one has none.
    EXPECT_THAT(made(R"~(set = { v = "item[item[99].v ?? 98].v + 0" })~", {{1, 0, num(0), ""}}),
                HasSubstr("there is no 'item' (id=98)"));
}

TEST(ExpressionTest, OnlyTheSideThatCountsIsCalculated) {
    EXPECT_THAT(made(R"~(set = { v = "if(a == 0, 1, 7 / a)", ok = "a == 0 or 7 / a > 1" })~",
                     {{1, 0, num(0), ""}}),
                HasSubstr(R"("v":"1","n":"0","small":0,"note":"","ok":true)"));
    EXPECT_THAT(made(R"~(set = { ok = "a != 0 and 7 / a > 1" })~", {{1, 0, num(0), ""}}),
                HasSubstr(R"("ok":false)"));
    EXPECT_THAT(
        made(R"~(set = { ok = "exists(item[id]) and item[id].v > 3" })~", {{1, 0, num(0), ""}}),
        HasSubstr(R"("ok":false)"));
}

TEST(ExpressionTest, TheRowUnderWayIsSeenByALookUpAsItStands) {
    EXPECT_THAT(made(R"~(set = { v = "(item[id].v ?? 0) + a", ok = "exists(item[id])" })~",
                     {{1, 5, num(0), ""}, {1, 6, num(0), ""}}),
                HasSubstr(R"("v":"11","n":"0","small":0,"note":"","ok":true)"));
}

TEST(ExpressionTest, KeysAreCalculatedToo) {
    const Mapping mapping{kHead + R"~(
[[on]]
event = "hub.Put"
upsert = "item"
key = { id = "$block.timestamp / 86400" }
add = { v = "a" }
)~",
                          kAbis};
    World world{mapping};
    world.block(1, {mapping.emit("hub.Put", {num(1), num(3), num(0), text("")}, 1, 0),
                    mapping.emit("hub.Put", {num(2), num(4), num(0), text("")}, 1, 1)});
    EXPECT_THAT(world.quarantine(), IsEmpty());
    EXPECT_THAT(world.row("item", fmt::format("id={}", test::time_of(1) / 86400)),
                HasSubstr(R"("v":"7")"));
}

TEST(ExpressionTest, TextAndBytesAreMadeOfParts) {
    EXPECT_THAT(
        made(
            R"~(set = { note = "concat(lower(s), ': ', text(a), ' ', slice(hex(keccak256(lower(s))), 0, 6))" })~",
            {{1, 12, num(0), "HeLLo"}}),
        HasSubstr(R"("note":"hello: 12 0x1c8a")"));
    EXPECT_THAT(made(R"~(set = { note = "slice(s, 0, 1)" })~", {{1, 0, num(0), "\xC3\xA9"}}),
                HasSubstr("it would cut through a character"));
    EXPECT_THAT(
        made(R"~(set = { v = "uint256(keccak256(abi.encode(a, s))) % 2", small = "len(s)" })~",
             {{1, 1, num(0), "abc"}}),
        HasSubstr(R"("small":3)"));
}

TEST(ExpressionTest, ElementsAndLengthsOfArrays) {
    const Mapping mapping{kHead + R"~(
[[on]]
event = "hub.Many"
upsert = "item"
key = { id = "ids[1]" }
set = { v = "values[0] + len(values)", small = "len(ids)" }
[[on]]
event = "hub.Pairs"
upsert = "item"
key = { id = "list[0].id" }
set = { v = "list[0].v * 2" }
[[on]]
event = "hub.Deep"
each = ["grid"]
upsert = "item"
key = { id = "grid[0]" }
set = { v = "grid[1]", small = "len(grid)" }
)~",
                          kAbis};
    World world{mapping};
    world.block(
        1, {mapping.emit("hub.Many", {list({num(4), num(5)}), list({num(40), num(50), num(60)})}, 1,
                         0),
            mapping.emit("hub.Many", {list({num(4)}), list({num(40)})}, 1, 1),
            mapping.emit("hub.Pairs", {list({list({num(8), num(21)})})}, 1, 2),
            mapping.emit("hub.Deep",
                         {list({list({num(10), num(11)}), list({num(20), num(21), num(22)})})}, 1,
                         3)});
    EXPECT_THAT(world.row("item", "id=5"), HasSubstr(R"("v":"43","n":"0","small":2)"));
    EXPECT_THAT(world.row("item", "id=8"), HasSubstr(R"("v":"42")"));
    EXPECT_THAT(world.row("item", "id=10"), HasSubstr(R"("v":"11","n":"0","small":2)"));
    EXPECT_THAT(world.row("item", "id=20"), HasSubstr(R"("v":"21","n":"0","small":3)"));
    EXPECT_THAT(world.quarantine(), ElementsAre(HasSubstr("1/1 hub.Many: ")));
}

TEST(ExpressionTest, ARowIsDroppedWhereAnExpressionOfItsFieldsHolds) {
    std::string mapping = on_put(R"~(add = { v = "a", n = "b" })~");
    mapping.insert(mapping.find("[[on]]"), "drop = \"v == 0 or n + v < 0\"\n");
    const Mapping with_drop{mapping, kAbis};
    World world{with_drop};
    world.block(1, {with_drop.emit("hub.Put", {num(1), num(3), neg(1), text("")}, 1, 0),
                    with_drop.emit("hub.Put", {num(2), num(3), neg(4), text("")}, 1, 1)});
    EXPECT_NE(world.row("item", "id=1"), "");
    EXPECT_EQ(world.row("item", "id=2"), "");
}

TEST(ExpressionTest, MistakesAreToldWithLineColumnAndWhatWasExpected) {
    const auto told = [](const std::string& value) {
        return refusal(on_put("set = { v = \"" + value + "\" }"));
    };
    EXPECT_THAT(told("a + s"), HasSubstr("test.toml:15:14: 'a + s' wants numbers (concat(a, b) "
                                         "joins texts), and 's' is string"));
    EXPECT_THAT(told("a +"), HasSubstr("expected a value, found the end"));
    EXPECT_THAT(told("(a + 1"), HasSubstr("expected ')', found the end"));
    EXPECT_THAT(told("fnord(a)"), HasSubstr("unknown function 'fnord'"));
    EXPECT_THAT(told("mn(a, 1)"), HasSubstr("did you mean 'min'"));
    EXPECT_THAT(told("if(a, 1, 2)"),
                HasSubstr("'if(a, 1, 2)' wants true or false, and 'a' is a number"));
    EXPECT_THAT(told("if(a > 1, 1, s)"), HasSubstr("wants two values of one type"));
    EXPECT_THAT(told("a ?? 1"), HasSubstr("has no look-up and no optional field before ??"));
    EXPECT_THAT(told("concat(s, s)"),
                HasSubstr("field 'item.v' is uint256, but 'concat(s, s)' is string"));
    EXPECT_THAT(told("s < 'a'"), HasSubstr("only == and != do that"));
    EXPECT_THAT(told("abs(1, 2)"), HasSubstr("takes 1 value, not 2"));
    EXPECT_THAT(told("mul_div(a, 1, 2, 'near')"), HasSubstr("rounds 'down', 'up' or 'half_even'"));
    EXPECT_THAT(told("exists(item[1].v)"), HasSubstr("is set wherever there is the row"));
    EXPECT_THAT(told("item[1, 2].v + 1"), HasSubstr("the key of item has 1 field"));
    EXPECT_THAT(refusal(on_put("when = \"a + 1\"")),
                HasSubstr("'a + 1' is a number, not true or false"));
    EXPECT_THAT(refusal(on_put("when = \"1 < a < 3\"")),
                HasSubstr("comparisons do not chain: put one of them in brackets"));
    std::string deep = "a";
    for (int i = 0; i < 40; ++i) {
        deep = "(" + deep + ")";
    }
    EXPECT_THAT(told(deep), HasSubstr("values may be at most 32 inside each other"));
}

TEST(ExpressionTest, ARemainderIsThereWhereItsQuotientIsNot) {
    EXPECT_THAT(made(R"~(set = { n = "((0 - 2) ** 511) % -1" })~", {{1, 0, num(0), ""}}),
                HasSubstr(R"("n":"0")"));
}

// The reason in quarantine quotes the text, so a database of the old spelling must be folded again.
TEST(ExpressionTest, AnotherSpellingIsAnotherMappingToo) {
    const Mapping one{on_put(R"~(set = { v = "7/a" })~"), kAbis};
    const Mapping two{on_put(R"~(set = { v = "7 / a" })~"), kAbis};
    EXPECT_NE(one.plan->bundle().fingerprint, two.plan->bundle().fingerprint);
}

TEST(ExpressionTest, RowsOfOneEventAreBoundedTogether) {
    const Mapping mapping{kHead + R"~(
[[on]]
event = "hub.Many"
each = ["ids"]
upsert = "item"
key = { id = "ids" }
set = { note = "hex(abi.encode(values[0], values[1], values[2], values[3]))" }
[[on]]
event = "hub.Put"
upsert = "item"
key = { id = "id" }
set = { note = "concat(s, s, s, s, s, s, s, s)" }
)~",
                          kAbis};
    World world{mapping};
    const std::string large(100'000, 'x');
    std::vector<test::AbiValue> ids;
    for (uint64_t id = 0; id < 70'000; ++id) {
        ids.push_back(num(id));
    }
    world.block(
        1, {mapping.emit("hub.Put", {num(1), num(0), num(0), text(large)}, 1, 0),
            mapping.emit("hub.Many", {list(std::move(ids)), list({num(1), num(2), num(3), num(4)})},
                         1, 1)});
    EXPECT_THAT(
        world.quarantine(),
        ElementsAre(HasSubstr("1/1 hub.Many: the event's rows have more than 16 MiB together")));
    EXPECT_EQ(world.database->entity_count(0), 1U);
}

TEST(ExpressionTest, AnotherExpressionIsAnotherMapping) {
    const Mapping one{on_put(R"~(set = { v = "a + 1" })~"), kAbis};
    const Mapping two{on_put(R"~(set = { v = "a - 1" })~"), kAbis};
    EXPECT_NE(one.plan->bundle().fingerprint, two.plan->bundle().fingerprint);
}

}  // namespace
}  // namespace plumbline::engine::expression_test
