// What the routes need of the process they run in. The service implements it; tests do so too.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/service/service_status.hpp"
#include "storage/database.hpp"
#include "storage/task_store.hpp"

namespace plumbline::api {

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

    [[nodiscard]] virtual Result<std::vector<storage::TaskRow>> list_tasks() const = 0;
    /// The new task, or the unfinished one that does the same already. kInvalidArgument lists the
    /// known kinds or says what the arguments must be.
    [[nodiscard]] virtual Result<storage::TaskRow> add_task(const TaskRequest& wanted) = 0;
    /// kNotFound where there is no such task; kInvalidArgument where it is past that.
    [[nodiscard]] virtual Result<storage::TaskRow> cancel_task(uint64_t id) = 0;
    [[nodiscard]] virtual Result<storage::TaskRow> retry_task(uint64_t id) = 0;
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
    [[nodiscard]] virtual std::shared_ptr<const engine::Plan> plan() const = 0;
    [[nodiscard]] virtual engine::ServiceStatus status() const = 0;
    /// Prometheus text.
    [[nodiscard]] virtual std::string metrics_text() const = 0;
    /// Null where there is no work queue.
    [[nodiscard]] virtual TaskControl* tasks() const = 0;
    [[nodiscard]] virtual const Clock& clock() const = 0;
};

}  // namespace plumbline::api
