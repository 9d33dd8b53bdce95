#include "engine/task/work_queue.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "core/base/logging.hpp"

namespace plumbline::engine {

namespace {

/// What waits for the chain is tried again in seconds, as after so many failures, however long that
/// takes.
constexpr uint32_t kAwayAttempts = 4;

Error no_such_task(uint64_t id) {
    return {ErrorCode::kNotFound, fmt::format("there is no task {}", id)};
}

}  // namespace

Result<std::unique_ptr<WorkQueue>> WorkQueue::open(storage::TaskStore& store, const Clock& clock,
                                                   WorkQueueOptions options) {
    std::unique_ptr<WorkQueue> queue{new WorkQueue{store, clock, options}};
    PLUMBLINE_TRY_VOID(queue->load());
    return queue;
}

Status WorkQueue::load() {
    const MutexLock writing{writing_};
    size_t damaged = 0;
    PLUMBLINE_TRY(std::vector<TaskRow> rows, store_.list(&damaged));
    if (damaged > 0) {
        logging::warning("stored tasks that cannot be read are passed over", {{"tasks", damaged}});
    }
    std::ranges::sort(rows, {}, &TaskRow::id);
    for (const TaskRow& row : rows) {
        next_id_ = std::max(next_id_, row.id + 1);
        const MutexLock lock{mutex_};
        tasks_[row.id] = row;
    }
    for (const TaskRow& row : rows) {
        if (row.state != TaskState::kRunning) {
            continue;
        }
        const bool is_last = row.crashes + 1 >= options_.crashes_max;
        const int64_t wait_ms = is_last ? 0 : backoff_ms(std::max(1U, row.attempts));
        const TaskRow after = crashed(row, options_.crashes_max, clock_.unix_ms(), wait_ms);
        if (after.state == TaskState::kParked) {
            logging::warning("task parked",
                             {{"id", row.id}, {"name", row.name}, {"why", after.error}});
        }
        PLUMBLINE_TRY_VOID(replace(row, after));
    }
    return ok();
}

/// Between half of the doubled wait and all of it.
int64_t WorkQueue::backoff_ms(uint32_t attempts) {
    int64_t wait = options_.backoff_ms_first;
    for (uint32_t i = 1; i < attempts && wait < options_.backoff_ms_max; ++i) {
        wait *= 2;
    }
    wait = std::min(wait, options_.backoff_ms_max);
    const int64_t half = wait / 2;
    return half + static_cast<int64_t>(random_() % static_cast<uint64_t>(wait - half + 1));
}

Status WorkQueue::write(const std::vector<storage::TaskChange>& changes) {
    PLUMBLINE_TRY_VOID(store_.write(changes));
    const MutexLock lock{mutex_};
    for (const storage::TaskChange& change : changes) {
        if (change.after != nullptr) {
            tasks_[change.after->id] = *change.after;
        } else {
            tasks_.erase(change.before->id);
        }
    }
    changed_.notify_all();
    return ok();
}

Status WorkQueue::replace(const TaskRow& before, const TaskRow& after) {
    return write({{&before, &after}});
}

std::optional<TaskRow> WorkQueue::find_unfinished(std::string_view name) const {
    const MutexLock lock{mutex_};
    for (const auto& [id, row] : tasks_) {
        if (row.name == name && is_unfinished(row.state)) {
            return row;
        }
    }
    return std::nullopt;
}

Result<TaskAdded> WorkQueue::add(TaskSpec spec) {
    if (spec.kind.empty() || spec.attempts_max == 0) {
        return Error{ErrorCode::kInvalidArgument, "a task needs a kind and at least one attempt"};
    }
    if (spec.name.empty()) {
        spec.name = spec.args.empty() ? spec.kind : spec.kind + " " + spec.args;
    }
    const MutexLock writing{writing_};
    const int64_t due = clock_.unix_ms() + std::max<int64_t>(0, spec.delay_ms);
    if (const std::optional<TaskRow> known = find_unfinished(spec.name)) {
        return hasten(*known, spec.priority, due);
    }
    PLUMBLINE_TRY_VOID(check_room(spec.name));
    TaskRow row;
    row.id = next_id_;
    row.priority = spec.priority;
    row.due_ms = due;
    row.name = std::move(spec.name);
    row.kind = std::move(spec.kind);
    row.args = std::move(spec.args);
    row.origin = std::move(spec.origin);
    row.attempts_max = spec.attempts_max;
    row.created_ms = clock_.unix_ms();
    PLUMBLINE_TRY_VOID(write({{nullptr, &row}}));
    ++next_id_;
    return TaskAdded{row.id, true};
}

Result<TaskAdded> WorkQueue::hasten(const TaskRow& known, uint8_t priority, int64_t due_ms) {
    const uint64_t id = known.id;
    if (known.state == TaskState::kWaiting &&
        (priority < known.priority || due_ms < known.due_ms)) {
        TaskRow after = known;
        after.priority = std::min(after.priority, priority);
        after.due_ms = std::min(after.due_ms, due_ms);
        PLUMBLINE_TRY_VOID(replace(known, after));
    }
    return TaskAdded{id, false};
}

Status WorkQueue::check_room(std::string_view name) const {
    const MutexLock lock{mutex_};
    size_t open = 0;
    for (const auto& [id, row] : tasks_) {
        open += is_unfinished(row.state) ? 1U : 0U;
        if (row.name == name && row.state == TaskState::kParked) {
            return Error{ErrorCode::kUnavailable,
                         fmt::format("task {} ({}) is parked: {}; retry it or clear it first", id,
                                     row.name, row.error)};
        }
    }
    if (open >= options_.unfinished_max) {
        return Error{ErrorCode::kTooLarge,
                     fmt::format("the work queue is full: {} tasks wait", open)};
    }
    return ok();
}

Result<TaskRow> WorkQueue::get(uint64_t id) const {
    const MutexLock lock{mutex_};
    const auto found = tasks_.find(id);
    if (found == tasks_.end()) {
        return no_such_task(id);
    }
    return found->second;
}

Status WorkQueue::cancel(uint64_t id) {
    const MutexLock writing{writing_};
    PLUMBLINE_TRY(const TaskRow row, get(id));
    if (row.state == TaskState::kRunning) {
        const MutexLock lock{mutex_};
        cancelled_.insert(id);
        changed_.notify_all();
        return ok();
    }
    if (row.state != TaskState::kWaiting) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("task {} is {}: only waiting and running ones can be cancelled",
                                 id, to_string(row.state))};
    }
    return write_and_prune(row, cancelled(row, clock_.unix_ms()));
}

Result<size_t> WorkQueue::cancel_all(const TaskFilter& filter) {
    const MutexLock writing{writing_};
    std::vector<TaskRow> rows = list();
    std::erase_if(rows, [&filter](const TaskRow& row) {
        const bool is_open = row.state == TaskState::kWaiting || row.state == TaskState::kDead ||
                             row.state == TaskState::kParked;
        return !is_open || !filter(row);
    });
    for (const TaskRow& row : rows) {
        PLUMBLINE_TRY_VOID(write_and_prune(row, cancelled(row, clock_.unix_ms())));
    }
    return rows.size();
}

Status WorkQueue::retry(uint64_t id) {
    const MutexLock writing{writing_};
    PLUMBLINE_TRY(const TaskRow row, get(id));
    if (row.state == TaskState::kRunning || row.state == TaskState::kDone) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("task {} is {}: only dead, parked, cancelled and waiting ones can "
                                 "be retried",
                                 id, to_string(row.state))};
    }
    if (const auto other = find_unfinished(row.name); other && other->id != id) {
        return Error{ErrorCode::kInvalidArgument, fmt::format("task {} does the same and is {}",
                                                              other->id, to_string(other->state))};
    }
    return replace(row, retried(row, clock_.unix_ms()));
}

Status WorkQueue::force(uint64_t id) {
    const MutexLock writing{writing_};
    PLUMBLINE_TRY(const TaskRow row, get(id));
    if (row.state != TaskState::kWaiting) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("task {} is {}: only waiting ones can be forced", id,
                                 to_string(row.state))};
    }
    TaskRow after = row;
    after.priority = task_priority::kForced;
    after.due_ms = clock_.unix_ms();
    return replace(row, after);
}

Result<size_t> WorkQueue::clear(std::optional<TaskState> state) {
    if (state && is_unfinished(*state)) {
        return Error{ErrorCode::kInvalidArgument,
                     "waiting and running tasks are cancelled, not cleared"};
    }
    const MutexLock writing{writing_};
    std::vector<storage::TaskChange> changes;
    const std::vector<TaskRow> rows = list(state);
    for (const TaskRow& row : rows) {
        if (!is_unfinished(row.state)) {
            changes.push_back({&row, nullptr});
        }
    }
    if (!changes.empty()) {
        PLUMBLINE_TRY_VOID(write(changes));
    }
    return changes.size();
}

std::vector<TaskRow> WorkQueue::list(std::optional<TaskState> state, std::string_view kind,
                                     size_t limit) const {
    const MutexLock lock{mutex_};
    std::vector<TaskRow> out;
    for (auto it = tasks_.rbegin(); it != tasks_.rend() && out.size() < limit; ++it) {
        const TaskRow& row = it->second;
        if ((!state || row.state == *state) && (kind.empty() || row.kind == kind)) {
            out.push_back(row);
        }
    }
    return out;
}

std::vector<const TaskRow*> WorkQueue::find_relevant() const {
    std::set<std::string_view> done_since;
    std::vector<const TaskRow*> out;
    for (auto it = tasks_.rbegin(); it != tasks_.rend(); ++it) {
        const TaskRow& row = it->second;
        if (row.state == TaskState::kDone) {
            done_since.insert(row.name);
        }
        const bool is_given_up = row.state == TaskState::kDead || row.state == TaskState::kParked;
        if (!is_given_up || !done_since.contains(row.name)) {
            out.push_back(&row);
        }
    }
    return out;
}

std::vector<QueueCount> WorkQueue::counts() const {
    const MutexLock lock{mutex_};
    std::map<std::pair<std::string, TaskState>, uint64_t> counts;
    for (const TaskRow* row : find_relevant()) {
        ++counts[{row->kind, row->state}];
    }
    std::vector<QueueCount> out;
    for (const auto& [key, count] : counts) {
        out.push_back({key.first, key.second, count});
    }
    return out;
}

GivenUp WorkQueue::given_up(TaskState state) const {
    const MutexLock lock{mutex_};
    GivenUp out;
    for (const TaskRow* row : find_relevant()) {
        if (row->state == state && out.count++ == 0) {
            out.newest = *row;
        }
    }
    return out;
}

size_t WorkQueue::unfinished() const {
    const MutexLock lock{mutex_};
    return static_cast<size_t>(std::ranges::count_if(
        tasks_, [](const auto& entry) { return is_unfinished(entry.second.state); }));
}

std::optional<TaskRow> WorkQueue::newest(std::string_view name) const {
    const MutexLock lock{mutex_};
    for (auto it = tasks_.rbegin(); it != tasks_.rend(); ++it) {
        if (it->second.name == name) {
            return it->second;
        }
    }
    return std::nullopt;
}

std::map<uint64_t, std::string> WorkQueue::progress() const {
    const MutexLock lock{mutex_};
    return progress_;
}

// --- the worker's side -----------------------------------------------------------------------

const TaskRow* WorkQueue::most_urgent(const TaskFilter& lane) const {
    const int64_t now = clock_.unix_ms();
    const TaskRow* best = nullptr;
    const auto rank = [](const TaskRow& row) {
        return std::tuple{row.priority, row.due_ms, row.id};
    };
    for (const auto& [id, row] : tasks_) {
        if (row.state == TaskState::kWaiting && row.due_ms <= now && (!lane || lane(row)) &&
            (best == nullptr || rank(row) < rank(*best))) {
            best = &row;
        }
    }
    return best;
}

Result<std::optional<TaskRow>> WorkQueue::take(const TaskFilter& lane) {
    const MutexLock writing{writing_};
    std::optional<TaskRow> waiting;
    {
        const MutexLock lock{mutex_};
        const TaskRow* best = most_urgent(lane);
        if (best == nullptr) {
            return waiting;
        }
        waiting = *best;
    }
    TaskRow running = started(*waiting, clock_.unix_ms());
    PLUMBLINE_TRY_VOID(replace(*waiting, running));
    return std::optional{std::move(running)};
}

void WorkQueue::tell_progress(uint64_t id, std::string text) {
    const MutexLock lock{mutex_};
    const auto running = tasks_.find(id);
    if (running != tasks_.end() && running->second.state == TaskState::kRunning) {
        progress_[id] = std::move(text);
    }
}

bool WorkQueue::is_cancelled(uint64_t id) const {
    const MutexLock lock{mutex_};
    return cancelled_.contains(id);
}

bool WorkQueue::should_yield(uint64_t id, const TaskFilter& lane) const {
    const MutexLock lock{mutex_};
    const auto running = tasks_.find(id);
    const TaskRow* best = most_urgent(lane);
    return running != tasks_.end() && best != nullptr && best->priority < running->second.priority;
}

Status WorkQueue::finish(uint64_t id, TaskOutcome outcome) {
    const MutexLock writing{writing_};
    PLUMBLINE_TRY(const TaskRow row, get(id));
    if (row.state != TaskState::kRunning) {
        return Error{ErrorCode::kInvalidArgument, fmt::format("task {} does not run", id)};
    }
    if (outcome.text.size() > options_.result_bytes_max) {
        outcome.text.resize(options_.result_bytes_max);
    }
    const int64_t wait_ms = outcome.kind == TaskOutcome::Kind::kFailed ? backoff_ms(row.attempts)
                            : outcome.kind == TaskOutcome::Kind::kAway ? backoff_ms(kAwayAttempts)
                                                                       : 0;
    PLUMBLINE_TRY_VOID(write_and_prune(
        row, ended(row, std::move(outcome), is_cancelled(id), clock_.unix_ms(), wait_ms)));
    const MutexLock lock{mutex_};
    cancelled_.erase(id);
    progress_.erase(id);
    return ok();
}

std::vector<TaskRow> WorkQueue::find_excess(const TaskRow& after) const {
    if (is_unfinished(after.state)) {
        return {};
    }
    std::vector<TaskRow> others = list(after.state, after.kind);
    std::erase_if(others, [&after](const TaskRow& row) { return row.id == after.id; });
    const size_t kept = after.state == TaskState::kDead || after.state == TaskState::kParked
                            ? options_.kept_per_kind * 10
                            : options_.kept_per_kind;
    // With `after` there is one more.
    const size_t excess = others.size() + 1 > kept ? others.size() + 1 - kept : 0;
    std::ranges::sort(others, {}, [](const TaskRow& row) {
        return std::pair{row.finished_ms, row.id};
    });
    others.resize(std::min(others.size(), excess));
    return others;
}

Status WorkQueue::write_and_prune(const TaskRow& before, const TaskRow& after) {
    const std::vector<TaskRow> excess = find_excess(after);
    std::vector<storage::TaskChange> changes{{&before, &after}};
    for (const TaskRow& row : excess) {
        changes.push_back({&row, nullptr});
    }
    return write(changes);
}

int64_t WorkQueue::next_due_ms(const TaskFilter& lane) const {
    const MutexLock lock{mutex_};
    int64_t due = -1;
    for (const auto& [id, row] : tasks_) {
        if (row.state == TaskState::kWaiting && (due < 0 || row.due_ms < due) &&
            (!lane || lane(row))) {
            due = row.due_ms;
        }
    }
    return due;
}

void WorkQueue::wait(int64_t wait_ms) const {
    const MutexLock lock{mutex_};
    changed_.wait_for(mutex_, std::chrono::milliseconds{wait_ms});
}

}  // namespace plumbline::engine
