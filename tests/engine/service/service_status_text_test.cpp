// What `run` shows below its bar fits terminals of any width, and begins with what matters most.
#include "engine/service/service_status_text.hpp"

#include <algorithm>
#include <sstream>

#include <gmock/gmock.h>

#include "engine/service/service_status.hpp"

namespace plumbline::engine::service_status_text_test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

ServiceStatus some_status() {
    ServiceStatus out;
    out.state = Lifecycle::kLive;
    out.progress.head_block = 19'000'123;
    out.progress.finalized_block = 19'000'059;
    out.progress.lag = 2;
    out.progress.events_per_second = 12;
    out.address = "http://127.0.0.1:8080";
    out.proven_level = "receipts";
    out.proven_block = 19'000'050;
    out.degraded = {"the state proof of store found 3 rows that differ at block 19000050", "second",
                    "third", "fourth"};
    for (const char* name : {"https://one.example", "https://two.example"}) {
        rpc::ProviderStats provider;
        provider.name = name;
        provider.state = "ok";
        out.providers.push_back(provider);
    }
    return out;
}

size_t longest(const std::string& text) {
    std::istringstream lines{text};
    size_t out = 0;
    for (std::string line; std::getline(lines, line);) {
        out = std::max(out, line.size());
    }
    return out;
}

TEST(ServiceStatusTextTest, ANarrowTerminalGetsMoreLinesAndNotLessText) {
    const std::string narrow = render_details(some_status(), 60);
    const std::string wide = render_details(some_status(), 200);
    for (const size_t width : {60U, 80U, 200U}) {
        const std::string text = render_details(some_status(), width);
        EXPECT_LE(longest(text), width) << text;
        EXPECT_THAT(text, HasSubstr("proven     through block 19,000,050 (receipts)"));
        EXPECT_THAT(text, HasSubstr("http://127.0.0.1:8080"));
        EXPECT_THAT(text, HasSubstr("https://two.example ok"));
        EXPECT_THAT(text, HasSubstr("behind 2"));
    }
    EXPECT_GT(std::ranges::count(narrow, '\n'), std::ranges::count(wide, '\n'));
}

TEST(ServiceStatusTextTest, NoWordIsCutWhereAPartIsLongerThanALine) {
    ServiceStatus status = some_status();
    status.providers[0].name = "http://127.0.0.1:40123";
    status.providers[0].state = "answers";
    status.providers[0].latency_ms = 1;
    const std::string text = render_details(status, 40);
    EXPECT_LE(longest(text), 40U) << text;
    EXPECT_THAT(text, HasSubstr("providers  http://127.0.0.1:40123\n           answers 1ms\n"))
        << text;
    EXPECT_THAT(text, HasSubstr("proven     through block 19,000,050\n           (receipts)\n"))
        << text;
}

TEST(ServiceStatusTextTest, AReasonIsToldToItsEndOnAnyTerminal) {
    ServiceStatus status = some_status();
    status.degraded = {
        "the state proof of community found 1 row that differs at block 15, and it stands"};
    const std::string text = render_details(status, 60);
    EXPECT_LE(longest(text), 60U) << text;
    EXPECT_THAT(text, HasSubstr("\n           differs at block 15, and it stands"));
}

TEST(ServiceStatusTextTest, WhatMattersMostIsFirstAndTheRestIsCounted) {
    const std::string text = render_details(some_status(), 80);
    EXPECT_THAT(text, StartsWith("attention  the state proof of store found 3 rows that differ"));
    EXPECT_THAT(text, HasSubstr("and 1 more"));
}

}  // namespace
}  // namespace plumbline::engine::service_status_text_test
