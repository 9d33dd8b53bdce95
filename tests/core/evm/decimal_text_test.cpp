#include "core/evm/decimal_text.hpp"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace plumbline::evm::decimal_text_test {
namespace {

TEST(DecimalTextTest, ANumberHasOneText) {
    EXPECT_EQ(decimal_text("1500", 3), "1.5");
    EXPECT_EQ(decimal_text("-1500", 3), "-1.5");
    EXPECT_EQ(decimal_text("5", 3), "0.005");
    EXPECT_EQ(decimal_text("-5", 1), "-0.5");
    EXPECT_EQ(decimal_text("0", 36), "0");
    EXPECT_EQ(decimal_text("12000", 3), "12");
    EXPECT_EQ(decimal_text("12000", 0), "12000");
}

TEST(DecimalTextTest, TextThatHasMorePlacesOrIsNoNumberHasNoUnits) {
    EXPECT_EQ(units_of_decimal("1.5", 3), "1500");
    EXPECT_EQ(units_of_decimal("-0.005", 3), "-5");
    EXPECT_EQ(units_of_decimal("1.50000", 1), "15");
    EXPECT_EQ(units_of_decimal("007", 2), "700");
    EXPECT_EQ(units_of_decimal("-0", 2), "0");
    EXPECT_EQ(units_of_decimal("0.0", 1), "0");
    for (const char* bad :
         {"", "-", ".", "1.", ".5", "1.23", "1,5", "1e3", "--1", "+1", "0x1", " 1"}) {
        EXPECT_EQ(units_of_decimal(bad, 1), std::nullopt) << bad;
    }
}

TEST(DecimalTextTest, EveryTextGoesBackToItsUnits) {
    for (const char* units :
         {"0", "1", "-1", "10", "-10", "999999", "123456789012345678901234567890"}) {
        for (unsigned places = 0; places <= 36; ++places) {
            EXPECT_EQ(units_of_decimal(decimal_text(units, places), places), units) << places;
        }
    }
}

}  // namespace
}  // namespace plumbline::evm::decimal_text_test
