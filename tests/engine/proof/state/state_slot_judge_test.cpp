// What the value of a slot counts for, for each way in which row, slot and getter may disagree.
#include "engine/proof/state/state_slot_judge.hpp"

#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/proof/state/state_plans.hpp"

namespace plumbline::engine::state_slot_judge_test {
namespace {

using evm::U256;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

SlotWitness witness(uint64_t stored, uint64_t proven, std::optional<uint64_t> told,
                    bool is_returned = true) {
    SlotWitness out;
    out.stored = U256{stored};
    out.proven = U256{proven};
    if (told) {
        out.told = U256{*told};
    }
    out.is_returned = is_returned;
    return out;
}

TEST(StateSlotJudgeTest, ASlotCountsOnlyWhereTheGetterTellsTheSame) {
    struct Case {
        SlotWitness witness;
        SlotVerdict verdict;
    };
    const Case cases[] = {
        {witness(5, 5, 5), SlotVerdict::kProven},
        {witness(0, 0, 0), SlotVerdict::kProven},
        {witness(5, 7, 7), SlotVerdict::kDiffers},
        {witness(5, 0, 0), SlotVerdict::kDiffers},
        {witness(5, 0, 5), SlotVerdict::kRowIsTold},
        {witness(0, 7, 0), SlotVerdict::kRowIsTold},
        {witness(5, 5, 7), SlotVerdict::kRowIsInSlot},
        {witness(5, 5, 0), SlotVerdict::kRowIsInSlot},
        {witness(0, 0, 7), SlotVerdict::kGetterAlone},
        {witness(5, 0, 7), SlotVerdict::kGetterAlone},
        {witness(5, 0, {}), SlotVerdict::kNobodyTells},
        {witness(5, 5, {}), SlotVerdict::kNothing},
        {witness(5, 0, {}, false), SlotVerdict::kNobodyTells},
        {witness(5, 5, {}, false), SlotVerdict::kProven},
    };
    for (const Case& one : cases) {
        EXPECT_EQ(judge_slot(one.witness), one.verdict)
            << one.witness.stored.to_decimal() << " " << one.witness.proven.to_decimal() << " "
            << (one.witness.told ? one.witness.told->to_decimal() : "-");
    }
}

/// Of acct (owner, bal) and balanceOf(address).
class SlotDisputesTest : public ::testing::Test {
  protected:
    SlotDisputesTest() {
        layout_.name = "acct";
        layout_.key = columns_of("owner:uint64");
        layout_.fields = columns_of("bal:uint256 ok:bool");
        plan_.signature = "balanceOf(uint64)";
        slots_[1].field = 1;
        key_ = row_of(layout_, {"9", "0", "false"}).key;
    }
    std::string told(const SlotWitness& of) const {
        SlotDisputes disputes{layout_, plan_};
        disputes.add(slots_[0], judge_slot(of), key_, of);
        EntityState state;
        disputes.tell(state);
        EXPECT_TRUE(state.unproven.empty());
        EXPECT_EQ(state.is_equal(), state.disputed.empty());
        return state.disputed.empty() ? "" : state.disputed.front().reason;
    }

    storage::EntityLayout layout_;
    StatePlan plan_;
    StatePlan::Slot slots_[2];
    std::string key_;
};

TEST_F(SlotDisputesTest, EachSaysWhoTellsWhatAndWhereToLook) {
    const std::string head =
        "slots.bal of state in [entities.acct]: of owner=9 the slot's value is ";
    EXPECT_EQ(told(witness(5, 5, 5)), "");
    EXPECT_EQ(told(witness(5, 7, 7)), "");
    EXPECT_EQ(told(witness(5, 5, {})), "");
    EXPECT_EQ(told(witness(5, 0, 5)),
              head +
                  "0, but balanceOf(uint64) tells 5, as the row does: correct base, keys, word "
                  "or offset");
    EXPECT_EQ(told(witness(5, 5, 7)),
              head +
                  "5, as the row has it, but balanceOf(uint64) tells 7: correct base, keys, "
                  "word or offset, or ask another provider");
    EXPECT_EQ(told(witness(5, 1, 7)),
              head +
                  "1, but balanceOf(uint64) tells 7, and the row has 5: correct base, keys, "
                  "word or offset");
    EXPECT_EQ(told(witness(5, 1, {})),
              head +
                  "1, the row has 5, and balanceOf(uint64) did not answer: storage alone says "
                  "nothing against a row");
    EXPECT_EQ(told(witness(5, 1, {}, false)),
              head +
                  "1, the row has 5, and balanceOf(uint64) does not tell the field: storage "
                  "alone says nothing against a row");
}

TEST_F(SlotDisputesTest, OneSentenceASlotHoweverManyRows) {
    SlotDisputes disputes{layout_, plan_};
    for (int i = 0; i < 12; i++) {
        disputes.add(slots_[0], SlotVerdict::kRowIsTold, key_, witness(5, 0, 5));
    }
    disputes.add(slots_[1], SlotVerdict::kRowIsTold, key_, witness(1, 0, 1));
    EntityState state;
    disputes.tell(state);
    EXPECT_THAT(state.disputed,
                ElementsAre(Field(&EntityState::Unproven::count, 12U),
                            Field(&EntityState::Unproven::reason,
                                  HasSubstr("slots.ok of state in [entities.acct]: of owner=9 the "
                                            "slot's value is false"))));
    EXPECT_FALSE(disputes.doubts_getter());
    disputes.add(slots_[0], SlotVerdict::kRowIsInSlot, key_, witness(5, 5, 7));
    EXPECT_TRUE(disputes.doubts_getter());
}

}  // namespace
}  // namespace plumbline::engine::state_slot_judge_test
