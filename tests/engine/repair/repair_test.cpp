// Repair: whatever a provider left out or made up, and whatever changed in the stored bytes, is
// mended from the chain to the byte; the journal says what, why and whose fault.
#include "engine/repair/repair.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/clock.hpp"
#include "core/base/logging.hpp"
#include "engine/fold/rebuild.hpp"
#include "engine/repair/verify.hpp"
#include "storage/inspect.hpp"
#include "tests/engine/proof/proof_world.hpp"

namespace plumbline::engine::repair_test {
namespace {

using test::HonestIndex;
using test::ProofWorld;

uint64_t trials(uint64_t fallback) {
    const char* text = std::getenv("PLUMBLINE_TRIALS");
    return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

/// Everything that is stored; levels of proof too.
std::vector<std::string> whole(const storage::Database& database) {
    auto lines = storage::dump_lines(database);
    EXPECT_TRUE(lines.has_value());
    return lines ? *std::move(lines) : std::vector<std::string>{};
}

/// The same without the numbers that repeated addresses and topics were given, which follow the
/// order in which logs came to be stored; the log's digests say what the log says.
std::vector<std::string> content(const storage::Database& database) {
    storage::DumpOptions options;
    options.want = [](std::string_view family) { return family != "log" && family != "dict"; };
    auto lines = storage::dump_lines(database, options);
    EXPECT_TRUE(lines.has_value());
    return lines ? *std::move(lines) : std::vector<std::string>{};
}

/// One line of difference says more than two whole databases.
void expect_same(const std::vector<std::string>& is, const std::vector<std::string>& must) {
    std::vector<std::string> extra;
    std::vector<std::string> missing;
    std::ranges::set_difference(is, must, std::back_inserter(extra));
    std::ranges::set_difference(must, is, std::back_inserter(missing));
    for (size_t i = 0; i < std::min<size_t>(extra.size(), 5); ++i) {
        ADD_FAILURE() << "extra " << extra[i];
    }
    for (size_t i = 0; i < std::min<size_t>(missing.size(), 5); ++i) {
        ADD_FAILURE() << "missing " << missing[i];
    }
}

/// Time passes, and it is always the same day, after all blocks of the chain.
class DatedClock final : public Clock {
  public:
    static constexpr uint64_t kUnixS = 1'900'000'000;
    [[nodiscard]] int64_t monotonic_ms() const override { return system_clock().monotonic_ms(); }
    [[nodiscard]] int64_t unix_ms() const override { return int64_t{kUnixS} * 1'000; }
};

class RepairTest : public testing::Test {
  protected:
    RepairTest() { logging::configure(logging::Level::kOff, logging::Format::kText); }

    void store(const HonestIndex& index, uint64_t finalized = UINT64_MAX) {
        world_.database.reset();
        std::filesystem::remove_all(world_.directory.sub("db"));
        world_.store(index, finalized);
        fold();
    }
    void fold() {
        const Status folded = rebuild(*world_.database, world_.plan);
        ASSERT_TRUE(folded.has_value()) << folded.error().message;
    }
    [[nodiscard]] RepairOptions options() const {
        RepairOptions out;
        out.verify.with_state = false;
        out.verify.scratch_dir = world_.directory.path();
        out.verify.clock = &clock_;
        return out;
    }
    [[nodiscard]] Result<RepairOutcome> mend(const RepairOptions& options) {
        return repair(*world_.database, world_.plan, world_.pool.get(), options);
    }
    /// Writes down what was proven, as the commands do.
    void record(const VerifyReport& report) {
        const auto batch = world_.database->make_batch();
        ASSERT_TRUE(add_report(*batch, *world_.database, *world_.plan, report, clock_).has_value());
        ASSERT_TRUE(world_.database->commit(*batch, storage::Durability::kBuffered).has_value());
    }
    /// The honest database, proven and written down.
    [[nodiscard]] std::vector<std::string> make_wanted() {
        store(world_.honest);
        const auto outcome = mend(options());
        EXPECT_TRUE(outcome.has_value()) << (outcome ? "" : outcome.error().message);
        EXPECT_TRUE(outcome && outcome->is_whole() && outcome->plans.empty());
        record(outcome->report);
        return content(*world_.database);
    }

    [[nodiscard]] LogProofOutcome look();
    /// What a liar makes of the index: the announcement of that child is not there, nor any log of
    /// it, for nobody was asked about it.
    [[nodiscard]] HonestIndex without(const storage::ChildRow& child) const {
        HonestIndex told = world_.honest;
        std::erase_if(told.children,
                      [&](const storage::ChildRow& row) { return row.address == child.address; });
        for (auto& [block, batch] : told.logs) {
            std::erase_if(batch.logs, [&, block_num = block](const evm::Log& log) {
                return log.address == child.address ||
                       (block_num == child.block_num && log.log_index == child.log_index);
            });
        }
        std::erase_if(told.logs, [](const auto& entry) { return entry.second.logs.empty(); });
        return told;
    }
    /// Proves these blocks of the log and mends what was found in them.
    LogProofOutcome mend_log(evm::BlockRange range, bool is_of_final = false) {
        LogProofOptions proof;
        proof.range = range;
        const auto outcome = world_.prove(proof);
        EXPECT_TRUE(outcome.has_value());
        RepairPlan plan;
        plan.is_of_final = is_of_final;
        plan.add_log(*outcome);
        const Status mended = apply_repair(*world_.database, world_.plan, plan, clock_);
        EXPECT_TRUE(mended.has_value());
        return *outcome;
    }
    /// Of a child's source: who told a block's logs, empty where they are not covered.
    [[nodiscard]] std::string teller_of(const storage::ChildRow& child, uint64_t block_num) const {
        const auto source = static_cast<size_t>(world_.plan->find_source(child.contract));
        const auto coverage = world_.database->coverage();
        for (const storage::CoverageRow& row : coverage.value()) {
            if (row.source == world_.plan->sources()[source].fingerprint &&
                row.range.from <= block_num && block_num <= row.range.to) {
                return row.provider;
            }
        }
        return "";
    }
    /// Of a log in that block that the index does not want.
    [[nodiscard]] uint32_t foreign_index(uint64_t block_num) const {
        const evm::LogBatch& wanted = world_.honest.logs.at(block_num);
        for (const evm::Log& log : world_.chain.final_view().at(block_num)->logs.logs) {
            if (std::ranges::find(wanted.logs, log.log_index, &evm::Log::log_index) ==
                wanted.logs.end()) {
                return log.log_index;
            }
        }
        ADD_FAILURE() << "block " << block_num << " has wanted logs only";
        return 0;
    }

    ProofWorld world_{11, 40};
    DatedClock clock_;
};

TEST_F(RepairTest, WhatAProviderHidOrMadeUpIsMendedFromTheOthersAndTheJournalNamesIt) {
    const std::vector<std::string> wanted = make_wanted();
    const uint64_t seed = 5;
    SCOPED_TRACE(fmt::format("seed {}", seed));
    sim::Random random{seed};
    std::vector<uint64_t> with_logs;
    for (const auto& [block, logs] : world_.honest.logs) {
        with_logs.push_back(block);
    }
    for (uint64_t trial = 0; trial < trials(8); ++trial) {
        HonestIndex told = world_.honest;
        const uint64_t block = with_logs[random.below(with_logs.size())];
        evm::LogBatch& logs = told.logs[block];
        const size_t victim = random.below(logs.logs.size());
        std::string kind;
        switch (random.below(3)) {
            case 0:
                logs.logs.erase(logs.logs.begin() + static_cast<std::ptrdiff_t>(victim));
                kind = "log inserted";
                break;
            case 1: {
                evm::Log made = logs.logs[victim];
                made.log_index = 1'000;
                const Bytes data(logs.data(made).begin(), logs.data(made).end());
                logs.push(made, data);
                kind = "log removed";
                break;
            }
            default:
                if (logs.logs[victim].data_size > 0) {
                    logs.arena[logs.logs[victim].data_offset] ^= 1U;
                } else {
                    logs.logs[victim].topics[0].bytes[31] ^= 1U;
                }
                kind = "log replaced";
        }
        if (logs.logs.empty()) {
            told.logs.erase(block);
        }
        SCOPED_TRACE(fmt::format("trial {}: {} in block {}", trial, kind, block));
        store(told);
        const auto outcome = mend(options());
        ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
        ASSERT_TRUE(outcome->is_whole());
        ASSERT_EQ(outcome->plans.size(), 1U);
        record(outcome->report);
        expect_same(content(*world_.database), wanted);
        ASSERT_FALSE(HasFailure());
        const auto journal = world_.database->read_view()->list_journal(0, 100);
        ASSERT_TRUE(journal.has_value());
        const auto entry = std::ranges::find(*journal, kind, &storage::JournalRow::kind);
        ASSERT_NE(entry, journal->end());
        EXPECT_EQ(entry->block_num, block);
        EXPECT_EQ(entry->provider, "http://a");
        EXPECT_THAT(entry->evidence, testing::HasSubstr("receiptsRoot"));
        EXPECT_EQ(entry->time_s, DatedClock::kUnixS);
    }
}

TEST_F(RepairTest, WhereSeveralHadAnsweredNobodyIsNamedAsTheLiar) {
    HonestIndex told = world_.honest;
    told.logs.begin()->second.arena.assign(told.logs.begin()->second.arena.size(), 0x5a);
    store(told);
    const auto coverage = world_.database->coverage();
    ASSERT_TRUE(coverage.has_value());
    const auto cursor = world_.database->cursor();
    const auto batch = world_.database->make_batch();
    for (storage::CoverageRow row : *coverage) {
        row.provider = "http://a, http://b";
        batch->extend_coverage(row);
    }
    batch->set_cursor(cursor->block_num, cursor->block_hash, cursor->timestamp);
    ASSERT_TRUE(world_.database->commit(*batch, storage::Durability::kBuffered).has_value());
    const auto outcome = mend(options());
    ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
    const auto journal = world_.database->read_view()->list_journal(0, 100);
    ASSERT_TRUE(journal.has_value());
    ASSERT_FALSE(journal->empty());
    for (const storage::JournalRow& row : *journal) {
        EXPECT_EQ(row.provider, "");
        EXPECT_THAT(row.evidence, testing::HasSubstr("told by one of http://a, http://b"));
    }
}

TEST_F(RepairTest, EveryFlippedBitIsMendedToTheByte) {
    static_cast<void>(make_wanted());
    const std::vector<std::string> wanted = whole(*world_.database);
    struct Record {
        std::string family;
        std::string key;
        std::string value;
    };
    std::vector<Record> records;
    const Status dumped = storage::dump_families(
        *world_.database, {},
        [&](std::string_view family, std::string_view key, std::string_view value) {
            if (family.starts_with("entity.") || family.starts_with("index.") || family == "log" ||
                family == "blocks" || family == "log_digest" || family.starts_with("digest")) {
                records.push_back({std::string{family}, std::string{key}, std::string{value}});
            }
        });
    ASSERT_TRUE(dumped.has_value());
    const uint64_t seed = 17;
    SCOPED_TRACE(fmt::format("seed {}", seed));
    sim::Random random{seed};
    const uint64_t count = trials(16);
    for (uint64_t trial = 0; trial < count; ++trial) {
        const Record& record_of = records[random.below(records.size())];
        std::string key = record_of.key;
        std::string value = record_of.value;
        const uint64_t bit = random.below((key.size() + value.size()) * 8);
        char& byte = bit / 8 < key.size() ? key[bit / 8] : value[bit / 8 - key.size()];
        byte = static_cast<char>(byte ^ (1 << (bit % 8)));
        SCOPED_TRACE(fmt::format("trial {}: {} {} bit {}", trial, record_of.family,
                                 evm::to_hex(as_bytes(record_of.key)), bit));
        ASSERT_TRUE(
            storage::poke_record(*world_.database, record_of.family, record_of.key, key, value)
                .has_value());
        const auto outcome = mend(options());
        ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
        ASSERT_FALSE(outcome->plans.empty()) << testing::PrintToString(outcome->left);
        ASSERT_TRUE(outcome->is_whole()) << testing::PrintToString(outcome->left);
        record(outcome->report);
        expect_same(whole(*world_.database), wanted);
        ASSERT_FALSE(HasFailure());
    }
    fmt::print("{} of {} flipped bits found and mended\n", count, count);
}

TEST_F(RepairTest, ADryRunSaysWhatItWouldDoAndChangesNothing) {
    static_cast<void>(make_wanted());
    HonestIndex told = world_.honest;
    told.logs.erase(std::prev(told.logs.end()));
    store(told);
    const std::vector<std::string> before = whole(*world_.database);
    RepairOptions dry = options();
    dry.dry_run = true;
    const auto outcome = mend(dry);
    ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
    ASSERT_EQ(outcome->plans.size(), 1U);
    EXPECT_FALSE(outcome->plans[0].steps.empty());
    EXPECT_FALSE(outcome->is_whole());
    expect_same(whole(*world_.database), before);
}

/// The log proof of what is stored, with what is needed to mend it.
LogProofOutcome RepairTest::look() {
    RepairOptions dry = options();
    dry.dry_run = true;
    dry.verify.with_replay = false;
    const auto outcome = mend(dry);
    EXPECT_TRUE(outcome.has_value() && outcome->report.log);
    return *outcome->report.log;
}

TEST_F(RepairTest, ALogIsNotCalledProvenWhereSomeContractWasNeverAskedAbout) {
    static_cast<void>(make_wanted());
    const Source& source = world_.plan->sources().back();
    const auto cursor = *world_.database->cursor();
    const auto batch = world_.database->make_batch();
    batch->remove_coverage(source.fingerprint, {5, 9});
    batch->set_cursor(cursor.block_num, cursor.block_hash, cursor.timestamp);
    ASSERT_TRUE(world_.database->commit(*batch, storage::Durability::kSync).has_value());
    const auto outcome = mend(options());
    ASSERT_TRUE(outcome.has_value());
    EXPECT_EQ(outcome->report.log->level, storage::ProofLevel::kNone);
    ASSERT_EQ(outcome->report.unproven.size(), 1U);
    EXPECT_THAT(outcome->report.unproven[0],
                testing::AllOf(testing::HasSubstr("blocks 5 to 9 were not all fetched yet"),
                               testing::HasSubstr(source.contract)));
    RepairOptions elsewhere = options();
    elsewhere.verify.from = 10;
    const auto above = mend(elsewhere);
    ASSERT_TRUE(above.has_value());
    EXPECT_TRUE(above->report.unproven.empty());
}

TEST_F(RepairTest, UnaskedOnlyWhatTheReceiptsReachIsDeleted) {
    struct Case {
        const char* name;
        bool has_known_txn;
        bool is_past_the_end;
        bool is_mended;
    };
    static_cast<void>(make_wanted());
    const auto& [block_num, honest] = *world_.honest.logs.begin();
    for (const Case& each :
         {Case{"another's index, a transaction that nobody has", false, false, false},
          Case{"a transaction of the block", true, false, true},
          Case{"past the end of the block", false, true, true}}) {
        SCOPED_TRACE(each.name);
        HonestIndex told = world_.honest;
        evm::LogBatch& logs = told.logs[block_num];
        evm::Log made = logs.logs.back();
        made.log_index = each.is_past_the_end ? 1'000 : foreign_index(block_num);
        made.txn_index = each.is_past_the_end ? 900 : 0;
        if (!each.has_known_txn) {
            made.txn_hash.bytes[0] ^= 1U;
        }
        const Bytes data(logs.data(made).begin(), logs.data(made).end());
        logs.push(made, data);
        std::ranges::sort(logs.logs, {}, &evm::Log::log_index);
        store(told);
        RepairPlan plan;
        plan.add_certain_log(look(), 10);
        EXPECT_EQ(plan.blocks.size(), each.is_mended ? 1U : 0U);
        EXPECT_EQ(plan.left.empty(), each.is_mended);
        EXPECT_EQ(plan.is_empty(), !each.is_mended);
    }
}

TEST_F(RepairTest, UnaskedOnlySoManyBlocksAreMendedTheLowestFirst) {
    static_cast<void>(make_wanted());
    HonestIndex told = world_.honest;
    ASSERT_GE(told.logs.size(), 3U);
    std::vector<uint64_t> blocks;
    for (auto at = told.logs.begin(); blocks.size() < 3; at = told.logs.erase(at)) {
        blocks.push_back(at->first);
    }
    store(told);
    const LogProofOutcome found = look();
    RepairPlan plan;
    EXPECT_TRUE(plan.add_certain_log(found, 2)) << "more is wrong";
    ASSERT_EQ(plan.blocks.size(), 2U);
    EXPECT_EQ(plan.blocks[0].header.block_num, blocks[0]);
    EXPECT_EQ(plan.blocks[1].header.block_num, blocks[1]);
    ASSERT_EQ(plan.left.size(), 1U);
    EXPECT_THAT(plan.left[0], testing::HasSubstr("plumbline task add DB repair"));
    RepairPlan nothing;
    EXPECT_TRUE(nothing.add_certain_log(found, 0));
    EXPECT_TRUE(nothing.is_empty());
    RepairPlan all;
    EXPECT_FALSE(all.add_certain_log(found, 3));
}

TEST_F(RepairTest, ABlockThatWasExchangedSinceItWasJudgedIsLeftAsItIs) {
    static_cast<void>(make_wanted());
    HonestIndex told = world_.honest;
    const uint64_t block_num = told.logs.begin()->first;
    told.logs.begin()->second.arena[0] ^= 1U;
    store(told);
    RepairPlan plan;
    plan.add_certain_log(look(), 10);
    ASSERT_EQ(plan.blocks.size(), 1U);
    // As a reorg between the proof and the writing does it.
    storage::BlockRow row = world_.database->read_view()->get_block(block_num).value();
    row.hash.bytes[0] ^= 1U;
    const auto cursor = *world_.database->cursor();
    const auto batch = world_.database->make_batch();
    batch->append_block(row);
    batch->set_cursor(cursor.block_num, cursor.block_hash, cursor.timestamp);
    ASSERT_TRUE(world_.database->commit(*batch, storage::Durability::kSync).has_value());
    const std::vector<std::string> before = whole(*world_.database);
    ASSERT_TRUE(apply_repair(*world_.database, world_.plan, plan, clock_).has_value());
    expect_same(whole(*world_.database), before);
    EXPECT_TRUE(world_.database->read_view()->list_journal(0, 10).value().empty());
}

TEST_F(RepairTest, LogsOfAContractThatCameToBeKnownByAMendingAreTheFaultOfWhoHidIt) {
    const storage::ChildRow child = world_.honest.children.front();
    store(without(child));
    const auto batch = world_.database->make_batch();
    const auto cursor = *world_.database->cursor();
    for (const Source& source : world_.plan->sources()) {
        batch->remove_coverage(source.fingerprint);
        batch->extend_coverage({source.fingerprint,
                                {0, child.block_num},
                                "http://liar",
                                storage::ProofLevel::kFetched});
        batch->extend_coverage({source.fingerprint,
                                {child.block_num + 1, cursor.block_num},
                                "http://honest",
                                storage::ProofLevel::kFetched});
    }
    batch->set_cursor(cursor.block_num, cursor.block_hash, cursor.timestamp);
    ASSERT_TRUE(world_.database->commit(*batch, storage::Durability::kSync).has_value());

    ASSERT_FALSE(mend_log({1, child.block_num}).findings.empty());
    ASSERT_EQ(teller_of(child, child.block_num + 1), "http://honest");
    const LogProofOutcome later = mend_log({child.block_num + 1, world_.head()});
    ASSERT_FALSE(later.findings.empty());
    for (const Finding& finding : later.findings.kept) {
        EXPECT_EQ(finding.kind, FindingKind::kLogMissing);
        EXPECT_EQ(finding.provider, "http://liar") << describe(finding);
    }
    EXPECT_TRUE(mend_log({1, world_.head()}).findings.empty());
}

TEST_F(RepairTest, WhatIsNotFinalIsNotCoveredForAContractThatCameToBeKnownByAMending) {
    const storage::ChildRow child = world_.honest.children.front();
    const uint64_t finalized = child.block_num + 2;
    ASSERT_LT(finalized, world_.head());
    store(without(child), finalized);
    ASSERT_FALSE(mend_log({1, finalized}, true).new_children.empty());
    EXPECT_EQ(teller_of(child, finalized), "http://a");
    EXPECT_EQ(teller_of(child, finalized + 1), "") << "nobody was asked about it there";
    EXPECT_EQ(teller_of(child, world_.head()), "");

    store(without(child), finalized);
    ASSERT_FALSE(mend_log({1, world_.head()}).new_children.empty());
    EXPECT_EQ(teller_of(child, finalized + 1), "http://a") << "that proof goes on to the head";
}

TEST_F(RepairTest, CutOffAfterItsCommitItIsFinishedByTheNextOne) {
    const std::vector<std::string> wanted = make_wanted();
    HonestIndex told = world_.honest;
    told.logs.erase(told.logs.begin());
    store(told);
    RepairOptions cut = options();
    cut.apply = [this](const RepairPlan& plan) {
        RebuildOptions rebuild_options;
        rebuild_options.is_cancelled = [] { return true; };
        return apply_repair(*world_.database, world_.plan, plan, clock_, rebuild_options);
    };
    const auto outcome = mend(cut);
    ASSERT_FALSE(outcome.has_value());
    EXPECT_EQ(outcome.error().code, ErrorCode::kCancelled);
    EXPECT_TRUE(world_.database->needs_refold());
    const std::string path = world_.database->path();
    world_.database.reset();
    auto opened = storage::Database::open(path, {});
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    world_.database = *std::move(opened);
    EXPECT_TRUE(world_.database->needs_refold());
    const auto again = mend(options());
    ASSERT_TRUE(again.has_value()) << again.error().message;
    EXPECT_TRUE(again->is_whole());
    EXPECT_FALSE(world_.database->needs_refold());
    record(again->report);
    expect_same(content(*world_.database), wanted);
}

TEST_F(RepairTest, StoppedAfterItsCommitItDoesNotFoldAndTheOrderToFoldStays) {
    static_cast<void>(make_wanted());
    HonestIndex told = world_.honest;
    told.logs.erase(told.logs.begin());
    store(told);
    std::stop_source stop;
    RepairOptions stopped = options();
    stopped.verify.stop = stop.get_token();
    stopped.on_plan = [&stop](const RepairPlan&) { stop.request_stop(); };
    const auto outcome = mend(stopped);
    ASSERT_FALSE(outcome.has_value());
    EXPECT_EQ(outcome.error().code, ErrorCode::kCancelled);
    EXPECT_TRUE(world_.database->needs_refold());
}

TEST_F(RepairTest, WithoutAProviderTheLogIsLeftAndSaidSo) {
    static_cast<void>(make_wanted());
    const auto view = world_.database->read_view();
    const auto scan = view->scan_logs(0, UINT64_MAX);
    ASSERT_TRUE(scan->valid());
    const uint64_t block = scan->record().log.block_num;
    {
        std::string log_key;
        for (const auto& line : {block}) {
            for (int shift = 56; shift >= 0; shift -= 8) {
                log_key.push_back(static_cast<char>(line >> shift));
            }
        }
        for (int shift = 24; shift >= 0; shift -= 8) {
            log_key.push_back(static_cast<char>(scan->record().log.log_index >> shift));
        }
        ASSERT_TRUE(storage::poke_family(*world_.database, "log", log_key, {}).has_value());
    }
    const auto outcome = repair(*world_.database, world_.plan, nullptr, options());
    ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
    EXPECT_FALSE(outcome->is_whole());
    EXPECT_THAT(outcome->left, testing::Contains(testing::HasSubstr("--rpc")));
}

}  // namespace
}  // namespace plumbline::engine::repair_test
