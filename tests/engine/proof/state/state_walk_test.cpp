// The walk from buckets down to keys, against an emulated contract whose values the test damages.
#include "engine/proof/state/state_walk.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "tests/engine/proof/state/state_emulator.hpp"

namespace plumbline::engine::state_walk_test {
namespace {

using evm::U256;

Bytes word(uint64_t value) {
    Bytes out(32);
    U256{value}.to_be(out.data());
    return out;
}

/// A getter value(uint256) that answers 3 * id, but for those that were changed.
class StateWalkTest : public ::testing::Test {
  protected:
    StateWalkTest() {
        getter_.target = evm::Address{};
        getter_.target->bytes.fill(1);
        getter_.arg_words = 1;
        getter_.returns = {{0, 1}};
    }

    StateWalk make_walk(uint32_t count, const StateLimits& limits,
                        StateForm form = StateForm::kOverride) {
        StateQuestions questions{getter_};
        std::vector<evm::Hash> leaves;
        for (uint64_t i = 0; i < count; i++) {
            questions.add(std::array{U256{i * step_}});
            leaves.push_back(state_leaf(getter_, LeafStatus::kAnswered, word(3 * i * step_)));
        }
        return StateWalk{getter_, std::move(questions), std::move(leaves), form, limits};
    }

    Bytes run(const StateCall& call, uint32_t keys_max = UINT32_MAX) {
        StateEmulator emulator{{[this](const evm::Address&, ByteView data) -> std::optional<Bytes> {
                                    const uint64_t id = U256::from_be(data.subspan(4)).limb[0];
                                    if (const auto it = changed_.find(id); it != changed_.end()) {
                                        return it->second;
                                    }
                                    return word(3 * id);
                                },
                                keys_max}};
        return emulator.run(call);
    }

    std::set<uint32_t> found(const StateWalk& walk) {
        std::set<uint32_t> out;
        for (const StateMismatch& mismatch : walk.mismatches()) {
            EXPECT_TRUE(out.insert(mismatch.question).second) << "found twice";
        }
        return out;
    }

    StateGetter getter_;
    uint64_t step_ = 1;
    std::map<uint64_t, std::optional<Bytes>> changed_;  ///< empty: reverts
};

TEST_F(StateWalkTest, NothingToAskIsNoCall) {
    StateWalk walk = make_walk(0, {});
    EXPECT_FALSE(walk.next());
}

TEST_F(StateWalkTest, EqualKeysAreSettledByTheFirstRound) {
    StateWalk walk = make_walk(10'000, {});
    while (const auto call = walk.next()) {
        ASSERT_TRUE(walk.accept(run(*call)));
    }
    EXPECT_EQ(walk.equal(), 10'000U);
    EXPECT_TRUE(walk.mismatches().empty());
    EXPECT_LE(walk.calls(), 5U);
}

TEST_F(StateWalkTest, OneDamagedKeyTakesOneMoreCall) {
    changed_[4321] = word(1);
    StateLimits limits;
    limits.gas = 1'000'000'000;
    StateWalk walk = make_walk(10'000, limits);
    while (const auto call = walk.next()) {
        ASSERT_TRUE(walk.accept(run(*call)));
    }
    EXPECT_EQ(found(walk), std::set<uint32_t>{4321});
    EXPECT_EQ(walk.equal(), 9'999U);
    EXPECT_EQ(walk.calls(), 2U);
}

TEST_F(StateWalkTest, TellsARevertFromAnotherValue) {
    changed_[3] = std::nullopt;
    changed_[4] = word(0);
    changed_[5] = Bytes(31);
    StateWalk walk = make_walk(9, {});
    while (const auto call = walk.next()) {
        ASSERT_TRUE(walk.accept(run(*call)));
    }
    ASSERT_EQ(walk.mismatches().size(), 3U);
    EXPECT_EQ(walk.mismatches()[0].status, LeafStatus::kReverted);
    EXPECT_EQ(walk.mismatches()[1].status, LeafStatus::kAnswered);
    EXPECT_EQ(walk.mismatches()[2].status, LeafStatus::kShape);
}

TEST_F(StateWalkTest, NoCodeEndsTheWalk) {
    StateWalk walk = make_walk(300, {});
    ASSERT_TRUE(walk.next());
    Bytes answer(32);
    answer[1] = 1;
    answer[2] = 2;
    ASSERT_TRUE(walk.accept(answer));
    EXPECT_TRUE(walk.no_code());
    EXPECT_FALSE(walk.next());
    EXPECT_EQ(walk.equal(), 0U);
}

TEST_F(StateWalkTest, GarbageIsAnErrorAndChangesNothing) {
    StateWalk walk = make_walk(300, {});
    const auto first = walk.next();
    EXPECT_FALSE(walk.accept(Bytes(31)));
    EXPECT_FALSE(walk.accept({}));
    const auto second = walk.next();
    EXPECT_EQ(first->data, second->data);
    ASSERT_TRUE(walk.accept(run(*second)));
    EXPECT_EQ(walk.equal(), 300U);
}

TEST_F(StateWalkTest, AKeyThatNoCallTakesIsUnsettled) {
    StateWalk walk = make_walk(64, {});
    size_t calls = 0;
    while (const auto call = walk.next()) {
        ASSERT_LT(++calls, 200U);
        // Whatever holds key 0 (the dense start is the argument's word) is refused.
        StateEmulator emulator{{[](const evm::Address&, ByteView data) -> std::optional<Bytes> {
            const uint64_t id = U256::from_be(data.subspan(4)).limb[0];
            return id == 0 ? std::nullopt : std::optional{word(3 * id)};
        }}};
        bool holds_zero = false;
        StateEmulator watch{{[&](const evm::Address&, ByteView data) -> std::optional<Bytes> {
            holds_zero |= U256::from_be(data.subspan(4)).is_zero();
            return Bytes(32);
        }}};
        (void)watch.run(*call);
        if (holds_zero) {
            walk.refuse();
        } else {
            ASSERT_TRUE(walk.accept(emulator.run(*call)));
        }
    }
    EXPECT_EQ(walk.unsettled(), std::vector<uint32_t>{0});
    EXPECT_EQ(walk.equal(), 63U);
}

TEST_F(StateWalkTest, StaysInsideTheLimits) {
    step_ = 0x1000000001;  // eight bytes a key
    StateLimits limits;
    limits.body_bytes = 20'000;
    limits.answer_bytes = 1'000;
    limits.gas = 1'000'000'000;
    limits.bucket = 4;
    for (const StateForm form : {StateForm::kOverride, StateForm::kCreate}) {
        limits.initcode_bytes = 3'000;
        StateWalk walk = make_walk(5'000, limits, form);
        while (const auto call = walk.next()) {
            EXPECT_LE(state_call_params(*call, {}).size() + 100, limits.body_bytes);
            if (form == StateForm::kCreate) {
                EXPECT_LE(call->data.size(), limits.initcode_bytes);
            }
            const Bytes answer = run(*call);
            EXPECT_LE(answer.size(), limits.answer_bytes);
            ASSERT_TRUE(walk.accept(answer));
        }
        EXPECT_EQ(walk.equal(), 5'000U);
    }
}

TEST_F(StateWalkTest, FindsExactlyWhatWasDamagedWhateverTheNodeDoes) {
    for (uint32_t seed = 0; seed < 150; seed++) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937 random{seed};
        step_ = 1 + random() % 3 * 1000;
        const auto count = static_cast<uint32_t>(1 + random() % 3000);
        changed_.clear();
        std::set<uint32_t> damaged;
        const auto damages = static_cast<uint32_t>(random() % 4 == 0 ? count / 2 : random() % 5);
        for (uint32_t i = 0; i < damages; i++) {
            const auto at = static_cast<uint32_t>(random() % count);
            damaged.insert(at);
            changed_[at * step_] =
                random() % 3 == 0 ? std::nullopt : std::optional{word(3 * at * step_ + 1)};
        }
        StateLimits limits;
        limits.bucket = static_cast<uint32_t>(1 + random() % 300);
        limits.gas = 1'000'000 + random() % 30'000'000;
        StateWalk walk =
            make_walk(count, limits, random() % 2 == 0 ? StateForm::kOverride : StateForm::kCreate);
        size_t calls = 0;
        while (const auto call = walk.next()) {
            ASSERT_LT(++calls, 20'000U);
            const auto luck = static_cast<uint32_t>(random() % 20);
            if (luck == 0 && walk.calls() < 6) {
                walk.refuse();
                continue;
            }
            const uint32_t keys_max =
                luck < 5 ? static_cast<uint32_t>(1 + random() % 1000) : UINT32_MAX;
            ASSERT_TRUE(walk.accept(run(*call, keys_max)));
        }
        std::set<uint32_t> settled = found(walk);
        for (const uint32_t key : walk.unsettled()) {
            damaged.erase(key);
            EXPECT_FALSE(settled.contains(key));
        }
        EXPECT_EQ(settled, damaged);
        EXPECT_EQ(walk.equal() + settled.size() + walk.unsettled().size(), count);
    }
}

}  // namespace
}  // namespace plumbline::engine::state_walk_test
