// Durable tasks: the rows of the `task` family. They belong to no commit: each write is synced by
// itself, and a rollback, a rebuild or a lost commit leaves them alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/base/result.hpp"
#include "storage/database.hpp"

namespace plumbline::storage {

/// Stored: DO NOT CHANGE THESE VALUES.
enum class TaskState : uint8_t {
    kWaiting = 0,    ///< due at some time
    kRunning = 1,    ///< found at start, it is one whose process died
    kDone = 2,       ///< `result` says what came of it
    kDead = 3,       ///< used up its attempts, or cannot succeed: `error` says why
    kParked = 4,     ///< the process ended more than once while it ran
    kCancelled = 5,  ///< on request
};
constexpr uint8_t kTaskStateLast = 5;
/// "waiting", "running"...
[[nodiscard]] std::string_view to_string(TaskState state) noexcept;
/// Its reverse. kInvalidArgument with the words that there are.
[[nodiscard]] Result<TaskState> parse_task_state(std::string_view word);

struct TaskRow {
    uint64_t id = 0;  ///< counts up from 1
    TaskState state = TaskState::kWaiting;
    uint8_t priority = 0;  ///< lower runs first
    int64_t due_ms = 0;    ///< unix time; never negative
    std::string name;      ///< of two unfinished tasks with one name there is only one
    std::string kind;
    std::string args;    ///< as the kind understands them
    std::string origin;  ///< who asked for it: "schedule", "cli", "api"...
    uint32_t attempts = 0;
    uint32_t attempts_max = 1;
    uint32_t crashes = 0;  ///< the process ended while it ran
    int64_t created_ms = 0;
    int64_t started_ms = 0;   ///< of the last attempt
    int64_t finished_ms = 0;  ///< 0 = not yet
    std::string error;        ///< of the last attempt that failed
    std::string result;       ///< what the last attempt that did something has to tell
    friend bool operator==(const TaskRow&, const TaskRow&) = default;
};

[[nodiscard]] std::string task_key(const TaskRow& row);
[[nodiscard]] std::string encode_task(const TaskRow& row);
/// kCorruption for anything that `encode_task` does not write.
[[nodiscard]] Result<TaskRow> decode_task(std::string_view key, std::string_view value);

/// One change: what was stored is taken out, what is new is put in.
struct TaskChange {
    const TaskRow* before = nullptr;  ///< null: a new task
    const TaskRow* after = nullptr;   ///< null: it goes
};

/// Thread-safe. `database` must outlive it.
class TaskStore {
  public:
    explicit TaskStore(Database& database) : database_{database} {}
    TaskStore(const TaskStore&) = delete;
    TaskStore& operator=(const TaskStore&) = delete;
    ~TaskStore() = default;

    /// Every task, in order of state, priority, due time and id. Rows that cannot be read are
    /// passed over and counted in `damaged`.
    [[nodiscard]] Result<std::vector<TaskRow>> list(size_t* damaged = nullptr) const;
    /// All of it or nothing; on disk when it returns.
    [[nodiscard]] Status write(const std::vector<TaskChange>& changes);

  private:
    Database& database_;
    Mutex mutex_;  ///< one write at a time
};

}  // namespace plumbline::storage
