#include "core/evm/abi_text.hpp"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/evm/abi_encode.hpp"
#include "tests/core/evm/abi_random.hpp"

namespace plumbline::evm::abi_text_test {
namespace {

std::string json(std::string_view type, const AbiValue& value) {
    std::string out;
    append_json(out, parse_type(type).value(), value);
    return out;
}
AbiValue number(std::string_view text) {
    return AbiValue::number(U256::parse(text).value());
}
AbiValue minus(uint64_t value) {
    return AbiValue::number(negate(U256{value}));
}

TEST(AbiTextTest, IntegersUpTo64BitsAreNumbersWhileSafe) {
    EXPECT_EQ(json("uint64", number("9007199254740991")), "9007199254740991");
    EXPECT_EQ(json("uint64", number("9007199254740992")), "\"9007199254740992\"");
    EXPECT_EQ(json("uint64", number("18446744073709551615")), "\"18446744073709551615\"");
    EXPECT_EQ(json("int64", minus(9007199254740991)), "-9007199254740991");
    EXPECT_EQ(json("int64", minus(9007199254740992)), "\"-9007199254740992\"");
    EXPECT_EQ(json("int8", minus(128)), "-128");
    EXPECT_EQ(json("uint8", number("0")), "0");
}

TEST(AbiTextTest, WiderIntegersAreAlwaysStrings) {
    EXPECT_EQ(json("uint72", number("0")), "\"0\"");
    EXPECT_EQ(json("uint256", number("5")), "\"5\"");
    EXPECT_EQ(json("int256", minus(1)), "\"-1\"");
    EXPECT_EQ(json("uint256", minus(1)),
              "\"115792089237316195423570985008687907853269984665640564039457584007913129639935\"");
}

TEST(AbiTextTest, WordsAndBytesByType) {
    EXPECT_EQ(json("bool", number("1")), "true");
    EXPECT_EQ(json("bool", number("0")), "false");
    EXPECT_EQ(json("address", number("0xABCDEF")),
              "\"0x0000000000000000000000000000000000abcdef\"");
    EXPECT_EQ(json("bytes3", AbiValue::fixed_bytes(as_bytes("abc"))), "\"0x616263\"");
    EXPECT_EQ(json("bytes", AbiValue::text("\x01")), "\"0x01\"");
    EXPECT_EQ(json("bytes", AbiValue{}), "\"0x\"");
}

TEST(AbiTextTest, StringsAreEscapedAndWhatCannotBeShownIsHex) {
    EXPECT_EQ(json("string", AbiValue::text("a\"\\\n")), R"("a\"\\\n")");
    EXPECT_EQ(json("string", AbiValue::text("\xffgo")), "\"hex:ff676f\"");
}

TEST(AbiTextTest, ArraysAreArraysAndTuplesAreObjects) {
    EXPECT_EQ(json("uint8[]", AbiValue{}), "[]");
    EXPECT_EQ(json("uint8[2]", AbiValue::list({number("1"), number("2")})), "[1,2]");
    EXPECT_EQ(json("(uint8,bool)[]", AbiValue::list({AbiValue::list({number("1"), number("1")})})),
              R"([{"0":1,"1":true}])");
    AbiType named = parse_type("(uint8,bool)").value();
    named.names = {"count", ""};
    std::string out;
    append_json(out, named, AbiValue::list({number("1"), number("0")}));
    EXPECT_EQ(out, R"({"count":1,"1":false})");
}

TEST(AbiTextTest, EventsShowTheirParametersAndHashes) {
    AbiEvent event;
    event.name = "E";
    event.inputs = {AbiParam{"who", parse_type("address").value(), true},
                    AbiParam{"title", parse_type("string").value(), true},
                    AbiParam{"", parse_type("(uint8,string)[]").value(), false}};
    const auto encoded = encode_event(
        event, std::vector{number("1"), AbiValue::text("t"),
                           AbiValue::list({AbiValue::list({number("3"), AbiValue::text("x")})})});
    const auto decoder = EventDecoder::compile(event);
    DecodedEvent decoded;
    ASSERT_EQ(decoder->decode(encoded->topics, encoded->data, decoded), AbiError::kNone);
    std::string out;
    append_json(out, *decoder, decoded);
    EXPECT_EQ(out, R"({"who":"0x0000000000000000000000000000000000000001","title":)"
                   R"("0xcac1bb71f0a97c8ac94ca9546b43178a9ad254c7b757ac07433aa6df35cd8089",)"
                   R"("arg2":[{"0":3,"1":"x"}]})");
    EXPECT_EQ(decoded.params()[1].kind, ValueKind::kHashed);
}

TEST(AbiTextTest, TreeAndFlatFormsShowTheSame) {
    for (uint64_t seed = 0; seed < 500; ++seed) {
        std::mt19937_64 source{seed};
        test::AbiRandom random{source};
        AbiEvent event;
        event.name = "E";
        event.inputs = {AbiParam{"p", random.type(), false}};
        const AbiValue value = random.value(event.inputs[0].type);
        const auto encoded = encode_event(event, std::vector{value});
        const auto decoder = EventDecoder::compile(event);
        DecodedEvent decoded;
        ASSERT_EQ(decoder->decode(encoded->topics, encoded->data, decoded), AbiError::kNone)
            << "--seed=" << seed;
        std::string tree;
        std::string flat;
        append_json(tree, event.inputs[0].type, value);
        append_json(flat, event.inputs[0].type, decoded, decoded.params()[0]);
        EXPECT_EQ(tree, flat) << "--seed=" << seed;
    }
}

}  // namespace
}  // namespace plumbline::evm::abi_text_test
