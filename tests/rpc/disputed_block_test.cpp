#include "rpc/disputed_block.hpp"

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/evm/bloom.hpp"
#include "core/evm/state_sync.hpp"
#include "tests/rpc/fake_network.hpp"

namespace plumbline::rpc::disputed_block_test {
namespace {

using test::make_address;
using test::make_topic;
using Kind = BlockVerdict::Kind;

constexpr uint64_t kBlock = 5;

// Three logs of the block, named by letters. A and B are asked for; F is of a foreign contract.
evm::Log log_of(char name) {
    evm::Log log;
    log.block_num = kBlock;
    log.block_hash = make_topic(200);
    log.log_index = static_cast<uint32_t>(name == 'F' ? 2 : name - 'A');
    log.txn_index = log.log_index;
    log.address = make_address(name == 'F' ? 9 : 1);
    log.topic_count = 1;
    log.topics[0] = make_topic(name == 'B' ? 11 : 10);
    return log;
}

evm::LogBatch logs_of(const std::string& names) {
    evm::LogBatch out;
    for (const char name : names) {
        out.push(log_of(name), Bytes{static_cast<uint8_t>(name)});
    }
    return out;
}

std::string names_of(const evm::LogBatch& batch) {
    std::string out;
    for (const evm::Log& log : batch.logs) {
        out += static_cast<char>(batch.data(log)[0]);
    }
    return out;
}

evm::ReceiptBatch receipts_of(const std::string& names) {
    evm::ReceiptBatch out;
    out.logs = logs_of(names);
    for (uint32_t i = 0; i < names.size(); ++i) {
        evm::Receipt& receipt = out.receipts.emplace_back();
        receipt.status = true;
        receipt.txn_index = i;
        receipt.log_begin = i;
        receipt.log_count = 1;
    }
    return out;
}

evm::Header header_of(const std::string& bloom) {
    evm::Header header;
    header.block_num = kBlock;
    header.hash = make_topic(200);
    for (const char name : bloom) {
        evm::add(header.logs_bloom, log_of(name));
    }
    return header;
}

class BlockJudgeTest : public testing::Test {
  protected:
    /// `receipts`: nullopt = none to be had. `proven`: the header's root is theirs.
    BlockVerdict judge(const std::string& bloom, const std::string& first,
                       const std::optional<std::string>& second,
                       const std::optional<std::string>& receipts, bool proven) {
        evm::Header header = header_of(bloom);
        std::optional<evm::ReceiptBatch> batch;
        if (receipts) {
            batch = receipts_of(*receipts);
            if (proven) {
                header.receipts_root = evm::ReceiptsProver{}.compute(*batch)->root;
            }
        }
        evm::LogBatch ours = logs_of(first);
        std::optional<evm::LogBatch> theirs;
        if (second) {
            theirs = logs_of(*second);
        }
        header.hash = evm::compute_hash(header);
        set_block(ours, header.hash);
        if (theirs) {
            set_block(*theirs, header.hash);
        }
        if (batch) {
            set_block(batch->logs, header.hash);
        }
        return judge_.judge({header, ours, theirs ? &*theirs : nullptr, "one", "two"},
                            batch ? &*batch : nullptr);
    }

    static void set_block(evm::LogBatch& logs, const evm::Hash& hash) {
        for (evm::Log& log : logs.logs) {
            log.block_hash = hash;
        }
    }

    FilterCheck check_{LogFilter{{make_address(1)}, {make_topic(10), make_topic(11)}}};
    BlockJudge judge_{check_};
};

// ---- What is suspicious --------------------------------------------------------------------

TEST_F(BlockJudgeTest, SuspectsWhatTheBloomExcludesAndWhatItPromises) {
    struct Case {
        const char* why;
        std::string bloom;
        std::string logs;
        bool empty_blocks;
        bool every_event;
        char verdict;  // '-' none, 'd' disputed, 'w' weakly
    };
    const std::vector<Case> cases = {
        {"all there", "AB", "AB", true, true, '-'},
        {"nothing asked for is in the bloom", "F", "", true, true, '-'},
        {"a made-up log", "A", "AB", true, true, 'd'},
        {"a made-up log, whatever the rules", "A", "AB", false, false, 'd'},
        {"nothing came of what the bloom has", "AB", "", true, true, 'd'},
        {"nothing came, and the rule is off", "AB", "", false, false, '-'},
        {"one event of two", "AB", "A", true, true, 'w'},
        {"one event of two, and the rule is off", "AB", "A", true, false, '-'},
    };
    for (const Case& c : cases) {
        const std::map<uint64_t, evm::Header> headers = {{kBlock, header_of(c.bloom)}};
        const auto disputes = judge_.find_disputes(headers, logs_of(c.logs).logs,
                                                   {c.empty_blocks, c.every_event, true});
        ASSERT_EQ(disputes.size(), c.verdict == '-' ? 0U : 1U) << c.why;
        if (!disputes.empty()) {
            EXPECT_EQ(disputes[0].block_num, kBlock) << c.why;
            EXPECT_EQ(disputes[0].weak, c.verdict == 'w') << c.why;
            EXPECT_FALSE(disputes[0].second) << c.why;
        }
    }
}

TEST_F(BlockJudgeTest, EachBlockIsHeldAgainstItsOwnHeader) {
    std::map<uint64_t, evm::Header> headers;
    evm::LogBatch logs;
    for (uint64_t num = 1; num <= 6; ++num) {
        headers[num].block_num = num;
        evm::Log log = log_of('A');
        log.block_num = num;
        if (num != 4) {
            evm::add(headers[num].logs_bloom, log);  // block 4: made up
        }
        if (num != 2) {
            logs.push(log, {});  // block 2: left out
        }
    }
    headers.erase(6);  // not asked for: nothing can be said
    const auto disputes = judge_.find_disputes(headers, logs.logs, {true, true, false});
    ASSERT_EQ(disputes.size(), 2U);
    EXPECT_EQ(disputes[0].block_num, 2U);
    EXPECT_EQ(disputes[1].block_num, 4U);
}

// ---- The second opinion --------------------------------------------------------------------

TEST_F(BlockJudgeTest, ASecondOpinionCountsOnlyForThisBlock) {
    const evm::Header header = header_of("A");
    const auto weigh = [&](const std::string& first, const evm::LogBatch& second) {
        return judge_.weigh_second_opinion(header, logs_of(first), &second);
    };
    EXPECT_EQ(weigh("A", logs_of("A")), SecondOpinion::kAgrees);
    EXPECT_EQ(weigh("", logs_of("")), SecondOpinion::kAgrees);
    EXPECT_EQ(weigh("B", logs_of("B")), SecondOpinion::kAgreesAgainstBloom);
    EXPECT_EQ(weigh("A", logs_of("AB")), SecondOpinion::kDiffers);
    EXPECT_EQ(weigh("A", logs_of("")), SecondOpinion::kDiffers);
    EXPECT_EQ(judge_.weigh_second_opinion(header, logs_of("A"), nullptr), SecondOpinion::kUnusable);
    EXPECT_EQ(weigh("A", logs_of("AF")), SecondOpinion::kUnusable);  // not what was asked for
    EXPECT_EQ(weigh("A", logs_of("BA")), SecondOpinion::kUnusable);  // out of order
    evm::LogBatch other_block = logs_of("A");
    other_block.logs[0].block_num = kBlock + 1;
    EXPECT_EQ(weigh("A", other_block), SecondOpinion::kUnusable);
    evm::LogBatch other_branch = logs_of("A");
    other_branch.logs[0].block_hash = make_topic(201);
    EXPECT_EQ(weigh("A", other_branch), SecondOpinion::kUnusable);
}

// ---- The verdict ---------------------------------------------------------------------------

TEST_F(BlockJudgeTest, ReceiptsDecideThenTheBloomThenNobody) {
    struct Case {
        const char* why;
        std::string bloom;
        std::string first;
        std::optional<std::string> second;
        std::optional<std::string> receipts;
        bool proven;
        Kind kind;
        std::string logs;  // where replaced
        bool first_lied;
        bool second_lied;
        bool contradicts_bloom;
    };
    using Text = std::optional<std::string>;
    const Text none;
    const std::vector<Case> cases = {
        {"a false positive of the bloom", "AB", "A", none, "A", true, Kind::kKeep, "", false, false,
         false},
        {"one was left out", "AB", "A", none, "AB", true, Kind::kReplace, "AB", true, false, false},
        {"one was made up", "A", "AB", none, "A", true, Kind::kReplace, "A", true, false, false},
        {"foreign logs of the receipts are not ours", "AF", "A", none, "AF", true, Kind::kKeep, "",
         false, false, false},
        {"the second one is wrong", "AB", "AB", "A", "AB", true, Kind::kKeep, "", false, true,
         false},
        {"both are wrong", "AB", "A", "B", "AB", true, Kind::kReplace, "AB", true, true, false},
        {"proven receipts against the bloom", "A", "AB", "A", "AB", true, Kind::kKeep, "", false,
         true, true},
        {"receipts without a proof, with the bloom", "AB", "A", none, "AB", false, Kind::kReplace,
         "AB", false, false, false},
        {"receipts without a proof that agree against the bloom", "A", "AB", none, "AB", false,
         Kind::kKeep, "", false, false, true},
        {"receipts without a proof against the bloom are not heard", "A", "A", none, "AB", false,
         Kind::kKeep, "", false, false, false},
        {"no receipts: nothing speaks against it", "AB", "A", none, none, false, Kind::kKeep, "",
         false, false, false},
        {"no receipts: the bloom excludes it", "A", "AB", none, none, false, Kind::kAskAgain, "",
         false, false, false},
        {"no receipts: the second has more, and the bloom has it", "AB", "A", "AB", none, false,
         Kind::kReplace, "AB", false, false, false},
        {"no receipts: the first made one up", "A", "AB", "A", none, false, Kind::kReplace, "A",
         false, false, false},
        {"no receipts: the second left one out", "AB", "AB", "B", none, false, Kind::kKeep, "",
         false, false, false},
        {"no receipts: each has what the other lacks", "AB", "A", "B", none, false, Kind::kAskAgain,
         "", false, false, false},
        {"no receipts: the bloom excludes both", "", "A", "B", none, false, Kind::kAskAgain, "",
         false, false, false},
    };
    for (const Case& c : cases) {
        const BlockVerdict verdict = judge(c.bloom, c.first, c.second, c.receipts, c.proven);
        EXPECT_EQ(verdict.kind, c.kind) << c.why;
        EXPECT_EQ(names_of(verdict.logs), c.logs) << c.why;
        EXPECT_EQ(!verdict.first_lie.empty(), c.first_lied) << c.why << ": " << verdict.first_lie;
        EXPECT_EQ(!verdict.second_lie.empty(), c.second_lied)
            << c.why << ": " << verdict.second_lie;
        EXPECT_EQ(verdict.contradicts_bloom, c.contradicts_bloom) << c.why;
        EXPECT_EQ(!verdict.why.empty(), c.kind == Kind::kAskAgain) << c.why;
    }
}

TEST_F(BlockJudgeTest, ReceiptsOfAnotherBlockCountAsNone) {
    const evm::Header header = header_of("AB");
    const evm::LogBatch first = logs_of("A");
    evm::ReceiptBatch receipts = receipts_of("AB");
    receipts.logs.logs[1].block_hash = make_topic(201);
    EXPECT_EQ(judge_.judge({header, first, nullptr, "one", "two"}, &receipts).kind, Kind::kKeep);
    receipts.logs.logs[1].block_hash = header.hash;
    EXPECT_EQ(judge_.judge({header, first, nullptr, "one", "two"}, &receipts).kind, Kind::kReplace);
}

TEST_F(BlockJudgeTest, OnlyARootThatWasRecomputedProvesALie) {
    EXPECT_EQ(judge("AB", "A", std::nullopt, "AB", true).first_lie,
              "it left out logs that the receipts have");
    EXPECT_EQ(judge("A", "AB", std::nullopt, "A", true).first_lie,
              "its logs are not those of the receipts");
    const auto note = [&](const char* bloom, const char* first, const char* second) {
        const BlockVerdict verdict = judge(bloom, first, std::string{second}, std::nullopt, false);
        EXPECT_EQ(verdict.first_lie + verdict.second_lie, "");
        return verdict.note;
    };
    EXPECT_EQ(note("AB", "A", "AB"),
              "one left out or made up logs that two has as the bloom has them");
    EXPECT_EQ(note("AB", "AB", "A"), "two left out logs that one has as the bloom has them");
}

TEST_F(BlockJudgeTest, RootsOfAHeaderThatDoesNotHashProveNoLie) {
    evm::Header header = header_of("AB");
    const evm::ReceiptBatch receipts = receipts_of("AB");
    header.receipts_root = evm::ReceiptsProver{}.compute(receipts)->root;
    const evm::LogBatch first = logs_of("A");
    const BlockVerdict verdict = judge_.judge({header, first, nullptr, "one", "two"}, &receipts);
    EXPECT_EQ(verdict.kind, Kind::kReplace);
    EXPECT_EQ(verdict.first_lie, "");
}

// ---- State syncs ---------------------------------------------------------------------------

/// A block with A in its root and bloom, and a state sync S behind it.
struct SyncBlock {
    evm::Header header = header_of("A");
    evm::ReceiptBatch receipts = receipts_of("A");
    evm::LogBatch with = logs_of("A");
    evm::LogBatch without = logs_of("A");
    SyncBlock() {
        header.receipts_root = evm::ReceiptsProver{}.compute(receipts)->root;
        header.hash = evm::compute_hash(header);
        evm::Log sync = log_of('B');
        for (evm::LogBatch* logs : {&receipts.logs, &with, &without}) {
            logs->logs[0].block_hash = header.hash;
        }
        sync.block_hash = header.hash;
        sync.txn_hash = evm::state_sync_txn_hash(kBlock, header.hash);
        with.push(sync, Bytes{'B'});
    }
};

TEST_F(BlockJudgeTest, AStateSyncIsKeptOnWhoeversWordAndNobodyLiedWhoLacksIt) {
    check_.expect_state_syncs();
    const SyncBlock block;
    const auto judge_it = [&](const evm::LogBatch& first, const evm::LogBatch* second) {
        return judge_.judge({block.header, first, second, "one", "two"}, &block.receipts);
    };
    const BlockVerdict kept = judge_it(block.with, &block.without);
    EXPECT_EQ(kept.kind, Kind::kKeep);
    const BlockVerdict joined = judge_it(block.without, &block.with);
    EXPECT_EQ(joined.kind, Kind::kReplace);
    EXPECT_EQ(names_of(joined.logs), "AB");
    for (const BlockVerdict& verdict : {kept, joined}) {
        EXPECT_EQ(verdict.first_lie + verdict.second_lie, "");
        EXPECT_FALSE(verdict.contradicts_bloom);
    }
    // What the root does commit to is still proven beside it.
    evm::LogBatch lacking;
    lacking.push(block.with.logs[1], block.with.data(block.with.logs[1]));
    const BlockVerdict mended = judge_it(lacking, nullptr);
    EXPECT_EQ(names_of(mended.logs), "AB");
    EXPECT_EQ(mended.first_lie, "it left out logs that the receipts have");
}

TEST_F(BlockJudgeTest, AStateSyncIsADoubtForAnotherProviderAndNotAgainstTheBloom) {
    check_.expect_state_syncs();
    const SyncBlock block;
    const auto disputes =
        judge_.find_disputes({{kBlock, block.header}}, block.with.logs, {true, false, false});
    ASSERT_EQ(disputes.size(), 1U);
    EXPECT_TRUE(disputes[0].weak);
    EXPECT_EQ(judge_.weigh_second_opinion(block.header, block.with, &block.with),
              SecondOpinion::kAgrees);
}

TEST_F(BlockJudgeTest, OnAChainWithoutStateSyncsSuchALogIsMadeUp) {
    const SyncBlock block;
    const auto disputes =
        judge_.find_disputes({{kBlock, block.header}}, block.with.logs, {true, false, false});
    ASSERT_EQ(disputes.size(), 1U);
    EXPECT_FALSE(disputes[0].weak);
    const BlockVerdict verdict =
        judge_.judge({block.header, block.with, nullptr, "one", "two"}, &block.receipts);
    EXPECT_EQ(names_of(verdict.logs), "A");
    EXPECT_EQ(verdict.first_lie, "its logs are not those of the receipts");
}

// Every bloom, every first and second answer, every receipts: what must hold of all verdicts.
TEST_F(BlockJudgeTest, NoVerdictContradictsItsEvidence) {
    const std::vector<std::string> sets = {"", "A", "B", "AB"};
    std::vector<std::optional<std::string>> maybe_sets(sets.begin(), sets.end());
    maybe_sets.emplace_back();
    size_t judged = 0;
    for (const std::string& bloom : sets) {
        for (const std::string& first : sets) {
            for (const auto& second : maybe_sets) {
                for (const auto& receipts : maybe_sets) {
                    for (const bool proven : {false, true}) {
                        if (second == first || (proven && !receipts)) {
                            continue;
                        }
                        ++judged;
                        const BlockVerdict verdict = judge(bloom, first, second, receipts, proven);
                        const std::string text = "bloom " + bloom + ", first " + first +
                                                 ", second " + second.value_or("-") +
                                                 ", receipts " + receipts.value_or("-") +
                                                 (proven ? " proven" : "");
                        const bool decided = verdict.kind != Kind::kAskAgain;
                        const std::string believed =
                            verdict.kind == Kind::kReplace ? names_of(verdict.logs) : first;
                        if (proven) {
                            ASSERT_TRUE(decided) << text;
                            EXPECT_EQ(believed, *receipts) << text;
                        }
                        if (!decided) {
                            EXPECT_TRUE(verdict.first_lie.empty() && verdict.second_lie.empty())
                                << text;
                            continue;
                        }
                        // Somebody must have shown what is believed.
                        EXPECT_TRUE(believed == first || believed == second || believed == receipts)
                            << text;
                        // Whose logs are believed did not lie; whose the root denies did.
                        EXPECT_EQ(!verdict.first_lie.empty(),
                                  proven && verdict.kind == Kind::kReplace)
                            << text;
                        EXPECT_NE(verdict.kind == Kind::kReplace, believed == first) << text;
                        if (second && believed == *second) {
                            EXPECT_TRUE(verdict.second_lie.empty()) << text;
                        }
                        // What the bloom excludes is believed only where receipts show it too.
                        const bool excluded =
                            believed.find_first_not_of(bloom) != std::string::npos;
                        if (excluded) {
                            EXPECT_EQ(believed, receipts.value_or("-")) << text;
                        }
                        EXPECT_EQ(verdict.contradicts_bloom, excluded) << text;
                    }
                }
            }
        }
    }
    EXPECT_EQ(judged, 4U * 4U * 4U * (4U + 5U));
}

}  // namespace
}  // namespace plumbline::rpc::disputed_block_test
