// A task as JSON: the API and `plumbline task` tell the same members.
#pragma once

#include "core/base/json_writer.hpp"
#include "storage/task_store.hpp"

namespace plumbline::engine {

/// All that is told of a task, in an object that is open, for whoever has more to say.
void add_task_members(JsonWriter& json, const storage::TaskRow& row);

}  // namespace plumbline::engine
