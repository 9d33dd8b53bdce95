#include "engine/ingest/work_outbox.hpp"

#include <gtest/gtest.h>

namespace plumbline::engine::work_outbox_test {
namespace {

AppendWork range_of(size_t bytes) {
    AppendWork work;
    work.fetched.logs.arena.resize(bytes);
    return work;
}

TEST(WorkOutboxTest, NumbersWhatTheQueueTookAndKeepsTheRest) {
    IngestChannel channel{1'000};
    WorkOutbox outbox{channel};
    outbox.push(range_of(5'000));
    EXPECT_FALSE(outbox.has_waiting()) << "an empty queue takes anything";
    outbox.push(range_of(10));
    outbox.push(SyncWork{});
    EXPECT_TRUE(outbox.has_waiting());
    EXPECT_FALSE(outbox.flush());
    EXPECT_EQ(channel.queue.try_pop()->seq, 1U);
    EXPECT_TRUE(outbox.flush());
    EXPECT_FALSE(outbox.has_waiting());
    EXPECT_EQ(channel.queue.try_pop()->seq, 2U);
    EXPECT_EQ(channel.queue.try_pop()->seq, 3U);
}

TEST(WorkOutboxTest, IsDrainedOnceTheWriterHasDoneTheLast) {
    IngestChannel channel{1'000};
    WorkOutbox outbox{channel};
    EXPECT_TRUE(outbox.is_drained());
    outbox.push(SyncWork{});
    outbox.push(SyncWork{});
    channel.done_seq = 1;
    EXPECT_FALSE(outbox.is_drained());
    channel.done_seq = 2;
    EXPECT_TRUE(outbox.is_drained());
}

TEST(WorkOutboxTest, DroppedRangesLeaveNoGapInTheNumbersAndCommandsStay) {
    IngestChannel channel{1'000};
    WorkOutbox outbox{channel};
    outbox.push(range_of(5'000));
    outbox.push(range_of(10));
    outbox.push(RollbackWork{});
    outbox.push(GapWork{});
    outbox.drop_ranges();
    EXPECT_EQ(channel.queue.try_pop()->seq, 1U);
    EXPECT_TRUE(outbox.flush());
    const std::optional<WorkItem> next = channel.queue.try_pop();
    ASSERT_TRUE(next.has_value());
    EXPECT_EQ(next->seq, 2U);
    EXPECT_TRUE(std::holds_alternative<RollbackWork>(next->work));
    EXPECT_TRUE(channel.queue.empty());
    channel.done_seq = 2;
    EXPECT_TRUE(outbox.is_drained());
}

TEST(WorkOutboxTest, ItemsBearTheEpochTheyWerePushedIn) {
    IngestChannel channel{100'000};
    WorkOutbox outbox{channel};
    outbox.push(SyncWork{});
    EXPECT_FALSE(outbox.is_refused());
    channel.refused_epoch = channel.queue.try_pop()->epoch;
    EXPECT_TRUE(outbox.is_refused());
    channel.done_seq = 1;
    outbox.begin_epoch();
    EXPECT_FALSE(outbox.is_refused());
    outbox.push(SyncWork{});
    EXPECT_GT(channel.queue.try_pop()->epoch, channel.refused_epoch.load());
}

TEST(WorkOutboxDeathTest, NoEpochBeginsWhileAnItemOfTheOldOneIsOpen) {
    IngestChannel channel{100'000};
    WorkOutbox outbox{channel};
    outbox.push(SyncWork{});
    EXPECT_DEATH(outbox.begin_epoch(), "is_drained");
}

}  // namespace
}  // namespace plumbline::engine::work_outbox_test
