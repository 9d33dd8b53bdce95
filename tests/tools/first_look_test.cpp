#include "tools/first_look.hpp"

#include <gtest/gtest.h>

#include "tests/tools/loopback_server.hpp"

namespace plumbline::tools::first_look_test {
namespace {

TEST(FirstLookTest, WhatIsForgottenAsksNobodyAnyMoreAndSaysNothing) {
    const test::LoopbackServer provider{std::nullopt};
    const auto config = engine::parse_config(
        "[chain]\nid = 1\nrpc = \"" + provider.url() +
            "\"\n[contracts.bank]\nabi = \"bank.json\"\n"
            "address = \"0x5FbDB2315678afecb367f032d93F642f64180aa3\"\n",
        "plumbline.toml", [](const std::string&) -> Result<std::string> {
            return std::string{R"([{"type":"event","name":"Put","anonymous":false,"inputs":[]}])"};
        });
    ASSERT_TRUE(config.has_value()) << config.error().message;
    FirstLook look{*config, false};
    provider.await_held();
    look.forget();
    EXPECT_TRUE(provider.has_hung_up());
    EXPECT_TRUE(look.warnings().empty());
}

}  // namespace
}  // namespace plumbline::tools::first_look_test
