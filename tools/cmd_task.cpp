// plumbline task: look at and change the work queue, of a running service or of a database at rest.
#include <functional>
#include <vector>

#include <fmt/format.h>

#include "core/base/clock.hpp"
#include "core/base/json_writer.hpp"
#include "core/base/logging.hpp"
#include "engine/mapping/stored_plan.hpp"
#include "engine/task/backup_place.hpp"
#include "engine/task/proof_tasks.hpp"
#include "engine/task/task_json.hpp"
#include "engine/task/tasks.hpp"
#include "engine/task/work_queue.hpp"
#include "storage/task_store.hpp"
#include "tools/command.hpp"
#include "tools/commands.hpp"
#include "tools/service_client.hpp"
#include "tools/task_text.hpp"

namespace plumbline::tools {

namespace {

engine::TaskKinds all_kinds() {
    engine::TaskKinds kinds;
    engine::add_standard_tasks(kinds);
    engine::add_proof_tasks(kinds, nullptr);
    return kinds;
}

/// Empty or "all": none in particular.
Result<std::optional<storage::TaskState>> parse_state(const std::string& name) {
    if (name.empty() || name == "all") {
        return std::optional<storage::TaskState>{};
    }
    PLUMBLINE_TRY(const storage::TaskState state, storage::parse_task_state(name));
    return std::optional{state};
}

/// Does `offline` on the queue where nobody else writes to the database; else sends the request to
/// the service that does.
Status change(
    const TaskArguments& arguments,
    const std::function<Result<std::string>(const storage::Database&, engine::WorkQueue&)>& offline,
    std::string_view method, const std::string& path, const std::string& body) {
    if (arguments.url.empty()) {
        storage::OpenOptions options;
        options.notice = [](const std::string& text) { logging::warning(text); };
        auto database = storage::Database::open(arguments.db, std::move(options));
        if (database) {
            storage::TaskStore store{**database};
            PLUMBLINE_TRY(const auto queue, engine::WorkQueue::open(store, system_clock()));
            PLUMBLINE_TRY(const std::string text, offline(**database, *queue));
            return print(text + "\n");
        }
        if (database.error().code != ErrorCode::kUnavailable) {
            Error error = std::move(database).error();
            return Error{
                error.code == ErrorCode::kNotFound ? ErrorCode::kInvalidArgument : error.code,
                error.message};
        }
    }
    PLUMBLINE_TRY(const auto database, open_to_read(arguments.db));
    PLUMBLINE_TRY(const ServiceAddress address,
                  find_service(*database, arguments.url, arguments.token));
    PLUMBLINE_TRY(const std::string answer, call_service(address, method, path, body));
    return print(answer.ends_with('\n') ? answer : answer + "\n");
}

/// A line each; what is done and says the same as the one before is counted on its line.
std::string lines_of(const std::vector<storage::TaskRow>& rows) {
    const auto said = [](const storage::TaskRow& row) {
        return row.error.empty() ? task_outcome(row.result) : row.error;
    };
    std::string text;
    for (size_t i = 0; i < rows.size();) {
        const storage::TaskRow& row = rows[i];
        const std::string outcome = said(row);
        size_t next = i + 1;
        while (next < rows.size() && row.state == storage::TaskState::kDone &&
               rows[next].state == row.state && rows[next].name == row.name &&
               said(rows[next]) == outcome) {
            ++next;
        }
        const std::string limit = row.attempts_max == engine::kAttemptsUnlimited
                                      ? std::string{}
                                      : fmt::format("/{}", row.attempts_max);
        text += fmt::format("{:>5}  {:<9}  {:<24}  attempt {}{}  {}{}\n", row.id,
                            storage::to_string(row.state), row.name, row.attempts, limit, outcome,
                            next - i > 1 ? fmt::format(" ({} times)", next - i) : "");
        i = next;
    }
    return text;
}

}  // namespace

/// What a running service has written so far, or a database at rest: reading takes no lock.
std::string task_kinds_help() {
    const engine::TaskKinds kinds = all_kinds();
    std::string text = "Kinds:\n";
    for (const auto& [name, kind] : kinds.all()) {
        text += fmt::format("  {:<28} {}\n", name + " " + kind.args_help, kind.summary);
    }
    return text + "Example: plumbline task add ./db compact";
}

Status list_tasks(const TaskArguments& arguments) {
    PLUMBLINE_TRY(const auto state, parse_state(arguments.state));
    PLUMBLINE_TRY(const auto database, open_to_read(arguments.db));
    const storage::TaskStore store{*database};
    PLUMBLINE_TRY(auto rows, store.list());
    std::erase_if(rows, [&state](const storage::TaskRow& row) {
        return state.has_value() && row.state != *state;
    });
    std::string text;
    if (arguments.json) {
        for (const storage::TaskRow& row : rows) {
            JsonWriter json{text};
            json.open_object();
            engine::add_task_members(json, row);
            json.close_object();
            text += '\n';
        }
    } else {
        text = lines_of(rows);
    }
    if (text.empty() && !arguments.json) {
        text = "no tasks\n";
    }
    return print(text);
}

Status add_task(const TaskArguments& arguments) {
    const engine::TaskKinds kinds = all_kinds();
    PLUMBLINE_TRY_VOID(kinds.check(arguments.kind));
    engine::TaskSpec spec;
    spec.kind = arguments.kind;
    spec.args = fmt::format("{}", fmt::join(arguments.args, " "));
    spec.origin = "cli";
    std::string body;
    JsonWriter{body}
        .open_object()
        .member("kind", spec.kind)
        .member("args", spec.args)
        .close_object();
    const auto offline = [spec](const storage::Database& database,
                                engine::WorkQueue& queue) -> Result<std::string> {
        PLUMBLINE_TRY_VOID(engine::check_task_args(spec.kind, spec.args, database.entities()));
        if (spec.kind == "backup" && spec.args.empty()) {
            PLUMBLINE_TRY(const engine::Config config, engine::stored_config(database));
            PLUMBLINE_TRY_VOID(engine::check_backup_named(config, spec.args, false));
        }
        PLUMBLINE_TRY(const engine::TaskAdded added, queue.add(spec));
        return fmt::format("task {} {}: it runs when `plumbline run` does", added.id,
                           added.is_new ? "added" : "was there already");
    };
    return change(arguments, offline, "POST", "/v1/tasks", body);
}

Status clear_tasks(const TaskArguments& arguments) {
    PLUMBLINE_TRY(const auto state, parse_state(arguments.state));
    const auto offline = [&](const storage::Database& /*database*/,
                             engine::WorkQueue& queue) -> Result<std::string> {
        PLUMBLINE_TRY(const size_t count, queue.clear(state));
        return fmt::format("{} tasks deleted", count);
    };
    const std::string query =
        state ? fmt::format("?state={}", storage::to_string(*state)) : std::string{};
    return change(arguments, offline, "POST", "/v1/tasks/clear" + query, "");
}

Status change_task(const TaskArguments& arguments, bool is_retry) {
    const auto offline = [&](const storage::Database& /*database*/,
                             engine::WorkQueue& queue) -> Result<std::string> {
        PLUMBLINE_TRY_VOID(is_retry ? queue.retry(arguments.id) : queue.cancel(arguments.id));
        return fmt::format("task {} {}", arguments.id,
                           is_retry ? "will be tried again" : "is cancelled");
    };
    const std::string path = fmt::format("/v1/tasks/{}{}", arguments.id, is_retry ? "/retry" : "");
    return change(arguments, offline, is_retry ? "POST" : "DELETE", path, "");
}

}  // namespace plumbline::tools
