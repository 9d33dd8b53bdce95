#include "rpc/refusal_words.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace plumbline::rpc::refusal_words_test {
namespace {

// Words as they are, numbers as #n, hex numbers as xn, other tokens in quotes.
std::string text_of(std::string_view text) {
    std::string out;
    for (const Token& token : split_refusal(text)) {
        out += out.empty() ? "" : " ";
        switch (token.kind) {
            case TokenKind::kWord: out += token.text; break;
            case TokenKind::kNumber: out += "#" + std::to_string(token.number); break;
            case TokenKind::kHex: out += "x" + std::to_string(token.number); break;
            case TokenKind::kSymbol: out += "'" + token.text + "'"; break;
        }
    }
    return out;
}

TEST(RefusalWordsTest, ATextBecomesWordsNumbersAndSymbols) {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"", ""},
        {"Too MANY blocks!", "too many blocks"},
        {"maxBlockRange rate_limit RPS", "max block range rate limit rps"},
        {"eth_getLogs getLogs getBlockByNumber net_version", ""},
        {"see https://docs.example.com/limits?x=1000 now", "see now"},
        {R"("see":"http://a.b/c","x")", "see x"},
        {"10,000 10_000 10'000 1,000,000", "#10000 #10000 #10000 #1000000"},
        {"1,2,3", "#1 #2 #3"},
        {"10,0000", "#10 #0"},
        {"10k 2K 3M 4m 5km", "#10000 #2000 #3000000 #4 m #5 km"},
        {"1.5 s", "#1 s"},
        {"isn't can't don`t won", "is not can not do not won"},
        {"blockchain blockChain", "chain block chain"},
        {"[0x1A, 0x1b]", "'[' x26 x27 ']'"},
        {"0x 0xg", "#0 x #0 xg"},
        {"0x00000000000000001", "'0x00000000000000001'"},  // 17 digits: no number
        {"99999999999999999999", "''"},                    // too large for one
        {"10 calls in 1 batch", "#10 calls in a batch"},   // an article
        {"1 batch of 1 call", "#1 batch of #1 call"},
        {"5-9 a/b <c>", "#5 '-' #9 a '/' b '<' c '>'"},
    };
    for (const auto& [text, tokens] : cases) {
        EXPECT_EQ(text_of(text), tokens) << text;
    }
    std::string endless;
    for (int i = 0; i < 2'000; ++i) {
        endless += "a ";
    }
    EXPECT_EQ(split_refusal(endless).size(), 600U);
}

TEST(RefusalWordsTest, WhatIsAdvisedIsToldApart) {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"too many blocks", "too many blocks"},
        {"too many blocks. Upgrade your plan to get a higher range! Head over to us",
         "too many blocks ."},
        {"request timeout on the free tier, please upgrade to the paid one",
         "request timeout on the free tier"},
        {"quota reached. Visit the dashboard. Block 5 is pruned",
         "quota reached . . block is pruned"},
        {"please slow down", "please slow down"},
        {"upgrade", ""},
    };
    for (const auto& [text, expected] : cases) {
        std::string plain;
        const RefusalWords words = RefusalWords{text}.without_advice();
        for (const Token& token : words.tokens()) {
            plain += plain.empty() || token.text.empty() ? "" : " ";
            plain += token.text;
        }
        EXPECT_EQ(plain, expected);
    }
}

TEST(RefusalWordsTest, StemsMatchWordsTheyBeginAndWholeOnesWhereMarked) {
    const RefusalWords words{"limits were exceeded by logs"};
    EXPECT_TRUE(words.has({"limit"}));
    EXPECT_FALSE(words.has({"limit$"}));
    EXPECT_TRUE(words.has({"nothing", "limits$"}));
    EXPECT_FALSE(words.has({"mits"}));
}

TEST(RefusalWordsTest, SequencesKeepOrderAndGap) {
    const RefusalWords words{"block is not really available"};
    EXPECT_TRUE(words.has_sequence({"not$", "available"}, 1));
    EXPECT_FALSE(words.has_sequence({"not$", "available"}));
    EXPECT_FALSE(words.has_sequence({"available", "not$"}, 5));
    EXPECT_TRUE(words.has_sequence({"block", "not$", "available"}, 1));
    // The first start may lead nowhere.
    EXPECT_TRUE((RefusalWords{"rate of the rate limit"}.has_sequence({"rate", "limit"})));
}

TEST(RefusalWordsTest, NearCountsTokensBothWays) {
    const RefusalWords words{"plan a b c limit"};
    EXPECT_TRUE(words.near({"limit"}, {"plan"}, 4));
    EXPECT_TRUE(words.near({"plan"}, {"limit"}, 4));
    EXPECT_FALSE(words.near({"plan"}, {"limit"}, 3));
    EXPECT_FALSE(words.near({"plan"}, {"plan"}, 4));
}

TEST(RefusalWordsTest, ANumberCountsTheNounAfterItUnlessAnotherPhraseBegins) {
    EXPECT_TRUE(RefusalWords{"10,000 blocks"}.any_number_counts({"block"}));
    EXPECT_TRUE(RefusalWords{"a 2K wide range"}.any_number_counts({"range"}));
    EXPECT_FALSE(RefusalWords{"blocks 10"}.any_number_counts({"block"}));
    EXPECT_FALSE(RefusalWords{"10 max block range"}.any_number_counts({"block"}));
    EXPECT_FALSE(RefusalWords{"10. blocks"}.any_number_counts({"block"}));
    EXPECT_FALSE(RefusalWords{"10 very very long ranges"}.any_number_counts({"range"}));
}

}  // namespace
}  // namespace plumbline::rpc::refusal_words_test
