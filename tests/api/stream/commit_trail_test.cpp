// What a rollback tells, against rows kept by hand.
#include "api/stream/commit_trail.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plumbline::api::commit_trail_test {
namespace {

using Kind = StreamRecord::Kind;
using Key = std::pair<size_t, std::string>;
using RowsBefore = CommitTrail::RowsBefore;
using testing::Optional;

std::shared_ptr<const StreamRecord> commit(uint64_t seq, uint64_t from, uint64_t to,
                                           std::vector<StreamRecord::Row> rows = {},
                                           Kind kind = Kind::kCommit) {
    auto out = std::make_shared<StreamRecord>();
    out->kind = kind;
    out->seq = seq;
    out->from = from;
    out->to = to;
    out->rows = std::move(rows);
    return out;
}

/// Row `key` of entity 0, which was `before`.
StreamRecord::Row row(std::string key, std::string before) {
    return {0, std::move(key), {}, std::move(before)};
}

TEST(CommitTrailTest, RowsAreAsBeforeTheFirstBlockTakenBack) {
    CommitTrail trail;
    trail.push(commit(1, 1, 1, {row("a", "")}));
    trail.push(commit(2, 2, 2, {row("a", "a1"), row("b", "")}));
    trail.push(commit(3, 3, 3, {row("a", "a2"), row("c", "")}));
    EXPECT_THAT(trail.retract(1),
                Optional(RowsBefore{{Key{0, "a"}, "a1"}, {Key{0, "b"}, ""}, {Key{0, "c"}, ""}}));
    EXPECT_THAT(trail.retract(0), Optional(RowsBefore{{Key{0, "a"}, ""}}));
}

TEST(CommitTrailTest, ARollbackToTheNewestCommitChangesNoRows) {
    CommitTrail trail;
    trail.push(commit(1, 1, 4, {row("a", "")}));
    EXPECT_THAT(trail.retract(4), Optional(RowsBefore{}));
}

struct UnknownCase {
    const char* why;
    std::vector<std::shared_ptr<const StreamRecord>> commits;
    uint64_t drop_before;
    uint64_t to;
};

TEST(CommitTrailTest, WhatTheTrailDoesNotHoldIsNotGuessed) {
    const std::vector<UnknownCase> cases = {
        {"it is empty", {}, 0, 5},
        {"a commit reaches across the block", {commit(1, 1, 4)}, 0, 2},
        {"a commit was too large to keep its rows",
         {commit(1, 1, 1), commit(2, 2, 2, {}, Kind::kRange)},
         0,
         1},
        {"the blocks before are not in it", {commit(1, 5, 5), commit(2, 6, 6)}, 0, 3},
        {"the ring dropped what is needed", {commit(1, 1, 1), commit(2, 2, 2)}, 2, 0},
    };
    for (const UnknownCase& one : cases) {
        SCOPED_TRACE(one.why);
        CommitTrail trail;
        for (const auto& record : one.commits) {
            trail.push(record);
        }
        trail.drop_before(one.drop_before);
        EXPECT_EQ(trail.retract(one.to), std::nullopt);
        EXPECT_EQ(trail.retract(one.to), std::nullopt) << "and from then on it knows nothing";
    }
}

TEST(CommitTrailTest, RecordsThatChangeNoBlocksAreNotKept) {
    CommitTrail trail;
    trail.push(commit(1, 1, 1, {row("a", "")}));
    trail.push(commit(2, 0, 0, {}, Kind::kProof));
    trail.push(commit(3, 0, 0, {}, Kind::kReset));
    EXPECT_THAT(trail.retract(0), Optional(RowsBefore{{Key{0, "a"}, ""}}));
}

}  // namespace
}  // namespace plumbline::api::commit_trail_test
