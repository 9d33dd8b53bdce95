// The work queue over HTTP.
#include <charconv>
#include <map>

#include <nlohmann/json.hpp>

#include "api/routes/handlers.hpp"
#include "engine/task/task_json.hpp"
#include "engine/task/work_queue.hpp"
#include "engine/text/entity_text.hpp"

namespace plumbline::api {

namespace {

using nlohmann::json;

Result<engine::WorkQueue*> queue_of(const RequestContext& request) {
    engine::WorkQueue* queue = request.context().queue();
    if (queue == nullptr) {
        return Error{ErrorCode::kUnavailable, "there is no work queue yet"};
    }
    return queue;
}

void write_task(JsonWriter& out, const storage::TaskRow& task, std::string_view progress = {}) {
    out.open_object();
    engine::add_task_members(out, task);
    out.member("progress", progress).close_object();
}

std::string one_task(const storage::TaskRow& task) {
    std::string body;
    JsonWriter out{body};
    out.open_object().key("task");
    write_task(out, task);
    out.close_object();
    return body;
}

/// Null or empty: all that have ended.
Result<std::optional<storage::TaskState>> finished_state(const std::string* name) {
    using storage::TaskState;
    if (name == nullptr || name->empty()) {
        return std::optional<TaskState>{};
    }
    const Result<TaskState> state = storage::parse_task_state(*name);
    if (!state || *state == TaskState::kWaiting || *state == TaskState::kRunning) {
        return Error{ErrorCode::kInvalidArgument, "state must be done, dead, parked or cancelled"};
    }
    return std::optional{*state};
}

Result<uint64_t> task_id(const RequestContext& request) {
    const std::string& text = request.part(2);
    uint64_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return Error{ErrorCode::kInvalidArgument, "a task's id is a whole number"};
    }
    return id;
}

/// A JSON object with no other members than `known`; nothing at all is an empty one.
Result<json> read_body(const RequestContext& request,
                       std::initializer_list<std::string_view> known) {
    if (request.http.body.empty()) {
        return json::object();
    }
    json body = json::parse(request.http.body, nullptr, false);
    if (!body.is_object()) {
        return Error{ErrorCode::kInvalidArgument, "the body must be a JSON object"};
    }
    for (const auto& [name, value] : body.items()) {
        if (std::find(known.begin(), known.end(), name) == known.end()) {
            return Error{
                ErrorCode::kInvalidArgument,
                fmt::format("no member '{}' here; there are: {}", name, fmt::join(known, ", "))};
        }
    }
    return body;
}

Result<std::string> text_member(const json& body, const char* name) {
    const auto found = body.find(name);
    if (found == body.end()) {
        return std::string{};
    }
    if (!found->is_string()) {
        return Error{ErrorCode::kInvalidArgument, fmt::format("{} must be a string", name)};
    }
    return found->get<std::string>();
}

Result<std::optional<uint64_t>> number_member(const json& body, const char* name) {
    const auto found = body.find(name);
    if (found == body.end()) {
        return std::optional<uint64_t>{};
    }
    if (!found->is_number_unsigned()) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{} must be a whole number, 0 or above", name)};
    }
    return std::optional<uint64_t>{found->get<uint64_t>()};
}

engine::TaskSpec spec_from_api() {
    engine::TaskSpec spec;
    spec.origin = "api";
    return spec;
}

Response add(RequestContext& request, const engine::TaskSpec& spec) {
    Response out = answer([&]() -> Result<std::string> {
        PLUMBLINE_TRY(const engine::TaskAdded added, request.context().add_task(spec));
        PLUMBLINE_TRY(engine::WorkQueue* const queue, queue_of(request));
        PLUMBLINE_TRY(const storage::TaskRow task, queue->get(added.id));
        return one_task(task);
    });
    out.status = out.status == 200 ? 202 : out.status;
    return out;
}

/// {"entity": ...}, or nothing for all.
Response add_for_entity(RequestContext& request, const char* kind) {
    engine::TaskSpec wanted = spec_from_api();
    wanted.kind = kind;
    wanted.priority = engine::task_priority::kForced;
    const Status read = [&]() -> Status {
        PLUMBLINE_TRY(const json body, read_body(request, {"entity"}));
        PLUMBLINE_TRY(wanted.args, text_member(body, "entity"));
        const auto plan = request.context().plan();
        if (!wanted.args.empty()) {
            PLUMBLINE_TRY_VOID(engine::find_entity(plan->entities(), wanted.args));
        }
        return ok();
    }();
    return read ? add(request, wanted) : fail(read.error());
}

}  // namespace

Response list_tasks(RequestContext& request) {
    return answer([&]() -> Result<std::string> {
        PLUMBLINE_TRY(const uint64_t limit, request.limit());
        PLUMBLINE_TRY(engine::WorkQueue* const queue, queue_of(request));
        const std::vector<storage::TaskRow> all = queue->list();
        const std::map<uint64_t, std::string> progress = queue->progress();
        const std::string* state = request.target.find("state");
        const std::string* kind = request.target.find("kind");
        std::optional<storage::TaskState> wanted;
        if (state != nullptr) {
            PLUMBLINE_TRY(wanted, storage::parse_task_state(*state));
        }
        std::string body;
        JsonWriter out{body};
        out.open_object().member("total", all.size()).key("tasks").open_array();
        uint64_t shown = 0;
        for (const storage::TaskRow& task : all) {
            if ((wanted && *wanted != task.state) || (kind != nullptr && *kind != task.kind)) {
                continue;
            }
            if (shown++ == limit || body.size() >= request.options().page_bytes_max) {
                break;
            }
            const auto told = progress.find(task.id);
            write_task(out, task, told == progress.end() ? std::string_view{} : told->second);
        }
        out.close_array().key("schedule").open_array();
        for (const engine::ScheduleEntry& entry : request.context().status().schedule) {
            if (entry.interval_ms > 0) {
                out.open_object()
                    .member("kind", entry.kind)
                    .member("interval_ms", entry.interval_ms)
                    .close_object();
            }
        }
        out.close_array().close_object();
        return body;
    });
}

Response add_task(RequestContext& request) {
    const Result<json> body = read_body(request, {"kind", "args", "priority"});
    if (!body) {
        return fail(body.error());
    }
    engine::TaskSpec wanted = spec_from_api();
    const Status read = [&]() -> Status {
        PLUMBLINE_TRY(wanted.kind, text_member(*body, "kind"));
        PLUMBLINE_TRY(wanted.args, text_member(*body, "args"));
        PLUMBLINE_TRY(const auto priority, number_member(*body, "priority"));
        if (priority) {
            if (*priority > 255) {
                return Error{ErrorCode::kInvalidArgument, "priority goes from 0 to 255"};
            }
            wanted.priority = static_cast<uint8_t>(*priority);
        }
        return ok();
    }();
    return read ? add(request, wanted) : fail(read.error());
}

/// "log", with a range; "state", of one entity or all; "replay".
Response force_prove(RequestContext& request) {
    engine::TaskSpec wanted = spec_from_api();
    const Status read = [&]() -> Status {
        PLUMBLINE_TRY(const json body, read_body(request, {"proof", "entity", "from", "to"}));
        PLUMBLINE_TRY(const std::string proof, text_member(body, "proof"));
        PLUMBLINE_TRY(const std::string entity, text_member(body, "entity"));
        PLUMBLINE_TRY(const auto from, number_member(body, "from"));
        PLUMBLINE_TRY(const auto to, number_member(body, "to"));
        if (proof != "log" && proof != "state" && proof != "replay") {
            return Error{ErrorCode::kInvalidArgument, "proof must be log, state or replay"};
        }
        if (from.has_value() != to.has_value() || (from && proof != "log") ||
            (!entity.empty() && proof != "state")) {
            return Error{ErrorCode::kInvalidArgument,
                         "from and to go together, with the log; entity goes with the state"};
        }
        wanted.kind = "prove_" + proof;
        wanted.args = from ? fmt::format("{} {}", *from, *to) : entity;
        wanted.priority = engine::task_priority::kForced;
        return ok();
    }();
    return read ? add(request, wanted) : fail(read.error());
}

Response force_sync(RequestContext& request) {
    return add_for_entity(request, "prove_state");
}

Response force_reconcile(RequestContext& request) {
    return add_for_entity(request, "repair");
}

Response cancel_task(RequestContext& request) {
    return answer([&]() -> Result<std::string> {
        PLUMBLINE_TRY(const uint64_t id, task_id(request));
        PLUMBLINE_TRY(engine::WorkQueue* const queue, queue_of(request));
        PLUMBLINE_TRY_VOID(queue->cancel(id));
        PLUMBLINE_TRY(const storage::TaskRow task, queue->get(id));
        return one_task(task);
    });
}

Response retry_task(RequestContext& request) {
    return answer([&]() -> Result<std::string> {
        PLUMBLINE_TRY(const uint64_t id, task_id(request));
        PLUMBLINE_TRY(engine::WorkQueue* const queue, queue_of(request));
        PLUMBLINE_TRY_VOID(queue->retry(id));
        PLUMBLINE_TRY(const storage::TaskRow task, queue->get(id));
        return one_task(task);
    });
}

Response clear_tasks(RequestContext& request) {
    return answer([&]() -> Result<std::string> {
        PLUMBLINE_TRY(engine::WorkQueue* const queue, queue_of(request));
        PLUMBLINE_TRY(const auto state, finished_state(request.target.find("state")));
        PLUMBLINE_TRY(const size_t count, queue->clear(state));
        std::string body;
        JsonWriter{body}.open_object().member("cleared", count).close_object();
        return body;
    });
}

}  // namespace plumbline::api
