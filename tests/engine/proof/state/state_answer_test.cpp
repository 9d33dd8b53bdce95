// What follows of each answer that a getter can give about a row, one by one.
#include "engine/proof/state/state_answer.hpp"

#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/evm/hex.hpp"
#include "tests/engine/proof/state/state_plans.hpp"

namespace plumbline::engine::state_answer_test {
namespace {

using rpc::CallResult;
using testing::HasSubstr;
using Kind = CallResult::Kind;

constexpr const char* kAbi = R"([{"type":"function","name":"items","stateMutability":"view",
    "inputs":[{"name":"id","type":"uint256"}],
    "outputs":[{"name":"owner","type":"address"},{"name":"count","type":"uint64"}]}])";
constexpr const char* kAlice = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
constexpr const char* kBob = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";

Bytes answer_of(const char* owner, uint64_t count) {
    Bytes out(64);
    const evm::Address address = *evm::parse_address(owner);
    std::ranges::copy(address.bytes, out.begin() + 12);
    evm::U256{count}.to_be(out.data() + 32);
    return out;
}

/// A row (id 7, alice, 5) and its getter. `deleted` rows must revert.
class StateAnswerJudgeTest : public ::testing::Test {
  protected:
    StateAnswerJudgeTest() {
        plan_ = plan_of(*evm::read_abi(kAbi), "items", layout_, {"id"}, {"owner", "count"});
        plan_.has_gone = true;
        plan_.deleted_reverts = true;
        target_.bytes.fill(1);
        stored_ = row_of(layout_, {"7", kAlice, "5"});
        digester_.emplace(StateDigester::make(plan_, entities_, target_).value());
    }

    void delete_row() { stored_.row = storage::RowCodec{layout_}.make_tombstone({}); }

    /// The row is compared with `result`, by an account and findings of their own.
    void settle(const CallResult& result, std::optional<LeafStatus> seen = std::nullopt,
                bool has_vanished = false) {
        state_ = {};
        findings_ = {};
        StateQuestions questions{digester_->getter()};
        std::vector<evm::Hash> leaves;
        const RowReader none = [](uint32_t, std::string_view) {
            return Result<std::optional<std::string>>{std::optional<std::string>{}};
        };
        ASSERT_TRUE(digester_->append(stored_.key, stored_.row, none, questions, leaves));
        const auto read_row = [&](std::string_view) {
            return has_vanished ? std::nullopt : std::optional{stored_.row};
        };
        StateAnswerJudge judge{layout_, *digester_, read_row, state_, findings_};
        judge.settle({stored_.key, leaves.front(), target_, seen}, result);
    }
    static CallResult result_of(Kind kind, Bytes data = {}, std::string why = {}) {
        CallResult out;
        out.kind = kind;
        out.data = std::move(data);
        out.why = std::move(why);
        return out;
    }
    void expect_equal() const {
        EXPECT_EQ(state_.checked, 1U);
        EXPECT_EQ(state_.equal, 1U);
        EXPECT_TRUE(state_.is_equal());
        EXPECT_TRUE(findings_.empty());
    }
    void expect_unproven(const std::string& reason) const {
        EXPECT_EQ(state_.checked, 0U);
        ASSERT_EQ(state_.unproven.size(), 1U);
        EXPECT_EQ(state_.unproven[0].count, 1U);
        EXPECT_THAT(state_.unproven[0].reason, HasSubstr(reason));
        EXPECT_TRUE(findings_.empty());
    }
    void expect_differing(size_t findings) const {
        EXPECT_EQ(state_.checked, 1U);
        EXPECT_EQ(state_.equal, 0U);
        EXPECT_EQ(state_.differing, 1U);
        EXPECT_TRUE(state_.is_proven());
        ASSERT_EQ(findings_.kept.size(), findings);
        for (const Finding& finding : findings_.kept) {
            EXPECT_EQ(finding.kind, FindingKind::kStateDiffers);
            EXPECT_EQ(finding.entity, "item");
            EXPECT_EQ(finding.key, "id=7");
            EXPECT_EQ(finding.raw_key, stored_.key);
        }
    }

    std::vector<storage::EntityLayout> entities_{layout_of_items()};
    const storage::EntityLayout& layout_ = entities_.front();
    StatePlan plan_;
    evm::Address target_;
    StoredRow stored_;
    std::optional<StateDigester> digester_;
    EntityState state_;
    Findings findings_;

  private:
    static storage::EntityLayout layout_of_items() {
        storage::EntityLayout out;
        out.name = "item";
        out.key = columns_of("id:uint256");
        out.fields = columns_of("owner:address count:uint64");
        return out;
    }
};

TEST_F(StateAnswerJudgeTest, TheSameValuesAreEqual) {
    settle(result_of(Kind::kAnswered, answer_of(kAlice, 5)));
    expect_equal();
}

TEST_F(StateAnswerJudgeTest, EachOtherValueIsAFinding) {
    settle(result_of(Kind::kAnswered, answer_of(kAlice, 6)));
    expect_differing(1);
    EXPECT_EQ(findings_.kept[0].field, "count");
    EXPECT_EQ(findings_.kept[0].stored, "5");
    EXPECT_EQ(findings_.kept[0].expected, "6");
    settle(result_of(Kind::kAnswered, answer_of(kBob, 6)));
    expect_differing(2);
    EXPECT_EQ(findings_.kept[0].field, "owner");
    EXPECT_EQ(findings_.kept[0].stored, kAlice);
    EXPECT_EQ(findings_.kept[0].expected, kBob);
}

TEST_F(StateAnswerJudgeTest, AnEqualAnswerThatTheProgramSawOtherwiseProvesNothing) {
    settle(result_of(Kind::kAnswered, answer_of(kAlice, 5)), LeafStatus::kAnswered);
    expect_unproven("answers one thing to a call and another inside the node");
    settle(result_of(Kind::kAnswered, answer_of(kAlice, 5)), LeafStatus::kReverted);
    expect_unproven("answers one thing to a call and another inside the node");
}

TEST_F(StateAnswerJudgeTest, WhereTheProgramRanOutOfGasTheAnswerCounts) {
    settle(result_of(Kind::kAnswered, answer_of(kAlice, 5)), LeafStatus::kOutOfGas);
    expect_equal();
}

TEST_F(StateAnswerJudgeTest, ARevertedGetterHasNoRow) {
    settle(result_of(Kind::kReverted, {}, "no such item"));
    expect_differing(1);
    EXPECT_EQ(findings_.kept[0].field, "");
    EXPECT_EQ(findings_.kept[0].stored, "a row");
    EXPECT_EQ(findings_.kept[0].expected, "nothing: the getter reverts");
    EXPECT_THAT(findings_.kept[0].detail, HasSubstr("no such item"));
}

TEST_F(StateAnswerJudgeTest, ADeletedRowMustRevertWhereTheConfigSaysSo) {
    delete_row();
    settle(result_of(Kind::kReverted));
    expect_equal();
    settle(result_of(Kind::kAnswered, answer_of(kAlice, 5)));
    expect_differing(1);
    EXPECT_EQ(findings_.kept[0].stored, "deleted");
    EXPECT_EQ(findings_.kept[0].expected, "still there: the getter answers");
}

TEST_F(StateAnswerJudgeTest, WhatIsNotAnsweredIsUnprovenAndNoFinding) {
    settle(result_of(Kind::kRefused, {}, "too much gas"));
    expect_unproven("was refused: too much gas");
    settle(result_of(Kind::kMissingState, {}, "pruned"));
    expect_unproven("was refused: pruned");
    settle(result_of(Kind::kAnswered));
    expect_unproven("there is no contract at 0x0101010101010101010101010101010101010101");
    settle(result_of(Kind::kAnswered, answer_of(kAlice, 6)), std::nullopt, true);
    expect_unproven("a row vanished");
}

TEST_F(StateAnswerJudgeTest, AnAnswerOfAnotherShapeIsUnproven) {
    Bytes half = answer_of(kAlice, 5);
    half.resize(40);
    settle(result_of(Kind::kAnswered, half));
    EXPECT_EQ(state_.checked, 0U);
    EXPECT_EQ(state_.unproven.size(), 1U);
    EXPECT_TRUE(findings_.empty());
}

}  // namespace
}  // namespace plumbline::engine::state_answer_test
