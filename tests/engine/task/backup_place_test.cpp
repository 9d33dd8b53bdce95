// Who reaches the service over the network does not choose where it writes and deletes.
#include "engine/task/backup_place.hpp"

#include <filesystem>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.hpp"

namespace plumbline::engine::backup_place_test {
namespace {

TEST(BackupPlaceTest, OnlyThePlaceOfTheConfigAndWhatIsBelowIt) {
    const plumbline::test::TempDir dir;
    std::filesystem::create_directories(dir.sub("backups"));
    std::filesystem::create_directories(dir.sub("elsewhere"));
    std::filesystem::create_directory_symlink(dir.sub("elsewhere"), dir.sub("backups/link"));
    Config config;
    config.path = dir.sub("plumbline.toml");
    config.backup.path = "backups";
    const std::string base = dir.sub("backups");
    for (const std::string& fine : {std::string{}, base, base + "/", base + "/daily",
                                    base + "/./x/../daily", dir.sub("elsewhere/../backups")}) {
        EXPECT_TRUE(check_backup_place(config, fine)) << fine;
    }
    for (const std::string& wrong :
         {std::string{"/"}, std::string{"/anything"}, std::string{"../../x"}, std::string{"."},
          dir.sub("elsewhere"), base + "x", base + "/..", base + "/../elsewhere",
          base + "/link/inside"}) {
        const Status said = check_backup_place(config, wrong);
        ASSERT_FALSE(said) << wrong;
        EXPECT_EQ(said.error().code, ErrorCode::kInvalidArgument);
    }
}

TEST(BackupPlaceTest, WithoutAPlaceInTheConfigNoneCanBeNamed) {
    Config config;
    EXPECT_TRUE(check_backup_place(config, "")) << "the task itself says what is missing";
    EXPECT_FALSE(check_backup_place(config, "/tmp/x"));
}

}  // namespace
}  // namespace plumbline::engine::backup_place_test
