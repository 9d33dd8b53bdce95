#include "core/evm/abi_type.hpp"

#include <random>
#include <string>

#include <gtest/gtest.h>

#include "tests/core/evm/abi_random.hpp"

namespace plumbline::evm::abi_type_test {
namespace {

AbiType type(std::string_view text) {
    auto parsed = parse_type(text);
    EXPECT_TRUE(parsed.has_value()) << text << ": " << (parsed ? "" : parsed.error().message);
    return parsed ? *parsed : AbiType{};
}

TEST(AbiTypeTest, CanonicalTextIsReadAndWrittenUnchanged) {
    for (const char* text :
         {"uint8", "uint256", "int8", "int256", "bool", "address", "bytes1", "bytes32", "bytes",
          "string", "function", "uint256[]", "uint256[3]", "uint256[3][]", "uint256[][3]",
          "(uint256)", "(address,uint256[])[2]", "((bool,string)[],(bytes,(int24,address))[4][])",
          "string[2147483648]"}) {
        EXPECT_EQ(to_string(type(text)), text);
    }
}

TEST(AbiTypeTest, ShortNamesMeanTheirLongForms) {
    EXPECT_EQ(to_string(type("uint")), "uint256");
    EXPECT_EQ(to_string(type("int[]")), "int256[]");
    EXPECT_EQ(to_string(type("byte")), "bytes1");
}

TEST(AbiTypeTest, FunctionIsBytes24WithItsOwnName) {
    const AbiType function = type("function");
    EXPECT_EQ(function.kind, TypeKind::kFixedBytes);
    EXPECT_EQ(function.byte_count(), 24);
    EXPECT_EQ(to_string(function), "function");
    EXPECT_EQ(to_string(type("bytes24")), "bytes24");
}

TEST(AbiTypeTest, TheLastBracketIsTheOuterArray) {
    const AbiType array = type("uint8[2][]");
    EXPECT_EQ(array.kind, TypeKind::kArray);
    ASSERT_EQ(array.children.size(), 1U);
    EXPECT_EQ(array.children[0].kind, TypeKind::kFixedArray);
    EXPECT_EQ(array.children[0].length, 2U);
}

TEST(AbiTypeTest, RefusesEachMistakeByName) {
    struct Case {
        std::string text;
        const char* part;
    };
    for (const Case& item : std::initializer_list<Case>{
             {"", "a type is missing"},
             {"uint257", "8 to 256 bits"},
             {"uint7", "8 to 256 bits"},
             {"uint0", "8 to 256 bits"},
             {"uint08", "8 to 256 bits"},
             {"int264", "8 to 256 bits"},
             {"uint99999999999999999999", "8 to 256 bits"},
             {"bytes0", "bytes1 to bytes32"},
             {"bytes33", "bytes1 to bytes32"},
             {"fixed128x18", "not supported"},
             {"ufixed", "not supported"},
             {"tuple", "(type,type)"},
             {"Uint256", "unknown type"},
             {"uint256 ", "8 to 256 bits"},
             {" bool", "unknown type"},
             {"address payable", "unknown type"},
             {"mapping", "unknown type"},
             {"uint256[", "\"]\" is missing"},
             {"uint256[-1]", "decimal number"},
             {"uint256[01]", "decimal number"},
             {"uint256[a]", "decimal number"},
             {"uint256[0]", "fixed length 0"},
             {"uint256[2147483649]", "above 2^31"},
             {"uint256[9999999999]", "above 2^31"},
             {"uint256[99999999999]", "decimal number"},
             {"uint256[2147483648]", "larger than any log"},
             {"bool[1000000][1000000]", "larger than any log"},
             {"bool[2147483647][2147483647][2147483647]", "larger than any log"},
             {"()", "empty tuple"},
             {"(()[])[]", "empty tuple"},
             {"(bool", "missing"},
             {"(bool,", "a type is missing"},
             {"(bool,)", "a type is missing"},
             {"(,bool)", "a type is missing"},
             {"(bool)x", "unexpected"},
             {"(bool))", "unexpected"},
             {"bool,bool", "unexpected"},
             {"bool]", "unexpected"},
             {"bool()", "unexpected"},
         }) {
        const auto parsed = parse_type(item.text);
        ASSERT_FALSE(parsed.has_value()) << item.text;
        EXPECT_NE(parsed.error().message.find(item.part), std::string::npos)
            << item.text << " -> " << parsed.error().message;
        EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument);
    }
}

TEST(AbiTypeTest, NestsSixteenLevelsAndNoMore) {
    const auto nested = [](size_t tuples, size_t arrays) {
        std::string text = std::string(tuples, '(') + "bool" + std::string(tuples, ')');
        for (size_t i = 0; i < arrays; ++i) {
            text += "[]";
        }
        return parse_type(text).has_value();
    };
    EXPECT_TRUE(nested(16, 0));
    EXPECT_FALSE(nested(17, 0));
    EXPECT_TRUE(nested(0, 16));
    EXPECT_FALSE(nested(0, 17));
    EXPECT_TRUE(nested(8, 8));
    EXPECT_FALSE(nested(8, 9));
    EXPECT_FALSE(nested(60'000, 0));
    EXPECT_FALSE(nested(0, 30'000));
    EXPECT_FALSE(parse_type(std::string(70'000, '(')).has_value());
    // Arrays inside tuples count as well, wherever they stand.
    EXPECT_TRUE(parse_type("(((((((((((((((bool[])))))))))))))))").has_value());
    EXPECT_FALSE(parse_type("((((((((((((((((bool[]))))))))))))))))").has_value());
}

TEST(AbiTypeTest, HoldsAtMost256Components) {
    const auto tuple = [](size_t count) {
        std::string text = "(bool";
        for (size_t i = 1; i < count; ++i) {
            text += ",bool";
        }
        return parse_type(text + ")").has_value();
    };
    EXPECT_TRUE(tuple(256));
    EXPECT_FALSE(tuple(257));
}

TEST(AbiTypeTest, KnowsWhatIsDynamicAndHowLargeHeadsAre) {
    struct Case {
        const char* text;
        bool dynamic;
        uint64_t head;
    };
    for (const Case& item :
         std::initializer_list<Case>{{"uint8", false, 32},
                                     {"bytes32", false, 32},
                                     {"bytes", true, 32},
                                     {"string", true, 32},
                                     {"uint8[3]", false, 96},
                                     {"uint8[]", true, 32},
                                     {"string[3]", true, 32},
                                     {"(uint8,bool[2])", false, 96},
                                     {"(uint8,bool[2])[4]", false, 384},
                                     {"(uint8,bool[])[4]", true, 32},
                                     {"bool[134217728]", false, uint64_t{1} << 32}}) {
        EXPECT_EQ(type(item.text).is_dynamic(), item.dynamic) << item.text;
        EXPECT_EQ(type(item.text).head_size(), item.head) << item.text;
    }
}

TEST(AbiTypeTest, TupleTextTakesItsComponentsFromOutside) {
    AbiType pair = type("(bool,address)");
    pair.names = {"ok", "who"};
    auto array = parse_tuple_type("tuple[2][]", pair);
    ASSERT_TRUE(array.has_value());
    EXPECT_EQ(to_string(*array), "(bool,address)[2][]");
    EXPECT_EQ(array->children[0].children[0].names[1], "who");
    EXPECT_FALSE(parse_tuple_type("bool", pair).has_value());
    EXPECT_FALSE(parse_tuple_type("tuplet", pair).has_value());
    EXPECT_FALSE(parse_tuple_type("tuple[", pair).has_value());
    EXPECT_FALSE(parse_tuple_type("tuple[0]", pair).has_value());
    EXPECT_FALSE(
        parse_tuple_type("tuple", AbiType{TypeKind::kTuple, false, 0, 0, {}, {}}).has_value());
}

TEST(AbiTypeTest, AnyTypesTextReadsBackAsTheType) {
    for (uint64_t seed = 0; seed < 2000; ++seed) {
        std::mt19937_64 source{seed};
        const AbiType made = test::AbiRandom{source}.type(4);
        const std::string text = to_string(made);
        const auto parsed = parse_type(text);
        ASSERT_TRUE(parsed.has_value()) << "--seed=" << seed << " " << text;
        EXPECT_EQ(to_string(*parsed), text) << "--seed=" << seed;
        EXPECT_EQ(parsed->head_size(), made.head_size()) << "--seed=" << seed;
    }
}

}  // namespace
}  // namespace plumbline::evm::abi_type_test
