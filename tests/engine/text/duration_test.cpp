#include "engine/text/duration.hpp"

#include <gtest/gtest.h>

namespace plumbline::engine::duration_test {
namespace {

TEST(DurationTest, CountsHaveThousandsSeparators) {
    EXPECT_EQ(format_count(0), "0");
    EXPECT_EQ(format_count(999), "999");
    EXPECT_EQ(format_count(1000), "1,000");
    EXPECT_EQ(format_count(1234567), "1,234,567");
}

TEST(DurationTest, DurationsHaveTwoUnits) {
    EXPECT_EQ(format_duration(0), "0s");
    EXPECT_EQ(format_duration(59), "59s");
    EXPECT_EQ(format_duration(185), "3m05s");
    EXPECT_EQ(format_duration(7800), "2h10m");
    EXPECT_EQ(format_duration(273'600), "3d04h");
}

}  // namespace
}  // namespace plumbline::engine::duration_test
