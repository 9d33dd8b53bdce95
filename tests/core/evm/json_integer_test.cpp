#include "core/evm/json_integer.hpp"

#include <string>

#include <gtest/gtest.h>

namespace plumbline::evm::json_integer_test {
namespace {

std::string json_uint(const U256& word, unsigned bits) {
    std::string out;
    append_json_uint(out, word, bits);
    return out;
}

std::string json_int(const U256& word, unsigned bits) {
    std::string out;
    append_json_int(out, word, bits);
    return out;
}

TEST(JsonIntegerTest, IntegersUpTo64BitsAreNumbersWhileJavascriptCanHoldThem) {
    EXPECT_EQ(json_uint(U256{5}, 64), "5");
    EXPECT_EQ(json_uint(U256{9007199254740991ULL}, 64), "9007199254740991");
    EXPECT_EQ(json_uint(U256{9007199254740992ULL}, 64), "\"9007199254740992\"");
    EXPECT_EQ(json_int(negate(U256{7}), 8), "-7");
    EXPECT_EQ(json_int(negate(U256{9007199254740992ULL}), 64), "\"-9007199254740992\"");
}

TEST(JsonIntegerTest, WiderIntegersAreAlwaysDecimalStrings) {
    EXPECT_EQ(json_uint(U256{5}, 72), "\"5\"");
    EXPECT_EQ(json_int(negate(U256{5}), 256), "\"-5\"");
    EXPECT_EQ(json_uint(negate(U256{1}), 256),
              "\"115792089237316195423570985008687907853269984665640564039457584007913129639935\"");
}

}  // namespace
}  // namespace plumbline::evm::json_integer_test
