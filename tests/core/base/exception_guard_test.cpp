// What a library throws is an error at the edge of a thread.
#include "core/base/exception_guard.hpp"

#include <new>
#include <stdexcept>

#include <gtest/gtest.h>

namespace plumbline::exception_guard_test {
namespace {

TEST(ExceptionGuardTest, WhatIsThrownBecomesAnErrorThatSaysWhere) {
    const Status ran = catch_exceptions("serving HTTP", [] { throw std::out_of_range{"map::at"}; });
    ASSERT_FALSE(ran.has_value());
    EXPECT_EQ(ran.error().code, ErrorCode::kIo);
    EXPECT_EQ(ran.error().message.find("serving HTTP: unexpected: map::at"), 0U);
    EXPECT_FALSE(catch_exceptions("here", [] { throw std::bad_alloc{}; }).has_value());
    EXPECT_FALSE(catch_exceptions("here", [] { throw 7; }).has_value());
}

TEST(ExceptionGuardTest, WhatIsGivenIsGivenOn) {
    EXPECT_TRUE(catch_exceptions("here", [] {}).has_value());
    EXPECT_TRUE(catch_exceptions("here", [] { return ok(); }).has_value());
    const Status told = catch_exceptions("here", [] {
        return Status{Error{ErrorCode::kTimeout, "late"}};
    });
    ASSERT_FALSE(told.has_value());
    EXPECT_EQ(told.error().code, ErrorCode::kTimeout);
}

}  // namespace
}  // namespace plumbline::exception_guard_test
