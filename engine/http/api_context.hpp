// What the routes need of the process they run in. The service implements it; tests do so too.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "engine/ingest.hpp"
#include "engine/plan.hpp"
#include "rpc/pool_options.hpp"
#include "storage/database.hpp"

namespace plumbline::engine::http {

/// How the service is, at one moment.
struct ServiceSnapshot {
    Lifecycle state = Lifecycle::kStarting;
    bool is_ready = false;             ///< live and near enough to the head
    std::vector<std::string> reasons;  ///< why it is not as it should be; empty = all is well
    uint64_t first_block = 0;
    uint64_t next_block = 0;
    uint64_t target_block = 0;
    uint64_t head_block = 0;
    uint64_t finalized_block = 0;
    uint64_t events = 0;  ///< committed by this run
    uint64_t commits = 0;
    uint64_t reorgs = 0;
    double events_per_second = 0;  ///< recent
    double blocks_per_second = 0;  ///< recent
    std::optional<int64_t> eta_seconds;
    bool is_refolding = false;
    int64_t uptime_ms = 0;
    std::string version;
    std::vector<rpc::ProviderStats> providers;
};

/// A task of the work queue as the API shows it.
struct TaskInfo {
    uint64_t id = 0;
    std::string state;  ///< "waiting", "running", "done", "dead", "parked", "cancelled"
    unsigned priority = 0;
    int64_t due_ms = 0;  ///< unix time
    std::string name;
    std::string kind;
    std::string args;
    std::string origin;
    uint32_t attempts = 0;
    uint32_t attempts_max = 1;
    int64_t created_ms = 0;
    int64_t started_ms = 0;
    int64_t finished_ms = 0;
    std::string error;
    std::string result;
};

struct TaskRequest {
    std::string kind;
    std::string args;
    std::optional<unsigned> priority;
};

/// The work queue, from outside. Thread-safe.
class TaskControl {
  public:
    TaskControl() = default;
    TaskControl(const TaskControl&) = delete;
    TaskControl& operator=(const TaskControl&) = delete;
    virtual ~TaskControl() = default;

    [[nodiscard]] virtual Result<std::vector<TaskInfo>> list_tasks() const = 0;
    /// The new task, or the unfinished one that does the same already. kInvalidArgument lists the
    /// known kinds or says what the arguments must be.
    [[nodiscard]] virtual Result<TaskInfo> add_task(const TaskRequest& request) = 0;
    /// kNotFound where there is no such task; kInvalidArgument where it is past that.
    [[nodiscard]] virtual Result<TaskInfo> cancel_task(uint64_t id) = 0;
    [[nodiscard]] virtual Result<TaskInfo> retry_task(uint64_t id) = 0;
    /// Forgets finished tasks of a state ("done", "dead", "parked", "cancelled"; empty: of all
    /// these); how many.
    [[nodiscard]] virtual Result<uint64_t> clear_tasks(const std::string& state) = 0;
};

/// Thread-safe.
class ApiContext {
  public:
    ApiContext() = default;
    ApiContext(const ApiContext&) = delete;
    ApiContext& operator=(const ApiContext&) = delete;
    virtual ~ApiContext() = default;

    /// Null until there is one; then it stays as long as the server runs.
    [[nodiscard]] virtual storage::Database* database() const = 0;
    [[nodiscard]] virtual std::shared_ptr<const Plan> plan() const = 0;
    [[nodiscard]] virtual ServiceSnapshot snapshot() const = 0;
    /// Prometheus text.
    [[nodiscard]] virtual std::string metrics_text() const = 0;
    /// Null where there is no work queue.
    [[nodiscard]] virtual TaskControl* tasks() const = 0;
    [[nodiscard]] virtual const Clock& clock() const = 0;
};

}  // namespace plumbline::engine::http
