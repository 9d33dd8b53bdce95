// Puts tasks into the work queue at intervals, as the config's [schedule] says.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"
#include "core/base/result.hpp"
#include "engine/task/work_queue.hpp"

namespace plumbline::engine {

struct ScheduleEntry {
    std::string kind;
    int64_t interval_ms = 0;  ///< 0 = off
    friend bool operator==(const ScheduleEntry&, const ScheduleEntry&) = default;
};

/// Thread-safe. An interval counts from the end of the last run, across restarts; the first run is
/// due at once. What is parked is tried again after an hour.
class Scheduler {
  public:
    Scheduler(WorkQueue& queue, const Clock& clock) : queue_{queue}, clock_{clock} {}

    void set(std::vector<ScheduleEntry> entries);
    [[nodiscard]] std::vector<ScheduleEntry> entries() const;
    /// Adds what is due, of those kinds for which `is_wanted` holds (empty: all). Cheap enough to
    /// be called often; by one thread at a time, which waits for the disk where something is due.
    void tick(const std::function<bool(std::string_view kind)>& is_wanted = {});

  private:
    void retry_parked(const TaskRow& task, int64_t now_ms);

    WorkQueue& queue_;
    const Clock& clock_;
    mutable Mutex mutex_;
    std::vector<ScheduleEntry> entries_ PLUMBLINE_GUARDED_BY(mutex_);
};

}  // namespace plumbline::engine
