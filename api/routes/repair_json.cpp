#include "api/routes/repair_json.hpp"

#include <algorithm>

namespace plumbline::api {

void write_repair_run(JsonWriter& json, const std::optional<engine::RepairRun>& run) {
    if (!run) {
        json.null();
        return;
    }
    const engine::TaskRow& task = run->task;
    const int64_t changed_ms = std::max({task.created_ms, task.started_ms, task.finished_ms});
    json.open_object()
        .member("task", task.id)
        .member("state", storage::to_string(task.state))
        .member("entity", run->entity)
        .member("time", changed_ms / 1000)
        .member("whole", run->is_whole)
        .member("steps", run->steps)
        .member("left", run->left)
        .member("error", task.error)
        .close_object();
}

}  // namespace plumbline::api
