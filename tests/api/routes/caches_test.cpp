// What the router keeps between requests, and what a failure leaves of it.
#include "api/routes/caches.hpp"

#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

namespace plumbline::api::caches_test {
namespace {

TEST(ReportCacheTest, ACountThatThrowsLeavesTheNextOneFree) {
    ReportCache cache;
    const auto fails = []() -> Result<ReportResult> { throw std::runtime_error{"no memory"}; };
    EXPECT_THROW(static_cast<void>(cache.get("seats", 1, fails)), std::runtime_error);
    EXPECT_TRUE(cache.get("seats", 1, [] { return Result<ReportResult>{ReportResult{}}; }));
}

TEST(ReportCacheTest, OneIsCountedAtATime) {
    ReportCache cache;
    const auto other = [] { return Result<ReportResult>{ReportResult{}}; };
    const auto counted = cache.get("seats", 1, [&]() -> Result<ReportResult> {
        std::jthread{[&] {
            const auto refused = cache.get("users", 1, other);
            EXPECT_FALSE(refused);
            EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
        }}.join();
        return ReportResult{};
    });
    EXPECT_TRUE(counted);
}

}  // namespace
}  // namespace plumbline::api::caches_test
