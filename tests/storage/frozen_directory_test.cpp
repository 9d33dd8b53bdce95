// A directory held as of one moment, while somebody else changes it.
#include "storage/frozen_directory.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.hpp"

namespace plumbline::storage::frozen_directory_test {
namespace {

void write(const std::string& path, const std::string& text, bool appended = false) {
    std::ofstream{path, appended ? std::ios::app : std::ios::trunc} << text;
}

class FrozenDirectoryTest : public testing::Test {
  protected:
    FrozenDirectoryTest() {
        write(at("CURRENT"), "MANIFEST-000001\n");
        write(at("MANIFEST-000001"), "one");
        write(at("000002.sst"), "table");
        write(at("000003.log"), "log");
        write(at("OPTIONS-000004"), "options");
    }
    [[nodiscard]] std::string at(const std::string& name) const { return dir_.sub(name); }
    [[nodiscard]] std::string read(const std::string& name) {
        std::unique_ptr<rocksdb::FSSequentialFile> file;
        const rocksdb::IOStatus status =
            frozen_.NewSequentialFile(at(name), rocksdb::FileOptions{}, &file, nullptr);
        if (!status.ok()) {
            return status.ToString();
        }
        std::string out;
        char scratch[4];
        rocksdb::Slice part;
        while (file->Read(sizeof scratch, {}, &part, scratch, nullptr).ok() && !part.empty()) {
            out.append(part.data(), part.size());
        }
        return out;
    }
    [[nodiscard]] std::vector<std::string> names() {
        std::vector<std::string> out;
        EXPECT_TRUE(frozen_.GetChildren(dir_.path(), {}, &out, nullptr).ok());
        std::sort(out.begin(), out.end());
        return out;
    }
    [[nodiscard]] uint64_t size(const std::string& name) {
        uint64_t out = 0;
        EXPECT_TRUE(frozen_.GetFileSize(at(name), {}, &out, nullptr).ok());
        return out;
    }

    plumbline::test::TempDir dir_;
    FrozenDirectory frozen_{dir_.path()};
};

TEST_F(FrozenDirectoryTest, WhatIsDeletedOrAppendedAfterwardsDoesNotShow) {
    ASSERT_TRUE(frozen_.freeze());
    const std::vector<std::string> before = names();
    std::filesystem::remove(at("000002.sst"));
    write(at("000003.log"), " and more", true);
    write(at("MANIFEST-000005"), "two");
    write(at("new"), "MANIFEST-000005\n");
    std::filesystem::rename(at("new"), at("CURRENT"));
    write(at("000006.sst"), "another");

    EXPECT_EQ(names(), before);
    EXPECT_EQ(read("CURRENT"), "MANIFEST-000001\n");
    EXPECT_EQ(read("MANIFEST-000001"), "one");
    EXPECT_EQ(read("000002.sst"), "table");
    EXPECT_EQ(read("000003.log"), "log");
    EXPECT_EQ(size("000003.log"), 3U);
    EXPECT_TRUE(frozen_.FileExists(at("000002.sst"), {}, nullptr).ok());
    std::unique_ptr<rocksdb::FSRandomAccessFile> table;
    ASSERT_TRUE(
        frozen_.NewRandomAccessFile(at("000002.sst"), rocksdb::FileOptions{}, &table, nullptr)
            .ok());
    char scratch[8];
    rocksdb::Slice part;
    ASSERT_TRUE(table->Read(1, 3, {}, &part, scratch, nullptr).ok());
    EXPECT_EQ(part.ToString(), "abl");

    frozen_.thaw();
    EXPECT_EQ(read("CURRENT"), "MANIFEST-000005\n");
    EXPECT_EQ(size("000003.log"), 12U);
    EXPECT_FALSE(frozen_.FileExists(at("000002.sst"), {}, nullptr).ok());
    ASSERT_TRUE(table->Read(0, 5, {}, &part, scratch, nullptr).ok()) << "what is open stays";
    EXPECT_EQ(part.ToString(), "table");
}

TEST_F(FrozenDirectoryTest, AWriterThatChangesItAtEveryLookIsNamedAsTheReason) {
    bool is_busy = true;
    FrozenDirectory frozen{dir_.path(), [&] {
                               if (is_busy) {
                                   write(at("MANIFEST-000001"), "x", true);
                               }
                           }};
    const Status done = frozen.freeze();
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::kUnavailable);
    EXPECT_NE(done.error().message.find("the writer is too busy to read beside it"),
              std::string::npos)
        << done.error().message;
    is_busy = false;
    EXPECT_TRUE(frozen.freeze()) << "once it rests";
}

/// A file that goes between two looks was named by a manifest that went with it.
TEST_F(FrozenDirectoryTest, WhatGoesWhileItIsHeldIsHeldOrNotNeeded) {
    int looks = 0;
    FrozenDirectory frozen{dir_.path(), [&] {
                               if (++looks == 1) {
                                   std::filesystem::remove(at("000002.sst"));
                                   write(at("000007.sst"), "merged");
                                   write(at("MANIFEST-000001"), " two", true);
                               }
                           }};
    ASSERT_TRUE(frozen.freeze());
    EXPECT_EQ(looks, 2);
    uint64_t size = 0;
    EXPECT_TRUE(frozen.GetFileSize(at("MANIFEST-000001"), {}, &size, nullptr).ok());
    EXPECT_EQ(size, 7U);
    EXPECT_TRUE(frozen.FileExists(at("000007.sst"), {}, nullptr).ok());
    EXPECT_FALSE(frozen.FileExists(at("000002.sst"), {}, nullptr).ok());
}

TEST_F(FrozenDirectoryTest, WithoutAManifestRocksdbSaysSo) {
    std::filesystem::remove(at("MANIFEST-000001"));
    EXPECT_TRUE(frozen_.freeze());
}

TEST_F(FrozenDirectoryTest, WithoutADatabaseItSaysSo) {
    FrozenDirectory nowhere{dir_.sub("nowhere")};
    const Status frozen = nowhere.freeze();
    ASSERT_FALSE(frozen);
    EXPECT_EQ(frozen.error().code, ErrorCode::kIo);
    EXPECT_NE(frozen.error().message.find("nowhere"), std::string::npos);
}

}  // namespace
}  // namespace plumbline::storage::frozen_directory_test
