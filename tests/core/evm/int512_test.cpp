#include "core/evm/int512.hpp"

#include <random>

#include <gtest/gtest.h>

namespace plumbline::evm::int512_test {
namespace {

Int512 two_to(unsigned bits) {
    Int512 out;
    EXPECT_TRUE(shift_left(Int512{1}, bits, out));
    return out;
}
Int512 lowest() {
    Int512 out;
    EXPECT_TRUE(shift_left(Int512{-1}, 511, out));
    return out;
}
Int512 highest() {
    Int512 out;
    EXPECT_TRUE(sub(Int512{-1}, lowest(), out));
    return out;
}

/// Of a length of its own, so that short and long ones meet, and often at a limb's edge.
Int512 any(std::mt19937_64& random) {
    Int512 out{0};
    const size_t limbs = random() % 9;
    for (size_t i = 0; i < limbs && i < 8; ++i) {
        out.limb[i] = random() % 4 == 0 ? ~uint64_t{0} : random() % 4 == 0 ? 0 : random();
    }
    out = shift_right(out, static_cast<unsigned>(random() % 65));
    Int512 negative;
    return random() % 2 == 0 && negate(out, negative) ? negative : out;
}

TEST(Int512Test, KnowsTheEndsOfItsRange) {
    Int512 out;
    EXPECT_EQ(lowest().to_decimal().size(), 155U);
    EXPECT_TRUE(lowest().is_negative());
    EXPECT_FALSE(add(highest(), Int512{1}, out));
    EXPECT_FALSE(sub(lowest(), Int512{1}, out));
    EXPECT_FALSE(negate(lowest(), out));
    EXPECT_FALSE(mul(lowest(), Int512{-1}, out));
    EXPECT_FALSE(shift_left(Int512{1}, 511, out));
    Int512 rest;
    EXPECT_FALSE(div_mod(lowest(), Int512{-1}, out, rest));
    EXPECT_FALSE(div_mod(Int512{1}, Int512{0}, out, rest));
    EXPECT_TRUE(mul(two_to(255), two_to(255), out));
    EXPECT_EQ(out, two_to(510));
    EXPECT_FALSE(mul(two_to(255), two_to(256), out));
    EXPECT_TRUE(negate(two_to(255), rest));
    EXPECT_TRUE(mul(rest, two_to(256), out));
    EXPECT_EQ(out, lowest());
    EXPECT_TRUE(pow(Int512{-2}, 511, out));
    EXPECT_EQ(out, lowest());
    EXPECT_FALSE(pow(Int512{2}, 511, out));
    EXPECT_FALSE(pow(Int512{2}, UINT64_MAX, out));
    EXPECT_TRUE(pow(Int512{-1}, UINT64_MAX, out));
    EXPECT_EQ(out, Int512{-1});
    EXPECT_TRUE(pow(Int512{0}, 0, out));
    EXPECT_EQ(out, Int512{1});
}

TEST(Int512Test, AgreesWithTheProcessorOnSmallNumbers) {
    std::mt19937_64 random{7};  // NOLINT(cert-msc51-cpp): the same inputs every time
    for (int i = 0; i < 20'000; ++i) {
        const auto a = static_cast<int32_t>(random());
        const auto b = static_cast<int32_t>(random() >> (random() % 33));
        Int512 out;
        Int512 rest;
        ASSERT_TRUE(add(Int512{a}, Int512{b}, out));
        EXPECT_EQ(out, Int512{int64_t{a} + b});
        ASSERT_TRUE(sub(Int512{a}, Int512{b}, out));
        EXPECT_EQ(out, Int512{int64_t{a} - b});
        ASSERT_TRUE(mul(Int512{a}, Int512{b}, out));
        EXPECT_EQ(out, Int512{int64_t{a} * b});
        EXPECT_EQ(out.to_decimal(), std::to_string(int64_t{a} * b));
        EXPECT_EQ(Int512{a} < Int512{b}, a < b);
        if (b != 0) {
            ASSERT_TRUE(div_mod(Int512{a}, Int512{b}, out, rest));
            EXPECT_EQ(out, Int512{int64_t{a} / b});
            EXPECT_EQ(rest, Int512{int64_t{a} % b});
        }
        EXPECT_EQ(shift_right(Int512{a}, 5), Int512{a >> 5});
    }
}

TEST(Int512Test, DivisionIsTheReverseOfMultiplication) {
    std::mt19937_64 random{11};  // NOLINT(cert-msc51-cpp): the same inputs every time
    int divided = 0;
    for (int i = 0; i < 50'000; ++i) {
        const Int512 a = any(random);
        const Int512 b = any(random);
        Int512 quotient;
        Int512 rest;
        if (!div_mod(a, b, quotient, rest)) {
            continue;
        }
        ++divided;
        Int512 product;
        Int512 sum;
        ASSERT_TRUE(mul(quotient, b, product)) << a.to_decimal() << " / " << b.to_decimal();
        ASSERT_TRUE(add(product, rest, sum));
        EXPECT_EQ(sum, a) << a.to_decimal() << " / " << b.to_decimal();
        EXPECT_TRUE(rest.is_zero() || rest.is_negative() == a.is_negative());
        // |rest| < |b|, told without leaving the range.
        const auto below = [](const Int512& value) {
            Int512 negative;
            return !value.is_negative() && negate(value, negative) ? negative : value;
        };
        EXPECT_GT(below(rest), below(b));
    }
    EXPECT_GT(divided, 30'000);
}

TEST(Int512Test, FitsTellsTheTypesOfSolidity) {
    const auto wide = [](int64_t value, unsigned bits) {
        Int512 out;
        EXPECT_TRUE(shift_left(Int512{value}, bits, out));
        return out;
    };
    EXPECT_TRUE(Int512{255}.fits_unsigned(8));
    EXPECT_FALSE(Int512{256}.fits_unsigned(8));
    EXPECT_FALSE(Int512{-1}.fits_unsigned(256));
    EXPECT_TRUE(Int512{-128}.fits_signed(8));
    EXPECT_FALSE(Int512{-129}.fits_signed(8));
    EXPECT_FALSE(Int512{128}.fits_signed(8));
    EXPECT_TRUE(wide(-1, 255).fits_signed(256));
    EXPECT_FALSE(wide(1, 255).fits_signed(256));
    EXPECT_TRUE(wide(1, 255).fits_unsigned(256));
    EXPECT_FALSE(wide(1, 256).fits_unsigned(256));
    const U256 word = negate(U256{5});
    EXPECT_EQ(Int512::from_signed(word), Int512{-5});
    EXPECT_EQ(Int512::from_signed(word).low_word(), word);
    EXPECT_FALSE(Int512::from_unsigned(word).is_negative());
    EXPECT_EQ(Int512::from_unsigned(word).low_word(), word);
}

}  // namespace
}  // namespace plumbline::evm::int512_test
