// What a piece of the log proof makes of headers, stored logs and receipts, fed by hand. Each block
// is described by what the chain has of it and what the database has; what must come of it is
// written beside it.
#include "engine/proof/log/proof_piece.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/evm/state_sync.hpp"
#include "core/evm/trie.hpp"
#include "tests/support/small_index.hpp"

namespace plumbline::engine::proof_piece_test {
namespace {

using storage::ProofLevel;
using test::acc;
using test::address_of;
using test::Emitted;
using test::hash_of;
using test::num;
using testing::ElementsAre;
using testing::IsEmpty;

const test::Abis kAbis{
    {"Hub.json", test::abi_json({"event Put(uint256 indexed id)", "event Made(address vault)"})},
    {"Vault.json", test::abi_json({"event Paid(uint256 amount)"})},
};
constexpr std::string_view kToml =
    "[contracts.hub]\n"
    "abi = \"Hub.json\"\n"
    "address = \"0x5FbDB2315678afecb367f032d93F642f64180aa3\"\n"
    "[contracts.vault]\n"
    "abi = \"Vault.json\"\n"
    "factory = { event = \"hub.Made\", address = \"vault\" }\n"
    "[entities.item]\n"
    "key = { id = \"uint256\" }\n"
    "fields = { n = \"uint64\" }\n"
    "[[on]]\n"
    "event = \"hub.Put\"\n"
    "upsert = \"item\"\n"
    "key = { id = \"id\" }\n"
    "set = { n = 1 }\n";

/// Blocks 10 to 19, over whose headers, logs and stored logs a test has its way.
class ProofPieceTest : public ::testing::Test {
  protected:
    static constexpr evm::BlockRange kRange{10, 19};
    using Logs = std::map<uint64_t, std::vector<Emitted>>;

    ProofPieceTest() { options_.spot_checks = 0; }

    [[nodiscard]] Emitted put(uint64_t block_num, uint32_t index = 0, uint64_t id = 7) const {
        return mapping_.emit("hub.Put", {num(id)}, block_num, index);
    }
    void put_in_both(uint64_t block_num) {
        chain_[block_num].push_back(put(block_num));
        stored_[block_num].push_back(put(block_num));
    }
    static evm::LogBatch batch_of(const Logs& logs, evm::BlockRange range) {
        evm::LogBatch out;
        for (const auto& [block_num, events] : logs) {
            for (const Emitted& event : events) {
                if (range.from <= block_num && block_num <= range.to) {
                    out.push(event.log, event.data);
                }
            }
        }
        return out;
    }
    [[nodiscard]] evm::Header header(uint64_t block_num) const {
        evm::Header out;
        out.block_num = block_num;
        out.hash = hash_of(block_num);
        out.parent_hash = hash_of(block_num - 1);
        out.timestamp = block_num * block_seconds_;
        out.receipts_root =
            empty_.contains(block_num) ? evm::kEmptyTrieRoot : hash_of(block_num, 9);
        for (const evm::Log& log : batch_of(chain_, {block_num, block_num}).logs) {
            evm::add(out.logs_bloom, log);
        }
        return out;
    }
    [[nodiscard]] std::vector<evm::Header> headers(evm::BlockRange range) const {
        std::vector<evm::Header> out;
        for (uint64_t n = range.from; n <= range.to; ++n) {
            out.push_back(header(n));
        }
        return out;
    }
    ProofPiece& open(evm::BlockRange range = kRange) {
        std::vector<storage::CoverageRow> coverage;
        for (const Source& source : mapping_.plan->sources()) {
            for (const auto& [from, to, provider] : told_by_[source.contract]) {
                coverage.push_back(
                    {source.fingerprint, {from, to}, provider, ProofLevel::kFetched});
            }
        }
        judge_.emplace(mapping_.plan, coverage, children_);
        return piece_.emplace(range, evm::BlockId{range.to, hash_of(range.to)}, options_, *judge_,
                              profile_);
    }
    /// Examined, with a right row of each block that has stored logs.
    ProofPiece& examined(evm::BlockRange range = kRange) {
        open(range);
        return examined_as_opened(range);
    }
    ProofPiece& examined_as_opened(evm::BlockRange range = kRange) {
        ProofPiece& piece = *piece_;
        if (!piece.has_headers()) {
            piece.add_headers(headers(range));
        }
        StoredRange stored;
        stored.logs = batch_of(stored_, range);
        for (const auto& [block_num, events] : stored_) {
            stored.rows.push_back({block_num, hash_of(block_num), hash_of(block_num - 1),
                                   block_num * block_seconds_,
                                   static_cast<uint32_t>(events.size())});
        }
        piece.examine(std::move(stored));
        return piece;
    }
    /// The blocks whose receipts are asked for; they are given back, in the same order.
    std::vector<uint64_t> due() {
        std::vector<uint64_t> out;
        for (const size_t index : piece_->take_due(1'000)) {
            out.push_back(piece_->header(index).block_num);
            piece_->put_back(index);
        }
        return out;
    }
    std::vector<storage::ChildRow> accept(size_t index) {
        const uint64_t n = piece_->header(index).block_num;
        evm::ReceiptBatch receipts;
        receipts.logs = batch_of(chain_, {n, n});
        return piece_->accept(index, receipts);
    }
    void accept_all() {
        while (piece_->due_count() > 0) {
            for (const size_t index : piece_->take_due(3)) {
                EXPECT_THAT(accept(index), IsEmpty());
            }
        }
    }

    test::Mapping mapping_{kToml, kAbis};
    LogProofOptions options_;
    ChainProfile profile_;
    Logs chain_;
    Logs stored_;
    std::set<uint64_t> empty_;  ///< blocks without receipts
    uint64_t block_seconds_ = 0;
    std::vector<storage::ChildRow> children_;
    /// Who told a contract's logs: from, to, provider.
    std::map<std::string, std::vector<std::tuple<uint64_t, uint64_t, std::string>>> told_by_{
        {"hub", {{0, 100, "p"}}}, {"vault", {{0, 100, "p"}}}};
    std::optional<LogJudge> judge_;
    std::optional<ProofPiece> piece_;
};

std::vector<FindingKind> kinds_of(const LogProofPiece& piece) {
    std::vector<FindingKind> out;
    for (const Finding& finding : piece.findings) {
        out.push_back(finding.kind);
    }
    return out;
}

// --- filters

TEST_F(ProofPieceTest, AFilteredLogIsLookedForWhereTheBloomHasItsTopicsAndNoOtherIsWanted) {
    mapping_ = test::Mapping{std::string{kToml}.replace(0, 16,
                                                        "[contracts.hub]\nfilter = { Put = { id = "
                                                        "[7, 8] } }\n"
                                                        "events = [\"Put\", \"Made\"]\n"),
                             kAbis};
    chain_[12].push_back(put(12, 0, 7));
    stored_[12].push_back(put(12, 0, 7));
    chain_[13].push_back(put(13, 0, 9));  // not wanted: its block is settled by the bloom
    chain_[14].push_back(put(14, 0, 8));  // missing
    chain_[15].push_back(put(15, 0, 9));
    chain_[15].push_back(mapping_.emit("hub.Made", {acc(3)}, 15, 1));
    stored_[15].push_back(mapping_.emit("hub.Made", {acc(3)}, 15, 1));
    examined();
    EXPECT_THAT(due(), ElementsAre(12, 14, 15));
    while (piece_->due_count() > 0) {
        for (const size_t index : piece_->take_due(3)) {
            accept(index);
        }
    }
    const LogProofPiece piece = piece_->finish();
    EXPECT_THAT(kinds_of(piece), ElementsAre(FindingKind::kLogMissing));
    EXPECT_EQ(piece.findings.at(0).block_num, 14U);
}

// --- headers

TEST_F(ProofPieceTest, HeadersComeFromTheTopAndNameTheNextOne) {
    ProofPiece& piece = open();
    EXPECT_EQ(piece.missing(), (evm::BlockId{19, hash_of(19)}));
    EXPECT_EQ(piece.missing_count(), 10U);
    piece.add_headers(headers({15, 19}));
    EXPECT_EQ(piece.missing(), (evm::BlockId{14, hash_of(14)}));
    EXPECT_EQ(piece.missing_count(), 5U);
    piece.add_headers(headers({11, 14}));
    EXPECT_FALSE(piece.has_headers());
    piece.add_headers(headers({10, 10}));
    EXPECT_TRUE(piece.has_headers());
    EXPECT_EQ(piece.missing_count(), 0U);
    EXPECT_EQ(piece.below(), (evm::BlockId{9, hash_of(9)}));
}

TEST_F(ProofPieceTest, BlockZeroIsAskedForByItselfWithTheHashThatItsChildNames) {
    ProofPiece& piece = open({0, 2});
    EXPECT_EQ(piece.missing_count(), 3U);
    EXPECT_EQ(piece.missing_at_once(), 2U);
    piece.add_headers(headers({1, 2}));
    EXPECT_FALSE(piece.has_headers());
    EXPECT_EQ(piece.missing(), (evm::BlockId{0, hash_of(0)}));
    EXPECT_EQ(piece.missing_at_once(), 1U);
    piece.add_headers(headers({0, 0}));
    EXPECT_TRUE(piece.has_headers());
    EXPECT_EQ(open({0, 0}).missing_at_once(), 1U);
}

TEST_F(ProofPieceTest, WhatIsStoredOfBlockZeroIsInventedAndCanBeMended) {
    empty_.insert(0);
    stored_[0].push_back(put(0));
    const LogProofPiece out = examined({0, 0}).finish();
    EXPECT_THAT(kinds_of(out), ElementsAre(FindingKind::kLogInvented));
    EXPECT_EQ(out.counts.by_receipts, 1U);
    ASSERT_EQ(out.proven.size(), 1U);
    EXPECT_TRUE(out.proven[0].has_receipts);
    EXPECT_TRUE(out.proven[0].logs.logs.empty());
    EXPECT_THAT(out.spans, ElementsAre(LevelSpan{{0, 0}, ProofLevel::kFetched}));
}

TEST_F(ProofPieceTest, WhereNobodysHeaderOfBlockZeroHashesOnlyWhatIsStoredOfItIsOpen) {
    for (const bool has_log : {false, true}) {
        empty_ = {1, 2};
        stored_[0].clear();
        if (has_log) {
            stored_[0].push_back(put(0));
        }
        ProofPiece& piece = open({0, 2});
        piece.add_headers(headers({1, 2}));
        piece.do_without_block_zero();
        ASSERT_TRUE(piece.has_headers());
        piece.examine({{}, batch_of(stored_, {0, 2})});
        EXPECT_EQ(piece.leaves_block_zero_open(), has_log);
        const LogProofPiece out = piece.finish();
        if (has_log) {
            EXPECT_THAT(kinds_of(out), ElementsAre(FindingKind::kLogInvented));
            EXPECT_THAT(out.spans, ElementsAre(LevelSpan{{0, 0}, ProofLevel::kFetched},
                                               LevelSpan{{1, 2}, ProofLevel::kReceipts}));
        } else {
            EXPECT_THAT(out.spans, ElementsAre(LevelSpan{{0, 2}, ProofLevel::kReceipts}));
        }
    }
}

// --- state syncs: logs of a transaction that neither root nor bloom has

TEST_F(ProofPieceTest, AStateSyncsLogsStayAndTheirBlocksAreLinkedWhileTheRestIsProven) {
    put_in_both(12);
    put_in_both(15);
    Emitted sync = put(15, 1, 8);
    sync.log.txn_hash = evm::state_sync_txn_hash(15, hash_of(15));
    stored_[15].push_back(sync);
    Emitted alone = put(17, 0, 9);
    alone.log.txn_hash = evm::state_sync_txn_hash(17, hash_of(17));
    stored_[17].push_back(alone);
    empty_.insert(17);  // a block whose only transaction is the state sync
    open();
    judge_->expect_state_syncs();
    examined_as_opened();
    accept_all();
    const LogProofPiece out = piece_->finish();
    EXPECT_THAT(out.findings, IsEmpty());
    EXPECT_EQ(out.counts.outside, 2U);
    EXPECT_EQ(out.counts.logs, 2U);
    using Span = LevelSpan;
    EXPECT_THAT(
        out.spans,
        ElementsAre(Span{{10, 14}, ProofLevel::kReceipts}, Span{{15, 15}, ProofLevel::kLinked},
                    Span{{16, 16}, ProofLevel::kReceipts}, Span{{17, 17}, ProofLevel::kLinked},
                    Span{{18, 19}, ProofLevel::kReceipts}));
}

TEST_F(ProofPieceTest, ABlockOfAStateSyncThatLacksAProvenLogIsMendedAndKeepsTheSync) {
    chain_[15].push_back(put(15));
    Emitted sync = put(15, 1, 8);
    sync.log.txn_hash = evm::state_sync_txn_hash(15, hash_of(15));
    stored_[15].push_back(sync);
    open();
    judge_->expect_state_syncs();
    examined_as_opened();
    accept_all();
    const LogProofPiece out = piece_->finish();
    EXPECT_THAT(kinds_of(out), ElementsAre(FindingKind::kLogMissing));
    ASSERT_EQ(out.proven.size(), 1U);
    EXPECT_EQ(out.proven[0].logs.logs.size(), 2U);
}

TEST_F(ProofPieceTest, ElsewhereALogThatClaimsToBeAStateSyncsIsInvented) {
    Emitted sync = put(15, 0, 8);
    sync.log.txn_hash = evm::state_sync_txn_hash(15, hash_of(15));
    stored_[15].push_back(sync);
    examined();
    accept_all();
    EXPECT_THAT(kinds_of(piece_->finish()), ElementsAre(FindingKind::kLogInvented));
}

// --- blooms

TEST_F(ProofPieceTest, ABloomThatExcludesAllSettlesItsBlock) {
    const LogProofPiece out = examined().finish();
    EXPECT_EQ(out.counts.by_bloom, 10U);
    EXPECT_THAT(out.spans, ElementsAre(LevelSpan{kRange, ProofLevel::kReceipts}));
    EXPECT_THAT(out.findings, IsEmpty());
}

TEST_F(ProofPieceTest, ReceiptsAreWantedWhereTheBloomOrTheDatabaseHasSomething) {
    chain_[12].push_back(put(12));   // the database lacks it
    stored_[14].push_back(put(14));  // the chain lacks it
    put_in_both(16);
    examined();
    EXPECT_THAT(due(), ElementsAre(12, 14, 16));
}

TEST_F(ProofPieceTest, WithoutBloomsEveryBlockWithReceiptsIsWanted) {
    profile_.blooms = false;
    empty_ = {11, 12, 13, 14, 15, 16, 17, 18};
    examined();
    EXPECT_THAT(due(), ElementsAre(10, 19));
}

TEST_F(ProofPieceTest, ABlockWithoutReceiptsIsSettledAndHoldsNothing) {
    empty_ = {12, 13};
    stored_[13].push_back(put(13));
    const LogProofPiece out = examined().finish();
    EXPECT_THAT(kinds_of(out), ElementsAre(FindingKind::kLogInvented));
    EXPECT_EQ(out.counts.by_receipts, 2U);
    EXPECT_EQ(out.counts.by_bloom, 8U);
}

TEST_F(ProofPieceTest, AtLevelBloomAStoredLogThatTheBloomExcludesIsInvented) {
    options_.level = ProofLevel::kBloom;
    put_in_both(12);
    stored_[14].push_back(put(14));
    ProofPiece& piece = examined();
    EXPECT_EQ(piece.due_count(), 0U);
    const LogProofPiece out = piece.finish();
    EXPECT_THAT(kinds_of(out), ElementsAre(FindingKind::kLogInvented));
    EXPECT_THAT(out.spans, ElementsAre(LevelSpan{{10, 13}, ProofLevel::kBloom},
                                       LevelSpan{{14, 14}, ProofLevel::kFetched},
                                       LevelSpan{{15, 19}, ProofLevel::kBloom}));
    EXPECT_EQ(out.counts.unsettled, 2U);
}

TEST_F(ProofPieceTest, AtLevelLinkedOnlyRowsAreLookedAt) {
    options_.level = ProofLevel::kLinked;
    stored_[14].push_back(put(14));
    const LogProofPiece out = examined().finish();
    EXPECT_THAT(out.findings, IsEmpty());
    EXPECT_THAT(out.spans, ElementsAre(LevelSpan{kRange, ProofLevel::kLinked}));
}

TEST_F(ProofPieceTest, SpotChecksAreTheSameForASeedAndNeverMoreThanThereAre) {
    options_.spot_checks = 3;
    examined();
    const std::vector<uint64_t> first = due();
    EXPECT_EQ(first.size(), 3U);
    examined();
    EXPECT_EQ(due(), first);
    options_.seed = 99;
    examined();
    EXPECT_NE(due(), first);
    options_.spot_checks = 1'000;
    examined();
    EXPECT_EQ(due().size(), 10U);
}

TEST_F(ProofPieceTest, WhatTheSampleLeavesOutStaysOpenUnlessSomethingWasFound) {
    options_.sample = 0;
    put_in_both(12);
    stored_[14].push_back(put(14));  // the bloom excludes it
    examined();
    EXPECT_THAT(due(), ElementsAre(14));
    accept_all();
    const LogProofPiece out = piece_->finish();
    EXPECT_EQ(out.counts.unsettled, 1U);
    EXPECT_THAT(out.blocks, ElementsAre(std::pair{uint64_t{12}, ProofLevel::kBloom}));
}

// --- receipts

struct Difference {
    const char* what;
    std::vector<uint64_t> chain;   ///< ids of the logs of block 12, by log index
    std::vector<uint64_t> stored;  ///< 0: none at this index
    std::vector<FindingKind> findings;
};

const std::vector<Difference> kDifferences = {
    {"equal", {7, 8}, {7, 8}, {}},
    {"the last is missing", {7, 8}, {7}, {FindingKind::kLogMissing}},
    {"the first is missing", {7, 8}, {0, 8}, {FindingKind::kLogMissing}},
    {"all are missing", {7, 8}, {}, {FindingKind::kLogMissing, FindingKind::kLogMissing}},
    {"one is another", {7, 8}, {7, 9}, {FindingKind::kLogAltered}},
    {"one too many", {7}, {7, 8}, {FindingKind::kLogInvented}},
    {"none is right", {}, {7, 8}, {FindingKind::kLogInvented, FindingKind::kLogInvented}},
};

TEST_F(ProofPieceTest, ReceiptsTellEachDifference) {
    for (const Difference& item : kDifferences) {
        chain_.clear();
        stored_.clear();
        for (size_t i = 0; i < item.chain.size(); ++i) {
            chain_[12].push_back(put(12, static_cast<uint32_t>(i), item.chain[i]));
        }
        for (size_t i = 0; i < item.stored.size(); ++i) {
            if (item.stored[i] != 0) {
                stored_[12].push_back(put(12, static_cast<uint32_t>(i), item.stored[i]));
            }
        }
        examined();
        EXPECT_THAT(due(), ElementsAre(12)) << item.what;
        accept_all();
        const LogProofPiece out = piece_->finish();
        EXPECT_EQ(kinds_of(out), item.findings) << item.what;
        const bool is_good = item.findings.empty();
        EXPECT_EQ(out.counts.bad, is_good ? 0U : 1U) << item.what;
        EXPECT_EQ(out.counts.logs, is_good ? 2U : 0U) << item.what;
        EXPECT_EQ(out.counts.by_receipts, 1U) << item.what;
        ASSERT_EQ(out.proven.size(), is_good ? 0U : 1U) << item.what;
        if (!is_good) {
            EXPECT_TRUE(out.proven[0].has_receipts) << item.what;
            EXPECT_EQ(out.proven[0].header.block_num, 12U) << item.what;
            EXPECT_EQ(out.proven[0].logs.logs.size(), item.chain.size()) << item.what;
        }
    }
}

TEST_F(ProofPieceTest, AQuestionThatFailedIsDueAgain) {
    put_in_both(12);
    put_in_both(13);
    ProofPiece& piece = examined();
    const std::vector<size_t> asked = piece.take_due(1);
    ASSERT_EQ(asked.size(), 1U);
    EXPECT_EQ(piece.due_count(), 1U);
    piece.put_back(asked[0]);
    EXPECT_THAT(due(), ElementsAre(13, 12));
}

TEST_F(ProofPieceTest, ReceiptsThatNobodyHasLeaveTheBloomsEvidence) {
    put_in_both(12);
    ProofPiece& piece = examined();
    EXPECT_TRUE(piece.refuse(piece.take_due(1)[0], ErrorCode::kNotFound));
    const LogProofPiece out = piece.finish();
    EXPECT_EQ(out.counts.unprovable, 1U);
    EXPECT_THAT(out.blocks, ElementsAre(std::pair{uint64_t{12}, ProofLevel::kBloom}));
    EXPECT_THAT(out.spans, ElementsAre(LevelSpan{kRange, ProofLevel::kBloom}));
}

TEST_F(ProofPieceTest, ReceiptsThatNobodyHasRightTakeTheBloomsEvidenceToo) {
    stored_[12].push_back(put(12));  // the bloom excludes it: a finding until the bloom is doubted
    ProofPiece& piece = examined();
    EXPECT_TRUE(piece.refuse(piece.take_due(1)[0], ErrorCode::kIncompatible));
    const LogProofPiece out = piece.finish();
    EXPECT_THAT(out.findings, IsEmpty());
    EXPECT_THAT(out.blocks, ElementsAre(std::pair{uint64_t{12}, ProofLevel::kLinked}));
}

TEST_F(ProofPieceTest, ASpotCheckThatCannotBeMadeTakesNothing) {
    options_.spot_checks = 1;
    ProofPiece& piece = examined();
    EXPECT_FALSE(piece.refuse(piece.take_due(1)[0], ErrorCode::kNotFound));
    const LogProofPiece out = piece.finish();
    EXPECT_EQ(out.counts.by_bloom, 10U);
    EXPECT_THAT(out.spans, ElementsAre(LevelSpan{kRange, ProofLevel::kReceipts}));
}

// --- what is opened again

TEST_F(ProofPieceTest, DistrustOpensWhatBloomsAloneHaveSettled) {
    put_in_both(12);
    empty_ = {10, 11, 13, 14, 15, 16};
    ProofPiece& piece = examined();
    for (const size_t index : piece.take_due(10)) {
        EXPECT_THAT(accept(index), IsEmpty());
    }
    profile_.blooms = false;
    piece.distrust_blooms();
    EXPECT_THAT(due(), ElementsAre(17, 18, 19));
    accept_all();
    EXPECT_EQ(piece.finish().counts.by_receipts, 10U);
}

TEST_F(ProofPieceTest, DistrustTakesTheBloomsEvidenceFromWhatHadNoReceipts) {
    options_.spot_checks = 1;
    put_in_both(12);
    ProofPiece& piece = examined();
    // One block with logs and one spot check: nobody has the receipts of either.
    const std::vector<size_t> asked = piece.take_due(10);
    ASSERT_EQ(asked.size(), 2U);
    for (const size_t index : asked) {
        static_cast<void>(piece.refuse(index, ErrorCode::kNotFound));
    }
    profile_.blooms = false;
    piece.distrust_blooms();
    for (const size_t index : piece.take_due(20)) {
        static_cast<void>(piece.refuse(index, ErrorCode::kNotFound));
    }
    const LogProofPiece out = piece.finish();
    EXPECT_EQ(out.counts.by_bloom, 0U);
    EXPECT_EQ(out.counts.unprovable, 10U);
    EXPECT_THAT(out.spans, ElementsAre(LevelSpan{kRange, ProofLevel::kLinked}));
}

TEST_F(ProofPieceTest, AtLevelBloomDistrustLeavesTheLinksAlone) {
    options_.level = ProofLevel::kBloom;
    stored_[14].push_back(put(14));
    ProofPiece& piece = examined();
    profile_.blooms = false;
    piece.distrust_blooms();
    EXPECT_EQ(piece.due_count(), 0U);
    const LogProofPiece out = piece.finish();
    EXPECT_THAT(out.findings, IsEmpty());
    EXPECT_THAT(out.spans, ElementsAre(LevelSpan{kRange, ProofLevel::kLinked}));
}

TEST_F(ProofPieceTest, AContractThatNobodyKnewOpensTheBlocksBehindItsAnnouncement) {
    const evm::Address vault = address_of(77);
    // The announcement is missing here, so the vault's logs are too, and no bloom asked for them.
    chain_[13].push_back(mapping_.emit("hub.Made", {acc(77)}, 13, 0));
    for (const uint64_t block_num : {11U, 13U, 16U, 18U}) {
        const auto index = static_cast<uint32_t>(chain_[block_num].size());
        chain_[block_num].push_back(mapping_.emit("vault.Paid", {num(1)}, block_num, index, vault));
    }
    ProofPiece& piece = examined();
    EXPECT_THAT(due(), ElementsAre(13));
    const std::vector<storage::ChildRow> children = accept(piece.take_due(1)[0]);
    ASSERT_EQ(children.size(), 1U);
    EXPECT_EQ(children[0], (storage::ChildRow{"vault", vault, 13, 0}));
    piece.recheck(children[0]);
    EXPECT_THAT(due(), ElementsAre(13, 16, 18));
    accept_all();
    const LogProofPiece out = piece.finish();
    EXPECT_EQ(out.new_children, children);
    EXPECT_THAT(kinds_of(out), testing::Each(FindingKind::kLogMissing));
    EXPECT_EQ(out.findings.size(), 4U);  // the announcement, and the vault's logs from there on
    EXPECT_EQ(out.counts.by_bloom, 7U);
}

TEST_F(ProofPieceTest, LogsOfAContractWhoseAnnouncementWasMistoldAreTheFaultOfWhoToldIt) {
    const evm::Address vault = address_of(77);
    told_by_ = {{"hub", {{0, 14, "liar"}, {15, 100, "honest"}}}, {"vault", {{0, 100, "honest"}}}};
    children_ = {{"vault", address_of(78), 13, 0}, {"vault", vault, 17, 0}};
    stored_[13].push_back(mapping_.emit("hub.Made", {acc(78)}, 13, 0));
    stored_[17].push_back(mapping_.emit("hub.Made", {acc(77)}, 17, 0));
    chain_[13].push_back(mapping_.emit("hub.Made", {acc(77)}, 13, 0));
    chain_[16].push_back(mapping_.emit("vault.Paid", {num(1)}, 16, 0, vault));
    chain_[16].push_back(put(16, 1));
    chain_[17].push_back(mapping_.emit("hub.Made", {acc(77)}, 17, 0));
    chain_[18].push_back(mapping_.emit("vault.Paid", {num(1)}, 18, 0, vault));
    ProofPiece& piece = examined();
    while (piece.due_count() > 0) {
        for (const storage::ChildRow& child : accept(piece.take_due(1)[0])) {
            piece.recheck(child);
        }
    }
    std::vector<std::tuple<uint64_t, uint32_t, std::string, bool>> found;
    for (const Finding& finding : piece.finish().findings) {
        found.emplace_back(finding.block_num, finding.log_index, finding.provider,
                           finding.detail.find("0 of block 13") != std::string::npos);
    }
    EXPECT_THAT(found,
                ElementsAre(std::tuple(13, 0, "liar", false), std::tuple(16, 0, "liar", true),
                            std::tuple(16, 1, "honest", false), std::tuple(18, 0, "honest", false)))
        << "from block 17 on the vault was known, so that its logs had to be told";
}

TEST_F(ProofPieceTest, LogsOfAContractWhoseAnnouncementWasMendedAreTheFaultOfWhoHadMistoldIt) {
    const evm::Address vault = address_of(77);
    told_by_ = {{"hub", {{0, 100, "honest"}}}, {"vault", {{0, 100, "honest"}}}};
    children_ = {{"vault", vault, 13, 0}, {"vault", vault, 17, 0}};
    for (const uint64_t block_num : {13U, 17U}) {
        chain_[block_num].push_back(mapping_.emit("hub.Made", {acc(77)}, block_num, 0));
        stored_[block_num].push_back(mapping_.emit("hub.Made", {acc(77)}, block_num, 0));
    }
    for (const uint64_t block_num : {14U, 16U, 18U}) {
        chain_[block_num].push_back(mapping_.emit("vault.Paid", {num(1)}, block_num, 0, vault));
    }
    block_seconds_ = 10;
    struct Case {
        const char* name;
        MistoldLogs mistold;
        std::vector<std::string> named;  ///< of the logs that are missing
    };
    const std::vector<Case> cases = {
        {"nothing was mended", {}, {"honest", "honest", "honest"}},
        {"from block 17 on it was known", {{{13, 0}, {900, "liar"}}}, {"liar", "liar", "honest"}},
        {"block 16 is younger than the mending",
         {{{13, 0}, {150, "liar"}}},
         {"liar", "honest", "honest"}},
        {"both announcements were mended",
         {{{13, 0}, {900, "liar"}}, {{17, 0}, {900, "other"}}},
         {"liar", "liar", "liar"}},
        {"nobody knows who told it", {{{13, 0}, {900, ""}}}, {"", "", "honest"}},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        open();
        size_t reads = 0;
        judge_->remember_mistold([&] {
            ++reads;
            return test.mistold;
        });
        examined_as_opened();
        accept_all();
        std::vector<std::string> named;
        for (const Finding& finding : piece_->finish().findings) {
            EXPECT_EQ(finding.kind, FindingKind::kLogMissing);
            named.push_back(finding.provider);
        }
        EXPECT_EQ(named, test.named);
        EXPECT_EQ(reads, 1U) << "the journal may be long";
    }
}

// --- levels

struct SpanCase {
    std::set<uint64_t> bad;
    std::vector<LevelSpan> spans;
};

const LevelSpan kNoneBad{{10, 19}, ProofLevel::kReceipts};
const std::vector<SpanCase> kSpanCases = {
    {{}, {kNoneBad}},
    {{10}, {{{10, 10}, ProofLevel::kFetched}, {{11, 19}, ProofLevel::kReceipts}}},
    {{19}, {{{10, 18}, ProofLevel::kReceipts}, {{19, 19}, ProofLevel::kFetched}}},
    {{12, 13, 14},
     {{{10, 11}, ProofLevel::kReceipts},
      {{12, 14}, ProofLevel::kFetched},
      {{15, 19}, ProofLevel::kReceipts}}},
    {{11, 13},
     {{{10, 10}, ProofLevel::kReceipts},
      {{11, 11}, ProofLevel::kFetched},
      {{12, 12}, ProofLevel::kReceipts},
      {{13, 13}, ProofLevel::kFetched},
      {{14, 19}, ProofLevel::kReceipts}}},
    {{10, 11, 12, 13, 14, 15, 16, 17, 18, 19}, {{{10, 19}, ProofLevel::kFetched}}},
};

TEST_F(ProofPieceTest, BlocksWithFindingsHaveNoLevelAndAllOthersShareOne) {
    for (const SpanCase& item : kSpanCases) {
        stored_.clear();
        for (const uint64_t block_num : item.bad) {
            stored_[block_num].push_back(put(block_num));
        }
        examined();
        accept_all();
        const LogProofPiece out = piece_->finish();
        EXPECT_EQ(out.spans, item.spans) << testing::PrintToString(item.bad);
        EXPECT_EQ(out.counts.bad, item.bad.size());
    }
}

}  // namespace
}  // namespace plumbline::engine::proof_piece_test
