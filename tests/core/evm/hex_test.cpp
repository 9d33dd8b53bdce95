#include "core/evm/hex.hpp"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace plumbline::evm::hex_test {
namespace {

TEST(HexTest, WritesLowerCaseWithPrefix) {
    EXPECT_EQ(to_hex(ByteView{}), "0x");
    EXPECT_EQ(to_hex(as_bytes("\x01\xab\xFF")), "0x01abff");
    EXPECT_EQ(to_hex(Address{}), "0x" + std::string(40, '0'));
}

TEST(HexTest, AppendsWithoutPrefix) {
    std::string out = "x";
    append_hex(out, as_bytes("\x0f"));
    EXPECT_EQ(out, "x0f");
}

TEST(HexTest, ReadsAnyCase) {
    EXPECT_EQ(parse_hex("0xDeadBEEF"), (Bytes{0xde, 0xad, 0xbe, 0xef}));
    EXPECT_EQ(parse_hex("0x"), Bytes{});
}

TEST(HexTest, RefusesWhatIsNotHex) {
    for (const char* text : {"", "0", "x", "00", "0x0", "0x0g", "0xg0", "0X00", " 0x00", "0x00 ",
                             "0x 0", "0x+1", "0x-1", "0x0x00", "0x\xff\xff"}) {
        EXPECT_FALSE(parse_hex(text).has_value()) << text;
    }
}

TEST(HexTest, RefusesEveryByteThatIsNoDigit) {
    const std::string digits = "0123456789abcdefABCDEF";
    for (int c = 0; c < 256; ++c) {
        const std::string text = {'0', 'x', static_cast<char>(c), '0'};
        EXPECT_EQ(parse_hex(text).has_value(),
                  digits.find(static_cast<char>(c)) != std::string::npos)
            << c;
    }
}

TEST(HexTest, FixedSizesAreExact) {
    const std::string address = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
    ASSERT_TRUE(parse_address(address).has_value());
    EXPECT_EQ(to_hex(*parse_address(address)), "0x5fbdb2315678afecb367f032d93f642f64180aa3");
    EXPECT_FALSE(parse_address(address + "00").has_value());
    EXPECT_FALSE(parse_address(address.substr(0, 40)).has_value());
    EXPECT_FALSE(parse_address(address.substr(2)).has_value());
    EXPECT_FALSE(parse_address("0y5FbDB2315678afecb367f032d93F642f64180aa3").has_value());
    EXPECT_TRUE(parse_hash("0x" + std::string(64, 'f')).has_value());
    EXPECT_FALSE(parse_hash("0x" + std::string(63, 'f')).has_value());
}

TEST(HexTest, QuantitiesHaveNoLeadingZeros) {
    EXPECT_EQ(parse_quantity("0x0"), 0U);
    EXPECT_EQ(parse_quantity("0x1a"), 26U);
    EXPECT_EQ(parse_quantity("0xABC"), 0xabcU);
    EXPECT_EQ(parse_quantity("0xffffffffffffffff"), UINT64_MAX);
    for (const char* text : {"", "0x", "0", "12", "0x00", "0x01", "0x10000000000000000", "0xg",
                             "0x-1", "0x 1", "-0x1"}) {
        EXPECT_FALSE(parse_quantity(text).has_value()) << text;
    }
}

TEST(HexTest, QuantitiesRoundTrip) {
    EXPECT_EQ(to_quantity(0), "0x0");
    EXPECT_EQ(to_quantity(15), "0xf");
    EXPECT_EQ(to_quantity(16), "0x10");
    EXPECT_EQ(to_quantity(UINT64_MAX), "0xffffffffffffffff");
    for (unsigned bit = 0; bit < 64; ++bit) {
        for (const uint64_t value : {uint64_t{1} << bit, (uint64_t{1} << bit) - 1}) {
            EXPECT_EQ(parse_quantity(to_quantity(value)), value);
        }
    }
}

TEST(HexTest, BytesRoundTrip) {
    std::mt19937_64 random{7};
    for (size_t size = 0; size < 100; ++size) {
        Bytes bytes(size);
        for (uint8_t& byte : bytes) {
            byte = static_cast<uint8_t>(random());
        }
        EXPECT_EQ(parse_hex(to_hex(bytes)), bytes);
    }
}

}  // namespace
}  // namespace plumbline::evm::hex_test
