// Where a database could be made, told before there is anything to put into it.
#include "storage/place_check.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.hpp"

namespace plumbline::storage::place_check_test {
namespace {

using ::testing::HasSubstr;

TEST(PlaceCheckTest, ADirectoryThatCouldBeMadeIsRightAndIsNotMade) {
    const test::TempDir dir;
    for (const char* place : {"db", "some/where/db", "db/"}) {
        EXPECT_TRUE(check_place(dir.sub(place)).has_value()) << place;
    }
    EXPECT_TRUE(std::filesystem::is_empty(dir.sub(""))) << "nothing of the look stays";
    EXPECT_TRUE(check_place(dir.sub("")).has_value()) << "one that is there and empty";
}

TEST(PlaceCheckTest, AFileInTheWayIsNamed) {
    const test::TempDir dir;
    std::ofstream{dir.sub("file")} << "x";
    const Status itself = check_place(dir.sub("file"));
    ASSERT_FALSE(itself.has_value());
    EXPECT_EQ(itself.error().code, ErrorCode::kIncompatible);
    EXPECT_THAT(itself.error().message, HasSubstr("is a file: a database is a directory"));
    const Status below = check_place(dir.sub("file/some/db"));
    ASSERT_FALSE(below.has_value());
    EXPECT_EQ(below.error().code, ErrorCode::kIo);
    EXPECT_THAT(below.error().message, HasSubstr(dir.sub("file") + " is a file"));
}

TEST(PlaceCheckTest, WhereNoDirectoryCanBeMadeSaysSo) {
    const Status made = check_place("/proc/none/db");  // Whoever asks, no rights are missing.
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error().code, ErrorCode::kIo);
    EXPECT_THAT(made.error().message, HasSubstr("cannot make the directory /proc/none/db: "));
    EXPECT_THAT(made.error().message, HasSubstr("--db or [database] path"));
}

}  // namespace
}  // namespace plumbline::storage::place_check_test
