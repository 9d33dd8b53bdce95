// `state` with expressions: what a row tells is calculated before it is held against the getter.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/evm/abi_type.hpp"
#include "engine/proof/state/state_digest.hpp"
#include "tests/support/small_index.hpp"

namespace plumbline::engine::state_expression_test {
namespace {

using test::abi_json;
using test::Abis;
using test::address_of;
using test::Mapping;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const Abis kAbis{{"Hub.json", abi_json({"function get(uint256 id) view (uint256, uint64, bool)"})}};

std::string with(const std::string& state) {
    return R"~(
[contracts.hub]
abi = "Hub.json"
address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
[entities.other]
key = { id = "uint256" }
fields = { n = "uint64" }
[entities.item]
key = { id = "uint256" }
fields = { price = "decimal(6)", opened = "uint64", closed = "uint64?" }
)~" + state;
}

std::string refusal(const std::string& state) {
    return test::refusal(with(state), kAbis);
}

constexpr const char* kState =
    R"~(state = { call = "hub.get", args = ["id * 2 + opened"], returns = ["to_units(price, 6)", "(closed ?? opened) - opened", "exists(closed)"] })~";

class StateExpressionTest : public testing::Test {
  protected:
    StateExpressionTest() {
        row_ = codec_.empty_row();
        codec_.set_word(row_, 0, evm::U256{1'500'000});
        codec_.set_word(row_, 1, evm::U256{40});
    }
    /// How many values of the answer differ from the row's.
    size_t differing(uint64_t price, uint64_t span, uint64_t is_closed) {
        Bytes answer;
        for (const uint64_t word : {price, span, is_closed}) {
            evm::append_word(answer, evm::U256{word});
        }
        const auto found = digester_->differences(key_, row_, answer);
        EXPECT_TRUE(found) << found.error().message;
        return found ? found->size() : SIZE_MAX;
    }
    Mapping mapping_{with(kState), kAbis};
    const storage::RowCodec& codec_ = mapping_.plan->codec(1);
    Result<StateDigester> digester_ = StateDigester::make(mapping_.plan->state_plans()[0],
                                                          mapping_.plan->entities(), address_of(1));
    std::string key_ = std::string(31, '\0') + '\x07';
    std::string row_;
};

TEST_F(StateExpressionTest, TheGetterIsHeldAgainstWhatTheExpressionsMake) {
    ASSERT_TRUE(digester_) << digester_.error().message;
    EXPECT_EQ(differing(1'500'000, 0, 0), 0U);
    EXPECT_EQ(differing(1'500'001, 0, 0), 1U);
    EXPECT_EQ(differing(15, 1, 1), 3U);
    codec_.set_word(row_, 2, evm::U256{52});
    EXPECT_EQ(differing(1'500'000, 12, 1), 0U);
}

TEST_F(StateExpressionTest, ArgumentsAreCalculatedAndABrokenRuleIsToldOfTheRow) {
    ASSERT_TRUE(digester_) << digester_.error().message;
    StateQuestions questions{digester_->getter()};
    std::vector<evm::Hash> leaves;
    const RowReader nobody = [](uint32_t, std::string_view) -> Result<std::optional<std::string>> {
        return std::optional<std::string>{};
    };
    ASSERT_TRUE(digester_->append(key_, row_, nobody, questions, leaves));
    ASSERT_THAT(leaves, SizeIs(1));
    const Bytes asked = questions.calldata(digester_->getter(), 0);
    EXPECT_EQ(evm::U256::from_be(ByteView{asked}.last(32)), evm::U256{7 * 2 + 40});
    codec_.set_word(row_, 2, evm::U256{39});  // before it opened
    const Status refused = digester_->append(key_, row_, nobody, questions, leaves);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("-1 is no uint64"));
}

TEST(StateExpressionConfigTest, MistakesAreToldAtStart) {
    EXPECT_EQ(refusal(kState), "");
    EXPECT_THAT(
        refusal(
            R"~(state = { call = "hub.get", args = ["id"], returns = ["price + 1", "_", "_"] })~"),
        HasSubstr("6 decimal places"));
    EXPECT_THAT(
        refusal(
            R"~(state = { call = "hub.get", args = ["id"], returns = ["other[id].n + 1", "_", "_"] })~"),
        HasSubstr("looks at another row"));
    EXPECT_THAT(
        refusal(
            R"~(state = { call = "hub.get", args = ["id"], returns = ["opened + 1", "_", "opened > 1 and 2"] })~"),
        HasSubstr("true or false"));
    EXPECT_THAT(
        refusal(
            R"~(state = { call = "hub.get", args = ["nothing + 1"], returns = ["_", "opened", "_"] })~"),
        HasSubstr("unknown field 'nothing'"));
}

}  // namespace
}  // namespace plumbline::engine::state_expression_test
