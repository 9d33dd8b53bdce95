// A name server that hangs: curl waits for a look-up that was given up, unless it is told not to.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rpc/curl_transport.hpp"
#include "tests/support/hanging_names.hpp"

namespace plumbline::rpc::curl_names_test {
namespace {

HttpRequest ask(const std::string& url) {
    HttpRequest out;
    out.url = url;
    out.body = "{}";
    out.timeout_ms = 500;
    return out;
}

TEST(CurlNamesTest, AHostWhoseNameIsStillLookedUpHoldsNobody) {
    const test::HangingNames names;
    CurlTransport transport;
    transport.submit(ask(std::string{"http://"} + test::kHangs));
    std::vector<HttpCompletion> done;
    while (done.empty()) {
        transport.poll(100, done);
    }
    EXPECT_EQ(done[0].error, TransportError::kTimeout);
    EXPECT_EQ(names.waiting(), 1) << "it is looked up to this day";

    done.clear();
    transport.submit(ask("http://127.0.0.1:1"));
    while (done.empty()) {
        transport.poll(100, done);
    }
    EXPECT_EQ(done[0].error, TransportError::kUnreachable);
    EXPECT_EQ(names.waiting(), 1);
}

TEST(CurlNamesTest, TheTransportEndsWhileANameIsLookedUp) {
    const test::HangingNames names;
    {
        CurlTransport transport;
        transport.submit(ask(std::string{"http://"} + test::kHangs));
        std::vector<HttpCompletion> done;
        while (names.waiting() == 0) {
            transport.poll(10, done);
        }
    }
    EXPECT_EQ(names.waiting(), 1);
}

}  // namespace
}  // namespace plumbline::rpc::curl_names_test
