#include "engine/ingest/commit_pipeline.hpp"

#include <random>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plumbline::engine::commit_pipeline_test {
namespace {

using testing::ElementsAre;

constexpr CommitPipeline::Limits kWide{1'000'000, uint64_t{1} << 40};

evm::Hash hash_of(uint64_t block_num) {
    evm::Hash out;
    out.data()[31] = static_cast<uint8_t>(block_num);
    out.data()[0] = 1;
    return out;
}

struct Block {
    uint64_t block_num = 0;
    uint32_t logs = 0;
};

struct Range {
    evm::BlockRange range;
    uint64_t finalized = 1'000;
    std::vector<Block> blocks;
    bool sync = false;
};

WorkItem item_of(const Range& range, uint64_t seq) {
    FetchedRange fetched;
    fetched.range = range.range;
    fetched.finalized = range.finalized;
    if (range.range.from > 0) {
        fetched.parent_hash = hash_of(range.range.from - 1);
    }
    for (const Block& block : range.blocks) {
        fetched.blocks.push_back({block.block_num, hash_of(block.block_num), {}, 0});
        for (uint32_t i = 0; i < block.logs; ++i) {
            evm::Log log;
            log.block_num = block.block_num;
            log.log_index = i;
            fetched.logs.push(log, {});
        }
    }
    return {seq, 1, AppendWork{std::move(fetched), range.sync}};
}

/// "1-20: 3 logs", with the parts' coverage and what else is to be known of it.
std::string text_of(const PlannedCommit& commit) {
    std::string out =
        fmt::format("{}-{}: {} logs", commit.from, commit.last->block_num, commit.events);
    for (const CommitPart& part : commit.parts) {
        out += fmt::format(" [{}-{}]", part.coverage.from, part.coverage.to);
    }
    return out + (commit.sync ? " sync" : "") + (commit.needs_undo() ? " undo" : "");
}

/// Takes the pipeline through its work, each commit written before more is folded.
std::vector<std::string> commits_of(CommitPipeline& pipeline) {
    std::vector<std::string> out;
    const auto commit = [&] {
        pipeline.seal();
        out.push_back(text_of(*pipeline.sealed()));
        static_cast<void>(pipeline.finish_sealed());
    };
    while (!pipeline.is_used_up()) {
        const auto span = pipeline.next_block();
        if (span) {
            pipeline.add(*span, 0);
        }
        if (!span || pipeline.is_full()) {
            commit();
        }
    }
    if (pipeline.has_in_hand()) {
        commit();
    }
    return out;
}

struct CutCase {
    const char* rule;
    CommitPipeline::Limits limits;
    std::vector<Range> ranges;
    std::vector<std::string> commits;
};

const CutCase kCuts[] = {
    {"final blocks of several ranges share a commit",
     kWide,
     {{{1, 10}, 99, {{3, 2}, {10, 0}}}, {{11, 20}, 99, {{12, 1}, {20, 0}}}},
     {"1-20: 3 logs [1-10] [11-20]"}},
    {"blocks without logs are covered up to the next block that is there",
     {1, 1'000'000},
     {{{1, 10}, 99, {{3, 1}, {7, 1}, {10, 0}}}},
     {"1-3: 1 logs [1-3]", "4-7: 1 logs [4-7]", "8-10: 0 logs [8-10]"}},
    {"a commit ends behind the block that makes it large",
     {3, 1'000'000},
     {{{1, 10}, 99, {{1, 2}, {2, 2}, {3, 1}, {10, 0}}}},
     {"1-2: 4 logs [1-2]", "3-10: 1 logs [3-10]"}},
    {"so it does where its bytes make it large",
     {1'000, 300},
     {{{1, 10}, 99, {{1, 1}, {2, 2}, {3, 1}, {10, 0}}}},
     {"1-2: 3 logs [1-2]", "3-10: 1 logs [3-10]"}},
    {"a block that is not final is a commit of its own",
     kWide,
     {{{1, 4}, 2, {{1, 1}, {2, 1}, {3, 1}, {4, 0}}}},
     {"1-2: 2 logs [1-2]", "3-3: 1 logs [3-3] undo", "4-4: 0 logs [4-4] undo"}},
    {"final blocks in hand are committed before the next range's block that is not",
     kWide,
     {{{1, 2}, 2, {{1, 1}, {2, 1}}}, {{3, 3}, 2, {{3, 1}}}},
     {"1-2: 2 logs [1-2]", "3-3: 1 logs [3-3] undo"}},
    {"a range that must be durable ends its commit",
     kWide,
     {{{1, 2}, 99, {{2, 1}}, true}, {{3, 4}, 99, {{4, 1}}}},
     {"1-2: 1 logs [1-2] sync", "3-4: 1 logs [3-4]"}},
    {"what came before such a range is durable with it",
     kWide,
     {{{1, 2}, 99, {{2, 1}}}, {{3, 4}, 99, {{4, 1}}, true}},
     {"1-4: 2 logs [1-2] [3-4] sync"}},
};

TEST(CommitPipelineTest, CommitsEndWhereTheRulesSay) {
    for (const CutCase& test : kCuts) {
        SCOPED_TRACE(test.rule);
        CommitPipeline pipeline{test.limits};
        uint64_t seq = 0;
        for (const Range& range : test.ranges) {
            pipeline.push(item_of(range, ++seq));
        }
        EXPECT_EQ(commits_of(pipeline), test.commits);
    }
}

TEST(CommitPipelineTest, RowsThatWaitInTheFoldCountForTheSize) {
    CommitPipeline pipeline{{1'000, 1'000}};
    pipeline.push(item_of({{1, 2}, 99, {{1, 1}, {2, 1}}}, 1));
    pipeline.add(*pipeline.next_block(), 500);
    EXPECT_FALSE(pipeline.is_full());
    pipeline.add(*pipeline.next_block(), 900);
    EXPECT_TRUE(pipeline.is_full());
}

struct JoinCase {
    const char* rule;
    std::optional<evm::BlockId> stored;
    bool joins;
};

TEST(CommitPipelineTest, ARangeMustFollowWhatIsStored) {
    const JoinCase cases[] = {
        {"an empty index takes any range", std::nullopt, true},
        {"the block before", evm::BlockId{4, hash_of(4)}, true},
        {"its hash is not known", evm::BlockId{4, {}}, true},
        {"another block of that number", evm::BlockId{4, hash_of(9)}, false},
        {"a gap", evm::BlockId{3, hash_of(4)}, false},
        {"blocks that are there already", evm::BlockId{5, hash_of(4)}, false},
    };
    for (const JoinCase& test : cases) {
        SCOPED_TRACE(test.rule);
        CommitPipeline pipeline{kWide};
        pipeline.push(item_of({{5, 9}, 99, {{9, 1}}}, 1));
        EXPECT_EQ(pipeline.joins(test.stored), test.joins);
    }
}

TEST(CommitPipelineTest, ARangeMustFollowWhatIsInHandWhateverIsStored) {
    CommitPipeline pipeline{kWide};
    pipeline.push(item_of({{1, 4}, 99, {{4, 1}}}, 1));
    pipeline.push(item_of({{5, 9}, 99, {{9, 1}}}, 2));
    pipeline.push(item_of({{11, 12}, 99, {{12, 1}}}, 3));
    pipeline.add(*pipeline.next_block(), 0);
    EXPECT_TRUE(pipeline.joins(evm::BlockId{70, hash_of(70)}));
    pipeline.seal();
    EXPECT_TRUE(pipeline.joins(evm::BlockId{70, hash_of(70)}));
    pipeline.add(*pipeline.next_block(), 0);
    EXPECT_FALSE(pipeline.joins(evm::BlockId{10, hash_of(10)}));
}

TEST(CommitPipelineTest, FinalBlocksAreFoldedWhileACommitIsWrittenAndOthersWait) {
    CommitPipeline pipeline{kWide};
    pipeline.push(item_of({{1, 1}, 2, {{1, 1}}}, 1));
    pipeline.push(item_of({{2, 3}, 2, {{2, 1}, {3, 1}}}, 2));
    pipeline.add(*pipeline.next_block(), 0);
    pipeline.seal();
    const auto second = pipeline.next_block();
    ASSERT_TRUE(second.has_value());
    EXPECT_EQ(second->block().block_num, 2U);
    pipeline.add(*second, 0);
    EXPECT_FALSE(pipeline.next_block().has_value());
    EXPECT_EQ(pipeline.finish_sealed(), 1U);
    EXPECT_FALSE(pipeline.next_block().has_value());
    pipeline.seal();
    EXPECT_FALSE(pipeline.next_block().has_value());
    EXPECT_FALSE(pipeline.finish_sealed().has_value()) << "its last block is not committed";
    const auto third = pipeline.next_block();
    ASSERT_TRUE(third.has_value());
    EXPECT_TRUE(third->needs_undo());
    EXPECT_EQ(third->block().block_num, 3U);
}

TEST(CommitPipelineTest, ARewindFoldsAgainWhatIsNotCommitted) {
    CommitPipeline pipeline{{1, 1'000'000}};
    pipeline.push(item_of({{1, 3}, 99, {{1, 1}, {2, 1}, {3, 1}}}, 1));
    pipeline.add(*pipeline.next_block(), 0);
    pipeline.seal();
    static_cast<void>(pipeline.finish_sealed());
    pipeline.add(*pipeline.next_block(), 0);
    pipeline.seal();
    pipeline.add(*pipeline.next_block(), 0);
    EXPECT_TRUE(pipeline.is_used_up());
    pipeline.rewind();
    EXPECT_FALSE(pipeline.has_in_hand());
    EXPECT_THAT(commits_of(pipeline), ElementsAre("2-2: 1 logs [2-2]", "3-3: 1 logs [3-3]"));
}

/// Random work, folded and committed in random turns with rewinds in between: in the end each log
/// was committed once and in order, without a gap in the coverage.
TEST(CommitPipelineTest, EveryLogIsCommittedOnceAndInOrderWhateverTheTurns) {
    for (uint32_t seed = 1; seed <= 300; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937 random{seed};
        const auto below = [&random](uint32_t end) {
            return static_cast<uint32_t>(random() % end);
        };
        CommitPipeline pipeline{{1 + below(8), 1'000'000}};
        std::vector<uint64_t> wanted;  // block * 100 + log index
        uint64_t next_block = 1;
        uint64_t seq = 0;
        for (uint32_t i = below(6) + 1; i > 0; --i) {
            Range range{{next_block, 0}, 20, {}, below(4) == 0};
            for (uint32_t block = below(4) + 1; block > 0; --block) {
                next_block += below(3);
                range.blocks.push_back({next_block, below(4)});
                for (uint32_t log = 0; log < range.blocks.back().logs; ++log) {
                    wanted.push_back(next_block * 100 + log);
                }
                range.range.to = next_block++;
            }
            pipeline.push(item_of(range, ++seq));
        }
        std::vector<uint64_t> committed;
        uint64_t covered_to = 0;
        uint64_t done_seq = 0;
        const auto finish = [&] {
            const PlannedCommit& commit = *pipeline.sealed();
            EXPECT_TRUE(!commit.needs_undo() || commit.from == commit.last->block_num ||
                        commit.parts[0].to.block - commit.parts[0].from.block == 1);
            for (const CommitPart& part : commit.parts) {
                EXPECT_EQ(part.coverage.from, covered_to + 1);
                covered_to = part.coverage.to;
                for (size_t at = part.from.log; at < part.to.log; ++at) {
                    const evm::Log& log = part.fetched->logs.logs[at];
                    committed.push_back(log.block_num * 100 + log.log_index);
                }
            }
            if (const auto done = pipeline.finish_sealed()) {
                EXPECT_GT(*done, done_seq);
                done_seq = *done;
            }
        };
        while (!pipeline.is_used_up() || pipeline.has_in_hand()) {
            const bool can_fold = !pipeline.is_used_up() && pipeline.next_block().has_value();
            if (below(12) == 0) {
                pipeline.rewind();
            } else if (pipeline.sealed() != nullptr && below(2) == 0) {
                finish();
            } else if (can_fold && below(3) != 0) {
                pipeline.add(*pipeline.next_block(), 0);
            } else if (pipeline.has_in_hand() && pipeline.sealed() == nullptr) {
                pipeline.seal();
            }
        }
        EXPECT_EQ(committed, wanted);
        EXPECT_EQ(covered_to, next_block - 1);
        EXPECT_EQ(done_seq, seq);
    }
}

TEST(CommitPipelineDeathTest, AnEmptyCommitIsNotSealed) {
    CommitPipeline pipeline{kWide};
    EXPECT_DEATH(pipeline.seal(), "nothing to commit");
}

TEST(CommitPipelineDeathTest, ABlockIsNotFoldedTwice) {
    CommitPipeline pipeline{kWide};
    pipeline.push(item_of({{1, 2}, 99, {{1, 1}, {2, 1}}}, 1));
    const BlockSpan first = *pipeline.next_block();
    pipeline.add(first, 0);
    EXPECT_DEATH(pipeline.add(first, 0), "in order");
}

TEST(CommitPipelineDeathTest, WhatIsLeftOfAnItemIsDroppedButNotWhatIsInHand) {
    CommitPipeline pipeline{{1, 1'000'000}};
    pipeline.push(item_of({{1, 2}, 99, {{1, 1}, {2, 1}}}, 1));
    pipeline.push(item_of({{3, 4}, 99, {{3, 1}, {4, 1}}}, 2));
    pipeline.add(*pipeline.next_block(), 0);
    pipeline.seal();
    EXPECT_DEATH(pipeline.drop_next(), "in hand");
    EXPECT_FALSE(pipeline.finish_sealed().has_value());
    pipeline.drop_next();
    ASSERT_FALSE(pipeline.is_used_up());
    EXPECT_EQ(pipeline.next().seq, 2U);
    EXPECT_TRUE(pipeline.is_at_start());
    pipeline.add(*pipeline.next_block(), 0);
    EXPECT_TRUE(pipeline.has_in_hand());
}

TEST(CommitPipelineDeathTest, ALogOfNoBlockOfTheRangeIsNotLost) {
    WorkItem item = item_of({{1, 2}, 99, {{2, 1}}}, 1);
    evm::Log stray;
    stray.block_num = 7;
    std::get<AppendWork>(item.work).fetched.logs.push(stray, {});
    CommitPipeline pipeline{kWide};
    pipeline.push(std::move(item));
    const BlockSpan span = *pipeline.next_block();
    EXPECT_DEATH(pipeline.add(span, 0), "none of the range's blocks");
}

}  // namespace
}  // namespace plumbline::engine::commit_pipeline_test
