#include "core/base/json_text.hpp"

#include <string>

#include <gtest/gtest.h>

namespace plumbline::json_text_test {
namespace {

std::string json_string(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

std::string csv(std::string_view text) {
    std::string out;
    append_csv_field(out, text);
    return out;
}

TEST(JsonTextTest, EscapesWhatJsonMustEscape) {
    EXPECT_EQ(json_string("a\"b\\c"), R"("a\"b\\c")");
    EXPECT_EQ(json_string("\n\r\t\b\f"), R"("\n\r\t\b\f")");
    EXPECT_EQ(json_string(std::string_view{"\0\x1f", 2}), R"("\u0000\u001f")");
    EXPECT_EQ(json_string("/"), "\"/\"");
}

TEST(JsonTextTest, EscapesWhatActsOnATerminal) {
    EXPECT_EQ(json_string("\x7f\x1b\xc2\x9b\xe2\x80\xae"), R"("\u007f\u001b\u009b\u202e")");
}

TEST(JsonTextTest, KeepsWellFormedUtf8) {
    EXPECT_EQ(json_string("Zürich 日本 😀"), "\"Zürich 日本 😀\"");
}

TEST(JsonTextTest, ShowsEachMaximalBadSequenceAsOneReplacement) {
    const std::string r = "\xEF\xBF\xBD";
    EXPECT_EQ(json_string("\x80"), "\"" + r + "\"");
    EXPECT_EQ(json_string("a\xC3"), "\"a" + r + "\"");
    EXPECT_EQ(json_string("\xC0\xAF"), "\"" + r + r + "\"");          // overlong
    EXPECT_EQ(json_string("\xED\xA0\x80"), "\"" + r + r + r + "\"");  // surrogate
    EXPECT_EQ(json_string("\xE2\x82z"), "\"" + r + "z\"");            // truncated, then a letter
    EXPECT_EQ(json_string("\xF4\x90\x80\x80"), "\"" + r + r + r + r + "\"");  // past U+10FFFF
}

TEST(JsonTextTest, CsvQuotesOnlyWhereNeeded) {
    EXPECT_EQ(csv("plain"), "plain");
    EXPECT_EQ(csv("a,b"), "\"a,b\"");
    EXPECT_EQ(csv("say \"hi\""), "\"say \"\"hi\"\"\"");
    EXPECT_EQ(csv("two\nlines"), "\"two\nlines\"");
}

}  // namespace
}  // namespace plumbline::json_text_test
