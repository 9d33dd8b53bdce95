#include "core/base/visible_text.hpp"

#include <gtest/gtest.h>

namespace plumbline::visible_text_test {
namespace {

TEST(VisibleTextTest, WhatActsOnATerminalIsShown) {
    EXPECT_EQ(visible_text("a\x1b]0;x\x07\x1b[31m"), "a\\u{1b}]0;x\\u{7}\\u{1b}[31m");
    EXPECT_EQ(visible_text("\xc2\x9b"
                           "31m \x7f"),
              "\\u{9b}31m \\u{7f}");
    EXPECT_EQ(visible_text("pay \xe2\x80\xae"
                           "txt.exe"),
              "pay \\u{202e}txt.exe");
    EXPECT_EQ(visible_text("one\ntwo\tthree\r\xe2\x80\xa8"), "one\\ntwo\\tthree\\r\\u{2028}");
    EXPECT_EQ(visible_text("gr\xc3\xbc\xc3\x9f \xe4\xb8\x96"), "gr\xc3\xbc\xc3\x9f \xe4\xb8\x96");
}

TEST(VisibleTextTest, WhatIsNoUtf8IsShownByteByByte) {
    EXPECT_EQ(visible_text("a\xff\x9b"
                           "b\xe4\xb8"),
              "a\\xff\\x9b"
              "b\\xe4\\xb8");
}

TEST(VisibleTextTest, ACutLeavesNoHalfACharacter) {
    EXPECT_EQ(visible_text("ab\xc3\xbc", 3), "ab");
    EXPECT_EQ(visible_text("ab\xc3\xbc", 4), "ab\xc3\xbc");
    EXPECT_EQ(visible_text("ab\x1b", 5), "ab");
}

TEST(VisibleTextTest, LinesStayLines) {
    EXPECT_EQ(visible_lines("a\n\tb\x1b\r"), "a\n\tb\\u{1b}\\r");
}

}  // namespace
}  // namespace plumbline::visible_text_test
