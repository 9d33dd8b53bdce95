#include "core/base/terminal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include <gtest/gtest.h>

namespace plumbline::terminal_test {
namespace {

/// A terminal that nobody looks at.
class TerminalTest : public ::testing::Test {
  protected:
    void SetUp() override {
        master_ = posix_openpt(O_RDWR | O_NOCTTY);
        ASSERT_GE(master_, 0);
        ASSERT_EQ(grantpt(master_), 0);
        ASSERT_EQ(unlockpt(master_), 0);
        terminal_ = open(ptsname(master_), O_RDWR | O_NOCTTY);
        ASSERT_EQ(isatty(terminal_), 1);
        setenv("TERM", "xterm", 1);
        unsetenv("NO_COLOR");
    }
    void TearDown() override {
        close(terminal_);
        close(master_);
        unsetenv("NO_COLOR");
    }
    int master_ = -1;
    int terminal_ = -1;
};

TEST_F(TerminalTest, ColourIsForTerminalsOnly) {
    EXPECT_TRUE(wants_colour(terminal_));
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    EXPECT_FALSE(wants_colour(ends[1]));
    close(ends[0]);
    close(ends[1]);
}

TEST_F(TerminalTest, NoColorWithAnyValueIsObeyedAndAnEmptyOneSaysNothing) {
    setenv("NO_COLOR", "0", 1);
    EXPECT_FALSE(wants_colour(terminal_));
    setenv("NO_COLOR", "", 1);
    EXPECT_TRUE(wants_colour(terminal_));
}

TEST_F(TerminalTest, ATerminalThatKnowsNoColoursGetsNone) {
    for (const char* term : {"dumb", ""}) {
        setenv("TERM", term, 1);
        EXPECT_FALSE(wants_colour(terminal_)) << term;
        EXPECT_FALSE(takes_escapes(terminal_)) << term;
    }
}

TEST_F(TerminalTest, WhoeverWantsNoColoursStillHasALineThatIsRewritten) {
    setenv("NO_COLOR", "1", 1);
    EXPECT_TRUE(takes_escapes(terminal_));
}

}  // namespace
}  // namespace plumbline::terminal_test
