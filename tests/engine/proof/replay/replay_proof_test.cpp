// Whatever changes in the stored bytes of log and entities is found, told for what it is, and can
// be mended to the byte.
#include "engine/proof/replay/replay_proof.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "engine/fold/rebuild.hpp"
#include "engine/proof/diff.hpp"
#include "storage/codec.hpp"
#include "storage/raw_scan.hpp"
#include "tests/engine/item_chain.hpp"

namespace plumbline::engine::replay_proof_test {
namespace {

using test::grow;
using test::kAbis;
using test::kMapping;
using test::Mapping;
using test::num;
using test::Pace;
using test::whole;
using test::World;
using testing::HasSubstr;

/// How many damages a random test tries; more where one asks for it.
uint64_t trials(uint64_t fallback) {
    const char* text = std::getenv("PLUMBLINE_TRIALS");
    return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

std::string text_of(const Findings& findings) {
    std::string out;
    for (const Finding& finding : findings.kept) {
        out += fmt::format("{} [{} {}] {} {}/{}: '{}' for '{}' ({})\n", to_string(finding.kind),
                           finding.entity, finding.key, finding.field, finding.block_num,
                           finding.log_index, finding.stored, finding.expected, finding.detail);
    }
    return out;
}

using Record = std::pair<std::string, std::string>;

class ReplayTest : public testing::Test {
  protected:
    ReplayTest() {
        grow(world_, mapping_, 5, 60);
        world_.stop();
        wanted_ = whole(*world_.database);
        const auto dumped = storage::dump_families(
            *world_.database, {},
            [&](std::string_view family, std::string_view key, std::string_view value) {
                families_[std::string{family}].emplace_back(key, value);
            });
        EXPECT_OK(dumped);
        const auto view = world_.database->read_view();
        const auto scan = view->scan_logs(0, UINT64_MAX);
        for (; scan->valid(); scan->next()) {
            logs_.push_back({scan->record().log,
                             Bytes{scan->record().data.begin(), scan->record().data.end()}});
        }
        blocks_ = *view->list_blocks(0, UINT64_MAX);
    }

    [[nodiscard]] Result<ReplayReport> prove() {
        ReplayOptions options;
        options.scratch_parent = world_.dir.path();
        options.memory.scratch_storage = size_t{8} << 20;
        options.memory.scratch_cache = size_t{1} << 20;
        return prove_replay(*world_.database->read_view(), mapping_.plan, options);
    }
    [[nodiscard]] ReplayReport must_prove() {
        auto report = prove();
        EXPECT_OK(report);
        return report ? *std::move(report) : ReplayReport{};
    }
    void poke(const std::string& family, const std::string& key, const std::string& value) {
        ASSERT_OK(storage::poke_family(*world_.database, family, key, value));
    }
    [[nodiscard]] std::string family(std::string_view prefix) const {
        for (const auto& [name, records] : families_) {
            if (name.starts_with(prefix)) {
                return name;
            }
        }
        return {};
    }
    /// Puts every log and row of the damaged blocks in from the chain, as a repair would.
    void mend_log(const ScrubReport& scrubbed) {
        const auto batch = world_.database->make_batch();
        for (const DamagedBlock& damaged : scrubbed.damaged_blocks) {
            const auto view = world_.database->read_view();
            const auto scan = storage::scan_raw_log(*view, damaged.block_num, damaged.block_num);
            for (; scan->valid(); scan->next()) {
                batch->remove_log(damaged.block_num, storage::load_be32(scan->key().data() + 8));
            }
            batch->remove_block(damaged.block_num);
        }
        for (const storage::BlockRow& block : blocks_) {
            const auto is_it = [&](const DamagedBlock& damaged) {
                return damaged.block_num == block.block_num;
            };
            if (std::ranges::any_of(scrubbed.damaged_blocks, is_it)) {
                batch->append_block(block);
                for (const test::Emitted& log : logs_) {
                    if (log.log.block_num == block.block_num) {
                        batch->append_log(log.log, log.data);
                    }
                }
            }
        }
        batch->require_refold();
        ASSERT_OK(world_.database->commit(*batch, storage::Durability::kBuffered));
    }

    Mapping mapping_{kMapping, kAbis};
    World world_{mapping_, Pace{.blocks_per_commit = 10, .finalized = 5'000}};
    std::vector<std::string> wanted_;
    std::map<std::string, std::vector<Record>> families_;
    std::vector<test::Emitted> logs_;
    std::vector<storage::BlockRow> blocks_;
};

TEST_F(ReplayTest, AWholeDatabaseIsEqualAndLeavesNoScratchBehind) {
    const ReplayReport report = must_prove();
    EXPECT_TRUE(report.is_equal()) << text_of(report.findings);
    EXPECT_EQ(report.events, logs_.size());
    EXPECT_GT(report.rows, 20U);
    EXPECT_EQ(report.scrub.log.maintained, report.scrub.log.rebuilt);
    EXPECT_EQ(report.scrub.log.rebuilt.count, logs_.size());
    EXPECT_EQ(report.block_num, world_.database->cursor()->block_num);
    size_t entries = 0;
    for (const auto& entry : std::filesystem::directory_iterator{world_.dir.path()}) {
        static_cast<void>(entry);
        ++entries;
    }
    EXPECT_EQ(entries, 1U) << "only the database itself";
}

TEST_F(ReplayTest, CancelledLeavesNoScratchBehind) {
    ReplayOptions options;
    options.scratch_parent = world_.dir.path();
    int asked = 0;
    options.is_cancelled = [&asked] { return ++asked > 1; };
    EXPECT_ERROR(prove_replay(*world_.database->read_view(), mapping_.plan, options),
                 ErrorCode::kCancelled);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator{world_.dir.path()}, {}), 1);
}

TEST_F(ReplayTest, NamesRowAndField) {
    const std::string rows = family("entity.item");
    const auto& [key, row] = families_[rows].at(7);
    const storage::EntityLayout& layout = mapping_.plan->entities()[0];
    const storage::RowCodec codec{layout};
    std::string changed = row;
    codec.set_word(changed, 1, evm::U256{4711});
    poke(rows, key, changed);
    ReplayReport report = must_prove();
    ASSERT_EQ(report.findings.kept.size(), 1U) << text_of(report.findings);
    const Finding& finding = report.findings.kept[0];
    EXPECT_EQ(finding.kind, FindingKind::kRowDiffers);
    EXPECT_EQ(finding.entity, "item");
    EXPECT_EQ(finding.field, "at");
    EXPECT_EQ(finding.stored, "4711");
    EXPECT_EQ(finding.expected, codec.word(row, 1).to_decimal());
    EXPECT_EQ(finding.raw_key, key);
    EXPECT_TRUE(finding.key.starts_with("id="));

    poke(rows, key, "");
    report = must_prove();
    std::set<FindingKind> kinds;
    for (const Finding& one : report.findings.kept) {
        kinds.insert(one.kind);
    }
    EXPECT_EQ(kinds, (std::set{FindingKind::kRowMissing, FindingKind::kIndexExtra,
                               FindingKind::kCountDiffers}))
        << text_of(report.findings);
    ASSERT_OK(rebuild(*world_.database, mapping_.plan));
    storage::test::expect_same(whole(*world_.database), wanted_);
}

TEST_F(ReplayTest, NamesTheBlockOfALostEventAndOnlyThat) {
    const auto& [key, value] = families_["log"].at(20);
    poke("log", key, "");
    const ReplayReport report = must_prove();
    // Not the count of events, which is right: the log is not.
    ASSERT_EQ(report.findings.kept.size(), 1U) << text_of(report.findings);
    EXPECT_EQ(report.findings.kept[0].kind, FindingKind::kLogMissing);
    EXPECT_EQ(report.findings.kept[0].block_num, storage::load_be64(key.data()));
    EXPECT_TRUE(report.findings.kept[0].is_damage);
    ASSERT_EQ(report.scrub.damaged_blocks.size(), 1U);
    mend_log(report.scrub);
    ASSERT_OK(rebuild(*world_.database, mapping_.plan));
    storage::test::expect_same(whole(*world_.database), wanted_);
}

TEST_F(ReplayTest, TellsALostIndexEntry) {
    const std::string index = family("index.");
    const auto& [key, value] = families_[index].at(3);
    poke(index, key, "");
    const ReplayReport report = must_prove();
    ASSERT_EQ(report.findings.kept.size(), 1U) << text_of(report.findings);
    EXPECT_EQ(report.findings.kept[0].kind, FindingKind::kIndexMissing);
    EXPECT_EQ(report.findings.kept[0].field, "amount");
    EXPECT_TRUE(key.ends_with(report.findings.kept[0].raw_key));
}

/// A digest that changed is no reason to touch the rows, and the other way round.
TEST_F(ReplayTest, ADamagedDigestIsToldFromDamagedRows) {
    const uint64_t seed = test::test_seed(3);
    SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
    std::mt19937_64 random{seed};
    for (const std::string& name : {std::string{"log_digest"}, family("digest")}) {
        for (int i = 0; i < 12; ++i) {
            const auto& [key, value] = families_[name][random() % families_[name].size()];
            std::string changed = value;
            const uint64_t bit = random() % (value.size() * 8);
            changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
            SCOPED_TRACE(fmt::format("{} {} bit {}", name, evm::to_hex(as_bytes(key)), bit));
            poke(name, key, changed);
            const ReplayReport report = must_prove();
            EXPECT_FALSE(report.is_equal());
            EXPECT_TRUE(report.scrub.has_damaged_digests) << text_of(report.findings);
            EXPECT_TRUE(report.scrub.is_log_whole()) << text_of(report.findings);
            for (const Finding& finding : report.findings.kept) {
                EXPECT_EQ(finding.kind, FindingKind::kDigestDiffers) << text_of(report.findings);
            }
            poke(name, key, value);
        }
    }
    const auto& [key, value] = families_["log_digest"].at(0);
    poke("log_digest", key, "\1");
    ASSERT_OK(world_.database->rebuild_log_digest());
    EXPECT_TRUE(must_prove().is_equal());
    storage::test::expect_same(whole(*world_.database), wanted_);
}

TEST_F(ReplayTest, EveryFlippedBitIsFoundAndMended) {
    const uint64_t seed = test::test_seed(1);
    SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
    std::mt19937_64 random{seed};
    std::vector<std::pair<std::string, const Record*>> records;
    for (const auto& [name, of_family] : families_) {
        if (name.starts_with("entity.") || name == "log" || name == "blocks" ||
            name.starts_with("index.") || name.starts_with("quarantine") ||
            name.starts_with("undo")) {
            for (const Record& record : of_family) {
                records.emplace_back(name, &record);
            }
        }
    }
    const uint64_t count = trials(25);
    uint64_t found = 0;
    for (uint64_t trial = 0; trial < count; ++trial) {
        const auto& [name, record] = records[random() % records.size()];
        const auto& [key, value] = *record;
        std::string new_key = key;
        std::string new_value = value;
        const uint64_t bit = random() % ((key.size() + value.size()) * 8);
        char& byte = bit / 8 < key.size() ? new_key[bit / 8] : new_value[bit / 8 - key.size()];
        byte = static_cast<char>(byte ^ (1 << (bit % 8)));
        SCOPED_TRACE(
            fmt::format("trial {}: {} {} bit {}", trial, name, evm::to_hex(as_bytes(key)), bit));
        ASSERT_OK(storage::poke_record(*world_.database, name, key, new_key, new_value));
        const auto report = prove();
        ASSERT_OK(report);
        EXPECT_FALSE(report->is_equal()) << "not found";
        found += report->is_equal() ? 0U : 1U;
        EXPECT_FALSE(report->scrub.has_damaged_digests) << text_of(report->findings);
        // Mended as a repair does it.
        if (!report->scrub.is_log_whole()) {
            mend_log(report->scrub);
        }
        ASSERT_OK(rebuild(*world_.database, mapping_.plan));
        storage::test::expect_same(whole(*world_.database), wanted_);
        if (testing::Test::HasFailure()) {
            break;
        }
    }
    fmt::print("{} of {} flipped bits found and mended\n", found, count);
    EXPECT_TRUE(must_prove().is_equal());
}

/// Damage below the stored records: RocksDB's checksums see it, and what cannot be read is told.
TEST_F(ReplayTest, ADamagedTableFileIsAFindingAndNeverEqual) {
    world_.reopen();  // Recovery writes all of the log out to table files.
    world_.stop();
    world_.database.reset();
    const std::string path = world_.dir.sub("db");
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator{path}) {
        if (entry.path().extension() == ".sst") {
            files.push_back(entry.path().string());
        }
    }
    std::ranges::sort(files);
    ASSERT_GT(files.size(), 5U);
    uint64_t told = 0;
    for (size_t i = 0; i < files.size(); i += 1 + files.size() / 12) {
        SCOPED_TRACE(files[i]);
        std::fstream file{files[i], std::ios::in | std::ios::out | std::ios::binary};
        file.seekg(10);
        const char byte = static_cast<char>(file.get());
        const auto write = [&](char value) {
            file.seekp(10);
            file.put(value);
            file.flush();
        };
        write(static_cast<char>(byte ^ 0x10));
        auto database = storage::Database::open(path, storage::test::open_options(true));
        if (database) {
            world_.database = *std::move(database);
            const auto report = prove();
            // Not of log and entities, so not looked at: children, coverage, journal...
            if (!report || !report->is_equal()) {
                ++told;
                EXPECT_TRUE(report.has_value() || report.error().code == ErrorCode::kCorruption)
                    << report.error().message;
            }
            world_.database.reset();
        } else {
            ++told;
            EXPECT_EQ(database.error().code, ErrorCode::kCorruption) << database.error().message;
        }
        write(byte);
    }
    EXPECT_GT(told, 3U);
    world_.database = storage::test::must_open(path, storage::test::open_options());
    EXPECT_TRUE(must_prove().is_equal());
}

TEST_F(ReplayTest, AScrubOfSomeBlocksSeesTheirsOnly) {
    const uint64_t first = blocks_[10].block_num;
    const uint64_t last = blocks_[20].block_num;
    for (const auto& [at, is_inside] :
         {std::pair{9U, false}, {10U, true}, {20U, true}, {21U, false}}) {
        const uint64_t block_num = blocks_[at].block_num;
        const auto record = std::ranges::find_if(families_["log"], [&](const Record& log) {
            return storage::load_be64(log.first.data()) == block_num;
        });
        poke("log", record->first, "");
        ScrubOptions options;
        options.from = first;
        options.to = last;
        options.with_entities = false;
        const auto report = scrub(*world_.database->read_view(), options);
        ASSERT_OK(report);
        EXPECT_EQ(report->damaged_blocks.size(), is_inside ? 1U : 0U)
            << at << text_of(report->findings);
        EXPECT_EQ(report->findings.total, is_inside ? 1U : 0U) << text_of(report->findings);
        poke("log", record->first, record->second);
    }
}

TEST_F(ReplayTest, FoldsTheLogUpToAnyBlock) {
    const auto view = world_.database->read_view();
    const uint64_t until = blocks_[blocks_.size() / 2].block_num;
    ReplayOptions options;
    options.scratch_parent = world_.dir.path();
    const auto scratch = fold_to_scratch(*view, mapping_.plan, until, options);
    ASSERT_OK(scratch);
    World half{mapping_, Pace{.blocks_per_commit = 10}};
    for (size_t i = 0; i < blocks_.size() && blocks_[i].block_num <= until; ++i) {
        std::vector<test::Emitted> events;
        for (const test::Emitted& log : logs_) {
            if (log.log.block_num == blocks_[i].block_num) {
                events.push_back(log);
            }
        }
        half.block(blocks_[i].block_num, events);
    }
    half.commit();
    half.stop();
    const auto rows = [](const storage::Database& database) {
        storage::DumpOptions dump;
        dump.want = [](std::string_view family) { return family.starts_with("entity."); };
        return *storage::dump_lines(database, dump);
    };
    storage::test::expect_same(rows((*scratch)->database()), rows(*half.database));
}

TEST_F(ReplayTest, DiffNamesWhatTwoDatabasesDoNotShare) {
    World other{mapping_, Pace{.blocks_per_commit = 3, .finalized = 5'000}};
    grow(other, mapping_, 5, 60);
    other.stop();
    const auto same = diff(*world_.database, *other.database);
    ASSERT_OK(same);
    EXPECT_TRUE(same->is_equal());
    EXPECT_EQ(same->records_read, 0U);

    World longer{mapping_, Pace{.blocks_per_commit = 10, .finalized = 5'000}};
    grow(longer, mapping_, 5, 61);
    longer.stop();
    const auto report = diff(*world_.database, *longer.database);
    ASSERT_OK(report);
    ASSERT_FALSE(report->is_equal());
    EXPECT_EQ(report->listed[0].kind, DifferenceKind::kHead);
    uint64_t events = 0;
    for (const Difference& difference : report->listed) {
        events += difference.kind == DifferenceKind::kLog ? 1U : 0U;
        if (difference.kind == DifferenceKind::kLog) {
            EXPECT_TRUE(difference.a.empty());
            EXPECT_FALSE(difference.b.empty());
        }
    }
    EXPECT_EQ(events, longer.database->cursor()->event_count - logs_.size());
}

}  // namespace
}  // namespace plumbline::engine::replay_proof_test
