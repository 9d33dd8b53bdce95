#include "core/evm/abi_encode.hpp"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "tests/core/evm/abi_random.hpp"

namespace plumbline::evm::abi_encode_test {
namespace {

std::vector<AbiType> types(std::initializer_list<const char*> texts) {
    std::vector<AbiType> out;
    for (const char* text : texts) {
        out.push_back(parse_type(text).value());
    }
    return out;
}

AbiFunction function(std::string name, std::initializer_list<const char*> inputs) {
    AbiFunction out;
    out.name = std::move(name);
    for (AbiType& type : types(inputs)) {
        out.inputs.push_back(AbiParam{"", std::move(type), false});
    }
    return out;
}

AbiValue number(uint64_t value) {
    return AbiValue::number(U256{value});
}

AbiValue numbers(std::initializer_list<uint64_t> values) {
    std::vector<AbiValue> items;
    for (const uint64_t value : values) {
        items.push_back(number(value));
    }
    return AbiValue::list(std::move(items));
}

/// Words given as hex, spaces between for the reader.
std::string hex_words(std::initializer_list<const char*> words) {
    std::string out;
    for (const std::string word : words) {
        out += word.size() < 64 ? std::string(64 - word.size(), '0') + word : word;
    }
    return out;
}

std::string right_padded(std::string digits) {
    digits.resize(64, '0');
    return digits;
}

void expect_call(const AbiFunction& callee, const std::vector<AbiValue>& args,
                 const std::string& digits) {
    const auto call = encode_call(callee, args);
    ASSERT_TRUE(call.has_value()) << call.error().message;
    EXPECT_EQ(to_hex(*call), "0x" + digits);
    std::vector<AbiType> input_types;
    for (const AbiParam& input : callee.inputs) {
        input_types.push_back(input.type);
    }
    const auto back = decode_values(input_types, ByteView{*call}.subspan(4));
    ASSERT_TRUE(back.has_value()) << back.error().message;
    EXPECT_EQ(*back, args);
}

// The examples of the Solidity ABI specification, in its order.
TEST(AbiEncodeTest, SpecBaz) {
    expect_call(function("baz", {"uint32", "bool"}), {number(69), number(1)},
                "cdcd77c0" + hex_words({"45", "1"}));
}

TEST(AbiEncodeTest, SpecBar) {
    expect_call(function("bar", {"bytes3[2]"}),
                {AbiValue::list({AbiValue::fixed_bytes(as_bytes("abc")),
                                 AbiValue::fixed_bytes(as_bytes("def"))})},
                "fce353f6" + right_padded("616263") + right_padded("646566"));
}

TEST(AbiEncodeTest, SpecSam) {
    expect_call(function("sam", {"bytes", "bool", "uint256[]"}),
                {AbiValue::text("dave"), number(1), numbers({1, 2, 3})},
                "a5643bf2" + hex_words({"60", "1", "a0", "4"}) + right_padded("64617665") +
                    hex_words({"3", "1", "2", "3"}));
}

TEST(AbiEncodeTest, SpecDynamicTypes) {
    expect_call(function("f", {"uint256", "uint32[]", "bytes10", "bytes"}),
                {number(0x123), numbers({0x456, 0x789}),
                 AbiValue::fixed_bytes(as_bytes("1234567890")), AbiValue::text("Hello, world!")},
                "8be65246" + hex_words({"123", "80"}) + right_padded("31323334353637383930") +
                    hex_words({"e0", "2", "456", "789", "d"}) +
                    right_padded("48656c6c6f2c20776f726c6421"));
}

TEST(AbiEncodeTest, SpecNestedDynamicArrays) {
    expect_call(
        function("g", {"uint256[][]", "string[]"}),
        {AbiValue::list({numbers({1, 2}), numbers({3})}),
         AbiValue::list({AbiValue::text("one"), AbiValue::text("two"), AbiValue::text("three")})},
        "2289b18c" +
            hex_words({"40", "140", "2", "40", "a0", "2", "1", "2", "1", "3", "3", "60", "a0", "e0",
                       "3"}) +
            right_padded("6f6e65") + hex_words({"3"}) + right_padded("74776f") + hex_words({"5"}) +
            right_padded("7468726565"));
}

TEST(AbiEncodeTest, TuplesWithDynamicPartsGetAnOffset) {
    const auto encoded =
        encode_values(types({"(uint256,string)", "(bool,uint8)"}),
                      std::vector{AbiValue::list({number(7), AbiValue::text("hi")}),
                                  AbiValue::list({number(1), number(2)})});
    ASSERT_TRUE(encoded.has_value());
    EXPECT_EQ(to_hex(*encoded),
              "0x" + hex_words({"60", "1", "2", "7", "40", "2"}) + right_padded("6869"));
}

TEST(AbiEncodeTest, EmptyValuesKeepTheirLength) {
    const auto encoded =
        encode_values(types({"string", "uint256[]", "string[]"}), std::vector<AbiValue>(3));
    ASSERT_TRUE(encoded.has_value());
    EXPECT_EQ(to_hex(*encoded), "0x" + hex_words({"60", "80", "a0", "0", "0", "0"}));
    EXPECT_EQ(encode_values({}, {}).value(), Bytes{});
}

TEST(AbiEncodeTest, RefusesValuesThatAreNotOfTheirType) {
    struct Case {
        const char* type;
        AbiValue value;
    };
    for (const Case& item : std::initializer_list<Case>{
             {"uint8", number(256)},
             {"int8", number(128)},
             {"bool", number(2)},
             {"address", AbiValue::number(negate(U256{1}))},
             {"bytes3", AbiValue::fixed_bytes(as_bytes("abcd"))},
             {"uint8[2]", numbers({1})},
             {"(uint8,bool)", numbers({1, 1, 1})},
             {"(uint8,bool)[]", AbiValue::list({numbers({1, 2})})},
         }) {
        const auto encoded = encode_values(types({item.type}), std::vector{item.value});
        ASSERT_FALSE(encoded.has_value()) << item.type;
        EXPECT_EQ(encoded.error().message.rfind("value 0: ", 0), 0U) << encoded.error().message;
    }
    EXPECT_FALSE(encode_values(types({"bool"}), {}).has_value());
}

TEST(AbiEncodeTest, EventsPutIndexedValuesIntoTopics) {
    AbiEvent event;
    event.name = "E";
    for (AbiType& type : types({"string", "uint256[2]", "uint8", "(bytes,uint16[])"})) {
        event.inputs.push_back(AbiParam{"", std::move(type), true});
    }
    event.inputs[2].indexed = false;
    const std::vector<AbiValue> values{AbiValue::text("hello"), numbers({1, 2}), number(9),
                                       AbiValue::list({AbiValue::text("ab"), numbers({3, 4})})};
    const auto encoded = encode_event(event, values);
    ASSERT_TRUE(encoded.has_value()) << encoded.error().message;
    ASSERT_EQ(encoded->topics.size(), 4U);
    EXPECT_EQ(encoded->topics[0], event.topic0());
    EXPECT_EQ(encoded->topics[1], keccak256("hello"));
    EXPECT_EQ(encoded->topics[2], keccak256(*parse_hex("0x" + hex_words({"1", "2"}))));
    EXPECT_EQ(encoded->topics[3],
              keccak256(*parse_hex("0x" + right_padded("6162") + hex_words({"3", "4"}))));
    EXPECT_EQ(to_hex(encoded->data), "0x" + hex_words({"9"}));
    event.anonymous = true;
    EXPECT_EQ(encode_event(event, values)->topics.size(), 3U);
    EXPECT_FALSE(encode_event(event, {}).has_value());
}

TEST(AbiEncodeTest, DecodingGivesBackWhatWasEncoded) {
    for (uint64_t seed = 0; seed < 3000; ++seed) {
        std::mt19937_64 source{seed};
        test::AbiRandom random{source};
        std::vector<AbiType> made;
        std::vector<AbiValue> values;
        for (uint64_t i = random.below(5); i > 0; --i) {
            made.push_back(random.type());
            values.push_back(random.value(made.back()));
        }
        const auto encoded = encode_values(made, values);
        ASSERT_TRUE(encoded.has_value()) << "--seed=" << seed << " " << encoded.error().message;
        const auto back = decode_values(made, *encoded);
        ASSERT_TRUE(back.has_value()) << "--seed=" << seed << " " << back.error().message;
        ASSERT_EQ(*back, values) << "--seed=" << seed;
    }
}

}  // namespace
}  // namespace plumbline::evm::abi_encode_test
