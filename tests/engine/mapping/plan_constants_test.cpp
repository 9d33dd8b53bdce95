// What of an expression needs no event: it is worked out when the config is read, and what always
// fails is a mistake.
#include <initializer_list>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/small_index.hpp"

namespace plumbline::engine::plan_constants_test {
namespace {

using test::abi_json;
using test::Abis;
using test::Mapping;
using test::num;
using test::World;
using testing::HasSubstr;

const Abis kConstantsAbis{{"Hub.json", abi_json({"event Put(uint256 id, uint256 a, bool d)"})}};

std::string constants_mapping(const std::string& set, const std::string& op = "set") {
    return R"x(
[contracts.hub]
abi = "Hub.json"
address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
[entities.out]
key = { id = "uint64" }
fields = { x = "uint256", y = "uint256?", i = "int8", small = "uint8", p = "decimal(2)", s = "string", ok = "bool", h = "bytes32", e = { enum = ["open", "closed"] } }
[[on]]
event = "hub.Put"
upsert = "out"
key = { id = "id" }
)x" + op + " = { " +
           set + " }\n";
}

std::string constants_refusal(const std::string& set, const std::string& op = "set") {
    return test::refusal(constants_mapping(set, op), kConstantsAbis);
}

TEST(PlanConstantsTest, WhatFailsWhateverTheEventIsAMistakeWithItsPlaceAndReason) {
    for (const auto& [set, why] : std::initializer_list<std::pair<std::string, std::string>>{
             {"x = \"2 ** -1\"", "test.toml:15:14: '2 ** -1' has the negative exponent -1"},
             {"x = \"1 << 600\"", "test.toml:15:14: '1 << 600' shifts by 0 to 511 bits, not 600"},
             {"x = \"a << (300 * 2)\"", "'a << (300 * 2)' shifts by 0 to 511 bits, not 600"},
             {"x = \"a ** (1 - 2)\"", "has the negative exponent -1"},
             {"x = \"a / (1 - 1)\"", "'a / (1 - 1)' divides by zero"},
             {"p = \"div(a, 2 - 2, 2)\"", "divides by zero"},
             {"x = \"mul_div(a, 2, 0x00)\"", "divides by zero"},
             {"x = \"a + 2 ** 600\"",
              "test.toml:15:18: fails whatever the event: '2 ** 600': the result needs more than "
              "512 bits"},
             {"s = \"slice('abc', 5, 1)\"", "1 bytes from 5 on lie outside of 3 bytes"},
             {"x = \"year(-1)\"", "-1 is no time between the years 1970 and 9999"},
             {"x = \"uint8(0x0100)\"", "'uint8(0x0100)': 256 is no uint8"},
             {"x = \"uint8(1 - 2)\"", "-1 is no uint8"},
             {"h = \"bytes32(0x00)\"", "write 0x and 64 hex digits, not 0x00"},
             {"h = \"bytes32(bytes('abc'))\"", "3 bytes are no bytes32"},
             {"ok = \"d and true and not (1 % (2 - 2) == 1)\"", ""},
             {"ok = \"1 + uint8(300 - 1) == 2 and d\"", "299 is no uint8"},
             {"x = \"out[1 << 600].x\"", "shifts by 0 to 511 bits"},
             {"ok = \"exists(out[2 ** 64 - 2 ** 65])\"", "cannot hold -18446744073709551616"}}) {
        EXPECT_THAT(constants_refusal(set), HasSubstr(why)) << set;
    }
}

TEST(PlanConstantsTest, AConstantThatItsFieldOrKeyCannotHoldIsAMistake) {
    for (const auto& [set, why] : std::initializer_list<std::pair<std::string, std::string>>{
             {"i = \"300 - 1\"",
              "test.toml:15:14: field 'out.i' is int8, which cannot hold 299 (300 - 1)"},
             {"small = \"2 ** 64\"", "uint8, which cannot hold 18446744073709551616 (2 ** 64)"},
             {"x = \"2 ** 300\"", "field 'out.x' is uint256, which cannot hold 2037035976334486"},
             {"x = \"- 5\"", "field 'out.x' is uint256, which cannot hold -5 (- 5)"},
             {"y = \"1 - 2\"", "cannot hold -1 (1 - 2)"},
             {"x = \"0x\"", "write a whole number, not 0x"},
             {"x = \"0x + 1\"", "'0x' is no number: there are no digits behind 0x"},
             {"e = \"1 + 1\"", "fails whatever the event: '1 + 1': 2 is no"},
             {"small = \"0x0100\"",
              "field 'out.small' is uint8, which cannot hold 256 (0x0100)"}}) {
        EXPECT_THAT(constants_refusal(set), HasSubstr(why)) << set;
    }
    EXPECT_THAT(constants_refusal("x = \"2 ** 300\"", "add"), HasSubstr("cannot hold"));
    EXPECT_EQ(constants_refusal("x = \"1 - 2\"", "add"), "");
    EXPECT_EQ(constants_refusal("small = \"0x10\", i = \"100 - 228\", e = \"2 - 1\""), "");
}

TEST(PlanConstantsTest, WhatOnlySomeEventsReachIsNoMistake) {
    for (const char* set :
         {"x = \"if(a > 0, a, 1 << 600)\"", "ok = \"d and 2 ** 600 == 1\"",
          "ok = \"d or 2 ** 600 == 1\"", "x = \"out[1].x ?? 2 ** 600\"",
          "x = \"(out[1].x + 2 ** 600) ?? 5\"", "x = \"if(d, out[1 << 600].x, 1)\"",
          "x = \"if(d, a / (1 - 1), 1)\"", "x = \"if(d, a << 600, 1)\"",
          "x = \"if(false, 2 ** 600, 1)\"", "ok = \"false and 2 ** 600 == 1\"",
          "ok = \"1 == 1 or 2 ** 600 == 1\""}) {
        EXPECT_EQ(constants_refusal(set), "") << set;
    }
    // Written out, it is a mistake wherever it stands.
    EXPECT_THAT(constants_refusal("x = \"if(d, a / 0, 1)\""), HasSubstr("divides by zero"));
    EXPECT_THAT(constants_refusal("x = \"if(d, uint8(300), 1)\""), HasSubstr("is 300, which"));
}

TEST(PlanConstantsTest, WhatConstantsAloneDecideIsReachedByAllEvents) {
    for (const char* set : {"x = \"if(true, 2 ** 600, 1)\"", "x = \"if(2 < 1, 1, 2 ** 600)\"",
                            "ok = \"1 == 1 and 2 ** 600 == 1\"", "ok = \"false or 2 ** 600 == 1\"",
                            "x = \"if(2 ** 600 == a, 1, 2)\"", "ok = \"2 ** 600 == 1 or d\""}) {
        EXPECT_THAT(constants_refusal(set), HasSubstr("needs more than 512 bits")) << set;
    }
}

TEST(PlanConstantsTest, AConstantIsWhatTheSameOfAnEventWouldBe) {
    // Each side twice: of literals, and with a parameter that is 2.
    const std::string set =
        "ok = \"10 ** 18 * 2 == 10 ** 18 * a and keccak256(abi.encode(2, true, 'x')) == "
        "keccak256(abi.encode(a, true, 'x')) and -7 / 2 == -7 / int256(a) and text(1.50 * 2) == "
        "text(1.50 * a) and 2 ** 510 - 1 + 2 ** 510 == 2 ** 510 - 1 + a ** 510 and "
        "concat('a', text(2)) == concat('a', text(a)) and bytes4(2) == bytes4(a)\", "
        "s = \"hex(abi.encode(1 - 3))\", p = \"round_half_even(0.125, 2)\", e = \"2 - 1\", "
        "x = \"2 ** 256 - 1\", i = \"-2 ** 7\"";
    const Mapping mapping{constants_mapping(set), kConstantsAbis};
    World world{mapping};
    world.block(1, {mapping.emit("hub.Put", {num(5), num(2), num(1)}, 1, 0)});
    const std::string row = world.row_or_reason("out", "id=5");
    EXPECT_THAT(row, HasSubstr(R"("ok":true)"));
    EXPECT_THAT(row,
                HasSubstr("0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe"));
    EXPECT_THAT(row, HasSubstr(R"("p":"0.12")"));
    EXPECT_THAT(row, HasSubstr(R"("e":"closed")"));
    EXPECT_THAT(row, HasSubstr(R"("i":-128)"));
    EXPECT_THAT(row, HasSubstr(R"("x":"1157920892373161954235709850086879078532699846656405640)"));
}

}  // namespace
}  // namespace plumbline::engine::plan_constants_test
