#include "tools/service_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/loopback_server.hpp"

namespace plumbline::tools::service_client_test {
namespace {

using testing::ElementsAre;
using testing::Pair;

ServiceSeen ask(const std::string& answer) {
    const test::LoopbackServer server{answer};
    return ask_service(server.url());
}

TEST(ServiceClientTest, AnAnswerOfOtherTypesIsNotUnderstoodOrLeftOutAndThrowsNothing) {
    for (const char* odd : {"", "[]", "7", "\"live\"", "{}", R"({"state":1,"ready":true})",
                            R"({"state":"live","ready":"yes"})", R"({"state":null,"ready":null})",
                            R"({"state":["live"],"ready":true,"progress":[]})"}) {
        EXPECT_EQ(ask(odd).silence, "its answer is not understood") << odd;
    }
    const ServiceSeen seen =
        ask(R"({"state":"live","ready":true,"progress":[1],"reasons":{"a":1},"sinks":"none"})");
    EXPECT_EQ(seen.silence, "");
    EXPECT_EQ(seen.state, "live");
    EXPECT_TRUE(seen.is_ready);
    EXPECT_EQ(seen.head, std::nullopt);
    EXPECT_TRUE(seen.reasons.empty());
    EXPECT_TRUE(seen.sinks.empty());
}

TEST(ServiceClientTest, WhatAServiceSaysIsReadWhereEachMemberIsWhatItShouldBe) {
    const ServiceSeen seen = ask(
        R"({"state":"following","ready":false,"progress":{"head_block":9,"lag":null},)"
        R"("reasons":["a disk is full",7],)"
        R"("sinks":[{"name":"pg","state":"failing","reason":"no table"},{"name":"b","state":"live"},)"
        R"({"name":3,"state":"live"},{"name":"c","state":{}},{"name":"d","state":"live","reason":1},)"
        R"("x"]})");
    EXPECT_EQ(seen.silence, "");
    EXPECT_FALSE(seen.is_ready);
    EXPECT_EQ(seen.head, 9U);
    EXPECT_EQ(seen.lag, std::nullopt);
    EXPECT_THAT(seen.reasons, ElementsAre("a disk is full"));
    EXPECT_THAT(seen.sinks, ElementsAre(Pair("b", "is live"), Pair("d", "is live"),
                                        Pair("pg", "is failing: no table")));
}

}  // namespace
}  // namespace plumbline::tools::service_client_test
