// Two chains of one id: nothing is stored while it is open which of them is meant.
#include "engine/ingest/start_words.hpp"

#include <gmock/gmock.h>

#include "core/evm/keccak.hpp"

namespace plumbline::engine::start_words_test {
namespace {

using testing::HasSubstr;

rpc::BlockWord word(const std::string& name, const char* block) {
    return {name, block == nullptr ? std::nullopt : std::optional{evm::keccak256(block)}};
}

TEST(StartWordsTest, WhoeverLacksTheBlockDisagreesWithNobody) {
    EXPECT_FALSE(find_disagreement({}));
    EXPECT_FALSE(find_disagreement({word("a", nullptr), word("b", nullptr)}));
    EXPECT_FALSE(find_disagreement({word("a", "x"), word("b", nullptr), word("c", "x")}));
}

TEST(StartWordsTest, OneAgainstOneIsNoMajorityAndBothAreNamed) {
    const auto found = find_disagreement({word("a", "x"), word("b", "y")});
    ASSERT_TRUE(found.has_value());
    EXPECT_FALSE(found->majority);
    EXPECT_THAT(found->text, HasSubstr("a has 0x"));
    EXPECT_THAT(found->text, HasSubstr("b has 0x"));
}

TEST(StartWordsTest, MoreThanHalfOfThoseThatHaveItAreAMajority) {
    EXPECT_TRUE(find_disagreement({word("a", "x"), word("b", "y"), word("c", "x")})->majority);
    EXPECT_FALSE(find_disagreement({word("a", "x"), word("b", "y"), word("c", "z")})->majority);
    EXPECT_TRUE(
        find_disagreement({word("a", "x"), word("b", "y"), word("c", "x"), word("d", nullptr)})
            ->majority);
}

using Names = std::set<std::string>;

Names apart(const std::vector<rpc::BlockWord>& words, const Names& before = {}) {
    return find_apart(words, evm::keccak256("x"), before);
}

TEST(FindApartTest, WhoTellsAnotherBlockWhereMoreTellOurs) {
    EXPECT_EQ(apart({word("a", "x"), word("b", "y"), word("c", "x")}), Names{"b"});
    EXPECT_EQ(apart({word("a", "x"), word("b", "y"), word("c", "x"), word("d", nullptr)}),
              Names{"b"});
}

TEST(FindApartTest, NobodyWhereOursIsNotMoreThanOneProvidersWordOrNotMoreThanOthers) {
    EXPECT_EQ(apart({word("a", "x"), word("b", "y")}), Names{});
    EXPECT_EQ(apart({word("a", "x"), word("b", nullptr), word("c", "x")}), Names{});
    EXPECT_EQ(apart({word("a", "x"), word("b", "y"), word("c", "x"), word("d", "z")}), Names{});
}

TEST(FindApartTest, WhereMostTellAnotherBlockThanOursThoseThatDoNotAre) {
    EXPECT_EQ(apart({word("a", "x"), word("b", "y"), word("c", "y")}), Names{"a"});
    EXPECT_EQ(apart({word("a", "z"), word("b", "y"), word("c", "y")}), Names{"a"})
        << "nobody has ours";
    EXPECT_EQ(apart({word("a", "z"), word("b", "y"), word("c", "w")}), Names{}) << "no most";
}

TEST(FindApartTest, WhoWasStaysUntilItTellsOursOrTwoAndMoreThanOursTellAnother) {
    EXPECT_EQ(apart({word("a", "x"), word("b", "y")}, {"b"}), Names{"b"}) << "c is silent";
    EXPECT_EQ(apart({word("b", "y")}, {"b"}), Names{"b"}) << "falling silent is not losing";
    EXPECT_EQ(apart({word("a", "x"), word("c", "x")}, {"b"}), Names{"b"});
    EXPECT_EQ(apart({word("a", "x"), word("b", "x"), word("c", "x")}, {"b"}), Names{});
    EXPECT_EQ(apart({word("a", "y"), word("b", "y"), word("c", "x")}, {"b"}), Names{"c"});
}

TEST(FindApartTest, OfTwoEndpointsOfOneNameNoneIsWhereOneTellsOurs) {
    EXPECT_EQ(apart({word("a", "x"), word("b", "y"), word("b", "x")}), Names{});
}

// --- until they agree

constexpr int64_t kLate = StartAgreement::kWaitMs;

TEST(StartAgreementTest, AllThatSayTheSameAgreeAtOnce) {
    StartAgreement start{64, 2, 0};
    EXPECT_FALSE(start.is_agreed(0));
    EXPECT_EQ(start.hear({word("a", "x"), word("b", "x")}), "");
    EXPECT_TRUE(start.is_agreed(0));
}

TEST(StartAgreementTest, WhoHasNotSpokenIsWaitedForSoLongAndNoLonger) {
    StartAgreement start{64, 3, 1'000};
    EXPECT_EQ(start.hear({word("a", "x"), word("b", "x")}), "");
    EXPECT_FALSE(start.is_agreed(1'000 + kLate - 1));
    EXPECT_TRUE(start.is_agreed(1'000 + kLate));
}

TEST(StartAgreementTest, OneThatSpeaksLateIsHeard) {
    StartAgreement start{64, 2, 0};
    EXPECT_EQ(start.hear({word("a", "x")}), "");
    EXPECT_FALSE(start.is_agreed(kLate - 1));
    EXPECT_EQ(start.hear({word("a", "x"), word("b", "y")}), "");
    EXPECT_FALSE(start.is_agreed(kLate));
    EXPECT_THAT(start.disagreement(), HasSubstr("block 64, which is final: a has 0x"));
    EXPECT_THAT(start.disagreement(), HasSubstr("nothing is stored until they agree"));
}

TEST(StartAgreementTest, OfALongAndAShortChainABlockThatBothHaveIsCompared) {
    StartAgreement start{1'600, 2, 0};
    for (const uint64_t above : {1'600U, 800U, 400U}) {
        EXPECT_EQ(start.block_num(), above);
        EXPECT_EQ(start.hear({word("long", "x"), word("short", nullptr)}), "");
        EXPECT_FALSE(start.is_agreed(1'000));
    }
    EXPECT_EQ(start.block_num(), 200U);
    EXPECT_EQ(start.hear({word("long", "x"), word("short", "y")}), "");
    EXPECT_FALSE(start.is_agreed(kLate));
    EXPECT_THAT(start.disagreement(), HasSubstr("block 200"));
}

TEST(StartAgreementTest, WhoLacksEvenTheFirstBlockDisagreesWithNobody) {
    StartAgreement start{1, 2, 0};
    EXPECT_EQ(start.hear({word("a", "x"), word("b", nullptr)}), "");
    EXPECT_EQ(start.block_num(), 0U);
    EXPECT_EQ(start.hear({word("a", "x"), word("b", nullptr)}), "");
    EXPECT_TRUE(start.is_agreed(0));
}

TEST(StartAgreementTest, WhoFallsSilentInADisagreementHasNotLostIt) {
    StartAgreement start{64, 2, 0};
    EXPECT_EQ(start.hear({word("a", "x"), word("b", "y")}), "");
    EXPECT_EQ(start.hear({word("b", "y")}), "");
    EXPECT_FALSE(start.is_agreed(10 * kLate));
    EXPECT_EQ(start.hear({word("a", "y"), word("b", "y")}), "");
    EXPECT_TRUE(start.is_agreed(10 * kLate));
}

TEST(StartAgreementTest, WhatMostHaveIsBelievedAndTold) {
    StartAgreement start{64, 3, 0};
    EXPECT_THAT(start.hear({word("a", "x"), word("b", "y"), word("c", "x")}),
                HasSubstr("what most of them have is believed"));
    EXPECT_TRUE(start.is_agreed(0));
}

}  // namespace
}  // namespace plumbline::engine::start_words_test
