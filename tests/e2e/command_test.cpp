// The command's surface: help with examples, exit codes, messages.
#include <algorithm>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "tests/e2e/chain.hpp"

namespace plumbline::test {
namespace {

TEST(CommandTest, EverySubcommandsHelpShowsAnExample) {
    const auto overview = plumbline({"--help"});
    EXPECT_EQ(overview.code, 0);
    for (const std::string command : {"init", "run", "status", "get", "list", "dump", "rebuild", "doctor"}) {
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
    std::string config = read_file(source_path("examples/community/plumbline.toml"));
    const size_t at = config.find("finality");
    ASSERT_NE(at, std::string::npos);
    config.replace(at, 8, "finalty");
    const auto line = 1 + std::count(config.begin(), config.begin() + static_cast<std::ptrdiff_t>(at), '\n');
    write_file(dir.file("bad.toml"), config);
    write_file(dir.file("CommunityHub.json"), read_file(source_path("examples/community/CommunityHub.json")));
    const auto run = plumbline({"run", dir.file("bad.toml"), "--db", dir.file("db")});
    EXPECT_EQ(run.code, 2);
    EXPECT_NE(run.err.find("bad.toml:" + std::to_string(line)), std::string::npos) << run.err;
    EXPECT_FALSE(std::filesystem::exists(dir.file("db")));
}

TEST(CommandTest, ADirectoryThatIsNoDatabaseIsRefused) {
    TempDir dir;
    write_file(dir.file("file"), "x");
    EXPECT_EQ(plumbline({"status", dir.path()}).code, 2);
}

}  // namespace
}  // namespace plumbline::test
