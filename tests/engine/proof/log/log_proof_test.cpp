// The log proof against chains whose headers, blooms and receipts are true: every damage is found,
// nothing else is; what cannot be proven is never called wrong.
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/logging.hpp"
#include "engine/proof/log/log_proof_record.hpp"
#include "engine/proof/log/log_proof_run.hpp"
#include "engine/proof/log/log_prover.hpp"
#include "tests/engine/proof/proof_world.hpp"

namespace plumbline::engine::log_proof_test {
namespace {

using nlohmann::json;
using storage::ProofLevel;
using test::HonestIndex;
using test::ProofWorld;

std::string text_of(const LogProofOutcome& outcome) {
    std::string out = fmt::format("level {}, {}", to_string(outcome.level), outcome.reason);
    for (const Finding& finding : outcome.findings.kept) {
        out += fmt::format("\n{} {}/{} {} stored {} expected {} ({})", to_string(finding.kind),
                           finding.block_num, finding.log_index, finding.field, finding.stored,
                           finding.expected, finding.detail);
    }
    return out;
}

/// (kind, block, log index), sorted.
using Expected = std::multiset<std::tuple<FindingKind, uint64_t, uint32_t>>;
Expected found_by(const LogProofOutcome& outcome) {
    Expected out;
    for (const Finding& finding : outcome.findings.kept) {
        out.emplace(finding.kind, finding.block_num, finding.log_index);
    }
    return out;
}

/// What a provider told of the logs of some blocks, instead of the truth.
enum class Lie : uint8_t { kNone, kDropOne, kDropBlock, kAlterData, kInvent };

/// Lies once in blocks `range`; what has to be found. kNone where there is nothing to lie about.
Expected tell_lie(Lie lie, evm::BlockRange range, sim::Random& random, const ProofWorld& world,
                  HonestIndex& index) {
    Expected expected;
    std::vector<uint64_t> with_logs;
    for (uint64_t n = range.from; n <= range.to; ++n) {
        if (index.logs.contains(n)) {
            with_logs.push_back(n);
        }
    }
    if (with_logs.empty() || lie == Lie::kNone) {
        return expected;
    }
    const uint64_t block = with_logs[random.below(with_logs.size())];
    evm::LogBatch& logs = index.logs[block];
    const size_t victim = random.below(logs.logs.size());
    const evm::Log log = logs.logs[victim];
    switch (lie) {
        case Lie::kDropOne:
            logs.logs.erase(logs.logs.begin() + static_cast<std::ptrdiff_t>(victim));
            expected.emplace(FindingKind::kLogMissing, block, log.log_index);
            break;
        case Lie::kDropBlock:
            for (const evm::Log& gone : logs.logs) {
                expected.emplace(FindingKind::kLogMissing, block, gone.log_index);
            }
            logs.logs.clear();
            break;
        case Lie::kAlterData:
            if (log.data_size > 0) {
                logs.arena[log.data_offset + random.below(log.data_size)] ^=
                    static_cast<uint8_t>(1U << random.below(8));
            } else {
                logs.logs[victim].topics[1].bytes[31] ^= 1U;
            }
            expected.emplace(FindingKind::kLogAltered, block, log.log_index);
            break;
        case Lie::kInvent: {
            // Where another contract's log stands, or behind the last.
            evm::Log made = log;
            const sim::SimBlock& real = *world.chain.final_view().at(block);
            made.log_index = static_cast<uint32_t>(real.logs.logs.size() + random.below(3));
            for (const evm::Log& other : real.logs.logs) {
                const bool is_ours = std::ranges::any_of(logs.logs, [&](const evm::Log& ours) {
                    return ours.log_index == other.log_index;
                });
                if (!is_ours && random.chance(0.5)) {
                    made.log_index = other.log_index;
                }
            }
            const Bytes data(logs.data(log).begin(), logs.data(log).end());
            logs.push(made, data);
            std::ranges::sort(logs.logs, {}, &evm::Log::log_index);
            expected.emplace(FindingKind::kLogInvented, block, made.log_index);
            break;
        }
        case Lie::kNone: break;
    }
    if (logs.logs.empty()) {
        index.logs.erase(block);
    }
    return expected;
}

/// Answers nothing any more.
class SpentSource final : public rpc::ChainSource {
  public:
    size_t asked = 0;

    void get_chain_id(Callback<uint64_t> done) override { refuse(done); }
    void get_heads(Callback<rpc::Heads> done) override { refuse(done); }
    void get_headers(std::vector<uint64_t> /*nums*/,
                     Callback<std::vector<evm::Header>> done) override {
        refuse(done);
    }
    void get_header_by_hash(evm::Hash /*hash*/, Callback<evm::Header> done) override {
        refuse(done);
    }
    void get_range(rpc::LogFilter /*filter*/, evm::BlockRange /*range*/, bool /*all*/,
                   Callback<rpc::RangeLogs> done) override {
        refuse(done);
    }
    void get_txns(std::vector<evm::Hash> /*hashes*/,
                  Callback<std::vector<rpc::TxnInfo>> done) override {
        refuse(done);
    }
    uint64_t suggest_range_size(const rpc::LogFilter& /*filter*/, uint64_t /*from*/) override {
        return 1;
    }
    size_t poll(int64_t /*wait_ms*/) override { return 0; }
    [[nodiscard]] size_t in_flight() const override { return 0; }
    [[nodiscard]] bool has_given_up() const override { return true; }

  private:
    template <typename Done>
    void refuse(const Done& done) {
        ++asked;
        done(Error{ErrorCode::kUnavailable, "nothing has come from the chain"});
    }
};

class LogProofTest : public ::testing::Test {
  protected:
    LogProofTest() { logging::configure(logging::Level::kOff, logging::Format::kText); }
};

TEST_F(LogProofTest, TheWholeChainProvesToReceipts) {
    ProofWorld world{7, 300};
    world.store(world.honest);
    for (const uint64_t range_blocks : {1'000ULL, 37ULL, 1ULL}) {
        LogProofOptions options;
        options.range = {0, world.head()};
        options.range_blocks = range_blocks;
        const auto outcome = world.prove(options);
        ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
        EXPECT_TRUE(outcome->is_complete);
        EXPECT_EQ(outcome->level, ProofLevel::kReceipts) << text_of(*outcome);
        EXPECT_TRUE(outcome->findings.empty()) << text_of(*outcome);
        EXPECT_EQ(outcome->profile.kind, ChainKind::kEthereum);
        EXPECT_EQ(outcome->reason, "");
        EXPECT_EQ(outcome->counts.blocks, world.head() + 1);
        EXPECT_EQ(outcome->counts.by_bloom + outcome->counts.by_receipts, world.head() + 1);
        size_t logs = 0;
        for (const auto& [block, batch] : world.honest.logs) {
            logs += batch.logs.size();
        }
        EXPECT_EQ(outcome->counts.logs, logs);
    }
}

TEST_F(LogProofTest, AChainThatLeavesOutNumbersProvesToReceipts) {
    for (const double gap_chance : {0.05, 0.5}) {
        ProofWorld world{9, 150, 2, gap_chance};
        world.store(world.honest);
        for (const uint64_t range_blocks : {1'000ULL, 37ULL, 1ULL}) {
            SCOPED_TRACE(fmt::format("gaps {}, pieces of {}", gap_chance, range_blocks));
            LogProofOptions options;
            options.range = {0, world.head()};
            options.range_blocks = range_blocks;
            const auto outcome = world.prove(options);
            ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
            EXPECT_TRUE(outcome->is_complete);
            EXPECT_EQ(outcome->level, ProofLevel::kReceipts) << text_of(*outcome);
            EXPECT_TRUE(outcome->findings.empty()) << text_of(*outcome);
            EXPECT_EQ(outcome->counts.blocks, world.head() + 1);
        }
    }
}

TEST_F(LogProofTest, LogsThatAreStoredOfANumberWithoutABlockAreInvented) {
    ProofWorld world{9, 150, 2, 0.3};
    uint64_t gap = 10;
    while (!evm::is_gap(world.header(gap))) {
        ++gap;
    }
    HonestIndex index = world.honest;
    const evm::LogBatch& some = index.logs.begin()->second;
    evm::Log log = some.logs.front();
    log.block_num = gap;
    log.log_index = 0;
    log.block_hash = world.header(gap).hash;
    const Bytes data(some.data(some.logs.front()).begin(), some.data(some.logs.front()).end());
    index.logs[gap].push(log, data);
    world.store(index);
    LogProofOptions options;
    options.range = {0, world.head()};
    const auto outcome = world.prove(options);
    ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
    EXPECT_EQ(found_by(*outcome), (Expected{{FindingKind::kLogInvented, gap, 0}}))
        << text_of(*outcome);
}

TEST_F(LogProofTest, ABlockThatANodeCallsAGapIsProvenAllTheSame) {
    // Every node denies the block by its number; its child names it, so that its hash is asked for.
    ProofWorld world{9, 100};
    world.store(world.honest);
    const uint64_t denied = std::prev(world.honest.logs.lower_bound(world.head() - 2))->first;
    for (const char* url : {"http://a", "http://b"}) {
        world.nodes.spoils[url] = [denied](const std::string& method, const json& params,
                                           json& answer) {
            if (method == "eth_getBlockByNumber" && params[0] == evm::to_quantity(denied)) {
                answer["result"] = nullptr;
            }
        };
    }
    for (const uint64_t range_blocks : {1'000ULL, 1ULL}) {
        LogProofOptions options;
        options.range = {denied - 5, world.head()};
        options.range_blocks = range_blocks;
        const auto outcome = world.prove(options);
        ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
        EXPECT_EQ(outcome->level, ProofLevel::kReceipts) << text_of(*outcome);
        EXPECT_TRUE(outcome->findings.empty()) << text_of(*outcome);
    }
}

TEST_F(LogProofTest, EveryLieIsFoundAndNothingElse) {
    constexpr uint64_t kTrials = 1'000;
    constexpr uint64_t kBlocks = 8;
    const uint64_t seed = 20'260'101;
    ProofWorld world{seed, kTrials * kBlocks};
    sim::Random random{seed};
    HonestIndex told = world.honest;
    std::vector<Expected> expected;
    std::array<uint64_t, 5> count{};
    for (uint64_t i = 0; i < kTrials; ++i) {
        const auto lie = static_cast<Lie>(random.below(5));
        expected.push_back(
            tell_lie(lie, {i * kBlocks + 1, (i + 1) * kBlocks}, random, world, told));
        ++count[expected.back().empty() ? 0 : static_cast<size_t>(lie)];
    }
    world.store(told);
    for (uint64_t i = 0; i < kTrials; ++i) {
        LogProofOptions options;
        options.range = {i * kBlocks + 1, (i + 1) * kBlocks};
        options.anchor = evm::BlockId{options.range.to, world.header(options.range.to).hash};
        options.profile = ChainProfile{};
        options.range_blocks = 1 + random.below(12);
        options.seed = random.next();
        // Who proves may lie as well: about every third block one of the two leaves a log out.
        const uint64_t liar = random.below(3);
        world.nodes.spoils.clear();
        if (liar < 2) {
            world.nodes.spoils[liar == 0 ? "http://a" : "http://b"] =
                [&random](const std::string& method, const json&, json& answer) {
                    if (method == "eth_getBlockReceipts" && random.chance(0.3)) {
                        for (json& receipt : answer["result"]) {
                            if (!receipt["logs"].empty()) {
                                receipt["logs"].erase(0);
                                return;
                            }
                        }
                    }
                };
        }
        world.clock.advance(600'000);  // who lied is asked again
        const auto outcome = world.prove(options);
        ASSERT_TRUE(outcome.has_value()) << "trial " << i << ": " << outcome.error().message;
        ASSERT_EQ(found_by(*outcome), expected[i]) << "trial " << i << ": " << text_of(*outcome);
        ASSERT_TRUE(outcome->is_complete);
        if (expected[i].empty()) {
            ASSERT_EQ(outcome->level, ProofLevel::kReceipts) << "trial " << i << text_of(*outcome);
            continue;
        }
        ASSERT_EQ(outcome->level, ProofLevel::kFetched);
        ASSERT_EQ(outcome->findings.kept.front().provider, "http://a");
        // Repair needs nothing but this.
        ASSERT_EQ(outcome->proven.size(), 1U);
        const ProvenBlock& proven = outcome->proven.front();
        const evm::LogBatch& truth = world.honest.logs.at(proven.header.block_num);
        ASSERT_TRUE(proven.has_receipts);
        ASSERT_EQ(proven.logs.logs.size(), truth.logs.size());
        for (size_t n = 0; n < truth.logs.size(); ++n) {
            ASSERT_TRUE(equal(proven.logs.data(proven.logs.logs[n]), truth.data(truth.logs[n])));
            ASSERT_EQ(proven.logs.logs[n].log_index, truth.logs[n].log_index);
            ASSERT_EQ(proven.logs.logs[n].txn_hash, truth.logs[n].txn_hash);
        }
    }
    fmt::print(
        "{} trials: {} without a lie, {} one log dropped, {} a block dropped, {} altered, "
        "{} invented\n",
        kTrials, count[0], count[1], count[2], count[3], count[4]);
}

TEST_F(LogProofTest, LogsOfContractsThatADroppedEventAnnouncedAreFoundToo) {
    ProofWorld world{3, 300};
    ASSERT_FALSE(world.honest.children.empty());
    // As if the announcement had never come: neither the child nor any log of it is there.
    const storage::ChildRow child = world.honest.children.front();
    HonestIndex told = world.honest;
    Expected expected;
    std::erase_if(told.children,
                  [&](const storage::ChildRow& row) { return row.address == child.address; });
    for (auto& [block, batch] : told.logs) {
        for (const evm::Log& log : batch.logs) {
            if (log.address == child.address ||
                (block == child.block_num && log.log_index == child.log_index)) {
                expected.emplace(FindingKind::kLogMissing, block, log.log_index);
            }
        }
        std::erase_if(batch.logs, [&expected, block_num = block](const evm::Log& log) {
            return expected.contains({FindingKind::kLogMissing, block_num, log.log_index});
        });
    }
    std::erase_if(told.logs, [](const auto& entry) { return entry.second.logs.empty(); });
    ASSERT_GT(expected.size(), 2U);
    world.store(told);
    LogProofOptions options;
    options.range = {1, world.head()};
    const auto outcome = world.prove(options);
    ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
    EXPECT_EQ(found_by(*outcome), expected) << text_of(*outcome);
    ASSERT_FALSE(outcome->new_children.empty());
    EXPECT_EQ(outcome->new_children.front(), child);
}

TEST_F(LogProofTest, BlocksAboveAnAnnouncementThatWasDroppedAreNotCalledProven) {
    ProofWorld world{3, 300};
    const storage::ChildRow child = world.honest.children.front();
    HonestIndex told = world.honest;
    std::set<uint64_t> lacking;
    std::erase_if(told.children,
                  [&](const storage::ChildRow& row) { return row.address == child.address; });
    for (auto& [block, batch] : told.logs) {
        const size_t before = batch.logs.size();
        std::erase_if(batch.logs, [&, block_num = block](const evm::Log& log) {
            return log.address == child.address ||
                   (block_num == child.block_num && log.log_index == child.log_index);
        });
        if (batch.logs.size() != before) {
            lacking.insert(block);
        }
    }
    std::erase_if(told.logs, [](const auto& entry) { return entry.second.logs.empty(); });
    ASSERT_GT(*lacking.rbegin(), child.block_num + 16);
    world.store(told);
    LogProofOptions options;
    options.range = {1, world.head()};
    options.range_blocks = 8;
    const auto outcome = prove_range(
        *world.pool, *read_log_proof_input(*world.database), world.plan, world.clock, options,
        {{}, [&](const LogProofPiece& piece, uint64_t /*done*/, uint64_t /*total*/) {
             const auto batch = world.database->make_batch();
             ASSERT_TRUE(add_levels(*batch, *world.database, *world.plan, piece).has_value());
             ASSERT_TRUE(world.database->commit(*batch, storage::Durability::kSync).has_value());
         }});
    ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
    const int source = world.plan->find_source(child.contract);
    const auto coverage = world.database->coverage();
    for (const storage::CoverageRow& row : coverage.value()) {
        for (const uint64_t block : lacking) {
            EXPECT_FALSE(row.source ==
                             world.plan->sources()[static_cast<size_t>(source)].fingerprint &&
                         row.range.from <= block && block <= row.range.to &&
                         row.level > ProofLevel::kFetched)
                << block;
        }
    }
}

TEST_F(LogProofTest, EachLevelSaysWhatItHasSeenAndAsksNoMore) {
    ProofWorld world{11, 200};
    world.store(world.honest);
    LogProofOptions options;
    options.range = {1, world.head()};
    options.profile = ChainProfile{};
    options.level = ProofLevel::kLinked;
    const auto linked = world.prove(options);
    ASSERT_TRUE(linked.has_value());
    EXPECT_EQ(linked->level, ProofLevel::kLinked) << text_of(*linked);
    EXPECT_EQ(world.nodes.calls["eth_getBlockReceipts"], 0U);
    options.level = ProofLevel::kBloom;
    const auto bloom = world.prove(options);
    ASSERT_TRUE(bloom.has_value());
    EXPECT_EQ(bloom->level, ProofLevel::kBloom) << text_of(*bloom);
    EXPECT_EQ(world.nodes.calls["eth_getBlockReceipts"], 0U);
    options.level = ProofLevel::kReceipts;
    options.sample = 0.25;
    const auto sampled = world.prove(options);
    ASSERT_TRUE(sampled.has_value());
    EXPECT_EQ(sampled->level, ProofLevel::kBloom);
    EXPECT_NE(sampled->reason, "");
    EXPECT_GT(sampled->counts.unsettled, sampled->counts.receipts_calls);
    EXPECT_TRUE(sampled->findings.empty());
}

TEST_F(LogProofTest, ABloomFindsWhatItExcludesWithoutReceipts) {
    ProofWorld world{13, 100};
    HonestIndex told = world.honest;
    evm::LogBatch& batch = told.logs.begin()->second;
    batch.logs[0].topics[0].bytes[0] ^= 0x80U;
    world.store(told);
    LogProofOptions options;
    options.range = {1, world.head()};
    options.level = ProofLevel::kBloom;
    const auto outcome = world.prove(options);
    ASSERT_TRUE(outcome.has_value());
    EXPECT_EQ(
        found_by(*outcome),
        (Expected{{FindingKind::kLogInvented, told.logs.begin()->first, batch.logs[0].log_index}}));
}

TEST_F(LogProofTest, AChainWhoseHeadersDoNotHashIsNotProvableAndNotWrong) {
    ProofWorld world{17, 60};
    HonestIndex told = world.honest;
    told.logs.erase(told.logs.begin());
    world.store(told);
    for (const char* url : {"http://a", "http://b"}) {
        world.nodes.spoils[url] = [](const std::string& method, const json&, json& answer) {
            if (method == "eth_getBlockByNumber" && !answer["result"].is_null()) {
                answer["result"]["gasUsed"] = "0x1234567";
            }
        };
    }
    LogProofOptions options;
    options.range = {1, world.head()};
    const auto outcome = world.prove(options);
    ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
    EXPECT_FALSE(outcome->is_complete);
    EXPECT_EQ(outcome->level, ProofLevel::kNone);
    EXPECT_EQ(outcome->profile.kind, ChainKind::kNone);
    EXPECT_TRUE(outcome->findings.empty());
    EXPECT_THAT(outcome->reason, ::testing::HasSubstr("not provable on this chain"));
}

TEST_F(LogProofTest, AChainThatOnceWasOfAnotherKindIsProvenDownToThere) {
    ProofWorld world{17, 60};
    world.store(world.honest);
    constexpr uint64_t kLastOld = 21;
    for (const char* url : {"http://a", "http://b"}) {
        world.nodes.spoils[url] = [](const std::string& method, const json&, json& answer) {
            if (method == "eth_getBlockByNumber" && !answer["result"].is_null() &&
                std::stoull(answer["result"]["number"].get<std::string>(), nullptr, 16) <=
                    kLastOld) {
                answer["result"]["gasUsed"] = "0x1234567";
            }
        };
    }
    LogProofOptions options;
    options.range = {1, world.head()};
    options.range_blocks = 10;
    const auto outcome = world.prove(options);
    ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
    EXPECT_FALSE(outcome->is_complete);
    EXPECT_TRUE(outcome->has_ended);
    EXPECT_EQ(outcome->level, ProofLevel::kReceipts) << text_of(*outcome);
    ASSERT_TRUE(outcome->range.has_value());
    EXPECT_GT(outcome->range->from, kLastOld);
    EXPECT_LE(outcome->range->from, kLastOld + options.range_blocks);
    EXPECT_TRUE(outcome->findings.empty()) << text_of(*outcome);
    EXPECT_THAT(outcome->reason, ::testing::HasSubstr("not provable on this chain"));
}

TEST_F(LogProofTest, AChainWhoseReceiptsDoNotHashStaysLinked) {
    ProofWorld world{19, 60};
    HonestIndex told = world.honest;
    told.logs.erase(told.logs.begin());
    world.store(told);
    for (const char* url : {"http://a", "http://b"}) {
        world.nodes.spoils[url] = [](const std::string& method, const json&, json& answer) {
            if (method == "eth_getBlockReceipts" && !answer["result"].empty()) {
                answer["result"][0]["cumulativeGasUsed"] = "0x1";
            }
        };
    }
    LogProofOptions options;
    options.range = {1, world.head()};
    const auto outcome = world.prove(options);
    ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
    EXPECT_TRUE(outcome->is_complete);
    EXPECT_EQ(outcome->level, ProofLevel::kLinked) << text_of(*outcome);
    EXPECT_FALSE(outcome->profile.receipts);
    EXPECT_TRUE(outcome->findings.empty()) << text_of(*outcome);
    EXPECT_THAT(outcome->reason, ::testing::HasSubstr("not provable on this chain"));
}

TEST_F(LogProofTest, OneLyingProviderIsPassedOverWhereAnotherIsHonest) {
    ProofWorld world{23, 120};
    world.store(world.honest);
    world.nodes.spoils["http://a"] = [](const std::string& method, const json&, json& answer) {
        if (method == "eth_getBlockReceipts" && !answer["result"].empty()) {
            answer["result"][0]["logs"] = json::array();
        }
        if (method == "eth_getBlockByNumber" && answer["result"].is_object() &&
            answer["result"]["number"] == "0x20") {
            answer["result"]["timestamp"] = "0x1";
        }
    };
    LogProofOptions options;
    options.range = {1, world.head()};
    const auto outcome = world.prove(options);
    ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
    EXPECT_EQ(outcome->level, ProofLevel::kReceipts) << text_of(*outcome);
    EXPECT_TRUE(outcome->findings.empty()) << text_of(*outcome);
    EXPECT_GT(world.pool->stats()[0].lies, 0U);
    EXPECT_EQ(world.pool->stats()[1].lies, 0U);
}

TEST_F(LogProofTest, NodesWithoutBlockReceiptsAreAskedTransactionByTransaction) {
    ProofWorld world{29, 60, 1};
    world.store(world.honest);
    world.nodes.spoils["http://a"] = [](const std::string& method, const json&, json& answer) {
        if (method == "eth_getBlockReceipts") {
            answer.erase("result");
            answer["error"] = {{"code", -32601},
                               {"message",
                                "the method eth_getBlockReceipts does not exist/is not "
                                "available"}};
        }
    };
    LogProofOptions options;
    options.range = {1, world.head()};
    const auto outcome = world.prove(options);
    ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
    EXPECT_EQ(outcome->level, ProofLevel::kReceipts) << text_of(*outcome);
    EXPECT_GT(world.nodes.calls["eth_getTransactionReceipt"], 0U);
    // Once it is known, it is not tried again.
    EXPECT_LT(world.nodes.calls["eth_getBlockReceipts"],
              world.nodes.calls["eth_getTransactionReceipt"] / 2);
}

TEST_F(LogProofTest, MissingReceiptsLeaveABlockAtItsBloom) {
    ProofWorld world{31, 60};
    world.store(world.honest);
    for (const char* url : {"http://a", "http://b"}) {
        world.nodes.spoils[url] = [](const std::string& method, const json&, json& answer) {
            if (method == "eth_getBlockReceipts") {
                answer["result"] = nullptr;
            }
        };
    }
    LogProofOptions options;
    options.range = {1, world.head()};
    options.profile = ChainProfile{};
    const auto outcome = world.prove(options);
    ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
    EXPECT_EQ(outcome->level, ProofLevel::kBloom) << text_of(*outcome);
    EXPECT_GT(outcome->counts.unprovable, 0U);
    EXPECT_TRUE(outcome->findings.empty());
}

TEST_F(LogProofTest, WithoutTrustInBloomsEveryBlockIsLookedAt) {
    ProofWorld world{37, 40};
    HonestIndex told = world.honest;
    const auto victim = std::next(told.logs.begin(), 3);
    Expected expected;
    for (const evm::Log& log : victim->second.logs) {
        expected.emplace(FindingKind::kLogMissing, victim->first, log.log_index);
    }
    told.logs.erase(victim);
    world.store(told);
    ChainProfile no_blooms;
    no_blooms.blooms = false;
    LogProofOptions options;
    options.range = {1, world.head()};
    options.profile = no_blooms;
    const auto outcome = world.prove(options);
    ASSERT_TRUE(outcome.has_value());
    EXPECT_EQ(found_by(*outcome), expected);
    EXPECT_EQ(outcome->counts.by_bloom, 0U);
}

TEST_F(LogProofTest, OneUntrueBloomEndsTheTrustInAllOfThem) {
    // A chain whose blooms are always empty: believed, they would prove every block empty.
    ProofWorld world{67, 80};
    std::vector<evm::Header> headers = test::headers_of(world.chain);
    for (size_t n = 1; n < headers.size(); ++n) {
        headers[n].logs_bloom = {};
        headers[n].parent_hash = headers[n - 1].hash;
        headers[n].hash = evm::compute_hash(headers[n]);
    }
    HonestIndex told = world.honest;
    const auto victim = std::next(told.logs.begin(), 5);
    Expected expected;
    for (const evm::Log& log : victim->second.logs) {
        expected.emplace(FindingKind::kLogMissing, victim->first, log.log_index);
    }
    told.logs.erase(victim);
    world.database = test::make_database(world.directory.sub("db"), headers, *world.plan, told);
    for (const bool self_test : {true, false}) {
        test::PlainSource source{world.chain, headers};
        LogProofOptions options;
        options.range = {1, world.head()};
        if (!self_test) {
            options.profile = ChainProfile{};
        }
        const auto outcome = prove_range(source, *read_log_proof_input(*world.database), world.plan,
                                         world.clock, options);
        ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
        EXPECT_EQ(found_by(*outcome), expected) << self_test << text_of(*outcome);
        EXPECT_FALSE(outcome->profile.blooms);
        EXPECT_EQ(outcome->counts.by_bloom, 0U);
        EXPECT_EQ(outcome->reason, "") << "receipts settle it all the same";
        EXPECT_THAT(outcome->profile.reason, ::testing::HasSubstr("bloom"));
    }
}

TEST_F(LogProofTest, AnotherBranchIsNoFinding) {
    ProofWorld world{41, 60};
    ProofWorld other{42, 60};
    world.store(world.honest);
    auto input = read_log_proof_input(*world.database);
    ASSERT_TRUE(input.has_value());
    LogProofOptions options;
    options.range = {1, world.head()};
    const auto outcome =
        prove_range(*other.pool, *std::move(input), world.plan, other.clock, options);
    ASSERT_FALSE(outcome.has_value());
    EXPECT_EQ(outcome.error().code, ErrorCode::kReorg);
}

TEST_F(LogProofTest, GoesOnWhereAnEarlierProofHasStopped) {
    ProofWorld world{43, 200};
    world.store(world.honest);
    LogProofOptions options;
    options.range = {100, world.head()};
    const auto upper = world.prove(options);
    ASSERT_TRUE(upper.has_value());
    ASSERT_TRUE(upper->below.has_value());
    EXPECT_EQ(*upper->below, (evm::BlockId{99, world.header(99).hash}));
    const uint64_t before = world.nodes.calls["eth_getBlockByNumber"];
    options.range = {50, 99};
    options.anchor = upper->below;
    options.profile = upper->profile;
    const auto lower = world.prove(options);
    ASSERT_TRUE(lower.has_value());
    EXPECT_EQ(lower->level, ProofLevel::kReceipts);
    EXPECT_EQ(lower->counts.header_calls, 50U);
    EXPECT_LE(world.nodes.calls["eth_getBlockByNumber"] - before, 54U);
}

TEST_F(LogProofTest, StaysWithinItsBudget) {
    ProofWorld world{47, 120};
    world.store(world.honest);
    LogProofOptions options;
    options.range = {1, world.head()};
    options.profile = ChainProfile{};
    options.requests_per_second = 20;
    const int64_t start = world.clock.monotonic_ms();
    const auto outcome = world.prove(options);
    ASSERT_TRUE(outcome.has_value());
    EXPECT_EQ(outcome->level, ProofLevel::kReceipts);
    const uint64_t calls = outcome->counts.header_calls + outcome->counts.receipts_calls;
    const auto seconds = static_cast<double>(world.clock.monotonic_ms() - start) / 1'000;
    // The first burst is free.
    EXPECT_LE(static_cast<double>(calls), 20 * seconds + 20) << calls << " calls in " << seconds;
}

TEST_F(LogProofTest, ADamagedBlockRowIsFoundAndDoesNotStopTheProof) {
    ProofWorld world{53, 60};
    world.store(world.honest);
    const uint64_t victim = world.honest.logs.begin()->first;
    const auto batch = world.database->make_batch();
    auto row = world.database->read_view()->get_block(victim);
    ASSERT_TRUE(row.has_value());
    row->hash.bytes[5] ^= 4U;
    row->timestamp += 1;
    batch->append_block(*row);
    ASSERT_TRUE(world.database->commit(*batch, storage::Durability::kBuffered).has_value());
    LogProofOptions options;
    options.range = {1, world.head()};
    const auto outcome = world.prove(options);
    ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
    EXPECT_EQ(found_by(*outcome), (Expected{{FindingKind::kBlockDiffers, victim, 0},
                                            {FindingKind::kBlockDiffers, victim, 0}}))
        << text_of(*outcome);
}

TEST_F(LogProofTest, LevelsAreWrittenDownAndALaterProofBuildsOnThem) {
    ProofWorld world{61, 300};
    HonestIndex told = world.honest;
    // One block with a log too few.
    const auto victim =
        std::next(told.logs.begin(), static_cast<std::ptrdiff_t>(told.logs.size() / 2));
    const uint64_t bad = victim->first;
    if (victim->second.logs.size() == 1) {
        told.logs.erase(victim);
    } else {
        victim->second.logs.pop_back();
    }
    world.store(told);
    auto input = read_log_proof_input(*world.database);
    ASSERT_TRUE(input.has_value());
    LogProofOptions options;
    options.range = {1, world.head()};
    options.range_blocks = 64;
    const auto outcome = prove_range(
        *world.pool, *std::move(input), world.plan, world.clock, options,
        {{}, [&](const LogProofPiece& piece, uint64_t done, uint64_t total) {
             EXPECT_LE(done, total);
             const auto batch = world.database->make_batch();
             ASSERT_TRUE(add_levels(*batch, *world.database, *world.plan, piece).has_value());
             ASSERT_TRUE(world.database->commit(*batch, storage::Durability::kSync).has_value());
         }});
    ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
    const auto batch = world.database->make_batch();
    add_record(*batch, *outcome, {world.head(), world.header(world.head()).hash}, 1'700'000'000);
    ASSERT_TRUE(world.database->commit(*batch, storage::Durability::kSync).has_value());

    const auto coverage = world.database->coverage();
    ASSERT_TRUE(coverage.has_value());
    for (const Source& source : world.plan->sources()) {
        std::vector<storage::CoverageRow> rows;
        for (const storage::CoverageRow& row : *coverage) {
            if (row.source == source.fingerprint) {
                rows.push_back(row);
            }
        }
        const auto row = [&](uint64_t from, uint64_t to, ProofLevel level) {
            return storage::CoverageRow{source.fingerprint, {from, to}, "http://a", level};
        };
        EXPECT_EQ(rows, (std::vector{row(0, 0, ProofLevel::kFetched),
                                     row(1, bad - 1, ProofLevel::kReceipts),
                                     row(bad, bad, ProofLevel::kFetched),
                                     row(bad + 1, world.head(), ProofLevel::kReceipts)}));
    }
    const auto view = world.database->read_view();
    const auto rows = view->list_blocks(1, world.head());
    ASSERT_TRUE(rows.has_value());
    for (const storage::BlockRow& row : *rows) {
        if (row.event_count > 0) {
            EXPECT_EQ(row.level,
                      row.block_num == bad ? ProofLevel::kFetched : ProofLevel::kReceipts)
                << row.block_num;
        }
    }
    const auto records = view->list_proofs();
    ASSERT_TRUE(records.has_value());
    ASSERT_FALSE(records->empty());
    EXPECT_EQ(records->front().mismatches, outcome->findings.total);
    EXPECT_FALSE(records->front().is_equal);
    EXPECT_EQ(*read_frontier(*view), (evm::BlockId{0, world.header(0).hash}));

    // Far below the head: the anchor is a block nearby whose hash is proven.
    options.range = {1, 40};
    options.profile = ChainProfile{};
    const uint64_t before = world.nodes.calls["eth_getBlockByNumber"];
    const auto lower = world.prove(options);
    ASSERT_TRUE(lower.has_value());
    EXPECT_EQ(lower->level, ProofLevel::kReceipts);
    EXPECT_LT(world.nodes.calls["eth_getBlockByNumber"] - before, 60U);

    // A shallower proof takes nothing back.
    options.level = ProofLevel::kLinked;
    const auto shallow = prove_range(
        *world.pool, *read_log_proof_input(*world.database), world.plan, world.clock, options,
        {{}, [&](const LogProofPiece& piece, uint64_t, uint64_t) {
             const auto again = world.database->make_batch();
             ASSERT_TRUE(add_levels(*again, *world.database, *world.plan, piece).has_value());
             EXPECT_TRUE(again->empty());
         }});
    ASSERT_TRUE(shallow.has_value());
}

TEST_F(LogProofTest, AChainThatHasBeenGivenUpIsAskedOnceAndNotAgainLater) {
    ProofWorld world{7, 20};
    world.store(world.honest);
    auto input = read_log_proof_input(*world.database);
    ASSERT_TRUE(input);
    LogProofOptions options;
    options.range = {1, world.head()};
    SpentSource spent;
    LogProver prover{spent, *std::move(input), world.plan, world.clock, options};
    while (prover.step()) {
    }
    EXPECT_TRUE(prover.is_done());
    ASSERT_TRUE(prover.failure().has_value());
    EXPECT_NE(prover.failure()->message.find("nothing has come"), std::string::npos);
    EXPECT_EQ(spent.asked, 1U);
}

TEST_F(LogProofTest, ARangeThatTheIndexDoesNotHoldIsRefused) {
    ProofWorld world{59, 20};
    world.store(world.honest);
    LogProofOptions options;
    options.range = {1, world.head() + 1};
    const auto outcome = world.prove(options);
    ASSERT_FALSE(outcome.has_value());
    EXPECT_EQ(outcome.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace plumbline::engine::log_proof_test
