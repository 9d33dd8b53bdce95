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
    EXPECT_FALSE(find_disagreement({}, 7));
    EXPECT_FALSE(find_disagreement({word("a", nullptr), word("b", nullptr)}, 7));
    EXPECT_FALSE(find_disagreement({word("a", "x"), word("b", nullptr), word("c", "x")}, 7));
}

TEST(StartWordsTest, OneAgainstOneIsNoMajorityAndBothAreNamed) {
    const auto found = find_disagreement({word("a", "x"), word("b", "y")}, 7);
    ASSERT_TRUE(found.has_value());
    EXPECT_FALSE(found->has_majority);
    EXPECT_THAT(found->text, HasSubstr("block 7"));
    EXPECT_THAT(found->text, HasSubstr("a has 0x"));
    EXPECT_THAT(found->text, HasSubstr("b has 0x"));
}

TEST(StartWordsTest, MoreThanHalfOfThoseThatHaveItAreAMajority) {
    EXPECT_TRUE(
        find_disagreement({word("a", "x"), word("b", "y"), word("c", "x")}, 7)->has_majority);
    EXPECT_FALSE(
        find_disagreement({word("a", "x"), word("b", "y"), word("c", "z")}, 7)->has_majority);
    EXPECT_TRUE(
        find_disagreement({word("a", "x"), word("b", "y"), word("c", "x"), word("d", nullptr)}, 7)
            ->has_majority);
}

}  // namespace
}  // namespace plumbline::engine::start_words_test
