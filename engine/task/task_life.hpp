// The life of a task: what its row becomes by what happens to it. From a row to the row after, and
// nothing else: no queue, no disk, no clock.
//
//   waiting -> running -> done | dead | waiting again
//                     \-> parked, where the process ended too often while it ran
//   waiting | running -> cancelled;  dead | parked | cancelled -> waiting, by retry
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/result.hpp"
#include "storage/task_store.hpp"

namespace plumbline::engine {

using storage::TaskRow;
using storage::TaskState;

/// What came of a run.
struct TaskOutcome {
    enum class Kind : uint8_t {
        kDone,
        kFailed,       ///< tried again while attempts last
        kHopeless,     ///< will not get better by itself
        kMore,         ///< went well so far; goes on later with `args`
        kInterrupted,  ///< the service stops; counts as no attempt
        kAway,         ///< failed while nobody answers: waited for, and counts as no attempt
    };
    Kind kind = Kind::kDone;
    std::string text;  ///< result, or why it failed
    std::string args;  ///< kMore; kDone: where not empty, for the next of its name to go on from
    int64_t delay_ms = 0;  ///< kMore

    [[nodiscard]] static TaskOutcome done(std::string result) {
        return {Kind::kDone, std::move(result), {}, 0};
    }
    /// kHopeless or kFailed, by the code; kCancelled is kInterrupted.
    [[nodiscard]] static TaskOutcome from(const Error& error);
};

/// "done", "failed", "hopeless", "more", "interrupted", "away"
[[nodiscard]] std::string_view to_string(TaskOutcome::Kind kind) noexcept;

/// Waiting or running.
[[nodiscard]] bool is_unfinished(TaskState state) noexcept;

/// Taken by the worker: one attempt more.
[[nodiscard]] TaskRow started(TaskRow row, int64_t now_ms);
/// Found running though its process is gone. Parked at `crashes_max`; else it comes back after
/// `wait_ms`.
[[nodiscard]] TaskRow crashed(TaskRow row, uint32_t crashes_max, int64_t now_ms, int64_t wait_ms);
/// After a run. `wait_ms` counts where it failed and is tried again. A cancelled one ends,
/// unless the run came to its end all the same.
[[nodiscard]] TaskRow ended(TaskRow row, TaskOutcome outcome, bool is_cancelled, int64_t now_ms,
                            int64_t wait_ms);
/// One that does not run and is not wanted any more.
[[nodiscard]] TaskRow cancelled(TaskRow row, int64_t now_ms);
/// With all its attempts again, due now.
[[nodiscard]] TaskRow retried(TaskRow row, int64_t now_ms);

}  // namespace plumbline::engine
