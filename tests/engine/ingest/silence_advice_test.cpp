#include "engine/ingest/silence_advice.hpp"

#include <gtest/gtest.h>

namespace plumbline::engine::silence_advice_test {
namespace {

rpc::ProviderStats provider(const char* name, const char* state) {
    rpc::ProviderStats out;
    out.name = name;
    out.state = state;
    return out;
}

TEST(SilenceAdviceTest, IsWhatFitsTheStateOfEachProvider) {
    EXPECT_EQ(advice_on_silence({provider("a", "refused"), provider("b", "refused")}),
              "look at the key or the account of a, b");
    EXPECT_EQ(advice_on_silence({provider("a", "starting"), provider("b", "rate limited"),
                                 provider("c", "refused"), provider("d", "down")}),
              "look at the key or the account of c; give b a larger plan, or wait until its limit "
              "is over; check that a, d run");
}

TEST(SilenceAdviceTest, ALargerPlanMakesNoServerWellThatAsksForTime) {
    rpc::ProviderStats ill = provider("a", "rate limited");
    ill.last_error = "HTTP 503 \"backend down\"";
    EXPECT_EQ(advice_on_silence({ill, provider("b", "rate limited")}),
              "give b a larger plan, or wait until its limit is over; wait for a: it says itself "
              "that it is out of order");
}

TEST(SilenceAdviceTest, ASecondProviderIsAdvisedWhereThereIsOneOnly) {
    EXPECT_EQ(advice_on_silence({provider("a", "down")}),
              "check that a runs, or add a second provider to [chain] rpc");
    EXPECT_EQ(advice_on_silence({provider("a", "rate limited")}),
              "give a a larger plan, or wait until its limit is over, or add a second provider to "
              "[chain] rpc");
    EXPECT_EQ(advice_on_silence({}), "add a second provider to [chain] rpc");
}

}  // namespace
}  // namespace plumbline::engine::silence_advice_test
