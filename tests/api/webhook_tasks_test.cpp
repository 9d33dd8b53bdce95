// Which webhooks get a task for news, over a real work queue.
#include "api/webhook_tasks.hpp"

#include "tests/api/api_world.hpp"

namespace plumbline::api::test::webhook_tasks_test {
namespace {

using engine::TaskState;

constexpr uint64_t kNews = 5;
constexpr const char* kApp = "webhook.app";
constexpr const char* kOther = "webhook.other";

class WebhookTasksTest : public testing::Test {
  protected:
    WebhookTasksTest() {
        // The process ended more than once while it ran.
        storage::TaskRow row;
        row.id = 1;
        row.state = TaskState::kParked;
        row.kind = row.name = kApp;
        row.args = "12-0x00";
        EXPECT_OK(api.store->write({{nullptr, &row}}));
        api.queue = engine::WorkQueue::open(*api.store, system_clock()).value();
        api.context.shown_queue = api.queue.get();
    }
    size_t count(const char* name) {
        return static_cast<size_t>(
            std::ranges::count(api.queue->list(), name, &storage::TaskRow::name));
    }
    /// What is there to run ends well.
    void run_all() {
        for (auto taken = api.queue->take(); taken && *taken; taken = api.queue->take()) {
            EXPECT_OK(api.queue->finish((*taken)->id, engine::TaskOutcome::done("nothing new")));
        }
    }

    ApiWorld api;
    WebhookTasks tasks{{kApp, kOther}};
};

TEST_F(WebhookTasksTest, AWebhookThatGotNoTaskIsTriedAgainWithoutFurtherNews) {
    EXPECT_FALSE(tasks.add(*api.queue, kNews)) << "a parked one of its name is in the way";
    EXPECT_FALSE(tasks.has_all(kNews));
    ASSERT_OK(api.queue->clear(TaskState::kParked));
    EXPECT_TRUE(tasks.add(*api.queue, kNews));
    EXPECT_TRUE(tasks.has_all(kNews));
    EXPECT_EQ(count(kApp), 1U);
}

TEST_F(WebhookTasksTest, OneThatHasItsTaskGetsNoFurtherOneWhileAnotherWaits) {
    for (int turn = 0; turn < 3; ++turn) {
        EXPECT_FALSE(tasks.add(*api.queue, kNews));
        run_all();
    }
    EXPECT_EQ(count(kOther), 1U);
    EXPECT_FALSE(tasks.add(*api.queue, kNews + 1));
    EXPECT_EQ(count(kOther), 2U) << "for what is new";
}

TEST_F(WebhookTasksTest, OneThatRunsIsAskedForAgainBecauseItMayHaveLookedBefore) {
    ASSERT_OK(api.queue->clear(TaskState::kParked));
    ASSERT_TRUE(tasks.add(*api.queue, kNews));
    const auto running = api.queue->take();
    ASSERT_OK(running);
    ASSERT_TRUE(running->has_value());
    EXPECT_FALSE(tasks.add(*api.queue, kNews + 1));
    ASSERT_OK(api.queue->finish((*running)->id, engine::TaskOutcome::done("1 message taken")));
    EXPECT_TRUE(tasks.add(*api.queue, kNews + 1));
    EXPECT_EQ(count((*running)->name.c_str()), 2U);
}

}  // namespace
}  // namespace plumbline::api::test::webhook_tasks_test
