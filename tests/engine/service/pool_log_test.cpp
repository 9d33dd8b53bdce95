// What several pools over the same providers tell is told once.
#include "engine/service/pool_log.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plumbline::engine::pool_log_test {
namespace {

class Lines final : public PoolLog {
  public:
    void on_event(rpc::LogLevel /*level*/, const std::string& message) override {
        all.push_back(message);
    }
    std::vector<std::string> all;
};

TEST(PoolLogTest, WhatASecondPoolSaysOfAProviderIsToldOnceAndAChangeEachTime) {
    constexpr auto kError = rpc::LogLevel::kError;
    constexpr auto kInfo = rpc::LogLevel::kInfo;
    Lines lines;
    for (int outage = 0; outage < 2; ++outage) {
        lines.on_provider(kError, "http://a", "wants the account looked after: request 17");
        lines.on_provider(kError, "http://a", "wants the account looked after: request 18");
        lines.on_provider(kError, "http://b", "wants the account looked after: request 19");
        lines.on_provider(kInfo, "http://a", "is back");
        lines.on_provider(kInfo, "http://a", "is back");
        lines.on_provider(kInfo, "http://b", "is back");
    }
    const std::vector<std::string> one = {
        "provider http://a wants the account looked after: request 17",
        "provider http://b wants the account looked after: request 19", "provider http://a is back",
        "provider http://b is back"};
    std::vector<std::string> both = one;
    both.insert(both.end(), one.begin(), one.end());
    EXPECT_EQ(lines.all, both);
}

}  // namespace
}  // namespace plumbline::engine::pool_log_test
