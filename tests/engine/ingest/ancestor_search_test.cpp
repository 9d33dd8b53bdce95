// Random chains and forks against a plain walk from the top: the search must find the highest block
// that is stored and on the chain, whatever rows there are.
#include "engine/ingest/ancestor_search.hpp"

#include <map>
#include <random>

#include <gtest/gtest.h>

#include "tests/support/test_chain.hpp"

namespace plumbline::engine::ancestor_search_test {
namespace {

using test::to_word;

/// Ours, which is stored, and the chain, which left it above `fork`. Hashes say whose a block is.
struct Fork {
    uint64_t first_block = 0;
    uint64_t cursor = 0;
    uint64_t fork = 0;  ///< the last common block; what lies above `head` nobody tells
    uint64_t head = 0;
    bool forks_at_all = true;  ///< else no block is common
    bool knows_cursor_hash = true;
    std::vector<uint64_t> rows{};  ///< stored blocks, ascending

    [[nodiscard]] static evm::Hash ours(uint64_t n) { return to_word(1'000'000'000 + n); }
    [[nodiscard]] bool is_common(uint64_t n) const { return forks_at_all && n <= fork; }
    [[nodiscard]] evm::Hash theirs(uint64_t n) const {
        return is_common(n) ? ours(n) : to_word(2'000'000'000 + n);
    }
};

struct Answer {
    std::optional<evm::BlockId> ancestor;
    bool agrees = false;
    size_t questions = 0;
};

Answer search(const Fork& fork) {
    AncestorSearch at{{fork.cursor, fork.knows_cursor_hash ? Fork::ours(fork.cursor) : evm::Hash{}},
                      fork.first_block,
                      fork.head};
    Answer out;
    for (size_t steps = 0; steps < 1'000; ++steps) {
        if (const auto* found = std::get_if<AncestorSearch::Found>(&at.step())) {
            out.ancestor = found->ancestor;
            out.agrees = found->agrees;
            return out;
        }
        if (const auto* read = std::get_if<AncestorSearch::ReadRows>(&at.step())) {
            std::vector<storage::BlockRow> rows;
            for (const uint64_t n : fork.rows) {
                if (n >= read->range.from && n <= read->range.to) {
                    rows.push_back({n, Fork::ours(n), n == 0 ? evm::Hash{} : Fork::ours(n - 1)});
                }
            }
            at.take_rows(rows);
        } else if (const auto* ask = std::get_if<AncestorSearch::AskHeaders>(&at.step())) {
            ++out.questions;
            EXPECT_FALSE(ask->block_nums.empty());
            EXPECT_LE(ask->block_nums.size(), 16U);
            std::vector<evm::Header> headers;
            for (const uint64_t n : ask->block_nums) {
                EXPECT_LE(n, fork.head) << "nobody has that block";
                headers.emplace_back().hash = fork.theirs(n);
            }
            at.take_headers(headers);
        }
    }
    ADD_FAILURE() << "the search does not end";
    return out;
}

/// From the top down over everything whose hash is stored.
Answer walk(const Fork& fork) {
    std::map<uint64_t, evm::Hash> stored;
    for (const uint64_t n : fork.rows) {
        stored[n] = Fork::ours(n);
        if (n > 0) {
            stored[n - 1] = Fork::ours(n - 1);
        }
    }
    if (fork.knows_cursor_hash) {
        stored[fork.cursor] = Fork::ours(fork.cursor);
    }
    bool differs = false;
    for (auto at = stored.rbegin(); at != stored.rend(); ++at) {
        if (at->first > fork.head) {
            continue;
        }
        if (fork.theirs(at->first) == at->second) {
            return {evm::BlockId{at->first, at->second}, !differs, 0};
        }
        differs = true;
    }
    return {};
}

void expect_as_walked(const Fork& fork, const std::string& what) {
    const Answer found = search(fork);
    const Answer expected = walk(fork);
    EXPECT_EQ(found.ancestor, expected.ancestor) << what;
    EXPECT_EQ(found.agrees, expected.agrees) << what;
}

std::vector<uint64_t> all_from(uint64_t from, uint64_t to) {
    std::vector<uint64_t> out;
    for (uint64_t n = from; n <= to; ++n) {
        out.push_back(n);
    }
    return out;
}

TEST(AncestorSearchTest, FindsTheHighestCommonStoredBlockOfAnyTwoChains) {
    for (uint64_t seed = 0; seed < 3'000; ++seed) {
        std::mt19937_64 random{seed};
        Fork fork;
        fork.first_block = random() % 3 == 0 ? 0 : random() % 500;
        fork.cursor = fork.first_block + random() % (random() % 4 == 0 ? 9'000 : 600);
        // Deep and shallow ones alike.
        const uint64_t depth = random() % (random() % 2 == 0 ? 20 : 10'000);
        fork.fork = fork.cursor > depth ? fork.cursor - depth : 0;
        fork.forks_at_all = random() % 20 != 0;
        fork.head = random() % 2 == 0 ? fork.cursor + random() % 10 : random() % (fork.cursor + 1);
        fork.knows_cursor_hash = random() % 10 != 0;
        const uint64_t density = 1 + random() % (random() % 2 == 0 ? 2 : 300);
        for (uint64_t n = fork.first_block; n <= fork.cursor; ++n) {
            if (random() % density == 0) {
                fork.rows.push_back(n);
            }
        }
        expect_as_walked(fork, "seed " + std::to_string(seed));
    }
}

TEST(AncestorSearchTest, ReadsNothingAboveTheCursorOrBelowTheFirstBlock) {
    for (const uint64_t size : {1U, 255U, 256U, 257U, 2'000U}) {
        AncestorSearch at{{100 + size - 1, Fork::ours(100 + size - 1)}, 100, 0};
        uint64_t below = 100 + size;
        while (const auto* read = std::get_if<AncestorSearch::ReadRows>(&at.step())) {
            EXPECT_EQ(read->range.to + 1, below);
            EXPECT_GE(read->range.from, 100U);
            below = read->range.from;
            at.take_rows({});
        }
        EXPECT_EQ(below, 100U);
        EXPECT_TRUE(std::holds_alternative<AncestorSearch::Found>(at.step()));
    }
}

TEST(AncestorSearchTest, AShortForkTakesOneQuestionALongOneAFew) {
    Fork fork{0, 5'000, 4'998, 5'003};
    fork.rows = all_from(0, 5'000);
    EXPECT_EQ(search(fork).questions, 1U);
    fork.fork = 100;
    EXPECT_LE(search(fork).questions, 8U);
}

TEST(AncestorSearchTest, AHeadBelowOursThatDiffersNowhereAgrees) {
    Fork fork{10, 900, 900, 300};
    fork.rows = all_from(10, 900);
    const Answer found = search(fork);
    ASSERT_TRUE(found.ancestor.has_value());
    EXPECT_EQ(found.ancestor->block_num, 300U);
    EXPECT_TRUE(found.agrees);
}

TEST(AncestorSearchTest, WhatDiffersInTheFirstWindowIsNotForgottenInTheNext) {
    Fork fork{0, 1'000, 0, 900};
    fork.rows = all_from(0, 1'000);
    // The first window ends at 745. Its blocks differ, the highest of the next is common.
    fork.fork = 743;
    const Answer found = search(fork);
    ASSERT_TRUE(found.ancestor.has_value());
    EXPECT_EQ(found.ancestor->block_num, 743U);
    EXPECT_FALSE(found.agrees);
}

TEST(AncestorSearchTest, WhereNothingIsCommonThereIsNoAncestorAndNoAgreement) {
    Fork fork{10, 600, 0, 650};
    fork.forks_at_all = false;
    fork.rows = all_from(10, 600);
    const Answer found = search(fork);
    EXPECT_FALSE(found.ancestor.has_value());
    EXPECT_FALSE(found.agrees);
}

TEST(AncestorSearchTest, AnAnswerOfTwoChainsGivesTheHighestOfOurs) {
    AncestorSearch at{{3, Fork::ours(3)}, 0, 10};
    const std::vector<storage::BlockRow> rows{{1, Fork::ours(1), Fork::ours(0)},
                                              {3, Fork::ours(3), Fork::ours(2)}};
    at.take_rows(rows);
    ASSERT_TRUE(std::holds_alternative<AncestorSearch::AskHeaders>(at.step()));
    // 0 and 2 are ours, 1 between them and 3 are not.
    std::vector<evm::Header> headers(4);
    headers[0].hash = Fork::ours(0);
    headers[2].hash = Fork::ours(2);
    at.take_headers(headers);
    const auto* found = std::get_if<AncestorSearch::Found>(&at.step());
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->ancestor, (evm::BlockId{2, Fork::ours(2)}));
    EXPECT_FALSE(found->agrees);
}

TEST(AncestorSearchDeathTest, TakesOnlyWhatItAskedFor) {
    AncestorSearch at{{3, Fork::ours(3)}, 0, 10};
    EXPECT_DEATH(at.take_headers({}), "AskHeaders");
    const std::vector<storage::BlockRow> outside{{4, Fork::ours(4), Fork::ours(3)}};
    EXPECT_DEATH(at.take_rows(outside), "range");
    at.take_rows({});
    const std::vector<evm::Header> too_many(2);
    EXPECT_DEATH(at.take_headers(too_many), "asked_");
}

}  // namespace
}  // namespace plumbline::engine::ancestor_search_test
