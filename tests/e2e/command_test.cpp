// The command's surface: help with examples, exit codes, messages.
#include <filesystem>

#include <gtest/gtest.h>

#include "tests/e2e/chain.hpp"

namespace plumbline::test {
namespace {

TEST(CommandTest, EverySubcommandsHelpShowsAnExample) {
    const auto overview = plumbline({"--help"});
    EXPECT_EQ(overview.code, 0);
    for (const std::string command : {"init", "run", "status", "get", "list", "dump", "rebuild"}) {
        EXPECT_NE(overview.out.find(command), std::string::npos) << command;
        const auto help = plumbline({command, "--help"});
        EXPECT_EQ(help.code, 0);
        EXPECT_NE(help.out.find("Example: plumbline " + command), std::string::npos) << help.out;
    }
}

TEST(CommandTest, WrongUsageIsTwo) {
    EXPECT_EQ(plumbline({}).code, 2);
    EXPECT_EQ(plumbline({"nonsense"}).code, 2);
    EXPECT_EQ(plumbline({"status"}).code, 2);
    EXPECT_EQ(plumbline({"status", "/nonexistent/place"}).code, 2);
    EXPECT_EQ(plumbline({"run", "/nonexistent/plumbline.toml"}).code, 2);
    EXPECT_EQ(plumbline({"dump", "/tmp", "--entity", "a", "--events"}).code, 2);
}

TEST(CommandTest, AConfigMistakeIsToldWithFileAndLineAndTouchesNothing) {
    TempDir dir;
    write_file(dir.file("bad.toml"), "[chain]\nid = 31337\nrpc = \"http://127.0.0.1:1\"\nfinalty = 3\n");
    const auto run = plumbline({"run", dir.file("bad.toml"), "--db", dir.file("db")});
    EXPECT_EQ(run.code, 2);
    EXPECT_NE(run.err.find("bad.toml:4"), std::string::npos) << run.err;
    EXPECT_FALSE(std::filesystem::exists(dir.file("db")));
}

TEST(CommandTest, ADirectoryThatIsNoDatabaseIsRefused) {
    TempDir dir;
    write_file(dir.file("file"), "x");
    EXPECT_EQ(plumbline({"status", dir.path()}).code, 2);
}

}  // namespace
}  // namespace plumbline::test
