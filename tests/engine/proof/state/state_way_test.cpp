// Which ways a provider is tried in, in which order, and what passes.
#include "engine/proof/state/state_way.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/proof/state/state_program.hpp"

namespace plumbline::engine::state_way_test {
namespace {

using rpc::CallResult;
using testing::ElementsAre;

std::string text_of(const StateWay& way) {
    return std::string{name_of(way.kind)} + " " + std::to_string(way.gas) +
           (way.by_num ? " by number" : " by hash");
}

std::vector<std::string> texts_of(const std::vector<StateWay>& ways) {
    std::vector<std::string> out;
    for (const StateWay& way : ways) {
        out.push_back(text_of(way));
    }
    return out;
}

CallResult answered(ByteView data) {
    CallResult out;
    out.kind = CallResult::Kind::kAnswered;
    out.data.assign(data.begin(), data.end());
    return out;
}

TEST(StateWayTest, MoreGasBeforeLessAndHashesBeforeNumbers) {
    EXPECT_THAT(texts_of(ways_to_try({50, 25})),
                ElementsAre("program by override 50 by hash", "program by create 50 by hash",
                            "program by override 25 by hash", "program by create 25 by hash",
                            "getters 0 by hash", "program by override 50 by number",
                            "program by create 50 by number", "program by override 25 by number",
                            "program by create 25 by number", "getters 0 by number"));
}

TEST(StateWayTest, WithoutGasOnlyGettersAreTried) {
    EXPECT_THAT(texts_of(ways_to_try({})), ElementsAre("getters 0 by hash", "getters 0 by number"));
}

TEST(StateWayTest, GettersAreTestedByTheIdentityContractThatEveryChainHas) {
    const StateWay plain{};
    const rpc::CallRequest call = make_way_test(plain);
    ASSERT_TRUE(call.to);
    evm::Address identity;
    identity.bytes[19] = 4;
    EXPECT_EQ(*call.to, identity);
    EXPECT_EQ(call.code, nullptr);
    EXPECT_TRUE(passes_way_test(plain, answered(call.data)));
    EXPECT_FALSE(passes_way_test(plain, answered({})));
    EXPECT_FALSE(passes_way_test(plain, answered(as_bytes("something else"))));
    CallResult refused = answered(call.data);
    refused.kind = CallResult::Kind::kRefused;
    EXPECT_FALSE(passes_way_test(plain, refused));
}

TEST(StateWayTest, TheProgramIsSentAsTheFormNeedsIt) {
    const rpc::CallRequest replaced = make_way_test({StateWay::Kind::kOverride, 50'000'000, false});
    EXPECT_EQ(replaced.gas, 50'000'000U);
    EXPECT_EQ(replaced.to, state_program_address());
    ASSERT_NE(replaced.code, nullptr);
    EXPECT_EQ(*replaced.code, Bytes(state_program()));
    const rpc::CallRequest created = make_way_test({StateWay::Kind::kCreate, 25'000'000, false});
    EXPECT_FALSE(created.to);
    EXPECT_EQ(created.code, nullptr);
    EXPECT_GT(created.data.size(), Bytes(state_program()).size());
}

}  // namespace
}  // namespace plumbline::engine::state_way_test
