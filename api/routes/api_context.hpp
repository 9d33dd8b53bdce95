// What the routes need of the process they run in: the service, or in tests a status that the test
// sets over a real database and a real queue.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/evm/header.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/service/service_status.hpp"
#include "engine/task/work_queue.hpp"
#include "storage/database.hpp"

namespace plumbline::api {

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
    /// Of one of the newest blocks, which it hashes to; empty where it is not remembered.
    [[nodiscard]] virtual std::optional<evm::Header> find_header(const evm::Hash& hash) const = 0;
    /// Prometheus text.
    [[nodiscard]] virtual std::string metrics_text() const = 0;
    /// Null until there is a database; then it stays.
    [[nodiscard]] virtual engine::WorkQueue* queue() const = 0;
    /// Adds a task of a known kind, or finds the unfinished one that does the same.
    /// kInvalidArgument lists the kinds; kUnavailable before there is a database.
    [[nodiscard]] virtual Result<engine::TaskAdded> add_task(engine::TaskSpec spec) const = 0;
    [[nodiscard]] virtual const Clock& clock() const = 0;
};

}  // namespace plumbline::api
