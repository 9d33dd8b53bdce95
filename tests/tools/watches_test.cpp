// What looks at something beside a run, on a thread of its own: what is thrown there is told and
// ends nothing.
#include <atomic>
#include <filesystem>
#include <stdexcept>

#include <gtest/gtest.h>

#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"
#include "tools/config_watch.hpp"
#include "tools/directory_watch.hpp"

namespace plumbline::tools::watches_test {
namespace {

using plumbline::test::eventually;
using plumbline::test::read_file;
using plumbline::test::TempDir;
using plumbline::test::write_file;

constexpr std::chrono::milliseconds kTurn{1};

TEST(WatchesTest, ACheckOfASavedConfigThatThrowsIsAMistakeAndTheNextOneIsLookedFor) {
    const TempDir dir;
    engine::Config config;
    config.path = dir.sub("plumbline.toml");
    write_file(config.path, "a");
    std::atomic<bool> has_thrown{false};
    std::atomic<bool> is_taken{false};
    const auto check = [&]() -> Status {
        if (read_file(config.path) != "abc") {
            has_thrown = true;
            throw std::runtime_error{"out of something"};
        }
        return ok();
    };
    const ConfigWatch watch{config, check, [&] { is_taken = true; }, kTurn};
    write_file(config.path, "ab");
    ASSERT_TRUE(eventually([&] { return has_thrown.load(); }));
    EXPECT_FALSE(watch.has_changed());
    write_file(config.path, "abc");
    EXPECT_TRUE(eventually([&] { return is_taken.load(); }));
}

TEST(WatchesTest, WhatIsThrownWhenADirectoryIsGoneEndsTheWatchAndNotTheProcess) {
    const TempDir dir;
    std::filesystem::create_directory(dir.sub("db"));
    write_file(dir.sub("db") + "/CURRENT", "MANIFEST");
    std::atomic<bool> is_told{false};
    const DirectoryWatch watch{dir.sub("db"),
                               [&] {
                                   is_told = true;
                                   throw std::runtime_error{"out of something"};
                               },
                               kTurn};
    std::filesystem::remove_all(dir.sub("db"));
    EXPECT_TRUE(eventually([&] { return is_told.load(); }));
    EXPECT_TRUE(watch.is_gone());
}

}  // namespace
}  // namespace plumbline::tools::watches_test
