#include "engine/config/whole_file.hpp"

#include <sys/stat.h>

#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.hpp"

namespace plumbline::engine::whole_file_test {
namespace {

using testing::HasSubstr;

constexpr size_t kMax = size_t{1} << 20U;

class WholeFileTest : public ::testing::Test {
  protected:
    [[nodiscard]] std::string path(const char* name) const { return dir_.path() + "/" + name; }
    std::string write(const char* name, const std::string& text) const {
        std::ofstream{path(name), std::ios::binary} << text;
        return path(name);
    }
    static std::string mistake(const std::string& path) {
        const auto read = read_whole_file(path, kMax);
        return read ? "" : read.error().message;
    }
    test::TempDir dir_;
};

TEST_F(WholeFileTest, AFileIsReadToItsLastByte) {
    EXPECT_EQ(*read_whole_file(write("empty", ""), kMax), "");
    const std::string longest(kMax, 'x');
    EXPECT_EQ(*read_whole_file(write("longest", longest), kMax), longest);
}

TEST_F(WholeFileTest, APipeIsReadUntilItsWriterClosesIt) {
    ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
    std::thread writer{[this] {
        std::ofstream out{path("pipe")};
        out << "a" << std::flush << "b";
    }};
    const auto read = read_whole_file(path("pipe"), kMax);
    writer.join();
    EXPECT_EQ(*read, "ab");
}

TEST_F(WholeFileTest, WhatIsInTheWayIsSaid) {
    EXPECT_EQ(mistake(path("none")), "no such file");
    EXPECT_EQ(mistake(write("large", std::string(kMax + 1, 'x'))), "it is larger than 1 MiB");
    EXPECT_EQ(mistake("/dev/zero"), "it is larger than 1 MiB");
    EXPECT_EQ(mistake(dir_.path()), "it is a directory");
    write("plumbline.toml", "");
    EXPECT_THAT(mistake(dir_.path()), HasSubstr("its config is "));
    EXPECT_THAT(mistake(path("plumbline.toml/x")), HasSubstr("cannot be opened"));
}

}  // namespace
}  // namespace plumbline::engine::whole_file_test
