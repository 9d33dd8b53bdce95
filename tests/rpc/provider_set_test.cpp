#include "rpc/provider_set.hpp"

#include <gtest/gtest.h>

namespace plumbline::rpc::provider_set_test {
namespace {

TEST(ProviderSetTest, HoldsWhatWasInsertedAndNotErased) {
    ProviderSet set;
    EXPECT_TRUE(set.empty());
    set.insert(0);
    set.insert(63);
    set.insert(63);
    for (size_t i = 0; i < ProviderSet::kMax; ++i) {
        EXPECT_EQ(set.contains(i), i == 0 || i == 63) << i;
    }
    set.erase(0);
    EXPECT_EQ(set, ProviderSet{63});
    set.clear();
    EXPECT_TRUE(set.empty());
}

TEST(ProviderSetTest, AUnionHasTheProvidersOfBoth) {
    const ProviderSet both = ProviderSet{1, 2} | ProviderSet{2, 3};
    EXPECT_EQ(both, (ProviderSet{1, 2, 3}));
}

TEST(ProviderSetDeathTest, AProviderBeyondTheLimitIsNotTakenForAnother) {
    ProviderSet set;
    EXPECT_DEATH(set.insert(ProviderSet::kMax), "provider < kMax");
}

}  // namespace
}  // namespace plumbline::rpc::provider_set_test
