// What is to be done besides following the chain: named tasks that survive restarts, run by one
// worker a lane, most urgent first. A task that fails comes back later, after longer and longer
// waits, and dies with a reason once its attempts are used up. One that takes the whole process
// down twice is parked until somebody says retry.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"
#include "core/base/result.hpp"
#include "engine/task/task_life.hpp"
#include "storage/task_store.hpp"

namespace plumbline::engine {

/// Lower runs first.
namespace task_priority {
constexpr uint8_t kForced = 0;
constexpr uint8_t kRepair = 20;
constexpr uint8_t kNormal = 50;
constexpr uint8_t kBackground = 100;
}  // namespace task_priority

/// Of what is tried until it succeeds, later and later.
inline constexpr uint32_t kAttemptsUnlimited = UINT32_MAX;

struct TaskSpec {
    std::string kind;
    std::string args;  ///< as the kind understands them
    std::string name;  ///< empty: "kind args", so that the same work is there once
    std::string origin;
    uint8_t priority = task_priority::kNormal;
    int64_t delay_ms = 0;
    uint32_t attempts_max = 5;
};

struct WorkQueueOptions {
    uint64_t seed = 1;                 ///< of the jitter
    size_t unfinished_max = 10'000;    ///< more are refused
    size_t kept_per_kind = 20;         ///< finished ones, newest first, as reports
    int64_t backoff_ms_first = 1'000;  ///< doubles; a wait is between half of it and all
    int64_t backoff_ms_max = 600'000;
    uint32_t crashes_max = 2;              ///< then it is parked
    size_t result_bytes_max = 64U << 10U;  ///< longer results and errors are cut
};

/// Which tasks a worker takes; empty: all. May be called under the queue's lock.
using TaskFilter = std::function<bool(const TaskRow&)>;

/// Tasks of one state that nobody will try again by himself.
struct GivenUp {
    size_t count = 0;
    std::optional<TaskRow> newest;
};

struct TaskAdded {
    uint64_t id = 0;
    bool is_new = false;  ///< false: one of this name was there, and is now at least as urgent
};

struct QueueCount {
    std::string kind;
    TaskState state = TaskState::kWaiting;
    uint64_t count = 0;
};

/// Thread-safe. `store` and `clock` must outlive it. Who changes a task waits until the disk has
/// it; who only reads never does.
class WorkQueue {
  public:
    /// Reads what is there. Tasks found running were cut off by the end of their process.
    [[nodiscard]] static Result<std::unique_ptr<WorkQueue>> open(storage::TaskStore& store,
                                                                 const Clock& clock,
                                                                 WorkQueueOptions options = {});
    WorkQueue(const WorkQueue&) = delete;
    WorkQueue& operator=(const WorkQueue&) = delete;
    ~WorkQueue() = default;

    // --- for everybody --------------------------------------------------------------------------

    /// kTooLarge where the queue is full; kUnavailable where one of this name is parked.
    [[nodiscard]] Result<TaskAdded> add(TaskSpec spec);
    /// A running one is asked to stop and ends as cancelled. kNotFound, or kInvalidArgument where
    /// it has ended already.
    [[nodiscard]] Status cancel(uint64_t id);
    /// Dead, parked and cancelled ones start over with all their attempts; a waiting one is due
    /// now.
    [[nodiscard]] Status retry(uint64_t id);
    /// Cancels what `filter` takes of all that waits, is dead or parked; gives how many.
    [[nodiscard]] Result<size_t> cancel_all(const TaskFilter& filter);
    /// Before everything else, now.
    [[nodiscard]] Status force(uint64_t id);
    /// Deletes all that is not waiting or running, or all of one such state; gives how many.
    [[nodiscard]] Result<size_t> clear(std::optional<TaskState> state);

    /// By id, newest first; of one state or kind, where given.
    [[nodiscard]] std::vector<TaskRow> list(std::optional<TaskState> state = std::nullopt,
                                            std::string_view kind = {},
                                            size_t limit = SIZE_MAX) const;
    /// kNotFound
    [[nodiscard]] Result<TaskRow> get(uint64_t id) const;
    /// By kind and state, without those that need nobody's attention any more, see `given_up`.
    [[nodiscard]] std::vector<QueueCount> counts() const;
    /// Dead or parked ones of whose name none was done since: what succeeded later needs nobody's
    /// attention.
    [[nodiscard]] GivenUp given_up(TaskState state) const;
    /// Waiting and running.
    [[nodiscard]] size_t unfinished() const;
    /// The newest task of this name, if any is kept.
    [[nodiscard]] std::optional<TaskRow> newest(std::string_view name) const;
    /// How far running tasks say they are, by id; of those that have said so.
    [[nodiscard]] std::map<uint64_t, std::string> progress() const;

    // --- for the worker -------------------------------------------------------------------------

    /// The most urgent task of `lane` that is due, now marked as running on disk. Empty where there
    /// is none.
    [[nodiscard]] Result<std::optional<TaskRow>> take(const TaskFilter& lane = {});
    /// How far a running task is, for people; forgotten with the run, and never on disk.
    void tell_progress(uint64_t id, std::string text);
    /// Asked to stop by `cancel`.
    [[nodiscard]] bool is_cancelled(uint64_t id) const;
    /// Something of `lane` more urgent than `id` is due: a long task may end with kMore.
    [[nodiscard]] bool should_yield(uint64_t id, const TaskFilter& lane = {}) const;
    [[nodiscard]] Status finish(uint64_t id, TaskOutcome outcome);
    /// When the next one of `lane` is due, in unix ms; -1 = none waits.
    [[nodiscard]] int64_t next_due_ms(const TaskFilter& lane = {}) const;
    /// Until something changes, at most `wait_ms`.
    void wait(int64_t wait_ms) const;
    void wake() const { changed_.notify_all(); }

  private:
    WorkQueue(storage::TaskStore& store, const Clock& clock, WorkQueueOptions options)
        : store_{store},
          clock_{clock},
          options_{options},
          random_{options.seed} {}

    [[nodiscard]] Status load() PLUMBLINE_EXCLUDES(writing_, mutex_);
    /// On disk first, in one synced write, then in memory.
    [[nodiscard]] Status write(const std::vector<storage::TaskChange>& changes)
        PLUMBLINE_REQUIRES(writing_) PLUMBLINE_EXCLUDES(mutex_);
    [[nodiscard]] Status replace(const TaskRow& before, const TaskRow& after)
        PLUMBLINE_REQUIRES(writing_) PLUMBLINE_EXCLUDES(mutex_);
    /// `after` in place of `before`, and without finished tasks of its kind that are too many then.
    [[nodiscard]] Status write_and_prune(const TaskRow& before, const TaskRow& after)
        PLUMBLINE_REQUIRES(writing_) PLUMBLINE_EXCLUDES(mutex_);
    /// Those that go once `after` is there: the newest finished ones of a kind are kept; dead and
    /// parked ones wait for a person and stay longer, but not without bound.
    [[nodiscard]] std::vector<TaskRow> find_excess(const TaskRow& after) const
        PLUMBLINE_EXCLUDES(mutex_);
    [[nodiscard]] int64_t backoff_ms(uint32_t attempts) PLUMBLINE_REQUIRES(writing_);
    /// More urgent or due earlier, where the known one waits.
    [[nodiscard]] Result<TaskAdded> hasten(const TaskRow& known, uint8_t priority, int64_t due_ms)
        PLUMBLINE_REQUIRES(writing_) PLUMBLINE_EXCLUDES(mutex_);
    /// kUnavailable, kTooLarge: see `add`.
    [[nodiscard]] Status check_room(std::string_view name) const PLUMBLINE_EXCLUDES(mutex_);
    /// All but dead and parked ones of whose name one was done since, newest first.
    [[nodiscard]] std::vector<const TaskRow*> find_relevant() const PLUMBLINE_REQUIRES(mutex_);
    [[nodiscard]] std::optional<TaskRow> find_unfinished(std::string_view name) const
        PLUMBLINE_EXCLUDES(mutex_);
    [[nodiscard]] const TaskRow* most_urgent(const TaskFilter& lane) const
        PLUMBLINE_REQUIRES(mutex_);

    storage::TaskStore& store_;
    const Clock& clock_;
    WorkQueueOptions options_;

    /// Of who changes tasks, from his look at them until disk and memory have the change: one at a
    /// time. So what he read holds while the disk takes its time. Taken before `mutex_`.
    Mutex writing_;
    /// Guards what is in memory, which is what is on disk; never held while the disk writes, so
    /// that who reads does not wait for it.
    mutable Mutex mutex_;
    mutable CondVar changed_;
    std::map<uint64_t, TaskRow> tasks_ PLUMBLINE_GUARDED_BY(mutex_);
    /// Running ones that should stop. Not on disk: a restart interrupts them anyway.
    std::set<uint64_t> cancelled_ PLUMBLINE_GUARDED_BY(mutex_);
    std::map<uint64_t, std::string> progress_ PLUMBLINE_GUARDED_BY(mutex_);
    uint64_t next_id_ PLUMBLINE_GUARDED_BY(writing_) = 1;
    std::mt19937_64 random_ PLUMBLINE_GUARDED_BY(writing_);
};

}  // namespace plumbline::engine
