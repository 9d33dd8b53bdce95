#include "rpc/gap_words.hpp"

#include <gtest/gtest.h>

namespace plumbline::rpc::gap_words_test {
namespace {

TEST(GapWordsTest, WordsOfKnownChainsAreKnownFromTheStart) {
    const GapWords words;
    for (const char* text :
         {"requested epoch was a null round (7)", "cannot get block 0x7: null round",
          "failed to get tipset: requested epoch was a null round: 4100",
          "Slot 250001 was skipped, or missing in long-term storage"}) {
        EXPECT_TRUE(words.matches({1, text, ""})) << text;
    }
}

TEST(GapWordsTest, OtherRefusalsAreNotTakenForThem) {
    const GapWords words;
    for (const char* text : {"header not found", "too many requests", "null", "internal error",
                             "the round of height 7 came to nothing", ""}) {
        EXPECT_FALSE(words.matches({-32000, text, ""})) << text;
    }
}

TEST(GapWordsTest, WhatIsLearntCountsForEveryNumberAndOnlyWithItsCode) {
    GapWords words;
    EXPECT_TRUE(words.learn({12, "the round of height 7 came to nothing", ""}));
    EXPECT_FALSE(words.learn({12, "the round of height 8 came to nothing", ""}));
    EXPECT_TRUE(words.matches({12, "the round of height 0x1f4 came to nothing", ""}));
    EXPECT_FALSE(words.matches({-32000, "the round of height 7 came to nothing", ""}));
    EXPECT_FALSE(words.matches({12, "the round came to nothing", ""}));
}

TEST(GapWordsTest, KeepsABoundedNumberOfThem) {
    GapWords words;
    for (int code = 1; code <= 100; ++code) {
        static_cast<void>(words.learn({code, "none", ""}));
    }
    EXPECT_TRUE(words.matches({16, "none", ""}));
    EXPECT_FALSE(words.matches({17, "none", ""}));
}

}  // namespace
}  // namespace plumbline::rpc::gap_words_test
