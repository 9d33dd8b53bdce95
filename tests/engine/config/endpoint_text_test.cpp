// What --rpc takes: the same as the config, and never the text of what it refuses.
#include "engine/config/endpoint_text.hpp"

#include <cstdlib>

#include <gtest/gtest.h>

namespace plumbline::engine::endpoint_text_test {
namespace {

TEST(EndpointTextTest, HttpUrlsAreTakenAndNothingElse) {
    for (const char* url : {"http://127.0.0.1:8545", "https://a.example/v2/key?x=1#y",
                            "http://[::1]:8545", "https://user:pass@a.example"}) {
        EXPECT_TRUE(is_endpoint_url(url)) << url;
    }
    for (const char* url :
         {"", " ", "\n", "ws://a.example", "wss://a.example", "ipc:/tmp/geth.ipc", "a.example:8545",
          "http://", "http:///path", "http://?key", "HTTP//x", "http://a.example/ key",
          " http://a.example", "http://a.example\n", "http://a.example/\"", "file:///etc/passwd",
          "http://\xc3\xa4.example"}) {
        EXPECT_FALSE(is_endpoint_url(url)) << url;
    }
}

TEST(EndpointTextTest, ARefusalSaysWhichOneAndWhyAndDoesNotShowIt) {
    const auto websocket =
        read_endpoints("--rpc", {"http://a.example", "wss://b.example/SECRETKEY"});
    ASSERT_FALSE(websocket);
    EXPECT_EQ(websocket.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(websocket.error().message.find("--rpc number 2"), std::string::npos)
        << websocket.error().message;
    EXPECT_NE(websocket.error().message.find("WebSocket"), std::string::npos);
    EXPECT_EQ(websocket.error().message.find("SECRETKEY"), std::string::npos);
    EXPECT_NE(read_endpoints("--rpc", {""}).error().message.find("it is empty"), std::string::npos);
    EXPECT_NE(read_endpoints("--rpc", {"http://a b"}).error().message.find("white space"),
              std::string::npos);
    EXPECT_NE(read_endpoints("--rpc", {"localhost:8545"}).error().message.find("in front"),
              std::string::npos);
}

TEST(EndpointTextTest, MoreThanCanBeAskedAreRefused) {
    const std::vector<std::string> most(kEndpointsMax, "http://a.example");
    EXPECT_EQ(read_endpoints("--rpc", most)->size(), kEndpointsMax);
    std::vector<std::string> more = most;
    more.emplace_back("http://a.example");
    const auto refused = read_endpoints("--rpc", more);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("at most 32"), std::string::npos);
}

TEST(EndpointTextTest, WhoIsGivenTwiceIsToldByPlaceWithoutItsSecret) {
    ::setenv("PLUMBLINE_TEST_RPC", "http://a.example/KEY", 1);  // NOLINT(concurrency-mt-unsafe)
    const auto endpoints =
        read_endpoints("--rpc", {"http://a.example/KEY/", "http://b.example", "http://a.example/X",
                                 "env:PLUMBLINE_TEST_RPC", "http://A.example:80/KEY"});
    ASSERT_TRUE(endpoints) << endpoints.error().message;
    const std::vector<std::string> told = find_repeated("--rpc", *endpoints);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told.front(),
              "--rpc: 1 and 4 and 5 are one endpoint, http://a.example, which is asked once and "
              "has one vote");
    EXPECT_EQ(endpoints->at(2).name, "http://a.example#2");
    EXPECT_EQ(endpoints->at(3).name, "http://a.example");
}

TEST(EndpointTextTest, AVariableMayHoldTheUrl) {
    ::setenv("PLUMBLINE_TEST_RPC", "http://a.example/KEY", 1);  // NOLINT(concurrency-mt-unsafe)
    const auto endpoints = read_endpoints("--rpc", {"env:PLUMBLINE_TEST_RPC"});
    ASSERT_TRUE(endpoints) << endpoints.error().message;
    EXPECT_EQ(endpoints->front().url, "http://a.example/KEY");
    const auto unset = read_endpoints("--rpc", {"env:PLUMBLINE_TEST_NOT_SET"});
    ASSERT_FALSE(unset);
    EXPECT_NE(unset.error().message.find("PLUMBLINE_TEST_NOT_SET is not set"), std::string::npos);
}

}  // namespace
}  // namespace plumbline::engine::endpoint_text_test
