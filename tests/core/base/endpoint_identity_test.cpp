// Which URLs are one endpoint, and what endpoints are called where people can see.
#include "core/base/endpoint_identity.hpp"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plumbline::endpoint_identity_test {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;
using ::testing::ElementsAre;

TEST(EndpointIdentityTest, OneEndpointIsTheSameHoweverItIsWritten) {
    const std::vector<std::vector<const char*>> groups = {
        {"http://127.0.0.1:8545", "http://127.0.0.1:8545/", "HTTP://127.0.0.1:8545//",
         "http://localhost:8545", "http://LocalHost.:8545/", "http://[::1]:8545",
         "http://[0:0:0:0:0:0:0:1]:8545/", "http://127.1:8545", "http://2130706433:8545",
         "http://0x7f.0.0.1:08545", "http://[::ffff:127.0.0.1]:8545", "http://0.0.0.0:8545",
         "http://localhost:8545#x", "http://localhost:8545/?", "http://localhost:8545/a/.."},
        {"http://localhost:8546"},
        {"http://localhost", "http://localhost:80", "http://127.0.0.1:80/"},
        {"https://localhost", "https://localhost:443/"},
        {"https://node.example/v2/Key", "https://NODE.example.:443/v2/Key/",
         "https://node.example/v2/./Key", "https://node.example/%762/K%65y"},
        {"https://node.example/v2/key"},
        {"https://node.example/v2/Key?a=1"},
        {"https://node.example/v2/Key?a=2"},
        {"https://node.example"},
        {"https://u:p@node.example"},
        {"https://u:q@node.example"},
        {"http://127.0.0.2:8545"},
        {"http://a%2fb.example/%2F"},
        {"http://a%2fb.example/%2f/x"},
    };
    for (size_t a = 0; a < groups.size(); ++a) {
        for (const char* one : groups[a]) {
            for (size_t b = 0; b < groups.size(); ++b) {
                for (const char* other : groups[b]) {
                    EXPECT_EQ(canonical_url(one) == canonical_url(other), a == b)
                        << one << " and " << other;
                }
            }
        }
    }
    EXPECT_EQ(canonical_url("no url"), "no url");
}

TEST(EndpointIdentityTest, AnotherTokenIsAnotherEndpointAndTheCaseOfAHeadersNameIsNot) {
    const Headers none;
    const Headers one{{"Authorization", "Bearer A"}, {"x", "1"}};
    const Headers same{{"X", " 1"}, {"authorization", "Bearer A"}};
    const Headers other{{"Authorization", "Bearer B"}, {"x", "1"}};
    EXPECT_TRUE(is_same_endpoint({"http://a", one}, {"http://a/", same}));
    EXPECT_FALSE(is_same_endpoint({"http://a", one}, {"http://a", other}));
    EXPECT_FALSE(is_same_endpoint({"http://a", one}, {"http://a", none}));
}

TEST(EndpointIdentityTest, ThoseOfOneHostAreNumberedAndNoNameHoldsASecret) {
    const Headers none;
    const std::vector<SecretEndpoint> endpoints = {
        {"https://h.example/v2/key1", none},     {"https://h.example/v2/key2?x=key3", none},
        {"https://other.example/key4", none},    {"https://h.example:443/v2/key1/", none},
        {"https://u:key5@h.example", none},      {"https://abcdef0123.h.example/", none},
        {"https://fedcba3210.h.example/", none}, {"key6", none},
    };
    EXPECT_THAT(
        public_names(endpoints),
        ElementsAre("https://h.example", "https://h.example#2", "https://other.example",
                    "https://h.example", "https://h.example#3", "https://redacted.h.example",
                    "https://redacted.h.example#2", "(unreadable url)"));
    EXPECT_THAT(first_of_same(endpoints), ElementsAre(0, 1, 2, 0, 4, 5, 6, 7));
}

TEST(EndpointIdentityTest, ANumberOfAnotherTimeTellsNobodyApart) {
    EXPECT_TRUE(may_be_same_endpoint("https://h.example", "https://h.example#2"));
    EXPECT_TRUE(may_be_same_endpoint("http://localhost:1", "http://127.0.0.1:1"));
    EXPECT_FALSE(may_be_same_endpoint("https://h.example", "https://i.example"));
    EXPECT_FALSE(may_be_same_endpoint("http://localhost:1", "http://localhost:2"));
    EXPECT_FALSE(may_be_same_endpoint("one", "two"));
}

}  // namespace
}  // namespace plumbline::endpoint_identity_test
