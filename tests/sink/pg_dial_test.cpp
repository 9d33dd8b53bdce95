#include "sink/pg_dial.hpp"

#include <string>

#include <gtest/gtest.h>
#include <libpq-fe.h>

#include "tests/support/hanging_names.hpp"
#include "tests/support/process.hpp"

namespace plumbline::sink {
namespace {

using test::eventually;

class PgDialTest : public testing::Test {
  protected:
    test::HangingNames names_;
    const std::string url_ = std::string{"postgresql://app:secret@"} + test::kHangs + "/app";
};

TEST_F(PgDialTest, AStopEndsItWhileTheNameIsLookedUp) {
    const auto dialled = dial_postgres(url_, 600'000, [&] { return names_.waiting() == 1; });
    ASSERT_FALSE(dialled);
    EXPECT_EQ(dialled.error().code, ErrorCode::kCancelled);
}

TEST_F(PgDialTest, ANameThatIsNotFoundInTimeIsToldAsSuch) {
    const auto dialled = dial_postgres(url_, 1'000, nullptr);
    ASSERT_FALSE(dialled);
    EXPECT_EQ(dialled.error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(dialled.error().message,
              "the name of PostgreSQL's host was looked up for 1s without an answer: the name "
              "servers of /etc/resolv.conf do not answer (an IP address needs none)");
}

TEST_F(PgDialTest, OnlySoManyAreLeftBehindAndTheyEndWithTheLookUp) {
    for (int left = 1; left <= kDialsLeftMax; ++left) {
        EXPECT_FALSE(dial_postgres(url_, 600'000, [&] { return names_.waiting() == left; }));
    }
    const auto one_more = dial_postgres(url_, 600'000, nullptr);
    ASSERT_FALSE(one_more);
    EXPECT_EQ(one_more.error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(names_.waiting(), kDialsLeftMax) << "no thread for it";

    names_.fail();
    EXPECT_TRUE(eventually([&] {
        const auto dialled = dial_postgres(url_, 600'000, nullptr);
        if (!dialled) {
            return false;
        }
        EXPECT_EQ(PQstatus(*dialled), CONNECTION_BAD);
        PQfinish(*dialled);
        return true;
    }));
}

}  // namespace
}  // namespace plumbline::sink
