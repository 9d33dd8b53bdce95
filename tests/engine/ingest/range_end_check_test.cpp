#include "engine/ingest/range_end_check.hpp"

#include <gtest/gtest.h>

#include "tests/support/test_chain.hpp"

namespace plumbline::engine::range_end_check_test {
namespace {

using test::to_word;

evm::BlockId block(uint64_t n) {
    return {n, to_word(n)};
}

/// Ends at 10, 20, ... 10 * count.
RangeEndCheck ends(size_t count, const std::optional<evm::BlockId>& good) {
    RangeEndCheck check;
    check.start(good);
    for (uint64_t i = 1; i <= count; ++i) {
        check.add(block(10 * i));
    }
    return check;
}

/// Answers until all is asked or one differs: those above `fork` do. True where all are ours.
bool run(RangeEndCheck& check, uint64_t fork, std::vector<size_t>& sizes) {
    while (true) {
        const std::vector<uint64_t> asked = check.next_question();
        if (asked.empty()) {
            return true;
        }
        sizes.push_back(asked.size());
        std::vector<evm::Header> headers;
        for (const uint64_t n : asked) {
            headers.emplace_back().hash = n <= fork ? to_word(n) : to_word(4711);
        }
        if (!check.take_headers(headers)) {
            return false;
        }
    }
}

TEST(RangeEndCheckTest, AsksForEachEndOnceInFewQuestions) {
    RangeEndCheck check = ends(150, block(5));
    std::vector<size_t> sizes;
    EXPECT_TRUE(run(check, UINT64_MAX, sizes));
    EXPECT_EQ(sizes, (std::vector<size_t>{64, 64, 22}));
    EXPECT_EQ(check.last_good(), block(1'500));
}

TEST(RangeEndCheckTest, TheLastGoodOneIsTheHighestBelowTheFork) {
    for (uint64_t fork = 0; fork < 1'500; fork += 7) {
        RangeEndCheck check = ends(150, block(5));
        std::vector<size_t> sizes;
        EXPECT_FALSE(run(check, fork, sizes));
        EXPECT_EQ(check.last_good(), fork < 10 ? block(5) : block(fork / 10 * 10)) << fork;
    }
}

TEST(RangeEndCheckTest, WhereTheRunBeganWithNothingStoredNothingIsGood) {
    RangeEndCheck check = ends(3, std::nullopt);
    std::vector<size_t> sizes;
    EXPECT_FALSE(run(check, 0, sizes));
    EXPECT_FALSE(check.last_good().has_value());
}

TEST(RangeEndCheckTest, ANewRunForgetsTheOldOne) {
    RangeEndCheck check = ends(3, block(5));
    check.start(block(100));
    EXPECT_TRUE(check.next_question().empty());
    EXPECT_EQ(check.last_good(), block(100));
}

TEST(RangeEndCheckDeathTest, EndsAscendAndAnswersFitTheQuestion) {
    RangeEndCheck check = ends(3, std::nullopt);
    EXPECT_DEATH(check.add(block(30)), "block_num");
    EXPECT_DEATH(static_cast<void>(check.take_headers({})), "question_size");
}

}  // namespace
}  // namespace plumbline::engine::range_end_check_test
