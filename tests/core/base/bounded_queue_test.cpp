#include "core/base/bounded_queue.hpp"

#include <memory>
#include <thread>

#include <gtest/gtest.h>

namespace plumbline::bounded_queue_test {
namespace {

using namespace std::chrono_literals;

TEST(BoundedQueueTest, KeepsOrder) {
    BoundedQueue<int> queue{100};
    for (int i = 0; i < 5; ++i) {
        ASSERT_TRUE(queue.try_push(i, 1));
    }
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(queue.try_pop(), i);
    }
    EXPECT_FALSE(queue.try_pop());
}

TEST(BoundedQueueTest, RefusesWhatPassesTheBoundAndLeavesItAlone) {
    BoundedQueue<std::unique_ptr<int>> queue{10};
    auto first = std::make_unique<int>(1);
    auto second = std::make_unique<int>(2);
    ASSERT_TRUE(queue.try_push(first, 6));
    EXPECT_EQ(first, nullptr);
    EXPECT_FALSE(queue.try_push(second, 5));
    ASSERT_NE(second, nullptr);
    EXPECT_EQ(queue.size_bytes(), 6U);
    EXPECT_TRUE(queue.try_push(second, 4));
    EXPECT_EQ(queue.size_bytes(), 10U);
}

TEST(BoundedQueueTest, AnEmptyQueueTakesAnItemOfAnySize) {
    BoundedQueue<int> queue{10};
    int item = 7;
    EXPECT_TRUE(queue.try_push(item, 1000));
    EXPECT_FALSE(queue.try_push(item, 1));
    EXPECT_EQ(queue.try_pop(), 7);
    EXPECT_EQ(queue.size_bytes(), 0U);
    EXPECT_TRUE(queue.try_push(item, 1));
}

TEST(BoundedQueueTest, AClosedQueueGivesWhatItHoldsAndTakesNothing) {
    BoundedQueue<int> queue{10};
    int item = 1;
    ASSERT_TRUE(queue.try_push(item, 1));
    queue.close();
    EXPECT_FALSE(queue.try_push(item, 1));
    EXPECT_EQ(queue.pop(1h), 1);
    EXPECT_FALSE(queue.pop(1h).has_value());
}

TEST(BoundedQueueTest, PopWithoutATimeWaitsForAnItemOrTheEnd) {
    BoundedQueue<int> queue{10};
    std::thread other{[&queue] {
        int item = 1;
        EXPECT_TRUE(queue.try_push(item, 1));
        queue.close();
    }};
    EXPECT_EQ(queue.pop(), 1);
    EXPECT_FALSE(queue.pop().has_value());
    other.join();
}

TEST(BoundedQueueTest, ClearDropsItemsAndTheirBytes) {
    BoundedQueue<int> queue{10};
    int item = 1;
    ASSERT_TRUE(queue.try_push(item, 10));
    queue.clear();
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(queue.size_bytes(), 0U);
}

TEST(BoundedQueueTest, ThreadsPassEverythingOnceAndInOrder) {
    BoundedQueue<int> queue{64};
    constexpr int kCount = 20'000;
    std::jthread producer{[&queue] {
        for (int i = 0; i < kCount; ++i) {
            int item = i;
            while (!queue.try_push(item, 4)) {
                std::this_thread::yield();
            }
        }
        queue.close();
    }};
    int expected = 0;
    for (;;) {
        const std::optional<int> item = queue.pop(1h);
        if (!item) {
            break;
        }
        ASSERT_EQ(*item, expected);
        ++expected;
    }
    EXPECT_EQ(expected, kCount);
}

}  // namespace
}  // namespace plumbline::bounded_queue_test
