#include "engine/task/schedule.hpp"

#include <optional>
#include <utility>

#include "core/base/logging.hpp"

namespace plumbline::engine {

namespace {

/// How long what is parked rests.
constexpr int64_t kParkedMs = 3'600'000;

}  // namespace

void Scheduler::set(std::vector<ScheduleEntry> entries) {
    const MutexLock lock{mutex_};
    entries_ = std::move(entries);
}

std::vector<ScheduleEntry> Scheduler::entries() const {
    const MutexLock lock{mutex_};
    return entries_;
}

void Scheduler::tick(const std::function<bool(std::string_view kind)>& is_wanted) {
    const int64_t now = clock_.unix_ms();
    const std::vector<ScheduleEntry> due_by = entries();
    for (const ScheduleEntry& entry : due_by) {
        if (entry.interval_ms <= 0) {
            continue;
        }
        const std::optional<TaskRow> last = queue_.newest(entry.kind);
        if (last && last->state == TaskState::kParked) {
            retry_parked(*last, now);
            continue;
        }
        if (last && (last->state == TaskState::kWaiting || last->state == TaskState::kRunning ||
                     // A clock that was set back must not stop the schedule for good.
                     (last->finished_ms <= now && now - last->finished_ms < entry.interval_ms))) {
            continue;
        }
        if (is_wanted && !is_wanted(entry.kind)) {
            continue;
        }
        TaskSpec spec;
        spec.kind = entry.kind;
        spec.origin = "schedule";
        spec.priority = task_priority::kBackground;
        const Result<TaskAdded> added = queue_.add(std::move(spec));
        if (!added) {
            logging::debug("a scheduled task was not added",
                           {{"kind", entry.kind}, {"why", added.error().message}});
        }
    }
}

/// The process may have been killed for other reasons; if not, it ends twice an hour for it.
void Scheduler::retry_parked(const TaskRow& task, int64_t now_ms) {
    if (task.finished_ms <= now_ms && now_ms - task.finished_ms < kParkedMs) {
        return;
    }
    if (const Status retried = queue_.retry(task.id); retried) {
        logging::warning(
            "a parked task is tried again: while it ran the process ended, whatever the cause",
            {{"id", task.id}, {"name", task.name}});
    }
}

}  // namespace plumbline::engine
