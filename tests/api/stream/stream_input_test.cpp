// The queue between the writer and the rendering thread: its bound, and ranges that become one.
#include "api/stream/stream_input.hpp"

#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "engine/ingest/ingest.hpp"

namespace plumbline::api::stream_input_test {
namespace {

using Kind = StreamRecord::Kind;

/// Blocks `from` to `to` with one row of `bytes`.
StreamInput commit(uint64_t from, uint64_t to, size_t bytes) {
    StreamInput out;
    out.range = {from, to};
    out.events = to - from + 1;
    out.changes.push_back({0, "key", "", std::string(bytes, 'x')});
    return out;
}

TEST(StreamInputTest, InputsComeOutInOrderWithTheirRows) {
    StreamInputQueue queue{1'000'000};
    queue.push(commit(1, 1, 10));
    queue.push(commit(2, 2, 20));
    const auto first = queue.take();
    ASSERT_TRUE(first.has_value());
    EXPECT_EQ(first->range.to, 1U);
    EXPECT_EQ(first->changes.size(), 1U);
    EXPECT_EQ(queue.take()->range.to, 2U);
    EXPECT_FALSE(queue.take().has_value());
}

TEST(StreamInputTest, CommitsThatDoNotFitBecomeOneRangeWithoutRows) {
    StreamInputQueue queue{commit(1, 1, 1'000).size_bytes()};
    queue.push(commit(1, 1, 1'000));
    queue.push(commit(2, 3, 1'000));
    queue.push(commit(4, 4, 1'000));
    EXPECT_EQ(queue.take()->kind, Kind::kCommit);
    const auto range = queue.take();
    ASSERT_TRUE(range.has_value());
    EXPECT_EQ(range->kind, Kind::kRange);
    EXPECT_EQ(range->range.from, 2U);
    EXPECT_EQ(range->range.to, 4U);
    EXPECT_EQ(range->events, 3U);
    EXPECT_TRUE(range->changes.empty());
    EXPECT_FALSE(queue.take().has_value());
    // All of it is taken back from the count.
    queue.push(commit(5, 5, 1'000));
    EXPECT_EQ(queue.take()->kind, Kind::kCommit);
}

TEST(StreamInputTest, ARangeSaysThatContractsWereAnnouncedInIt) {
    StreamInputQueue queue{commit(1, 1, 1'000).size_bytes()};
    queue.push(commit(1, 1, 1'000));
    StreamInput announces = commit(2, 2, 1'000);
    announces.children.push_back({"child", {}, 2, 0});
    queue.push(std::move(announces));
    queue.push(commit(3, 3, 1'000));
    EXPECT_FALSE(queue.take()->has_new_children);
    const auto range = queue.take();
    ASSERT_TRUE(range.has_value());
    EXPECT_EQ(range->range.to, 3U);
    EXPECT_TRUE(range->has_new_children);
}

TEST(StreamInputTest, RangesThatDoNotJoinStayApart) {
    StreamInputQueue queue{0};
    queue.push(commit(1, 2, 1));
    StreamInput rollback;
    rollback.kind = Kind::kRetract;
    queue.push(rollback);
    queue.push(commit(2, 2, 1));
    queue.push(commit(9, 9, 1));
    EXPECT_EQ(queue.take()->range.from, 1U);
    EXPECT_EQ(queue.take()->kind, Kind::kRetract);
    EXPECT_EQ(queue.take()->range.from, 2U);
    EXPECT_EQ(queue.take()->range.from, 9U);
}

TEST(StreamInputTest, WhatIsNoCommitIsNeverDropped) {
    StreamInputQueue queue{0};
    StreamInput proof;
    proof.kind = Kind::kProof;
    proof.text = "{}";
    queue.push(proof);
    EXPECT_EQ(queue.take()->text, "{}");
}

TEST(StreamInputTest, LogsAreCopiedWholeOrNotAtAll) {
    engine::FetchedRange fetched;
    for (const size_t bytes : {7U, 100U, 100U, 100U}) {
        fetched.logs.push({}, Bytes(bytes, 0xab));
    }
    const std::vector<engine::LogSpan> spans{{&fetched, 1, 3}, {&fetched, 3, 4}};
    engine::CommitNotice notice;
    notice.logs = spans;
    evm::LogBatch out;
    EXPECT_FALSE(copy_logs(notice, 299, out));
    EXPECT_EQ(out.arena.capacity(), 0U) << "nothing is copied that is thrown away";
    EXPECT_TRUE(out.logs.empty());
    ASSERT_TRUE(copy_logs(notice, 300, out));
    ASSERT_EQ(out.logs.size(), 3U);
    EXPECT_EQ(out.arena, Bytes(300, 0xab));
    EXPECT_EQ(out.logs[2].data_offset, 200U);
}

TEST(StreamInputTest, AClosedQueueKeepsNobodyWaiting) {
    StreamInputQueue queue{0};
    std::jthread waiting{[&queue] { queue.wait_for(std::chrono::hours{1}); }};
    queue.close();
    waiting.join();  // An hour later without the close.
}

}  // namespace
}  // namespace plumbline::api::stream_input_test
