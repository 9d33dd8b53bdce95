#include "tools/reopenings.hpp"

#include <gtest/gtest.h>

namespace plumbline::tools::reopenings_test {
namespace {

const Error kWhy{ErrorCode::kIo, "writing had stopped: IO error"};

TEST(ReopeningsTest, EndWhereWritingStopsThreeTimesWithoutACommitInBetween) {
    Reopenings reopenings;
    EXPECT_TRUE(reopenings.next(7, kWhy));
    EXPECT_TRUE(reopenings.next(0, kWhy));
    EXPECT_TRUE(reopenings.next(0, kWhy));
    const Status ended = reopenings.next(0, kWhy);
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code, ErrorCode::kIo);
    EXPECT_NE(ended.error().message.find(kWhy.message), std::string::npos);
}

TEST(ReopeningsTest, HaveNoEndWhileCommitsCome) {
    Reopenings reopenings;
    for (int i = 0; i < 100; ++i) {
        EXPECT_TRUE(reopenings.next(i % 3 == 0 ? 1 : 0, kWhy)) << i;
    }
}

}  // namespace
}  // namespace plumbline::tools::reopenings_test
