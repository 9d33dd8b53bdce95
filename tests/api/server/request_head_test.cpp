#include "api/server/request_head.hpp"

#include <gtest/gtest.h>

#include "api/server/client_address.hpp"

namespace plumbline::api::request_head_test {
namespace {

TEST(RequestHeadTest, AHeadEndsAtItsEmptyLineOrAtWhatNoHeadHolds) {
    EXPECT_EQ(head_size("GET / HTTP/1.1\r\nHost: a\r\n\r\nbody"), 27U);
    EXPECT_EQ(head_size("GET / HTTP/1.1\nHost: a\n\nbody"), 24U);
    EXPECT_EQ(head_size("\r\nGET / HTTP/1.1\r\n\r\n"), 20U);
    EXPECT_EQ(head_size("GET / HTTP/1.1\r\nHost: a\r\n"), 0U);
    EXPECT_EQ(head_size("\r\n\r\n"), 0U);
    EXPECT_EQ(head_size("GET / \x01more"), 7U);
    EXPECT_EQ(head_size(""), 0U);
}

TEST(RequestHeadTest, WhatTwoParsersMayReadDifferentlyIsRefused) {
    const struct {
        const char* fields;
        unsigned status;
    } rows[] = {
        {"Host: a\r\n", 0},
        {"host: a\r\nX: y\r\n", 0},
        {"X: y\r\n", 400},
        {"Host: a\r\nHost: a\r\n", 400},
        {"Host: a\r\nhOST: b\r\n", 400},
        {"Host: a\r\nX: y\r\n z\r\n", 400},
        {"Host: a\r\nX: y\r\n\tz\r\n", 400},
        {"Host: a\r\nno colon\r\n", 400},
        {"Host: a\r\nTransfer-Encoding: chunked\r\n", 0},
        {"Host: a\r\nTransfer-Encoding: Chunked\r\n", 0},
        {"Host: a\r\nTransfer-Encoding: xchunked\r\n", 501},
        {"Host: a\r\nTransfer-Encoding: chunked, identity\r\n", 501},
        {"Host: a\r\nTransfer-Encoding: gzip, chunked\r\n", 501},
        {"Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 501},
        {"Host: a\r\nAuthorization: Bearer x\r\nAuthorization: Bearer y\r\n", 400},
    };
    for (const auto& row : rows) {
        const std::string head = std::string{"GET / HTTP/1.1\r\n"} + row.fields + "\r\n";
        const RequestHead read = read_head(head);
        EXPECT_EQ(read.fault ? read.fault->status : 0, row.status) << row.fields;
    }
    EXPECT_FALSE(read_head("GET / HTTP/1.0\r\n\r\n").fault) << "HTTP/1.0 knows no Host";
    EXPECT_EQ(read_head("\r\nGET / HTTP/1.1\r\nHost:\ta:1 \r\n\r\n").host, "a:1");
}

TEST(RequestHeadTest, OnlyTheNamesOfAServerAreItsHosts) {
    const std::vector<std::string> hosts{"index.example.com"};
    for (const char* host :
         {"localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]:8080", "127.9.9.9",
          "localhost:", "localhost:65535", "index.example.com", "Index.Example.Com.:443", ""}) {
        EXPECT_TRUE(is_own_host(host, "127.0.0.1", hosts)) << host;
        EXPECT_TRUE(is_own_host(host, "0.0.0.0", hosts)) << host;
    }
    for (const char* host :
         {"evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example",
          "[::1", "example.com", "localhost:8080@evil.example", "127.0.0.1:99999",
          "localhost:00080x", "localhost:000080", "localhost:-1", "localhost:80:80"}) {
        EXPECT_FALSE(is_own_host(host, "127.0.0.1", hosts)) << host;
        EXPECT_FALSE(is_own_host(host, "::", hosts)) << host;
    }
    for (const char* host : {"10.0.0.5", "[fe80::1]:8080"}) {
        EXPECT_FALSE(is_own_host(host, "::1", hosts)) << host;
        EXPECT_TRUE(is_own_host(host, "10.0.0.5", hosts)) << host;
    }
}

TEST(ClientAddressTest, AProxysWordCountsOnlyWhereItIsTrusted) {
    const TrustedProxies proxies{{"10.0.0.0/8", "192.168.1.7", "fd00::/8"}};
    const struct {
        const char* peer;
        const char* forwarded;
        const char* name;
    } rows[] = {
        {"1.2.3.4", "5.6.7.8", "1.2.3.4"},
        {"10.1.2.3", "5.6.7.8", "5.6.7.8"},
        {"10.1.2.3", "9.9.9.9, 5.6.7.8", "5.6.7.8"},
        {"10.1.2.3", "9.9.9.9, 5.6.7.8, 192.168.1.7", "5.6.7.8"},
        {"10.1.2.3", "", "10.1.2.3"},
        {"10.1.2.3", "garbage", "10.1.2.3"},
        {"::ffff:10.1.2.3", "5.6.7.8", "5.6.7.8"},
        {"192.168.1.8", "5.6.7.8", "192.168.1.8"},
        {"fd12::1", "2001:db8:1:2:3:4:5:6", "20010db800010002/64"},
    };
    for (const auto& row : rows) {
        EXPECT_EQ(client_name(row.peer, row.forwarded, proxies), row.name)
            << row.peer << " " << row.forwarded;
    }
    EXPECT_EQ(client_name("2001:db8:1:2::9", "", {}), "20010db800010002/64")
        << "one household has as many addresses as it likes";
}

}  // namespace
}  // namespace plumbline::api::request_head_test
