#include "core/base/printable_text.hpp"

#include <gtest/gtest.h>

namespace plumbline::printable_text_test {
namespace {

TEST(PrintableTextTest, WhatCannotBeShownIsHex) {
    const struct {
        std::string text, value, key;
    } rows[] = {
        {"", "", ""},
        {"caf\xc3\xa9 \xf0\x9f\x98\x80", "caf\xc3\xa9 \xf0\x9f\x98\x80",
         "caf\xc3\xa9 \xf0\x9f\x98\x80"},
        {"a,b", "a,b", "hex:612c62"},
        {"a=b", "a=b", "hex:613d62"},
        {"\"", "\"", "hex:22"},
        {"it's", "it's", "hex:69742773"},
        {"a\nb\tc", "a\nb\tc", "hex:610a620963"},
        {"hex:", "hex:6865783a", "hex:6865783a"},
        {"Hex:", "Hex:", "Hex:"},
        {std::string{"\0", 1}, "hex:00", "hex:00"},
        {"\x1b[31m", "hex:1b5b33316d", "hex:1b5b33316d"},
        {"\x7f", "hex:7f", "hex:7f"},
        {"\xc2\x9b", "hex:c29b", "hex:c29b"},          // C1: CSI
        {"\xe2\x80\xae", "hex:e280ae", "hex:e280ae"},  // right-to-left override
        {"\xd8\x9c", "hex:d89c", "hex:d89c"},          // Arabic letter mark
        {"\xe2\x80\xa8", "hex:e280a8", "hex:e280a8"},  // line separator
        {"\xff\xfe", "hex:fffe", "hex:fffe"},
        {"\xed\xa0\x80", "hex:eda080", "hex:eda080"},  // a surrogate
        {"\xc0\x80", "hex:c080", "hex:c080"},          // longer than need be
        {"\xe2\x82", "hex:e282", "hex:e282"},          // cut short
    };
    for (const auto& row : rows) {
        EXPECT_EQ(printable_text(row.text, TextPlace::kValue), row.value);
        EXPECT_EQ(printable_text(row.text, TextPlace::kKey), row.key);
        EXPECT_EQ(parse_printable(row.value).value(), row.text);
        EXPECT_EQ(parse_printable(row.key).value(), row.text);
    }
    EXPECT_EQ(parse_printable("hex:C29B").value(), "\xc2\x9b");
    EXPECT_FALSE(parse_printable("hex:0").has_value());
    EXPECT_FALSE(parse_printable("hex:0g").has_value());
}

}  // namespace
}  // namespace plumbline::printable_text_test
