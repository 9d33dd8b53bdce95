// Opening: whose directory it is, who else has it open, what was lost, and a disk that refuses.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <thread>

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include "storage/database.hpp"
#include "storage/head_file.hpp"
#include "storage/meta_codec.hpp"
#include "storage/read_view.hpp"
#include "storage/record_codec.hpp"
#include "storage/rocks_status.hpp"
#include "storage/task_store.hpp"
#include "tests/storage/chain_driver.hpp"
#include "tests/storage/fault_fs.hpp"

namespace plumbline::storage::open_test {
namespace {

using namespace plumbline::storage::test;  // NOLINT(google-build-using-namespace)
namespace fs = std::filesystem;
using testing::HasSubstr;

void commit_block(Database& db, uint64_t block_num, Durability durability = Durability::kSync) {
    const auto batch = db.make_batch();
    batch->append_block(make_block(block_num, 2));
    for (uint32_t i = 0; i < 2; ++i) {
        const TestLog log = make_log(block_num, i);
        batch->append_log(log.log, log.data);
    }
    batch->set_cursor(block_num, hash_of(block_num), make_block(block_num, 0).timestamp);
    ASSERT_OK(db.commit(*batch, durability));
}

TEST(OpenTest, SaysWhatIsMissing) {
    const TempDir dir;
    const auto missing = Database::open(dir.sub("none"), open_options());
    EXPECT_ERROR(missing, ErrorCode::kNotFound);
    EXPECT_THAT(missing.error().message, HasSubstr("no such directory"));
    fs::create_directory(dir.sub("empty"));
    const auto empty = Database::open(dir.sub("empty"), open_options(true));
    EXPECT_ERROR(empty, ErrorCode::kNotFound);
    EXPECT_THAT(empty.error().message, HasSubstr("empty"));
    fs::create_directory(dir.sub("other"));
    std::ofstream{dir.sub("other") + "/letter.txt"} << "dear";
    const auto other = Database::open(dir.sub("other"), create_options());
    EXPECT_ERROR(other, ErrorCode::kIncompatible);
    EXPECT_THAT(other.error().message, HasSubstr("letter.txt"));
    OpenOptions lacking = create_options();
    lacking.bundle.reset();
    EXPECT_ERROR(Database::open(dir.sub("new"), lacking), ErrorCode::kInvalidArgument);
}

TEST(OpenTest, RefusesAnotherRocksDb) {
    const TempDir dir;
    for (const char* family : {"default", "users"}) {
        const std::string path = dir.sub(family);
        rocksdb::DB* raw = nullptr;
        rocksdb::Options options;
        options.create_if_missing = true;
        ASSERT_TRUE(rocksdb::DB::Open(options, path, &raw).ok());
        ASSERT_TRUE(raw->Put({}, "a", "b").ok());
        if (std::string{family} != "default") {
            rocksdb::ColumnFamilyHandle* handle = nullptr;
            ASSERT_TRUE(raw->CreateColumnFamily({}, family, &handle).ok());
            ASSERT_TRUE(raw->DestroyColumnFamilyHandle(handle).ok());
        }
        delete raw;
        EXPECT_ERROR(Database::open(path, create_options()), ErrorCode::kIncompatible);
        EXPECT_ERROR(Database::open(path, open_options(true)), ErrorCode::kIncompatible);
    }
}

TEST(OpenTest, RefusesAnotherChain) {
    const TempDir dir;
    must_open(dir.sub("db"), create_options()).reset();
    OpenOptions options = open_options();
    options.identity = ChainIdentity{1, test_identity().genesis_hash};
    const auto refused = Database::open(dir.sub("db"), options);
    EXPECT_ERROR(refused, ErrorCode::kIncompatible);
    EXPECT_THAT(refused.error().message, HasSubstr("31337"));
    options.identity = test_identity();
    EXPECT_OK(Database::open(dir.sub("db"), options));
}

TEST(OpenTest, RefusesANewerFormat) {
    const TempDir dir;
    const std::string path = dir.sub("db");
    must_open(path, create_options()).reset();
    HeadFile head = *read_head(*rocksdb::Env::Default(), path);
    head.format_version = kFormatVersion + 1;
    ASSERT_OK(write_head(*rocksdb::Env::Default(), path, head));
    EXPECT_ERROR(Database::open(path, open_options()), ErrorCode::kIncompatible);
    head.format_version = kFormatVersion;
    ASSERT_OK(write_head(*rocksdb::Env::Default(), path, head));
    ASSERT_OK(poke_family(*must_open(path, open_options()), "default", kMetaFormat,
                          encode_format(kFormatVersion + 1)));
    const auto refused = Database::open(path, open_options());
    EXPECT_ERROR(refused, ErrorCode::kIncompatible);
    EXPECT_THAT(refused.error().message, HasSubstr("format " + std::to_string(kFormatVersion + 1)));
    EXPECT_ERROR(Database::open(path, open_options(true)), ErrorCode::kIncompatible);
}

TEST(OpenTest, RefusesASecondWriter) {
    const TempDir dir;
    const auto db = must_open(dir.sub("db"), create_options());
    const auto second = Database::open(dir.sub("db"), open_options());
    EXPECT_ERROR(second, ErrorCode::kUnavailable);
    EXPECT_THAT(second.error().message, HasSubstr(dir.sub("db")));
}

TEST(OpenTest, ReadsBesideAWriter) {
    const TempDir dir;
    OpenOptions options = create_options();
    options.tiny_buffers = false;
    options.memory_bytes = size_t{8} << 20;
    const auto db = must_open(dir.sub("db"), options);
    std::atomic<uint64_t> committed = 0;
    std::atomic<bool> stop = false;
    std::atomic<uint64_t> allowed = 0;
    std::thread writer{[&] {
        for (uint64_t block = 1; !stop; ++block) {
            while (block > allowed && !stop) {
                std::this_thread::yield();
            }
            commit_block(*db, block, Durability::kBuffered);
            committed = block;
        }
    }};
    for (int i = 0; i < 15; ++i) {
        // Enough to flush and delete files under the reader's feet, without an end to it.
        allowed = committed + 400;
        const uint64_t before = committed;
        auto reader = Database::open(dir.sub("db"), open_options(true));
        EXPECT_OK(reader);
        if (!reader) {
            break;
        }
        const uint64_t block = (*reader)->cursor() ? (*reader)->cursor()->block_num : 0;
        EXPECT_GE(block, before);
        EXPECT_FALSE((*reader)->needs_refold());
        const auto view = (*reader)->read_view();
        uint64_t logs = 0;
        const auto scan = view->scan_logs(0, UINT64_MAX);
        for (; scan->valid(); scan->next()) {
            ++logs;
        }
        EXPECT_OK(scan->status());
        EXPECT_EQ(logs, block * 2);
        const auto batch = (*reader)->make_batch();
        batch->set_cursor(1, {}, 1);
        EXPECT_FALSE((*reader)->commit(*batch, Durability::kSync).has_value());
    }
    stop = true;
    writer.join();
}

TEST(OpenTest, ViewsAndScannersMayOutliveTheDatabase) {
    const TempDir dir;
    auto db = must_open(dir.sub("db"), create_options());
    for (uint64_t block = 1; block <= 50; ++block) {
        commit_block(*db, block, Durability::kBuffered);
    }
    auto view = db->read_view();
    auto scan = view->scan_logs(1, 50);
    std::thread reader{[&] {
        uint64_t seen = 0;
        for (; scan->valid(); scan->next()) {
            ++seen;
        }
        EXPECT_EQ(seen, 100U);
    }};
    db.reset();
    reader.join();
    view.reset();
    scan.reset();
    EXPECT_EQ(must_open(dir.sub("db"), open_options())->cursor()->block_num, 50U);
}

TEST(OpenTest, FinishesACreationThatWasCut) {
    const TempDir dir;
    for (uint64_t op = 1; op < 140; op += 8) {
        SCOPED_TRACE(op);
        const std::string path = dir.sub(std::to_string(op));
        FaultEnv fault;
        fault.files->die_after(op);
        OpenOptions options = create_options();
        options.env = fault.env.get();
        Database::open(path, options).ignore("dies somewhere, or not");
        fault.files->cut_power(op);
        auto again = Database::open(path, options);
        ASSERT_OK(again);
        commit_block(**again, 1);
    }
}

TEST(DurabilityTest, AFullDiskChangesNothingAndAfterItOneOpensAnewAndGoesOn) {
    const TempDir dir;
    for (uint64_t op = 1; op <= 25; op += 2) {
        SCOPED_TRACE(op);
        const std::string path = dir.sub(std::to_string(op));
        FaultEnv fault;
        OpenOptions options = create_options();
        options.env = fault.env.get();
        auto db = must_open(path, options);
        commit_block(*db, 1);
        const auto before = *dump_lines(*db);
        fault.files->fill_after(op);
        auto batch = db->make_batch();
        const TestLog log = make_log(20, 0);
        batch->append_log(log.log, log.data);
        batch->append_block(make_block(20, 1));
        batch->extend_coverage({"s", {1, 20}, "p", ProofLevel::kFetched});
        batch->set_cursor(20, hash_of(20), 20);
        const Status refused = db->commit(*batch, Durability::kSync);
        if (!refused) {
            EXPECT_EQ(refused.error().code, ErrorCode::kIo);
            expect_same(*dump_lines(*db), before);
            EXPECT_FALSE(batch->empty());
            EXPECT_ERROR(db->commit(*batch, Durability::kSync), ErrorCode::kIo);
            EXPECT_EQ(db->cursor()->block_num, 1U);
            EXPECT_FALSE(db->needs_reopen());
            fault.files->heal();
            EXPECT_ERROR(db->commit(*batch, Durability::kSync), ErrorCode::kIo);
            EXPECT_TRUE(db->needs_reopen());
            batch.reset();
            db.reset();
            db = must_open(path, options);
            if (db->cursor()->block_num == 1) {
                expect_same(*dump_lines(*db), before);
                commit_block(*db, 20);
            }
        }
        fault.files->heal();
        EXPECT_EQ(db->cursor()->block_num, 20U);
        for (uint64_t block = 21; block < 60; ++block) {
            commit_block(*db, block);
        }
        const auto after = *dump_lines(*db);
        batch.reset();
        db.reset();
        fault.files->cut_power(op);
        db = must_open(path, options);
        expect_same(*dump_lines(*db), after);
    }
}

/// Takes no log of RocksDB's once told, and watches how many probes of the disk are under way.
class ProbedFiles final : public rocksdb::FileSystemWrapper {
  public:
    ProbedFiles() : rocksdb::FileSystemWrapper{rocksdb::FileSystem::Default()} {}
    [[nodiscard]] const char* Name() const override { return "ProbedFiles"; }
    rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* result,
                                      rocksdb::IODebugContext* debug) override {
        if (is_probe(name)) {
            std::unique_lock lock{mutex_};
            most_ = std::max(most_, ++under_way_);
            changed_.notify_all();
            // Long enough for the other thread's, if it may begin.
            changed_.wait_for(lock, std::chrono::milliseconds{300}, [this] { return most_ > 1; });
        }
        rocksdb::IOStatus status = target()->NewWritableFile(name, options, result, debug);
        if (status.ok() && name.ends_with(".log")) {
            *result = std::make_unique<Log>(*this, std::move(*result));
        }
        return status;
    }
    rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                                 rocksdb::IODebugContext* debug) override {
        if (is_probe(name)) {
            const std::scoped_lock lock{mutex_};
            --under_way_;
        }
        return target()->DeleteFile(name, options, debug);
    }
    [[nodiscard]] int most_at_once() const {
        const std::scoped_lock lock{mutex_};
        return most_;
    }
    std::atomic<bool> refuses{false};

  private:
    class Log final : public rocksdb::FSWritableFileOwnerWrapper {
      public:
        Log(ProbedFiles& owner, std::unique_ptr<rocksdb::FSWritableFile>&& file)
            : FSWritableFileOwnerWrapper{std::move(file)},
              owner_{owner} {}
        rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                                 rocksdb::IODebugContext* debug) override {
            return owner_.refuses ? rocksdb::IOStatus::IOError("injected: device refused")
                                  : target()->Append(data, options, debug);
        }
        rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                                 const rocksdb::DataVerificationInfo& /*info*/,
                                 rocksdb::IODebugContext* debug) override {
            return Append(data, options, debug);
        }

      private:
        ProbedFiles& owner_;
    };
    [[nodiscard]] static bool is_probe(const std::string& name) {
        return name.ends_with("PLUMBLINE_PROBE.tmp");
    }

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    int under_way_ = 0;
    int most_ = 0;
};

TEST(DurabilityTest, TheDiskIsProbedByOneThreadAtATime) {
    const TempDir dir;
    const auto files = std::make_shared<ProbedFiles>();
    const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(files);
    OpenOptions options = create_options();
    options.env = env.get();
    const auto db = must_open(dir.sub("db"), options);
    commit_block(*db, 1);
    const auto commit = [&db] {
        const auto batch = db->make_batch();
        batch->append_block(make_block(2, 0));
        batch->set_cursor(2, hash_of(2), 2);
        return db->commit(*batch, Durability::kSync);
    };
    files->refuses = true;
    EXPECT_ERROR(commit(), ErrorCode::kIo);
    // From now on each commit looks at the disk first, and so does a task that is refused.
    TaskStore tasks{*db};
    TaskRow task;
    task.id = 1;
    task.name = "t";
    task.kind = "t";
    std::thread other{[&] { EXPECT_ERROR(tasks.write({{nullptr, &task}}), ErrorCode::kIo); }};
    EXPECT_ERROR(commit(), ErrorCode::kIo);
    other.join();
    EXPECT_EQ(files->most_at_once(), 1);
    EXPECT_TRUE(db->needs_reopen()) << "the probes themselves were taken";
}

TEST(DurabilityTest, AnIoErrorAnywhereLosesNothingSynced) {
    const uint64_t first = test_seed(500);
    uint64_t refused = 0;
    for (uint64_t seed = first; seed < first + 40; ++seed) {
        SCOPED_TRACE("PLUMBLINE_SEED=" + std::to_string(seed));
        const TempDir dir;
        FaultEnv fault;
        OpenOptions options = create_options();
        options.env = fault.env.get();
        auto db = must_open(dir.sub("db"), options);
        std::mt19937_64 random{seed};
        fault.files->fail_at(1 + random() % 200, random() % 2 == 0);
        uint64_t done = 0;
        for (uint64_t block = 1; block <= 40; ++block) {
            const auto batch = db->make_batch();
            const TestLog log = make_log(block, 0);
            batch->append_log(log.log, log.data);
            batch->append_block(make_block(block, 1));
            batch->set_cursor(block, hash_of(block), block);
            if (!db->commit(*batch, Durability::kSync)) {
                ++refused;
                break;
            }
            done = block;
        }
        EXPECT_EQ(db->cursor() ? db->cursor()->block_num : 0, done);
        db.reset();
        fault.files->heal();
        db = must_open(dir.sub("db"), options);
        const uint64_t found = db->cursor() ? db->cursor()->block_num : 0;
        // The refused commit may have reached the disk whole; nothing in between may.
        EXPECT_GE(found, done);
        EXPECT_LE(found, done + 1);
        EXPECT_EQ(db->cursor() ? db->cursor()->event_count : 0, found);
        EXPECT_FALSE(db->needs_refold());
        commit_block(*db, 50);
    }
    EXPECT_GT(refused, 0U);
}

TEST(DurabilityTest, ASidecarFileThatIsRefusedAtEachCommitIsToldOnceAndNoCommitFails) {
    const TempDir dir;
    int told = 0;
    OpenOptions options = create_options();
    options.notice = [&told](const std::string& text) {
        told += text.find("PLUMBLINE_HEAD") != std::string::npos ? 1 : 0;
        EXPECT_THAT(text, HasSubstr("make room"));
    };
    const std::string path = dir.sub("db");
    const auto db = must_open(path, options);
    const fs::path in_the_way = path + "/" + std::string{kHeadFileName} + ".tmp";
    for (const int outage : {1, 2}) {
        fs::create_directory(in_the_way);
        const auto first = static_cast<uint64_t>(10 * outage);
        for (uint64_t block = first; block < first + 5; ++block) {
            commit_block(*db, block);
        }
        EXPECT_EQ(told, outage);
        fs::remove(in_the_way);
        commit_block(*db, first + 5);
    }
    EXPECT_EQ(told, 2);
}

/// Files of the directory that end in `suffix`.
std::vector<fs::path> files_ending(const std::string& path, const std::string& suffix) {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator{path}) {
        if (entry.path().string().ends_with(suffix)) {
            found.push_back(entry.path());
        }
    }
    std::sort(found.begin(), found.end());
    return found;
}

/// Copies a directory that RocksDB still compacts: again until nothing moved meanwhile.
void copy_open_database(const std::string& from, const std::string& to) {
    const auto manifests = [&] {
        std::string state;
        for (const fs::directory_entry& entry : fs::directory_iterator{from}) {
            std::error_code error;
            if (entry.path().filename().string().starts_with("MANIFEST")) {
                state += std::to_string(fs::file_size(entry.path(), error)) + " ";
            }
        }
        return state;
    };
    for (;;) {
        const std::string before = manifests();
        std::error_code error;
        fs::remove_all(to, error);
        fs::copy(from, to, fs::copy_options::recursive, error);
        if (!error && manifests() == before) {
            return;
        }
    }
}

TEST(DurabilityTest, AHeadBehindTheSidecarIsTold) {
    const TempDir dir;
    const std::string path = dir.sub("db");
    OpenOptions options = create_options();
    options.tiny_buffers = false;
    auto db = must_open(path, options);
    for (uint64_t block = 1; block <= 10; ++block) {
        commit_block(*db, block);
    }
    fs::copy(path, dir.sub("old"), fs::copy_options::recursive);
    for (uint64_t block = 11; block <= 30; ++block) {
        commit_block(*db, block);
    }
    db.reset();
    // The whole database goes back in time; only the sidecar knows better.
    fs::copy_file(path + "/PLUMBLINE_HEAD", dir.sub("old") + "/PLUMBLINE_HEAD",
                  fs::copy_options::overwrite_existing);
    std::string told;
    options = open_options();
    options.notice = [&](const std::string& text) { told += text + "\n"; };
    db = must_open(dir.sub("old"), options);
    EXPECT_EQ(db->cursor()->block_num, 10U);
    EXPECT_EQ(db->lost_blocks(), 20U);
    EXPECT_FALSE(db->needs_refold());
    EXPECT_THAT(told, HasSubstr("20 blocks were lost"));
    commit_block(*db, 11);
    db.reset();
    told.clear();
    db = must_open(dir.sub("old"), options);
    EXPECT_EQ(db->lost_blocks(), 0U);
    EXPECT_EQ(told, "");
}

TEST(DurabilityTest, ADamagedTableFileIsToldAndNeverReadAsData) {
    const TempDir dir;
    std::vector<std::string> wanted;
    {
        const auto db = must_open(dir.sub("db"), create_options());
        ChainDriver driver{1};
        for (int step = 0; step < 60; ++step) {
            ASSERT_OK(driver.next(*db).status);
        }
        ASSERT_OK(db->sync());
        wanted = *dump_lines(*db);
    }
    uint64_t told = 0;
    const uint64_t first = test_seed(1);
    for (uint64_t seed = first; seed < first + 40; ++seed) {
        SCOPED_TRACE("PLUMBLINE_SEED=" + std::to_string(seed));
        std::mt19937_64 random{seed};
        const std::string path = dir.sub("damaged");
        fs::remove_all(path);
        fs::copy(dir.sub("db"), path, fs::copy_options::recursive);
        const auto tables = files_ending(path, ".sst");
        ASSERT_FALSE(tables.empty());
        const fs::path victim = tables[random() % tables.size()];
        const auto at = static_cast<std::streamoff>(random() % fs::file_size(victim));
        {
            std::fstream file{victim, std::ios::in | std::ios::out | std::ios::binary};
            file.seekg(at);
            const int old = file.get();
            file.seekp(at);
            file.put(static_cast<char>(old ^ (1 << random() % 8)));
        }
        auto opened = Database::open(path, open_options());
        const auto found = opened ? dump_lines(**opened) : std::move(opened).error();
        if (found) {
            // In a place that says nothing of the rows: a filter, a file's statistics.
            expect_same(*found, wanted);
        } else {
            EXPECT_EQ(found.error().code, ErrorCode::kCorruption) << found.error().message;
            ++told;
        }
    }
    EXPECT_GT(told, 10U);
}

TEST(DurabilityTest, ADamagedOrMissingLogFileIsFoundAndMended) {
    uint64_t cut_back = 0;
    uint64_t told_of = 0;
    const uint64_t first = test_seed(300);
    for (uint64_t seed = first; seed < first + 15; ++seed) {
        SCOPED_TRACE("PLUMBLINE_SEED=" + std::to_string(seed));
        std::mt19937_64 random{seed};
        const TempDir dir;
        const std::string path = dir.sub("db");
        uint64_t head = 0;
        {
            const auto db = must_open(path, create_options());
            ChainDriver driver{seed};
            for (int step = 0; step < 60; ++step) {
                ASSERT_OK(driver.next(*db).status);
            }
            ASSERT_OK(db->sync());
            head = db->cursor()->block_num;
            // As a crash leaves it: the log files hold what the table files do not.
            copy_open_database(path, dir.sub("crashed"));
        }
        const auto wals = files_ending(dir.sub("crashed"), ".log");
        ASSERT_FALSE(wals.empty());
        const fs::path victim = wals[random() % wals.size()];
        const uint64_t size = fs::file_size(victim);
        switch (random() % 3) {
            case 0: fs::remove(victim); break;
            case 1: fs::resize_file(victim, size == 0 ? 0 : random() % size); break;
            default: {
                std::fstream file{victim, std::ios::in | std::ios::out | std::ios::binary};
                if (size > 0) {
                    file.seekp(static_cast<std::streamoff>(random() % size));
                    file.put('\x5a');
                }
            }
        }
        std::string told;
        OpenOptions options = open_options();
        options.notice = [&](const std::string& text) { told += text + "\n"; };
        auto opened = Database::open(dir.sub("crashed"), options);
        if (!opened) {
            // Refusing is honest; losing in silence is not.
            ++told_of;
            continue;
        }
        Database& db = **opened;
        const uint64_t found = db.cursor() ? db.cursor()->block_num : 0;
        if (found != head || db.needs_refold()) {
            EXPECT_NE(told, "") << "blocks " << found << " of " << head << " without a word";
            ++told_of;
        }
        if (found < head && !db.needs_refold()) {
            EXPECT_EQ(db.lost_blocks(), head - found);
        }
        cut_back += db.needs_refold() ? uint64_t{1} : uint64_t{0};
        // Whatever was kept hangs together: every log's block is there and none is above the head.
        uint64_t logs = 0;
        auto view = db.read_view();
        auto scan = view->scan_logs(0, UINT64_MAX);
        for (; scan->valid(); scan->next(), ++logs) {
            EXPECT_LE(scan->record().log.block_num, found);
        }
        ASSERT_TRUE(scan->status().has_value()) << scan->status().error().message << "\n" << told;
        if (db.cursor()) {
            EXPECT_EQ(db.cursor()->event_count, logs);
            uint64_t by_blocks = 0;
            const std::vector<BlockRow> rows = *view->list_blocks(0, UINT64_MAX);
            for (const BlockRow& row : rows) {
                by_blocks += row.event_count;
            }
            EXPECT_EQ(by_blocks, logs);
        }
        const auto marks = *read_watermarks(db);
        for (const auto& [family, mark] : marks) {
            EXPECT_EQ(mark, marks.front().second) << family;
        }
        // A log cut before a rollback ends above the head that the rollback left.
        commit_block(db, std::max(head, found) + 1);
        scan.reset();
        view.reset();
        opened = Error{ErrorCode::kCancelled, "closed"};
        told.clear();
        opened = Database::open(dir.sub("crashed"), options);
        ASSERT_OK(opened);
        EXPECT_EQ(told, "") << "said again at the second start";
    }
    EXPECT_GT(told_of, 0U);
    std::printf("log damage: 15 runs, %lu told of, %lu of them with diverged families\n", told_of,
                cut_back);
}

TEST(DurabilityTest, DivergedFamiliesAreCutBackToWhatAllHold) {
    const TempDir dir;
    const std::string path = dir.sub("db");
    Watermark at_six;
    {
        const auto db = must_open(path, create_options());
        for (uint64_t block = 1; block <= 10; ++block) {
            commit_block(*db, block);
            if (block == 6) {
                at_six.commit_num = db->cursor()->commit_num;
                at_six.block_num = 6;
            }
        }
        // One family claims to know nothing of blocks 7 to 10.
        ASSERT_OK(poke_family(*db, "dict", "", encode_watermark(at_six)));
    }
    {
        const auto reader = must_open(path, open_options(true));
        EXPECT_TRUE(reader->needs_refold());
    }
    std::string told;
    OpenOptions options = open_options();
    options.notice = [&](const std::string& text) { told += text + "\n"; };
    auto db = must_open(path, options);
    EXPECT_TRUE(db->needs_refold());
    EXPECT_EQ(db->cursor()->block_num, 6U);
    EXPECT_EQ(db->cursor()->block_hash, hash_of(6));
    EXPECT_EQ(db->cursor()->event_count, 12U);
    EXPECT_EQ(db->lost_blocks(), 4U);
    EXPECT_THAT(told, HasSubstr("dict"));
    db.reset();
    db = must_open(path, options);
    EXPECT_TRUE(db->needs_refold());
    EXPECT_EQ(db->lost_blocks(), 0U);
    ASSERT_OK(poke_family(*db, "undo#1", "", encode_watermark(at_six)));
    db.reset();
    db = must_open(path, options);
    EXPECT_EQ(db->cursor()->block_num, 6U) << "derived families alone do not move the cursor";
    EXPECT_TRUE(db->needs_refold());
}

TEST(DurabilityTest, MendingAtOpenStopsWhenAskedAndGoesOnAtTheNextOpen) {
    const TempDir dir;
    const std::string path = dir.sub("db");
    Watermark at_six;
    {
        const auto db = must_open(path, create_options());
        for (uint64_t block = 1; block <= 3'000; ++block) {
            commit_block(*db, block);
            if (block == 6) {
                at_six.commit_num = db->cursor()->commit_num;
                at_six.block_num = 6;
            }
        }
        ASSERT_OK(poke_family(*db, "dict", "", encode_watermark(at_six)));
    }
    // Each attempt gets one look further than the one before.
    int stops = 0;
    for (int looks = 0;; ++looks) {
        ASSERT_LT(looks, 2'000);
        int left = looks;
        OpenOptions options = open_options();
        options.should_stop = [&left] { return left-- == 0; };
        const auto db = Database::open(path, std::move(options));
        if (db) {
            EXPECT_EQ((*db)->cursor()->block_num, 6U);
            EXPECT_EQ((*db)->cursor()->event_count, 12U);
            EXPECT_TRUE((*db)->needs_refold());
            break;
        }
        ASSERT_EQ(db.error().code, ErrorCode::kCancelled) << db.error().message;
        ++stops;
    }
    EXPECT_GT(stops, 3);
}

TEST(HeadFileTest, EveryFlippedByteIsDamage) {
    HeadFile head;
    head.format_version = 1;
    head.buffered = true;
    head.block_num = 77;
    head.block_hash = hash_of(77);
    head.commit_num = 4;
    const std::string bytes = encode_head(head);
    EXPECT_EQ(*decode_head(bytes), head);
    for (size_t i = 0; i < bytes.size(); ++i) {
        std::string damaged = bytes;
        damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
        EXPECT_ERROR(decode_head(damaged), ErrorCode::kCorruption);
        EXPECT_ERROR(decode_head(bytes.substr(0, i)), ErrorCode::kCorruption);
    }
}

TEST(HeadFileTest, ADamagedOneIsToldAndReplaced) {
    const TempDir dir;
    const std::string path = dir.sub("db");
    {
        const auto db = must_open(path, create_options());
        commit_block(*db, 3);
    }
    std::ofstream{path + "/PLUMBLINE_HEAD"} << "nonsense";
    std::string told;
    OpenOptions options = open_options();
    options.notice = [&](const std::string& text) { told += text; };
    EXPECT_EQ(must_open(path, options)->cursor()->block_num, 3U);
    EXPECT_THAT(told, HasSubstr("PLUMBLINE_HEAD"));
    EXPECT_EQ(read_head(*rocksdb::Env::Default(), path)->block_num, 3U);
}

TEST(RocksTextTest, TheSystemsReasonIsSaidOnce) {
    EXPECT_EQ(rocks_text(rocksdb::Status::NoSpace("While appending to file: db/X",
                                                  "No space left on device")),
              "IO error: While appending to file: db/X: No space left on device");
    EXPECT_EQ(rocks_text(rocksdb::Status::IOError("While open", "Permission denied")),
              "IO error: While open: Permission denied");
    EXPECT_EQ(rocks_text(rocksdb::Status::Corruption("bad block")), "Corruption: bad block");
}

}  // namespace
}  // namespace plumbline::storage::open_test
