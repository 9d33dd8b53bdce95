#include "core/evm/abi_value.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/evm/hex.hpp"

namespace plumbline::evm::abi_value_test {
namespace {

Result<std::vector<AbiValue>> decode(std::initializer_list<const char*> texts,
                                     const std::string& words) {
    std::vector<AbiType> types;
    for (const char* text : texts) {
        types.push_back(parse_type(text).value());
    }
    Bytes data;
    std::string digits;
    for (const char c : words + " ") {
        if (c != ' ') {
            digits += c;
        } else if (!digits.empty()) {
            const Bytes word =
                parse_hex("0x" + std::string(64 - digits.size(), '0') + digits).value();
            data.insert(data.end(), word.begin(), word.end());
            digits.clear();
        }
    }
    return decode_values(types, data);
}

TEST(AbiValueTest, MakersPlaceBytesAsTheChainDoes) {
    EXPECT_EQ(AbiValue::fixed_bytes(as_bytes("\x01")).word,
              *U256::parse("0x01" + std::string(62, '0')));
    EXPECT_EQ(AbiValue::address(*parse_address("0x" + std::string(38, '0') + "ff")).word,
              U256{255});
    EXPECT_EQ(AbiValue::text("ab").bytes, (Bytes{'a', 'b'}));
}

TEST(AbiValueTest, DecodesWordsByType) {
    const auto values = decode({"uint8", "int16", "bool"}, "7 " + std::string(63, 'f') + "e 1");
    ASSERT_TRUE(values.has_value()) << values.error().message;
    EXPECT_EQ((*values)[0].word, U256{7});
    EXPECT_EQ((*values)[1].word, negate(U256{2}));
    EXPECT_EQ((*values)[2].word, U256{1});
}

TEST(AbiValueTest, ErrorsSayWhichValue) {
    EXPECT_EQ(decode({"uint8"}, "").error().message, "value: the data ends inside a value");
    EXPECT_EQ(decode({"uint8", "bool"}, "1 2").error().message,
              "value 1: a bool is neither 0 nor 1");
    EXPECT_EQ(decode({"(uint8,uint8[2])[1]"}, "1 2 100").error().message,
              "value 0.0.1.1: an unsigned integer is out of its type's range");
    EXPECT_EQ(decode({"string[]"}, "20 2 40 40 0").error().message,
              "value 0.1: two values overlap or are out of order");
    EXPECT_EQ(decode({"string"}, "20 1").error().message,
              "value 0: a length is larger than the data");
    EXPECT_EQ(decode({"string"}, "0 1").error().message,
              "value 0: an offset points into its own head");
    EXPECT_EQ(decode({"string"}, "41 1").error().message,
              "value 0: an offset points behind the data");
    EXPECT_EQ(decode({"string"}, "0 1").error().code, ErrorCode::kDecode);
}

TEST(AbiValueTest, NothingDecodesToNothing) {
    EXPECT_TRUE(decode({}, "")->empty());
    EXPECT_TRUE(decode({}, "1 2 3")->empty());
}

}  // namespace
}  // namespace plumbline::evm::abi_value_test
