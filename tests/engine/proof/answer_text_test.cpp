#include "engine/proof/answer_text.hpp"

#include <gmock/gmock.h>

namespace plumbline::engine::test::answer_text_test {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

storage::CallFact fact_of(std::string data) {
    storage::CallFact out;
    out.outcome = storage::CallOutcome::kAnswered;
    out.data = std::move(data);
    return out;
}

TEST(AnswerTextTest, AShortAnswerIsShownWhole) {
    EXPECT_EQ(answer_text(fact_of("\x01\x02"), nullptr), "answered 0x0102");
    EXPECT_EQ(answer_text(fact_of(""), nullptr), "answered");
}

TEST(AnswerTextTest, OfALongAnswerThePartThatDiffersIsShown) {
    for (const size_t at : {size_t{3}, size_t{63}, size_t{64}, size_t{90}, size_t{127}}) {
        storage::CallFact one = fact_of(std::string(128, 'a'));
        storage::CallFact other = one;
        other.data[at] = 'z';
        EXPECT_THAT(answer_text(other, &one), HasSubstr("7a")) << at;
        EXPECT_NE(answer_text(other, &one), answer_text(one, &other)) << at;
    }
}

TEST(AnswerTextTest, AnAnswerThatIsLongerByItsEndShowsIt) {
    const storage::CallFact one = fact_of(std::string(128, 'a'));
    const storage::CallFact longer = fact_of(std::string(160, 'a'));
    EXPECT_THAT(answer_text(one, &longer), StartsWith("answered from byte 96: 0x61"));
    EXPECT_NE(answer_text(one, &longer), answer_text(longer, &one));
    EXPECT_THAT(answer_text(one, nullptr), EndsWith(".."));
}

}  // namespace
}  // namespace plumbline::engine::test::answer_text_test
