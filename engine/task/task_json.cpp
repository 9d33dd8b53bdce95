#include "engine/task/task_json.hpp"

namespace plumbline::engine {

void add_task_members(JsonWriter& json, const storage::TaskRow& row) {
    json.member("id", row.id)
        .member("state", storage::to_string(row.state))
        .member("kind", row.kind)
        .member("args", row.args)
        .member("name", row.name)
        .member("origin", row.origin)
        .member("priority", row.priority)
        .member("due_ms", row.due_ms)
        .member("attempts", row.attempts)
        .member("attempts_max", row.attempts_max)
        .member("created_ms", row.created_ms)
        .member("started_ms", row.started_ms)
        .member("finished_ms", row.finished_ms)
        .member("error", row.error)
        .member("result", row.result);
}

}  // namespace plumbline::engine
