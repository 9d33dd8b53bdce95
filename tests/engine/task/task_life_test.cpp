// Every step of a task's life, one by one: a row, what happens to it, the row after.
#include "engine/task/task_life.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace plumbline::engine::task_life_test {
namespace {

using Kind = TaskOutcome::Kind;

constexpr int64_t kNow = 50'000;
constexpr int64_t kWait = 700;

TaskRow running(uint32_t attempts, uint32_t crashes = 0) {
    TaskRow row;
    row.id = 3;
    row.state = TaskState::kRunning;
    row.args = "old args";
    row.result = "old result";
    row.error = "old error";
    row.attempts = attempts;
    row.attempts_max = 3;
    row.crashes = crashes;
    row.due_ms = 40'000;
    return row;
}

struct Step {
    const char* what;
    Kind kind;
    uint32_t attempts;
    bool is_cancelled;
    // After it:
    TaskState state;
    int64_t due_ms;
    int64_t finished_ms;  ///< 0: it is not over
    uint32_t attempts_after;
    const char* result;
    const char* error;
    const char* args;
};

const std::vector<Step> kSteps = {
    {"done", Kind::kDone, 1, false, TaskState::kDone, 40'000, kNow, 1, "text", "", "new args"},
    {"done though cancelled", Kind::kDone, 1, true, TaskState::kDone, 40'000, kNow, 1, "text", "",
     "new args"},
    {"failed, attempts left", Kind::kFailed, 2, false, TaskState::kWaiting, kNow + kWait, 0, 2,
     "old result", "text", "old args"},
    {"failed for the last time", Kind::kFailed, 3, false, TaskState::kDead, 40'000, kNow, 3,
     "old result", "text", "old args"},
    {"failed and cancelled", Kind::kFailed, 1, true, TaskState::kCancelled, 40'000, kNow, 1,
     "old result", "text", "old args"},
    {"hopeless", Kind::kHopeless, 1, false, TaskState::kDead, 40'000, kNow, 1, "old result", "text",
     "old args"},
    {"hopeless and cancelled", Kind::kHopeless, 1, true, TaskState::kDead, 40'000, kNow, 1,
     "old result", "text", "old args"},
    {"more", Kind::kMore, 2, false, TaskState::kWaiting, kNow + 90, 0, 0, "text", "", "new args"},
    {"more, but cancelled", Kind::kMore, 2, true, TaskState::kCancelled, 40'000, kNow, 0, "text",
     "", "new args"},
    {"interrupted counts as no attempt", Kind::kInterrupted, 2, false, TaskState::kWaiting, kNow, 0,
     1, "old result", "old error", "old args"},
    {"failed while nobody answers", Kind::kAway, 2, false, TaskState::kWaiting, kNow + kWait, 0, 1,
     "old result", "text", "old args"},
    {"failed while nobody answers, the last attempt too", Kind::kAway, 3, false,
     TaskState::kWaiting, kNow + kWait, 0, 2, "old result", "text", "old args"},
    {"failed while nobody answers and cancelled", Kind::kAway, 1, true, TaskState::kCancelled,
     40'000, kNow, 0, "old result", "text", "old args"},
    {"interrupted by a cancel", Kind::kInterrupted, 1, true, TaskState::kCancelled, 40'000, kNow, 0,
     "old result", "old error", "old args"},
};

TEST(TaskLifeTest, ARunEndsByItsOutcomeAndByWhetherItWasCancelled) {
    for (const Step& step : kSteps) {
        const TaskRow after = ended(running(step.attempts), {step.kind, "text", "new args", 90},
                                    step.is_cancelled, kNow, kWait);
        EXPECT_EQ(after.state, step.state) << step.what;
        EXPECT_EQ(after.due_ms, step.due_ms) << step.what;
        EXPECT_EQ(after.finished_ms, step.finished_ms) << step.what;
        EXPECT_EQ(after.attempts, step.attempts_after) << step.what;
        EXPECT_EQ(after.result, step.result) << step.what;
        EXPECT_EQ(after.error, step.error) << step.what;
        EXPECT_EQ(after.args, step.args) << step.what;
        EXPECT_EQ(after.id, 3U) << step.what;
    }
}

TEST(TaskLifeTest, OneThatIsDoneAndNamesNoArgumentsKeepsItsOwn) {
    EXPECT_EQ(ended(running(1), TaskOutcome::done("text"), false, kNow, kWait).args, "old args");
}

TEST(TaskLifeTest, AStartIsAnAttempt) {
    TaskRow row = running(1);
    row.state = TaskState::kWaiting;
    const TaskRow after = started(row, kNow);
    EXPECT_EQ(after.state, TaskState::kRunning);
    EXPECT_EQ(after.attempts, 2U);
    EXPECT_EQ(after.started_ms, kNow);
}

TEST(TaskLifeTest, ACrashComesBackLaterUntilItIsParked) {
    const TaskRow first = crashed(running(1), 2, kNow, kWait);
    EXPECT_EQ(first.state, TaskState::kWaiting);
    EXPECT_EQ(first.due_ms, kNow + kWait);
    EXPECT_EQ(first.crashes, 1U);
    EXPECT_EQ(first.error, "the process ended while this task ran");
    const TaskRow second = crashed(running(1, 1), 2, kNow, kWait);
    EXPECT_EQ(second.state, TaskState::kParked);
    EXPECT_EQ(second.finished_ms, kNow);
    EXPECT_EQ(second.error,
              "the process ended 2 times while this task ran: parked until it is retried");
}

TEST(TaskLifeTest, MoreForgivesCrashes) {
    EXPECT_EQ(ended(running(1, 1), {Kind::kMore, "", "", 0}, false, kNow, 0).crashes, 0U);
    EXPECT_EQ(ended(running(1, 1), {Kind::kFailed, "", "", 0}, false, kNow, 0).crashes, 1U);
}

TEST(TaskLifeTest, ARetryStartsOver) {
    TaskRow row = running(3, 2);
    row.state = TaskState::kParked;
    row.finished_ms = 45'000;
    const TaskRow after = retried(row, kNow);
    EXPECT_EQ(after.state, TaskState::kWaiting);
    EXPECT_EQ(after.due_ms, kNow);
    EXPECT_EQ(after.attempts, 0U);
    EXPECT_EQ(after.crashes, 0U);
    EXPECT_EQ(after.finished_ms, 0);
}

TEST(TaskLifeTest, ErrorsThatWillNotGetBetterAreHopeless) {
    struct Case {
        ErrorCode code;
        Kind kind;
    };
    const std::vector<Case> cases = {
        {ErrorCode::kCancelled, Kind::kInterrupted}, {ErrorCode::kInvalidArgument, Kind::kHopeless},
        {ErrorCode::kNotFound, Kind::kFailed},       {ErrorCode::kDecode, Kind::kHopeless},
        {ErrorCode::kIncompatible, Kind::kHopeless}, {ErrorCode::kIo, Kind::kFailed},
        {ErrorCode::kTimeout, Kind::kFailed},        {ErrorCode::kUnavailable, Kind::kFailed},
        {ErrorCode::kReorg, Kind::kFailed},          {ErrorCode::kCorruption, Kind::kFailed},
    };
    for (const Case& item : cases) {
        const TaskOutcome outcome = TaskOutcome::from({item.code, "why"});
        EXPECT_EQ(outcome.kind, item.kind) << static_cast<int>(item.code);
        EXPECT_EQ(outcome.text, "why");
    }
}

}  // namespace
}  // namespace plumbline::engine::task_life_test
