#include "engine/task/task_life.hpp"

#include <fmt/format.h>

namespace plumbline::engine {

TaskOutcome TaskOutcome::from(const Error& error) {
    switch (error.code) {
        case ErrorCode::kCancelled: return {Kind::kInterrupted, error.message, {}, 0};
        case ErrorCode::kInvalidArgument:
        case ErrorCode::kDecode:
        case ErrorCode::kIncompatible: return {Kind::kHopeless, error.message, {}, 0};
        default: return {Kind::kFailed, error.message, {}, 0};
    }
}

std::string_view to_string(TaskOutcome::Kind kind) noexcept {
    switch (kind) {
        case TaskOutcome::Kind::kDone: return "done";
        case TaskOutcome::Kind::kFailed: return "failed";
        case TaskOutcome::Kind::kHopeless: return "hopeless";
        case TaskOutcome::Kind::kMore: return "more";
        case TaskOutcome::Kind::kInterrupted: return "interrupted";
        case TaskOutcome::Kind::kAway: return "away";
    }
    return "unknown";
}

bool is_unfinished(TaskState state) noexcept {
    return state == TaskState::kWaiting || state == TaskState::kRunning;
}

TaskRow started(TaskRow row, int64_t now_ms) {
    row.state = TaskState::kRunning;
    ++row.attempts;
    row.started_ms = now_ms;
    return row;
}

TaskRow crashed(TaskRow row, uint32_t crashes_max, int64_t now_ms, int64_t wait_ms) {
    ++row.crashes;
    if (row.crashes >= crashes_max) {
        row.state = TaskState::kParked;
        row.finished_ms = now_ms;
        row.error = fmt::format(
            "the process ended {} times while this task ran: parked until it is retried",
            row.crashes);
        return row;
    }
    row.state = TaskState::kWaiting;
    row.due_ms = now_ms + wait_ms;
    row.error = "the process ended while this task ran";
    return row;
}

TaskRow ended(TaskRow row, TaskOutcome outcome, bool is_cancelled, int64_t now_ms,
              int64_t wait_ms) {
    const int64_t due_before = row.due_ms;
    const bool has_ended =
        outcome.kind == TaskOutcome::Kind::kDone || outcome.kind == TaskOutcome::Kind::kHopeless;
    switch (outcome.kind) {
        case TaskOutcome::Kind::kDone:
            row.state = TaskState::kDone;
            row.result = std::move(outcome.text);
            row.error.clear();
            if (!outcome.args.empty()) {
                row.args = std::move(outcome.args);
            }
            break;
        case TaskOutcome::Kind::kHopeless:
            row.state = TaskState::kDead;
            row.error = std::move(outcome.text);
            break;
        case TaskOutcome::Kind::kFailed:
            row.error = std::move(outcome.text);
            row.state = row.attempts >= row.attempts_max ? TaskState::kDead : TaskState::kWaiting;
            row.due_ms = now_ms + wait_ms;
            break;
        case TaskOutcome::Kind::kMore:
            // A part that went well: failures are counted from here on again.
            row.state = TaskState::kWaiting;
            row.due_ms = now_ms + outcome.delay_ms;
            row.attempts = 0;
            row.crashes = 0;
            row.args = std::move(outcome.args);
            row.result = std::move(outcome.text);
            row.error.clear();
            break;
        case TaskOutcome::Kind::kInterrupted:
            row.state = TaskState::kWaiting;
            row.due_ms = now_ms;
            row.attempts = row.attempts > 0 ? row.attempts - 1 : 0;
            break;
        case TaskOutcome::Kind::kAway:
            row.state = TaskState::kWaiting;
            row.due_ms = now_ms + wait_ms;
            row.attempts = row.attempts > 0 ? row.attempts - 1 : 0;
            row.error = std::move(outcome.text);
            break;
    }
    if (is_cancelled && !has_ended) {
        row.state = TaskState::kCancelled;
    }
    if (!is_unfinished(row.state)) {
        row.finished_ms = now_ms;
        row.due_ms = due_before;
    }
    return row;
}

TaskRow cancelled(TaskRow row, int64_t now_ms) {
    row.state = TaskState::kCancelled;
    row.finished_ms = now_ms;
    return row;
}

TaskRow retried(TaskRow row, int64_t now_ms) {
    row.state = TaskState::kWaiting;
    row.due_ms = now_ms;
    row.attempts = 0;
    row.crashes = 0;
    row.finished_ms = 0;
    return row;
}

}  // namespace plumbline::engine
