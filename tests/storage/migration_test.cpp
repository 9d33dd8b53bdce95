// Databases of older formats: brought to this one in place, whenever the process or the power goes.
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <functional>

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <spawn.h>

#include "storage/asked_blocks.hpp"
#include "storage/head_file.hpp"
#include "storage/meta_codec.hpp"
#include "storage/read_view.hpp"
#include "storage/rocks_status.hpp"
#include "tests/storage/fault_fs.hpp"
#include "tests/storage/golden_children.hpp"
#include "tests/support/paths.hpp"

extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace plumbline::storage::migration_test {
namespace {

using namespace plumbline::storage::test;  // NOLINT(google-build-using-namespace)
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
namespace fs = std::filesystem;

constexpr const char* kPathVariable = "PLUMBLINE_MIGRATION_PATH";
constexpr const char* kOperationVariable = "PLUMBLINE_MIGRATION_OPERATION";

void copy_golden(const std::string& path, const std::string& name = "v1_children") {
    fs::remove_all(path);
    fs::copy(source_dir() + "/tests/storage/golden/" + name, path, fs::copy_options::recursive);
}

/// What a database must hold by the rules of this version.
std::vector<std::string> migrated_content() {
    const TempDir dir;
    const auto db = must_open(dir.sub("db"), create_options());
    fill_with_children(*db, ProofLevel::kFetched, false);
    return *dump_lines(*db);
}

void expect_migrated(const Database& db, const std::vector<std::string>& content) {
    EXPECT_EQ(*dump_lines(db), content);
    EXPECT_THAT(*db.read_view()->list_proofs(), IsEmpty());
    EXPECT_EQ(db.lost_blocks(), 0U);
    EXPECT_FALSE(db.needs_refold());
}

/// What meta says, read past everything else.
struct Stored {
    uint32_t version = 0;
    bool is_under_way = false;
};
Stored read_meta(const std::string& path) {
    rocksdb::DB* raw = nullptr;
    EXPECT_TRUE(rocksdb::DB::OpenForReadOnly({}, path, &raw).ok());
    const std::unique_ptr<rocksdb::DB> db{raw};
    std::string format;
    std::string migration;
    EXPECT_TRUE(db->Get({}, to_slice(kMetaFormat), &format).ok());
    return {*decode_format(format), db->Get({}, to_slice(kMetaMigration), &migration).ok()};
}

/// A program of version 1 looks at the sidecar first and at meta's version then.
void expect_refused_by_version_1_once_touched(const std::string& path) {
    const Stored stored = read_meta(path);
    if (stored.version == 1) {
        EXPECT_FALSE(stored.is_under_way);
    } else {
        EXPECT_EQ(read_head(*rocksdb::Env::Default(), path)->format_version, kFormatVersion);
    }
}

TEST(MigrationTest, AnOlderDatabaseIsBroughtHereInPlaceAndSaysSo) {
    const TempDir dir;
    const std::string path = dir.sub("db");
    copy_golden(path);
    ASSERT_EQ(read_meta(path).version, 1U);
    std::vector<std::string> notices;
    OpenOptions options = open_options();
    options.notice = [&](const std::string& text) { notices.push_back(text); };
    expect_migrated(*must_open(path, options), migrated_content());
    EXPECT_THAT(notices, Contains(HasSubstr("to format 2: contracts that factories announce")));
    EXPECT_EQ(read_meta(path).version, kFormatVersion);
    EXPECT_FALSE(read_meta(path).is_under_way);
    EXPECT_EQ(read_head(*rocksdb::Env::Default(), path)->format_version, kFormatVersion);
    notices.clear();
    expect_migrated(*must_open(path, options), migrated_content());
    EXPECT_THAT(notices, IsEmpty()) << "once is enough";
    expect_migrated(*must_open(path, open_options(true)), migrated_content());
}

TEST(MigrationTest, AReaderIsToldWhoBringsItHereAndChangesNothing) {
    const TempDir dir;
    const std::string path = dir.sub("db");
    copy_golden(path);
    const auto refused = Database::open(path, open_options(true));
    EXPECT_ERROR(refused, ErrorCode::kIncompatible);
    EXPECT_THAT(refused.error().message,
                HasSubstr("has format 1, this program reads format 4: `plumbline run`"));
    EXPECT_EQ(read_meta(path).version, 1U);
    EXPECT_EQ(read_head(*rocksdb::Env::Default(), path)->format_version, 1U);
}

TEST(MigrationTest, WithoutAnnouncedContractsOnlyTheVersionChanges) {
    const TempDir dir;
    const std::string path = dir.sub("db");
    std::vector<std::string> before;
    {
        const auto db = must_open(path, create_options());
        fill_with_children(*db, ProofLevel::kReceipts, true, false);
        before = *dump_lines(*db);
        ASSERT_OK(poke_family(*db, "default", kMetaFormat, encode_format(1)));
    }
    const auto db = must_open(path, open_options());
    EXPECT_EQ(*dump_lines(*db), before);
    EXPECT_EQ(db->read_view()->list_proofs()->size(), 3U);
}

TEST(MigrationTest, AFormatThatIsNewerOrUnderWayToANewerOneIsRefused) {
    const TempDir dir;
    const std::string path = dir.sub("db");
    {
        const auto db = must_open(path, create_options());
        ASSERT_OK(poke_family(*db, "default", kMetaFormat, encode_format(kFormatVersion + 1)));
        ASSERT_OK(poke_family(*db, "default", kMetaMigration, encode_migration("x")));
    }
    for (const bool read_only : {false, true}) {
        const auto refused = Database::open(path, open_options(read_only));
        EXPECT_ERROR(refused, ErrorCode::kIncompatible);
        EXPECT_THAT(refused.error().message, HasSubstr("use a newer plumbline"));
    }
    EXPECT_EQ(read_meta(path).version, kFormatVersion + 1);
}

TEST(MigrationTest, WithoutASidecarMetaAloneTellsTheVersion) {
    const TempDir dir;
    const std::string path = dir.sub("db");
    copy_golden(path);
    fs::remove(path + "/" + std::string{kHeadFileName});
    expect_migrated(*must_open(path, open_options()), migrated_content());
}

/// Opens what `prepare` leaves, with the power cut at each operation in turn until one open comes
/// through; `expect` looks at what is left each time.
void cut_power_everywhere(const std::function<void(const std::string& path)>& prepare,
                          const std::function<void(const std::string& path)>& expect) {
    const TempDir dir;
    const std::string path = dir.sub("db");
    bool is_through = false;
    for (uint64_t operation = 1; !is_through && !testing::Test::HasFailure(); ++operation) {
        SCOPED_TRACE(fmt::format("operation {}", operation));
        prepare(path);
        FaultEnv fault;
        OpenOptions options = open_options();
        options.env = fault.env.get();
        fault.files->die_after(operation);
        {
            is_through =
                Database::open(path, options).has_value() && fault.files->faults_injected() == 0;
        }
        fault.files->cut_power(operation);
        expect(path);
    }
}

TEST(MigrationTest, APowerCutAtAnyOperationLeavesWhatTheNextOpenFinishes) {
    const std::vector<std::string> content = migrated_content();
    cut_power_everywhere([](const std::string& path) { copy_golden(path); },
                         [&content](const std::string& path) {
                             expect_refused_by_version_1_once_touched(path);
                             expect_migrated(*must_open(path, open_options()), content);
                         });
}

TEST(MigrationTest, FactsOfTheHeadKeepTheirBlocksWhereverThePowerIsCut) {
    cut_power_everywhere([](const std::string& path) { copy_golden(path, "v3"); },
                         [](const std::string& path) {
                             const auto db = must_open(path, open_options());
                             EXPECT_FALSE(db->needs_refold());
                             EXPECT_THAT(*list_asked(*db->read_view(), 0, UINT64_MAX, SIZE_MAX),
                                         testing::ElementsAre(evm::BlockId{3, hash_of(3)}));
                         });
}

/// Run by the test below in a process of its own, which ends in it.
TEST(MigrationTest, DISABLED_OpensUntilItIsKilled) {
    const char* path = std::getenv(kPathVariable);
    const char* operation = std::getenv(kOperationVariable);
    ASSERT_TRUE(path != nullptr && operation != nullptr);
    FaultEnv fault;
    OpenOptions options = open_options();
    options.env = fault.env.get();
    fault.files->kill_at(std::strtoull(operation, nullptr, 10));
    ASSERT_OK(Database::open(path, options));
}

/// How a process ended that opens `path` and is killed at an operation: true by that.
bool is_killed_while_opening(const std::string& path, uint64_t operation) {
    ::setenv(kPathVariable, path.c_str(), 1);
    ::setenv(kOperationVariable, std::to_string(operation).c_str(), 1);
    const std::string program = fs::read_symlink("/proc/self/exe").string();
    std::vector<std::string> words{program, "--gtest_also_run_disabled_tests", "--gtest_brief=1",
                                   "--gtest_filter=MigrationTest.DISABLED_OpensUntilItIsKilled"};
    std::vector<char*> arguments;
    for (std::string& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    pid_t child = -1;
    PLUMBLINE_CHECK(
        posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments.data(), environ) == 0);
    int status = 0;
    PLUMBLINE_CHECK(waitpid(child, &status, 0) == child);
    const bool is_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    EXPECT_TRUE(is_killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
    return is_killed;
}

TEST(MigrationTest, KilledAtAnyOperationItGoesOnBehindItsLastBatch) {
    const std::vector<std::string> content = migrated_content();
    const TempDir dir;
    const std::string path = dir.sub("db");
    uint64_t under_way = 0;
    for (uint64_t operation = 1; !testing::Test::HasFailure(); ++operation) {
        SCOPED_TRACE(fmt::format("operation {}", operation));
        copy_golden(path);
        if (!is_killed_while_opening(path, operation)) {
            break;
        }
        expect_refused_by_version_1_once_touched(path);
        under_way += read_meta(path).is_under_way ? 1U : 0U;
        expect_migrated(*must_open(path, open_options()), content);
    }
    // A batch holds three rows here: 40 block rows, coverage, the beginning.
    EXPECT_GE(under_way, 15U);
}

}  // namespace
}  // namespace plumbline::storage::migration_test
