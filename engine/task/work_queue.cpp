#include "engine/task/work_queue.hpp"

#include <algorithm>
#include <chrono>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "core/base/logging.hpp"

namespace plumbline::engine {

namespace {

bool is_unfinished(TaskState state) {
    return state == TaskState::kWaiting || state == TaskState::kRunning;
}

Error no_such_task(uint64_t id) {
    return {ErrorCode::kNotFound, fmt::format("there is no task {}", id)};
}

}  // namespace

TaskOutcome TaskOutcome::from(const Error& error) {
    switch (error.code) {
        case ErrorCode::kCancelled: return {Kind::kInterrupted, error.message, {}, 0};
        case ErrorCode::kInvalidArgument:
        case ErrorCode::kNotFound:
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
    }
    return "unknown";
}

Result<std::unique_ptr<WorkQueue>> WorkQueue::open(storage::TaskStore& store, const Clock& clock,
                                                   WorkQueueOptions options) {
    std::unique_ptr<WorkQueue> queue{new WorkQueue{store, clock, options}};
    PLUMBLINE_TRY_VOID(queue->load());
    return queue;
}

Status WorkQueue::load() {
    size_t damaged = 0;
    PLUMBLINE_TRY(std::vector<TaskRow> rows, store_.list(&damaged));
    if (damaged > 0) {
        logging::warning("stored tasks that cannot be read are passed over", {{"tasks", damaged}});
    }
    for (TaskRow& row : rows) {
        next_id_ = std::max(next_id_, row.id + 1);
        tasks_[row.id] = std::move(row);
    }
    for (const auto& [id, row] : std::map{tasks_}) {
        if (row.state != TaskState::kRunning) {
            continue;
        }
        TaskRow after = row;
        ++after.crashes;
        after.error = "the process ended while this task ran";
        if (after.crashes >= options_.crashes_max) {
            after.state = TaskState::kParked;
            after.finished_ms = clock_.unix_ms();
            after.error = fmt::format(
                "the process ended {} times while this task ran: parked until it is retried",
                after.crashes);
            logging::warning("task parked", {{"id", id}, {"name", row.name}, {"why", after.error}});
        } else {
            after.state = TaskState::kWaiting;
            after.due_ms = clock_.unix_ms() + backoff_ms(std::max(1U, after.attempts));
        }
        PLUMBLINE_TRY_VOID(replace(row, std::move(after)));
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

/// On disk first, then in memory.
Status WorkQueue::replace(const TaskRow& before, TaskRow after) {
    PLUMBLINE_TRY_VOID(store_.write({{&before, &after}}));
    const uint64_t id = after.id;
    tasks_[id] = std::move(after);
    changed_.notify_all();
    return ok();
}

const TaskRow* WorkQueue::find_unfinished(std::string_view name) const {
    for (const auto& [id, row] : tasks_) {
        if (row.name == name && is_unfinished(row.state)) {
            return &row;
        }
    }
    return nullptr;
}

Result<TaskAdded> WorkQueue::add(TaskSpec spec) {
    if (spec.kind.empty() || spec.attempts_max == 0) {
        return Error{ErrorCode::kInvalidArgument, "a task needs a kind and at least one attempt"};
    }
    if (spec.name.empty()) {
        spec.name = spec.args.empty() ? spec.kind : spec.kind + " " + spec.args;
    }
    const std::scoped_lock lock{mutex_};
    const int64_t due = clock_.unix_ms() + std::max<int64_t>(0, spec.delay_ms);
    if (const TaskRow* known = find_unfinished(spec.name)) {
        if (known->state == TaskState::kWaiting &&
            (spec.priority < known->priority || due < known->due_ms)) {
            TaskRow after = *known;
            after.priority = std::min(after.priority, spec.priority);
            after.due_ms = std::min(after.due_ms, due);
            const uint64_t id = after.id;
            PLUMBLINE_TRY_VOID(replace(*known, std::move(after)));
            return TaskAdded{id, false};
        }
        return TaskAdded{known->id, false};
    }
    size_t open = 0;
    for (const auto& [id, row] : tasks_) {
        open += is_unfinished(row.state) ? 1U : 0U;
        if (row.name == spec.name && row.state == TaskState::kParked) {
            return Error{ErrorCode::kUnavailable,
                         fmt::format("task {} ({}) is parked: {}; retry it or clear it first", id,
                                     row.name, row.error)};
        }
    }
    if (open >= options_.unfinished_max) {
        return Error{ErrorCode::kTooLarge,
                     fmt::format("the work queue is full: {} tasks wait", open)};
    }
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
    PLUMBLINE_TRY_VOID(store_.write({{nullptr, &row}}));
    ++next_id_;
    const uint64_t id = row.id;
    tasks_[id] = std::move(row);
    changed_.notify_all();
    return TaskAdded{id, true};
}

Result<TaskRow> WorkQueue::get_locked(uint64_t id) const {
    const auto found = tasks_.find(id);
    if (found == tasks_.end()) {
        return no_such_task(id);
    }
    return found->second;
}

Result<TaskRow> WorkQueue::get(uint64_t id) const {
    const std::scoped_lock lock{mutex_};
    return get_locked(id);
}

Status WorkQueue::cancel(uint64_t id) {
    const std::scoped_lock lock{mutex_};
    PLUMBLINE_TRY(TaskRow row, get_locked(id));
    if (row.state == TaskState::kRunning) {
        cancelled_[id] = true;
        changed_.notify_all();
        return ok();
    }
    if (row.state != TaskState::kWaiting) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("task {} is {}: only waiting and running ones can be cancelled",
                                 id, to_string(row.state))};
    }
    TaskRow after = row;
    after.state = TaskState::kCancelled;
    after.finished_ms = clock_.unix_ms();
    PLUMBLINE_TRY_VOID(replace(row, after));
    return prune(row.kind);
}

Status WorkQueue::retry(uint64_t id) {
    const std::scoped_lock lock{mutex_};
    PLUMBLINE_TRY(TaskRow row, get_locked(id));
    if (row.state == TaskState::kRunning || row.state == TaskState::kDone) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("task {} is {}: only dead, parked, cancelled and waiting ones can "
                                 "be retried",
                                 id, to_string(row.state))};
    }
    if (const TaskRow* other = find_unfinished(row.name); other != nullptr && other->id != id) {
        return Error{ErrorCode::kInvalidArgument, fmt::format("task {} does the same and is {}",
                                                              other->id, to_string(other->state))};
    }
    TaskRow after = row;
    after.state = TaskState::kWaiting;
    after.due_ms = clock_.unix_ms();
    after.attempts = 0;
    after.crashes = 0;
    after.finished_ms = 0;
    return replace(row, std::move(after));
}

Status WorkQueue::force(uint64_t id) {
    const std::scoped_lock lock{mutex_};
    PLUMBLINE_TRY(TaskRow row, get_locked(id));
    if (row.state != TaskState::kWaiting) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("task {} is {}: only waiting ones can be forced", id,
                                 to_string(row.state))};
    }
    TaskRow after = row;
    after.priority = task_priority::kForced;
    after.due_ms = clock_.unix_ms();
    return replace(row, std::move(after));
}

Result<size_t> WorkQueue::clear(std::optional<TaskState> state) {
    if (state && is_unfinished(*state)) {
        return Error{ErrorCode::kInvalidArgument,
                     "waiting and running tasks are cancelled, not cleared"};
    }
    const std::scoped_lock lock{mutex_};
    std::vector<uint64_t> ids;
    std::vector<storage::TaskChange> changes;
    for (const auto& [id, row] : tasks_) {
        if (!is_unfinished(row.state) && (!state || row.state == *state)) {
            ids.push_back(id);
            changes.push_back({&row, nullptr});
        }
    }
    if (ids.empty()) {
        return size_t{0};
    }
    PLUMBLINE_TRY_VOID(store_.write(changes));
    for (const uint64_t id : ids) {
        tasks_.erase(id);
    }
    changed_.notify_all();
    return ids.size();
}

std::vector<TaskRow> WorkQueue::list(std::optional<TaskState> state, std::string_view kind,
                                     size_t limit) const {
    const std::scoped_lock lock{mutex_};
    std::vector<TaskRow> out;
    for (auto it = tasks_.rbegin(); it != tasks_.rend() && out.size() < limit; ++it) {
        const TaskRow& row = it->second;
        if ((!state || row.state == *state) && (kind.empty() || row.kind == kind)) {
            out.push_back(row);
        }
    }
    return out;
}

std::vector<QueueCount> WorkQueue::counts() const {
    const std::scoped_lock lock{mutex_};
    std::map<std::pair<std::string, TaskState>, uint64_t> counts;
    for (const auto& [id, row] : tasks_) {
        ++counts[{row.kind, row.state}];
    }
    std::vector<QueueCount> out;
    for (const auto& [key, count] : counts) {
        out.push_back({key.first, key.second, count});
    }
    return out;
}

size_t WorkQueue::unfinished() const {
    const std::scoped_lock lock{mutex_};
    return static_cast<size_t>(std::ranges::count_if(
        tasks_, [](const auto& entry) { return is_unfinished(entry.second.state); }));
}

std::optional<TaskRow> WorkQueue::newest(std::string_view name) const {
    const std::scoped_lock lock{mutex_};
    for (auto it = tasks_.rbegin(); it != tasks_.rend(); ++it) {
        if (it->second.name == name) {
            return it->second;
        }
    }
    return std::nullopt;
}

// --- the worker's side -----------------------------------------------------------------------

const TaskRow* WorkQueue::most_urgent() const {
    const int64_t now = clock_.unix_ms();
    const TaskRow* best = nullptr;
    const auto rank = [](const TaskRow& row) {
        return std::tuple{row.priority, row.due_ms, row.id};
    };
    for (const auto& [id, row] : tasks_) {
        if (row.state == TaskState::kWaiting && row.due_ms <= now &&
            (best == nullptr || rank(row) < rank(*best))) {
            best = &row;
        }
    }
    return best;
}

Result<std::optional<TaskRow>> WorkQueue::take() {
    const std::scoped_lock lock{mutex_};
    const TaskRow* best = most_urgent();
    if (best == nullptr) {
        return std::optional<TaskRow>{};
    }
    TaskRow after = *best;
    after.state = TaskState::kRunning;
    ++after.attempts;
    after.started_ms = clock_.unix_ms();
    const uint64_t id = after.id;
    PLUMBLINE_TRY_VOID(replace(*best, std::move(after)));
    return std::optional<TaskRow>{tasks_.at(id)};
}

bool WorkQueue::is_cancelled(uint64_t id) const {
    const std::scoped_lock lock{mutex_};
    return cancelled_.contains(id);
}

bool WorkQueue::should_yield(uint64_t id) const {
    const std::scoped_lock lock{mutex_};
    const auto running = tasks_.find(id);
    const TaskRow* best = most_urgent();
    return running != tasks_.end() && best != nullptr && best->priority < running->second.priority;
}

Status WorkQueue::finish(uint64_t id, TaskOutcome outcome) {
    const std::scoped_lock lock{mutex_};
    PLUMBLINE_TRY(TaskRow row, get_locked(id));
    if (row.state != TaskState::kRunning) {
        return Error{ErrorCode::kInvalidArgument, fmt::format("task {} does not run", id)};
    }
    if (outcome.text.size() > options_.result_bytes_max) {
        outcome.text.resize(options_.result_bytes_max);
    }
    const int64_t now = clock_.unix_ms();
    TaskRow after = row;
    const bool is_cancelled = cancelled_.contains(id);
    const bool has_ended =
        outcome.kind == TaskOutcome::Kind::kDone || outcome.kind == TaskOutcome::Kind::kHopeless;
    switch (outcome.kind) {
        case TaskOutcome::Kind::kDone:
            after.state = TaskState::kDone;
            after.result = std::move(outcome.text);
            after.error.clear();
            break;
        case TaskOutcome::Kind::kHopeless:
            after.state = TaskState::kDead;
            after.error = std::move(outcome.text);
            break;
        case TaskOutcome::Kind::kFailed:
            after.error = std::move(outcome.text);
            after.state =
                after.attempts >= after.attempts_max ? TaskState::kDead : TaskState::kWaiting;
            after.due_ms = now + backoff_ms(after.attempts);
            break;
        case TaskOutcome::Kind::kMore:
            // A part that went well: failures are counted from here on again.
            after.state = TaskState::kWaiting;
            after.due_ms = now + outcome.delay_ms;
            after.attempts = 0;
            after.crashes = 0;
            after.args = std::move(outcome.args);
            after.result = std::move(outcome.text);
            after.error.clear();
            break;
        case TaskOutcome::Kind::kInterrupted:
            after.state = TaskState::kWaiting;
            after.due_ms = now;
            after.attempts = after.attempts > 0 ? after.attempts - 1 : 0;
            break;
    }
    if (is_cancelled && !has_ended) {
        after.state = TaskState::kCancelled;
    }
    if (!is_unfinished(after.state)) {
        after.finished_ms = now;
        after.due_ms = row.due_ms;
    }
    const bool is_over = !is_unfinished(after.state);
    PLUMBLINE_TRY_VOID(replace(row, std::move(after)));
    cancelled_.erase(id);
    return is_over ? prune(row.kind) : ok();
}

/// Keeps the newest finished ones of a kind; dead and parked ones wait for a person and stay, but
/// not without bound.
Status WorkQueue::prune(std::string_view kind) {
    std::map<TaskState, std::vector<const TaskRow*>> finished;
    for (const auto& [id, row] : tasks_) {
        if (row.kind == kind && !is_unfinished(row.state)) {
            finished[row.state].push_back(&row);
        }
    }
    std::vector<storage::TaskChange> changes;
    std::vector<uint64_t> ids;
    for (auto& [state, rows] : finished) {
        const size_t kept = state == TaskState::kDead || state == TaskState::kParked
                                ? options_.kept_per_kind * 10
                                : options_.kept_per_kind;
        if (rows.size() <= kept) {
            continue;
        }
        std::ranges::sort(rows, {}, [](const TaskRow* row) {
            return std::pair{row->finished_ms, row->id};
        });
        for (size_t i = 0; i < rows.size() - kept; ++i) {
            changes.push_back({rows[i], nullptr});
            ids.push_back(rows[i]->id);
        }
    }
    if (ids.empty()) {
        return ok();
    }
    PLUMBLINE_TRY_VOID(store_.write(changes));
    for (const uint64_t id : ids) {
        tasks_.erase(id);
    }
    return ok();
}

int64_t WorkQueue::next_due_ms() const {
    const std::scoped_lock lock{mutex_};
    int64_t due = -1;
    for (const auto& [id, row] : tasks_) {
        if (row.state == TaskState::kWaiting && (due < 0 || row.due_ms < due)) {
            due = row.due_ms;
        }
    }
    return due;
}

void WorkQueue::wait(int64_t wait_ms) const {
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, std::chrono::milliseconds{wait_ms});
}

}  // namespace plumbline::engine
