#include "core/base/background_job.hpp"

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace plumbline::background_job_test {
namespace {

TEST(AsideTest, WithoutAThreadWorkIsDoneAtOnceOnTheOwners) {
    BackgroundJob aside;
    std::thread::id where;
    aside.start([&where] { where = std::this_thread::get_id(); });
    EXPECT_FALSE(aside.is_busy());
    EXPECT_EQ(where, std::this_thread::get_id());
    aside.wait();
}

TEST(AsideTest, WithAThreadTheOwnerGoesOnMeanwhile) {
    BackgroundJob aside;
    aside.use_thread();
    std::atomic<bool> may_end{false};
    std::thread::id where;
    aside.start([&] {
        where = std::this_thread::get_id();
        may_end.wait(false);
    });
    EXPECT_TRUE(aside.is_busy());
    may_end = true;
    may_end.notify_all();
    aside.wait();
    EXPECT_FALSE(aside.is_busy());
    EXPECT_NE(where, std::this_thread::get_id());
}

TEST(AsideTest, PiecesRunInOrderAndTheEndWaitsForTheLast) {
    std::vector<int> done;
    {
        BackgroundJob aside;
        aside.use_thread();
        for (int i = 0; i < 1000; ++i) {
            aside.start([&done, i] { done.push_back(i); });
            if (i + 1 < 1000) {
                aside.wait();
            }
        }
    }
    ASSERT_EQ(done.size(), 1000U);
    for (int i = 0; i < 1000; ++i) {
        EXPECT_EQ(done[static_cast<size_t>(i)], i);
    }
}

TEST(AsideTest, WhatTheWorkThrowsIsThrownOnByTheOwnersWait) {
    BackgroundJob aside;
    aside.use_thread();
    aside.start([] { throw std::runtime_error{"broken"}; });
    EXPECT_THROW(aside.wait(), std::runtime_error);
    bool is_done = false;
    aside.start([&is_done] { is_done = true; });
    aside.wait();
    EXPECT_TRUE(is_done);
}

}  // namespace
}  // namespace plumbline::background_job_test
