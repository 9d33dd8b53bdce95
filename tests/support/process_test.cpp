// What a test learns of a command that hangs.
#include "tests/support/process.hpp"

#include <signal.h>

#include <gtest/gtest.h>

namespace plumbline::test::process_test {
namespace {

TEST(ProcessTest, ACommandThatHangsIsKilledAndToldWithWhatItWaitsFor) {
    const Finished done =
        run_command({"sh", "-c", "echo begun; exec sleep 60"}, {}, std::chrono::milliseconds{300});
    EXPECT_EQ(done.code, 128 + SIGKILL);
    EXPECT_EQ(done.out, "begun\n");
    EXPECT_NE(done.err.find("sleep 60\nhad not ended after 300 ms"), std::string::npos) << done.err;
    EXPECT_NE(done.err.find("system call"), std::string::npos) << done.err;
}

TEST(ProcessTest, OutputThatSomethingElseHoldsIsNotWaitedForForEver) {
    const Finished done =
        run_command({"sh", "-c", "sleep 2 & echo done"}, {}, std::chrono::milliseconds{300});
    EXPECT_EQ(done.out, "done\n");
    EXPECT_NE(done.err.find("had not ended"), std::string::npos) << done.err;
}

TEST(ProcessTest, AChildThatWritesNoLineIsWaitedForNoLongerThanAsked) {
    Child child{{"sleep", "60"}};
    EXPECT_EQ(child.read_line(std::chrono::milliseconds{100}), "");
    EXPECT_EQ(child.wait(std::chrono::milliseconds{100}), -1);
    EXPECT_TRUE(child.is_running());
}

}  // namespace
}  // namespace plumbline::test::process_test
