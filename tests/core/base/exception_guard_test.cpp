// What a library throws is an error at the edge of a thread.
#include "core/base/exception_guard.hpp"

#include <cerrno>
#include <new>
#include <stdexcept>
#include <system_error>

#include <gtest/gtest.h>

namespace plumbline::exception_guard_test {
namespace {

TEST(ExceptionGuardTest, WhatIsThrownBecomesAnErrorThatSaysWhere) {
    const Status ran = catch_exceptions("serving HTTP", [] { throw std::out_of_range{"map::at"}; });
    ASSERT_FALSE(ran.has_value());
    EXPECT_EQ(ran.error().code, ErrorCode::kIo);
    EXPECT_EQ(ran.error().message.find("serving HTTP: unexpected: map::at"), 0U);
    EXPECT_FALSE(catch_exceptions("here", [] { throw 7; }).has_value());
}

TEST(ExceptionGuardTest, ALimitOfTheSystemIsNamedWithWhatRaisesIt) {
    const Status memory = catch_exceptions("here", [] { throw std::bad_alloc{}; });
    ASSERT_FALSE(memory.has_value());
    EXPECT_EQ(memory.error().message.find("here: memory ran out: raise "), 0U);
    const Status threads = catch_exceptions("", [] {
        throw std::system_error{EAGAIN, std::generic_category()};
    });
    ASSERT_FALSE(threads.has_value());
    EXPECT_EQ(threads.error().message.find("the system starts no more threads"), 0U);
    EXPECT_NE(threads.error().message.find("ulimit -u"), std::string::npos);
    const Status files =
        catch_exceptions("", [] { throw std::runtime_error{"x: Too many open files"}; });
    ASSERT_FALSE(files.has_value());
    EXPECT_EQ(files.error().message, "x: Too many open files");
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
