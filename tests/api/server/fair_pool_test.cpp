#include "api/server/fair_pool.hpp"

#include <atomic>
#include <mutex>
#include <system_error>

#include <gtest/gtest.h>

#include "core/base/bounded_queue.hpp"
#include "tests/support/few_threads.hpp"

namespace plumbline::api::fair_pool_test {
namespace {

/// Lets jobs be held and let go.
class Gate {
  public:
    void pass() {
        std::unique_lock lock{mutex_};
        ++at_gate_;
        news_.notify_all();
        news_.wait(lock, [this] { return is_open_; });
    }
    void wait_for(int count) {
        std::unique_lock lock{mutex_};
        news_.wait(lock, [&] { return at_gate_ >= count; });
    }
    void open() {
        const std::scoped_lock lock{mutex_};
        is_open_ = true;
        news_.notify_all();
    }

  private:
    std::mutex mutex_;
    std::condition_variable news_;
    int at_gate_ = 0;
    bool is_open_ = false;
};

/// Names of clients in the order in which their jobs ran.
class Order {
  public:
    void add(const std::string& name) {
        const std::scoped_lock lock{mutex_};
        names_ += name;
        news_.notify_all();
    }
    std::string wait_for(size_t count) {
        std::unique_lock lock{mutex_};
        news_.wait(lock, [&] { return names_.size() >= count; });
        return names_;
    }

  private:
    std::mutex mutex_;
    std::condition_variable news_;
    std::string names_;
};

TEST(FairPoolTest, ClientsTakeTurnsHoweverMuchOneAsks) {
    Order order;
    Gate gate;
    FairPool pool{{.threads = 1}};
    ASSERT_EQ(pool.submit("x", [&] { gate.pass(); }), FairPool::Taken::kYes);
    gate.wait_for(1);
    for (int i = 0; i < 5; ++i) {
        ASSERT_EQ(pool.submit("a", [&] { order.add("a"); }), FairPool::Taken::kYes);
    }
    ASSERT_EQ(pool.submit("b", [&] { order.add("b"); }), FairPool::Taken::kYes);
    ASSERT_EQ(pool.submit("c", [&] { order.add("c"); }), FairPool::Taken::kYes);
    gate.open();
    EXPECT_EQ(order.wait_for(7), "abcaaaa");
}

TEST(FairPoolTest, OneClientDoesNotTakeAllThreads) {
    Order order;
    Gate gate;
    FairPool pool{{.threads = 2, .client_running_max = 1}};
    ASSERT_EQ(pool.submit("a", [&] { gate.pass(); }), FairPool::Taken::kYes);
    gate.wait_for(1);
    ASSERT_EQ(pool.submit("a", [&] { order.add("a"); }), FairPool::Taken::kYes);
    ASSERT_EQ(pool.submit("b", [&] { order.add("b"); }), FairPool::Taken::kYes);
    EXPECT_EQ(order.wait_for(1), "b");
    gate.open();
    EXPECT_EQ(order.wait_for(2), "ba");
}

TEST(FairPoolTest, WhatIsTooMuchIsRefusedAndSaysOfWhom) {
    Gate gate;
    FairPool pool{{.threads = 1, .client_waiting_max = 2, .waiting_max = 3}};
    ASSERT_EQ(pool.submit("x", [&] { gate.pass(); }), FairPool::Taken::kYes);
    gate.wait_for(1);
    EXPECT_EQ(pool.submit("a", [] {}), FairPool::Taken::kYes);
    EXPECT_EQ(pool.submit("a", [] {}), FairPool::Taken::kYes);
    EXPECT_EQ(pool.submit("a", [] {}), FairPool::Taken::kClientFull);
    EXPECT_EQ(pool.submit("b", [] {}), FairPool::Taken::kYes);
    EXPECT_EQ(pool.submit("c", [] {}), FairPool::Taken::kFull);
    gate.open();
}

TEST(FairPoolTest, WhatAJobThrowsEndsOnlyIt) {
    Order order;
    FairPool pool{{.threads = 1}};
    ASSERT_EQ(pool.submit("a", [] { throw std::runtime_error{"broken"}; }), FairPool::Taken::kYes);
    ASSERT_EQ(pool.submit("a", [&] { order.add("a"); }), FairPool::Taken::kYes);
    EXPECT_EQ(order.wait_for(1), "a");
}

TEST(FairPoolTest, AStoppedPoolDropsWhatWaitsAndTakesNothing) {
    Gate gate;
    std::atomic<bool> ran{false};
    FairPool pool{{.threads = 1}};
    ASSERT_EQ(pool.submit("a", [&] { gate.pass(); }), FairPool::Taken::kYes);
    gate.wait_for(1);
    ASSERT_EQ(pool.submit("a", [&] { ran = true; }), FairPool::Taken::kYes);
    std::jthread stopper{[&] { pool.stop(); }};
    while (pool.submit("b", [] {}) != FairPool::Taken::kFull) {
        std::this_thread::yield();
    }
    gate.open();
    stopper.join();
    EXPECT_FALSE(ran);
}

TEST(FairPoolTest, WhereNotAllThreadsCanBeStartedThoseThatRunEnd) {
    if (!plumbline::test::kCanLimitThreads) {
        GTEST_SKIP() << "a sanitizer needs the address space";
    }
    const plumbline::test::FewThreads few{rlim_t{200} << 20};
    EXPECT_THROW((FairPool{{.threads = 1'000}}), std::system_error);
}

}  // namespace
}  // namespace plumbline::api::fair_pool_test
