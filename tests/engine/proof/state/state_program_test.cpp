// Calls to the state program: packing, limits, answers. What runs them is the emulator.
#include "engine/proof/state/state_program.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

#include "core/evm/hex.hpp"
#include "tests/engine/proof/state/state_emulator.hpp"

namespace plumbline::engine::state_program_test {
namespace {

using evm::U256;

StateGetter make_getter(uint16_t args) {
    StateGetter getter;
    getter.selector = {{1, 2, 3, 4}};
    evm::Address target;
    target.bytes.fill(0xAA);
    getter.target = target;
    getter.arg_words = args;
    getter.returns = {{0, 1}};
    return getter;
}

std::vector<uint32_t> all_of(const StateQuestions& questions) {
    std::vector<uint32_t> which(questions.size());
    std::iota(which.begin(), which.end(), 0U);
    return which;
}

U256 shifted(uint64_t value, int bytes) {
    std::array<uint8_t, 32> word{};
    for (size_t i = 0; i + static_cast<size_t>(bytes) < 32 && i < 8; i++) {
        word[31 - i - static_cast<size_t>(bytes)] = static_cast<uint8_t>(value >> (8 * i));
    }
    return U256::from_be(word);
}

/// Bytes a key that `values` of a single argument pack to; checks that they come out as they are.
size_t key_size_of(const std::vector<U256>& values) {
    const StateGetter getter = make_getter(1);
    StateQuestions questions{getter};
    for (const U256& value : values) {
        questions.add(std::span{&value, 1});
    }
    const auto which = all_of(questions);
    const StatePacking packing{getter, questions, which};
    std::vector<Bytes> seen;
    StateEmulator emulator{{[&](const evm::Address& target, ByteView call) {
        EXPECT_EQ(target, *getter.target);
        seen.emplace_back(call.begin(), call.end());
        return Bytes(32);
    }}};
    StateCallSpec spec;
    spec.bucket = 7;
    const Bytes arguments = packing.arguments(values.size(), spec);
    EXPECT_EQ(arguments.size(), packing.head_size() + values.size() * packing.key_size());
    const Bytes answer = emulator.run(make_state_call(StateForm::kCreate, 1, arguments));
    EXPECT_TRUE(parse_state_answer(answer, static_cast<uint32_t>(values.size()), 7));
    for (size_t i = 0; i < values.size(); i++) {
        EXPECT_EQ(seen[i], questions.calldata(getter, i));
    }
    return packing.key_size();
}

TEST(StateProgramTest, RunsOnOldMachines) {
    const Bytes& code = state_program();
    EXPECT_LT(code.size(), 900U);
    for (size_t at = 0; at < code.size(); at++) {
        const uint8_t op = code[at];
        EXPECT_TRUE(op != 0x5F && op != 0x5E && op != 0x5C && op != 0x5D) << "at " << at;
        if (op >= 0x60 && op <= 0x7F) {
            at += op - 0x5FU;
        }
    }
}

TEST(StatePackingTest, DenseIdsTakeNoBytes) {
    std::vector<U256> ids;
    for (uint64_t i = 0; i < 100; i++) {
        ids.emplace_back(1'000'000'000'000 + i);
    }
    EXPECT_EQ(key_size_of(ids), 0U);
    for (U256& id : ids) {
        id = shifted(id.limb[0], 28);  // bytes4 that count up
    }
    EXPECT_EQ(key_size_of(ids), 0U);
}

TEST(StatePackingTest, ConstantArgumentsAreSentOnce) {
    EXPECT_EQ(key_size_of(std::vector<U256>(50, U256{77})), 0U);
    EXPECT_EQ(key_size_of({U256{77}}), 0U);
}

TEST(StatePackingTest, SparseIdsTakeTheBytesOfTheirDistance) {
    EXPECT_EQ(key_size_of({U256{5}, U256{9}, U256{260}}), 1U);
    EXPECT_EQ(key_size_of({U256{1ULL << 60}, U256{(1ULL << 60) + 300}, U256{1ULL << 60}}), 2U);
}

TEST(StatePackingTest, SignedKeysPackAroundZero) {
    EXPECT_EQ(key_size_of({negate(U256{5}), U256{3}, U256{100}, negate(U256{100})}), 1U);
}

TEST(StatePackingTest, LeftAlignedKeysLoseTheirPadding) {
    EXPECT_EQ(key_size_of({shifted(0xAABBCCDD, 28), shifted(0x11223344, 28), shifted(7, 28)}), 4U);
}

TEST(StatePackingTest, RandomKeysComeOutAsTheyWentIn) {
    std::mt19937_64 random{7};
    for (int round = 0; round < 300; round++) {
        std::vector<U256> values(1 + random() % 30);
        const int low = static_cast<int>(random() % 32);
        const size_t width = 1 + random() % 32;
        for (U256& value : values) {
            std::array<uint8_t, 32> word{};
            for (size_t i = 0; i < width && i + static_cast<size_t>(low) < 32; i++) {
                word[31 - i - static_cast<size_t>(low)] = static_cast<uint8_t>(random());
            }
            value = U256::from_be(word);
            if (round % 3 == 0) {
                value = negate(value);
            }
        }
        EXPECT_LE(key_size_of(values), 32U);
    }
}

TEST(StatePackingTest, CompositeKeysPackColumnByColumn) {
    const StateGetter getter = make_getter(2);
    StateQuestions questions{getter};
    std::mt19937_64 random{1};
    for (uint64_t i = 0; i < 500; i++) {
        evm::Address voter;
        std::ranges::generate(voter.bytes, [&] { return static_cast<uint8_t>(random()); });
        questions.add(std::array{U256{1 + i / 3}, U256::from_be(voter.view())});
    }
    const auto which = all_of(questions);
    const StatePacking packing{getter, questions, which};
    EXPECT_EQ(packing.key_size(), 21U);  // up to 167 questions: one byte
}

TEST(StatePackingTest, EveryKeyMayNameItsOwnTarget) {
    StateGetter getter = make_getter(1);
    getter.target.reset();
    StateQuestions questions{getter};
    std::vector<evm::Address> targets(3);
    for (size_t i = 0; i < targets.size(); i++) {
        targets[i].bytes.fill(static_cast<uint8_t>(17 * (i + 1)));
        questions.add(std::array{U256{i * i}}, &targets[i]);
    }
    for (const std::vector<uint32_t>& which :
         {std::vector<uint32_t>{0, 1, 2}, std::vector<uint32_t>{2}, std::vector<uint32_t>{2, 0}}) {
        std::vector<evm::Address> seen;
        StateEmulator emulator{{[&](const evm::Address& target, ByteView) {
            seen.push_back(target);
            return Bytes(32);
        }}};
        const Bytes answer = emulator.run(
            make_state_call(StateForm::kOverride, 1,
                            StatePacking{getter, questions, which}.arguments(which.size(), {})));
        EXPECT_TRUE(parse_state_answer(answer, static_cast<uint32_t>(which.size()), 128));
        ASSERT_EQ(seen.size(), which.size());
        for (size_t i = 0; i < which.size(); i++) {
            EXPECT_EQ(seen[i], targets[which[i]]);
        }
    }
}

TEST(StatePackingTest, RawQuestionsCarryTheirCallData) {
    StateGetter getter = make_getter(0);
    getter.raw = true;
    StateQuestions questions{getter};
    std::vector<Bytes> sent;
    for (size_t i = 0; i < 20; i++) {
        const Bytes args(i * 31, static_cast<uint8_t>(i));
        questions.add_raw(args);
        sent.push_back(questions.calldata(getter, i));
    }
    std::vector<Bytes> seen;
    StateEmulator emulator{{[&](const evm::Address&, ByteView call) {
        seen.emplace_back(call.begin(), call.end());
        return Bytes(32);
    }}};
    const auto which = all_of(questions);
    const Bytes answer = emulator.run(make_state_call(
        StateForm::kOverride, 1, StatePacking{getter, questions, which}.arguments(20, {})));
    EXPECT_TRUE(parse_state_answer(answer, 20, 128));
    EXPECT_EQ(seen, sent);
}

TEST(StateAnswerTest, IsReadToTheLastByte) {
    Bytes answer(32 * 4);
    answer[1] = 1;
    answer[31] = 10;
    ASSERT_TRUE(parse_state_answer(answer, 10, 4));
    EXPECT_EQ(parse_state_answer(answer, 10, 4)->digests.size(), 3U);
    const auto fails = [&](size_t at, uint8_t value) {
        Bytes other = answer;
        other[at] = value;
        const auto parsed = parse_state_answer(other, 10, 4);
        return !parsed && parsed.error().code == ErrorCode::kDecode;
    };
    EXPECT_TRUE(fails(0, 0xEF));
    EXPECT_TRUE(fails(1, 2));
    EXPECT_TRUE(fails(2, 1)) << "stopped, and yet all done";
    EXPECT_TRUE(fails(2, 2)) << "no code, and yet keys done";
    EXPECT_TRUE(fails(2, 3));
    EXPECT_TRUE(fails(3, 1));
    EXPECT_TRUE(fails(19, 1));
    EXPECT_TRUE(fails(31, 8)) << "done, and yet not all keys";
    EXPECT_TRUE(fails(31, 11));
    EXPECT_FALSE(parse_state_answer(ByteView{answer}.first(127), 10, 4));
    EXPECT_FALSE(parse_state_answer(ByteView{answer}.first(96), 10, 4));
    EXPECT_FALSE(parse_state_answer({}, 10, 4));
    answer.resize(96);
    answer[2] = 1;
    answer[31] = 8;
    EXPECT_TRUE(parse_state_answer(answer, 10, 4));
    EXPECT_TRUE(!parse_state_answer(answer, 10, 5)) << "half a bucket";
}

TEST(StateLeafTest, CountsOnlyWhatIsMapped) {
    StateGetter getter = make_getter(0);
    getter.returns = {{0, 1}, {2, 0}};
    Bytes data(32 * 5);
    data[31] = 7;
    data[63] = 9;   // left out
    data[95] = 96;  // offset of the contents
    data[127] = 3;  // their length
    data[128] = 'a';
    const evm::Hash leaf = state_leaf(getter, LeafStatus::kAnswered, data);
    data[63] = 10;
    EXPECT_EQ(state_leaf(getter, LeafStatus::kAnswered, data), leaf);
    data[131] = 1;  // behind the contents
    EXPECT_EQ(state_leaf(getter, LeafStatus::kAnswered, data), leaf);
    data[130] = 1;
    EXPECT_NE(state_leaf(getter, LeafStatus::kAnswered, data), leaf);
    data[127] = 33;  // longer than the data
    EXPECT_EQ(state_leaf(getter, LeafStatus::kAnswered, data),
              state_leaf(getter, LeafStatus::kShape, {}));
}

TEST(StateCallTest, ParamsStayInTheirSize) {
    for (const StateForm form : {StateForm::kOverride, StateForm::kCreate}) {
        const StateCall call = make_state_call(form, 25'000'000, Bytes(1000, 0xFF));
        const std::string params = state_call_params(call, {});
        EXPECT_LE(params.size(), state_call_params_size(form, 1000));
        EXPECT_GT(params.size() + 300, state_call_params_size(form, 1000));
    }
}

}  // namespace
}  // namespace plumbline::engine::state_program_test
