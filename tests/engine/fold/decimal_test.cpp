#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/key_text.hpp"
#include "storage/read_view.hpp"
#include "tests/support/small_index.hpp"

namespace plumbline::engine::decimal_test {
namespace {

using test::abi_json;
using test::Abis;
using test::Mapping;
using test::neg;
using test::num;
using test::World;
using testing::HasSubstr;

const Abis kAbis{{"Hub.json", abi_json({"event Put(uint256 id, uint256 a, int256 b)"})}};

std::string on_put(const std::string& rest) {
    return R"~(
[contracts.hub]
abi = "Hub.json"
address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
[entities.item]
key = { id = "uint256" }
fields = { price = "decimal(6)", wide = "decimal(18)", v = "uint256", note = "string", ok = "bool" }
index = [["price"]]
[[on]]
event = "hub.Put"
upsert = "item"
key = { id = "id" }
)~" + rest +
           "\n";
}

std::string refusal(const std::string& rest) {
    return test::refusal(on_put(rest), kAbis);
}

struct Put {
    uint64_t a = 0;
    test::AbiValue b = num(0);
};

/// The row at id 1 after these events, or why the last of them is in quarantine.
std::string made(const std::string& rest, const std::vector<Put>& puts) {
    const Mapping mapping{on_put(rest), kAbis};
    World world{mapping};
    uint64_t block = 1;
    for (const Put& put : puts) {
        world.block(block, {mapping.emit("hub.Put", {num(1), num(put.a), put.b}, block, 0)});
        ++block;
    }
    return world.row_or_reason("item", "id=1");
}

TEST(DecimalTest, APlainNumberKeepsItsValueAndUnitsAreSaidInWords) {
    EXPECT_THAT(made(R"~(set = { price = "a" })~", {{7}}), HasSubstr(R"~("price":"7",)~"));
    EXPECT_THAT(made(R"~(set = { price = "from_units(a, 6)" })~", {{1'500'000}}),
                HasSubstr(R"~("price":"1.5",)~"));
    EXPECT_THAT(made(R"~(set = { price = "from_units(b, 4)" })~", {{0, neg(25)}}),
                HasSubstr(R"~("price":"-0.0025",)~"));
    EXPECT_THAT(made(R"~(set = { v = "to_units(from_units(a, 2) + 1.25, 6)" })~", {{150}}),
                HasSubstr(R"~("v":"2750000")~"));
}

TEST(DecimalTest, SumsTakeTheLargerScaleAndProductsAddThem) {
    EXPECT_THAT(made(R"~(set = { wide = "from_units(a, 6) + 0.5 - from_units(b, 18)" })~",
                     {{2'000'000, num(1)}}),
                HasSubstr(R"~("wide":"2.499999999999999999")~"));
    EXPECT_THAT(made(R"~(set = { wide = "from_units(a, 6) * from_units(b, 12)" })~",
                     {{1'500'000, num(3'000'000'000'000)}}),
                HasSubstr(R"~("wide":"4.5")~"));
    EXPECT_THAT(made(R"~(set = { wide = "max(1.5, a, -2.25) + min(0.5, b)" })~", {{1, neg(1)}}),
                HasSubstr(R"~("wide":"0.5")~"));
    EXPECT_THAT(made(R"~(set = { wide = "abs(-from_units(a, 3))" })~", {{1250}}),
                HasSubstr(R"~("wide":"1.25")~"));
}

TEST(DecimalTest, WhatHasMorePlacesThanTheFieldIsRefusedUnlessARoundingIsSaid) {
    EXPECT_THAT(refusal(R"~(set = { price = "wide * 2" })~"), HasSubstr("wide"));
    EXPECT_THAT(refusal(R"~(set = { price = "from_units(a, 18)" })~"),
                HasSubstr("is a number with 18 decimal places, and 6 fit there: round_down(x, 6)"));
    EXPECT_THAT(refusal(R"~(set = { v = "from_units(a, 2)" })~"),
                HasSubstr("2 decimal places, and 0 fit there: round_down(x, 0)"));
    EXPECT_THAT(refusal(R"~(set = { v = "item[1].price" })~"),
                HasSubstr("6 decimal places, and 0 fit there"));
    EXPECT_THAT(refusal(R"~(set = { price = "1.0000001" })~"), HasSubstr("no more places behind"));
    EXPECT_THAT(refusal(R"~(set = { v = "1.5" })~"), HasSubstr("write a whole number, not 1.5"));
    const auto rounded = [](const std::string& how, const test::AbiValue& b) {
        return made("set = { price = \"" + how + "(from_units(b, 8), 6)\" }", {{0, b}});
    };
    EXPECT_THAT(rounded("round_down", num(199)), HasSubstr(R"~("price":"0.000001")~"));
    EXPECT_THAT(rounded("round_down", neg(101)), HasSubstr(R"~("price":"-0.000002")~"));
    EXPECT_THAT(rounded("round_up", num(101)), HasSubstr(R"~("price":"0.000002")~"));
    EXPECT_THAT(rounded("round_half_even", num(150)), HasSubstr(R"~("price":"0.000002")~"));
    EXPECT_THAT(rounded("round_half_even", num(250)), HasSubstr(R"~("price":"0.000002")~"));
    EXPECT_THAT(rounded("round_half_even", num(251)), HasSubstr(R"~("price":"0.000003")~"));
}

TEST(DecimalTest, DivisionSaysHowManyPlacesItGives) {
    EXPECT_THAT(refusal(R"~(set = { price = "1.5 / 2" })~"),
                HasSubstr("div(a, b, places, 'down')"));
    EXPECT_THAT(made(R"~(set = { price = "div(a, 3, 6)" })~", {{2}}),
                HasSubstr(R"~("price":"0.666666")~"));
    EXPECT_THAT(made(R"~(set = { price = "div(a, 3, 6, 'up')" })~", {{2}}),
                HasSubstr(R"~("price":"0.666667")~"));
    EXPECT_THAT(made(R"~(set = { price = "div(b, 3, 6, 'down')" })~", {{0, neg(2)}}),
                HasSubstr(R"~("price":"-0.666667")~"));
    EXPECT_THAT(made(R"~(set = { price = "div(from_units(a, 18), 0.004, 2)" })~",
                     {{1'000'000'000'000'000}}),
                HasSubstr(R"~("price":"0.25")~"));
    EXPECT_THAT(made(R"~(set = { v = "div(7.5, 2.5, 0)" })~", {{0}}), HasSubstr(R"~("v":"3")~"));
    EXPECT_THAT(made(R"~(set = { price = "div(1, b, 6)" })~", {{0}}),
                HasSubstr("division by zero"));
    EXPECT_THAT(refusal(R"~(set = { price = "div(1, 3, a)" })~"), HasSubstr("from 0 to 36"));
    // The largest of all: 10^72 units over 10^36 of them.
    EXPECT_THAT(
        made(
            R"~(set = { v = "div(from_units(1, 36) * from_units(a, 36), from_units(1, 36), 0)" })~",
            {{4}}),
        HasSubstr(R"~("v":"0")~"));
}

TEST(DecimalTest, ComparisonsAreOfValuesNotUnits) {
    const std::string rest = R"~(when = ["from_units(a, 2) >= 1.5", "b < 0.5"]
set = { ok = "1.50 == 1.5 and 2 > 1.999" })~";
    EXPECT_THAT(made(rest, {{150}}), HasSubstr(R"~("ok":true)~"));
    EXPECT_EQ(made(rest, {{149}}), "");
    EXPECT_EQ(made(rest, {{150, num(1)}}), "");
    const std::string on_row = R"~(set = { price = "from_units(a, 2)" }
[[on]]
event = "hub.Put"
when = "item[id].price < 1.5"
update = "item"
key = { id = "id" }
set = { note = "concat('below: ', text(item[id].price))" })~";
    EXPECT_THAT(made(on_row, {{120}}), HasSubstr(R"~("note":"below: 1.2")~"));
    EXPECT_THAT(made(on_row, {{150}}), HasSubstr(R"~("note":"")~"));
}

TEST(DecimalTest, AddSubMinAndMaxWorkInTheFieldsPlaces) {
    EXPECT_THAT(made(R"~(add = { price = "from_units(a, 6)" })~", {{1'500'000}, {250'000}}),
                HasSubstr(R"~("price":"1.75")~"));
    EXPECT_THAT(made(R"~(add = { price = 2 }
sub = { price = "0.5" })~",
                     {{0}, {0}}),
                HasSubstr(R"~("price":"3")~"));
    EXPECT_THAT(made(R"~(max = { price = "from_units(a, 2)" })~", {{125}, {100}}),
                HasSubstr(R"~("price":"1.25")~"));
    EXPECT_THAT(made(R"~(sub = { price = "a" })~", {{3}}), HasSubstr(R"~("price":"-3")~"));
    EXPECT_THAT(made(R"~(add = { wide = "a * 10 ** 50 * 10 ** 10" })~", {{7}}),
                HasSubstr("which decimal(18) cannot hold"));
}

TEST(DecimalTest, WholeNumbersAreWantedWherePlacesHaveNoMeaning) {
    EXPECT_THAT(refusal(R"~(set = { v = "1.5 % 2" })~"), HasSubstr("wants whole numbers"));
    EXPECT_THAT(refusal(R"~(set = { v = "2 ** 0.5" })~"), HasSubstr("wants whole numbers"));
    EXPECT_THAT(refusal(R"~(set = { v = "uint256(1.5 * a)" })~"), HasSubstr("round_down(x, 0)"));
    EXPECT_THAT(refusal(R"~(set = { note = "text(keccak256(abi.encode(1.5)))" })~"),
                HasSubstr("to_units(x, places)"));
    EXPECT_THAT(refusal(R"~(set = { v = "to_units(from_units(a, 8), 6)" })~"),
                HasSubstr("at most 6 decimal places"));
    EXPECT_THAT(refusal(R"~(set = { wide = "from_units(a, 36) * from_units(a, 36) * 0.1" })~"),
                HasSubstr("has 73 decimal places, and 72 are the most"));
}

TEST(DecimalTest, AFieldHasOneToThirtySixPlaces) {
    for (const char* type : {"decimal(0)", "decimal(37)", "decimal", "decimal(x)", "decimal(06)"}) {
        const auto config = test::read_config(R"~(
[contracts.hub]
abi = "Hub.json"
address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
[entities.item]
key = { id = "uint256" }
fields = { v = ")~" + std::string{type} + "\" }\n",
                                              kAbis);
        ASSERT_FALSE(config) << type;
        EXPECT_THAT(config.error().message, HasSubstr("decimal")) << type;
    }
}

TEST(DecimalTest, KeysAndIndexesKeepTheOrderOfTheValues) {
    const std::string mapping = R"~(
[contracts.hub]
abi = "Hub.json"
address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
[entities.level]
key = { price = "decimal(2)" }
fields = { n = "uint64" }
[[on]]
event = "hub.Put"
upsert = "level"
key = { price = "from_units(b, 2)" }
add = { n = 1 }
)~";
    const Mapping made_of{mapping, kAbis};
    World world{made_of};
    uint64_t block = 1;
    for (const auto& b : {num(150), neg(5), num(0), neg(200), num(150)}) {
        world.block(block, {made_of.emit("hub.Put", {num(1), num(0), b}, block, 0)});
        ++block;
    }
    EXPECT_THAT(world.row("level", "price=1.5"), HasSubstr(R"~({"price":"1.5","n":2})~"));
    EXPECT_THAT(world.row("level", "price=-0.050"), HasSubstr(R"~({"price":"-0.05","n":1})~"));
    std::vector<std::string> keys;
    const auto view = world.database->read_view();
    for (auto rows = view->scan_entity(0, {}, {}); rows->valid(); rows->next()) {
        keys.push_back(storage::key_text(view->bundle().entities[0], rows->key()));
    }
    EXPECT_THAT(keys, testing::ElementsAre("price=-2", "price=-0.05", "price=0", "price=1.5"));
}

}  // namespace
}  // namespace plumbline::engine::decimal_test
