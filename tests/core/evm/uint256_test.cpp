#include "core/evm/uint256.hpp"

#include <random>
#include <string>

#include <gtest/gtest.h>

#include "core/evm/hex.hpp"

namespace plumbline::evm::uint256_test {
namespace {

U256 word(std::string_view text) {
    return U256::parse(text).value();
}
U256 minus(uint64_t value) {
    return negate(U256{value});
}
const std::string kMax =
    "115792089237316195423570985008687907853269984665640564039457584007913129639935";

TEST(Uint256Test, ReadsDecimalAndHex) {
    EXPECT_EQ(word("0"), U256{});
    EXPECT_EQ(word("00012"), U256{12});
    EXPECT_EQ(word("0x1F"), U256{31});
    EXPECT_EQ(word(kMax), word("0x" + std::string(64, 'f')));
}

TEST(Uint256Test, RefusesWhatDoesNotFitOrIsNoNumber) {
    for (const std::string& text :
         {std::string{}, std::string{"0x"}, std::string{"-1"}, std::string{"+1"}, std::string{" 1"},
          std::string{"1a"}, std::string{"0xg"}, std::string{"1.0"}, "0x1" + std::string(64, '0'),
          kMax.substr(0, 77) + "6", std::string(79, '0')}) {
        EXPECT_FALSE(U256::parse(text).has_value()) << text;
    }
}

TEST(Uint256Test, WritesDecimal) {
    EXPECT_EQ(U256{}.to_decimal(), "0");
    EXPECT_EQ(U256{UINT64_MAX}.to_decimal(), "18446744073709551615");
    EXPECT_EQ(word("0x10000000000000000").to_decimal(), "18446744073709551616");
    EXPECT_EQ(minus(1).to_decimal(), kMax);
    // Zeros inside and at the end of the 19-digit groups it divides into.
    for (const std::string& text :
         {"1" + std::string(19, '0'), "1" + std::string(38, '0'),
          "5" + std::string(18, '0') + "70000", "1" + std::string(76, '0')}) {
        EXPECT_EQ(word(text).to_decimal(), text);
    }
}

TEST(Uint256Test, WritesSignedDecimal) {
    EXPECT_EQ(minus(1).to_decimal_signed(), "-1");
    EXPECT_EQ(U256{5}.to_decimal_signed(), "5");
    EXPECT_EQ(word("0x8" + std::string(63, '0')).to_decimal_signed(),
              "-57896044618658097711785492504343953926634992332820282019728792003956564819968");
}

TEST(Uint256Test, ReadsBigEndianBytesOfAnyLength) {
    EXPECT_EQ(U256::from_be({}), U256{});
    EXPECT_EQ(U256::from_be(as_bytes("\x01\x02")), U256{0x0102});
    EXPECT_EQ(U256::from_be(Bytes(32, 0xff)), minus(1));
    EXPECT_EQ(U256::from_be_signed(as_bytes("\xff")), minus(1));
    EXPECT_EQ(U256::from_be_signed(as_bytes("\x7f")), U256{127});
    EXPECT_EQ(U256::from_be_signed(as_bytes("\x80\x01")), minus(0x7fff));
}

TEST(Uint256Test, WritesTheLowBytes) {
    uint8_t out[4] = {};
    word("0x0102030405").to_be(out, 4);
    EXPECT_EQ(to_hex(ByteView{out}), "0x02030405");
    Bytes all(32);
    minus(2).to_be(all.data());
    EXPECT_EQ(to_hex(all), "0x" + std::string(63, 'f') + "e");
}

TEST(Uint256Test, ComparesUnsignedAndSigned) {
    EXPECT_LT(U256{1}, minus(1));
    EXPECT_LT(word("0xffffffffffffffff"), word("0x10000000000000000"));
    EXPECT_EQ(compare_signed(minus(1), U256{}), std::strong_ordering::less);
    EXPECT_EQ(compare_signed(U256{}, minus(1)), std::strong_ordering::greater);
    EXPECT_EQ(compare_signed(minus(2), minus(1)), std::strong_ordering::less);
    EXPECT_EQ(compare_signed(minus(1), minus(1)), std::strong_ordering::equal);
    EXPECT_EQ(compare_signed(U256{2}, U256{1}), std::strong_ordering::greater);
}

TEST(Uint256Test, CountsBits) {
    EXPECT_EQ(U256{}.bit_length(), 0);
    EXPECT_EQ(U256{1}.bit_length(), 1);
    EXPECT_EQ(U256{255}.bit_length(), 8);
    EXPECT_EQ(word("0x10000000000000000").bit_length(), 65);
    EXPECT_EQ(minus(1).bit_length(), 256);
}

TEST(Uint256Test, KnowsTheRangesOfTypes) {
    EXPECT_TRUE(U256{255}.fits_unsigned(8));
    EXPECT_FALSE(U256{256}.fits_unsigned(8));
    EXPECT_TRUE(minus(1).fits_unsigned(256));
    EXPECT_TRUE(U256{127}.fits_signed(8));
    EXPECT_FALSE(U256{128}.fits_signed(8));
    EXPECT_TRUE(minus(128).fits_signed(8));
    EXPECT_FALSE(minus(129).fits_signed(8));
    EXPECT_TRUE(word("0x8" + std::string(63, '0')).fits_signed(256));
}

TEST(Uint256Test, AddReportsTheCarry) {
    bool carry = false;
    EXPECT_EQ(add(minus(1), U256{1}, carry), U256{});
    EXPECT_TRUE(carry);
    EXPECT_EQ(add(word("0xffffffffffffffff"), U256{1}, carry), word("0x10000000000000000"));
    EXPECT_FALSE(carry);
    EXPECT_EQ(add(minus(1), minus(1), carry), minus(2));
    EXPECT_TRUE(carry);
}

TEST(Uint256Test, SubReportsTheBorrow) {
    bool borrow = false;
    EXPECT_EQ(sub(U256{}, U256{1}, borrow), minus(1));
    EXPECT_TRUE(borrow);
    EXPECT_EQ(sub(word("0x10000000000000000"), U256{1}, borrow), U256{UINT64_MAX});
    EXPECT_FALSE(borrow);
    EXPECT_EQ(sub(minus(1), minus(1), borrow), U256{});
    EXPECT_FALSE(borrow);
    // A limb that is equal below and borrows from above: 2^128 - (2^129 - 1).
    EXPECT_EQ(sub(word("0x1" + std::string(32, '0')), word("0x1" + std::string(32, 'f')), borrow),
              negate(word("0x" + std::string(32, 'f'))));
    EXPECT_TRUE(borrow);
}

TEST(Uint256Test, AddAndSubUndoEachOther) {
    std::mt19937_64 random{11};
    for (int i = 0; i < 2000; ++i) {
        U256 a;
        U256 b;
        for (size_t k = 0; k < 4; ++k) {
            a.limb[k] = random() % 3 == 0 ? (random() % 2 == 0 ? 0 : UINT64_MAX) : random();
            b.limb[k] = random() % 3 == 0 ? (random() % 2 == 0 ? 0 : UINT64_MAX) : random();
        }
        bool carry = false;
        bool borrow = false;
        const U256 sum = add(a, b, carry);
        EXPECT_EQ(sub(sum, b, borrow), a);
        EXPECT_EQ(carry, borrow);
        EXPECT_EQ(carry, sum < a);
        EXPECT_EQ(word(a.to_decimal()), a);
        EXPECT_EQ(a.fits_signed(256), true);
    }
}

}  // namespace
}  // namespace plumbline::evm::uint256_test
