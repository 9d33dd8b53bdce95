// plumbline task: look at and change the work queue, of a running service or of a database at rest.
#include <charconv>
#include <functional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/clock.hpp"
#include "core/base/logging.hpp"
#include "engine/task/proof_tasks.hpp"
#include "engine/task/tasks.hpp"
#include "engine/task/work_queue.hpp"
#include "storage/task_store.hpp"
#include "tools/command.hpp"
#include "tools/service_client.hpp"

namespace plumbline::tools {

namespace {

using nlohmann::ordered_json;

struct TaskArguments {
    std::string db;
    std::string url;
    std::string token;
    std::string kind;
    std::vector<std::string> args;
    std::string state;
    uint64_t id = 0;
    bool json = false;
};

engine::TaskKinds all_kinds() {
    engine::TaskKinds kinds;
    engine::add_standard_tasks(kinds);
    engine::add_proof_tasks(kinds, nullptr);
    return kinds;
}

Result<std::optional<storage::TaskState>> parse_state(const std::string& name) {
    if (name.empty() || name == "all") {
        return std::optional<storage::TaskState>{};
    }
    std::string known;
    for (uint8_t i = 0; i <= storage::kTaskStateLast; ++i) {
        const auto state = static_cast<storage::TaskState>(i);
        if (storage::to_string(state) == name) {
            return std::optional{state};
        }
        known += fmt::format("{}{}", known.empty() ? "" : ", ", storage::to_string(state));
    }
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("no state '{}'; there are: {}", name, known)};
}

ordered_json to_json(const storage::TaskRow& row) {
    return {{"id", row.id},
            {"state", storage::to_string(row.state)},
            {"kind", row.kind},
            {"args", row.args},
            {"name", row.name},
            {"origin", row.origin},
            {"priority", row.priority},
            {"due_ms", row.due_ms},
            {"attempts", row.attempts},
            {"attempts_max", row.attempts_max},
            {"created_ms", row.created_ms},
            {"started_ms", row.started_ms},
            {"finished_ms", row.finished_ms},
            {"error", row.error},
            {"result", row.result}};
}

/// What a running service has written so far, or a database at rest: reading takes no lock.
Status run_list(const TaskArguments& arguments) {
    PLUMBLINE_TRY(const auto state, parse_state(arguments.state));
    PLUMBLINE_TRY(const auto database, open_to_read(arguments.db));
    const storage::TaskStore store{*database};
    PLUMBLINE_TRY(auto rows, store.list());
    std::string text;
    for (const storage::TaskRow& row : rows) {
        if (state && row.state != *state) {
            continue;
        }
        if (arguments.json) {
            text += to_json(row).dump() + "\n";
            continue;
        }
        text += fmt::format(
            "{:>5}  {:<9}  {:<40}  attempt {}/{}  {}\n", row.id, storage::to_string(row.state),
            row.name, row.attempts, row.attempts_max,
            row.error.empty() ? row.result.substr(0, row.result.find('\n')) : row.error);
    }
    if (text.empty() && !arguments.json) {
        text = "no tasks\n";
    }
    return print(text);
}

/// Does `offline` on the queue where nobody else writes to the database; else sends the request to
/// the service that does.
Status change(const TaskArguments& arguments,
              const std::function<Result<std::string>(engine::WorkQueue&)>& offline,
              std::string_view method, const std::string& path, const std::string& body) {
    if (arguments.url.empty()) {
        storage::OpenOptions options;
        options.notice = [](const std::string& text) { logging::warning(text); };
        auto database = storage::Database::open(arguments.db, std::move(options));
        if (database) {
            storage::TaskStore store{**database};
            PLUMBLINE_TRY(const auto queue, engine::WorkQueue::open(store, system_clock()));
            PLUMBLINE_TRY(const std::string text, offline(*queue));
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
    return print(answer + "\n");
}

Status run_add(const TaskArguments& arguments) {
    const engine::TaskKinds kinds = all_kinds();
    PLUMBLINE_TRY_VOID(kinds.check(arguments.kind));
    engine::TaskSpec spec;
    spec.kind = arguments.kind;
    spec.args = fmt::format("{}", fmt::join(arguments.args, " "));
    spec.origin = "cli";
    const std::string body = ordered_json{{"kind", spec.kind}, {"args", spec.args}}.dump();
    const auto offline = [spec](engine::WorkQueue& queue) -> Result<std::string> {
        PLUMBLINE_TRY(const engine::TaskAdded added, queue.add(spec));
        return fmt::format("task {} {}: it runs when `plumbline run` does", added.id,
                           added.is_new ? "added" : "was there already");
    };
    return change(arguments, offline, "POST", "/v1/tasks", body);
}

Status run_one(const TaskArguments& arguments, bool is_retry) {
    const auto offline = [&](engine::WorkQueue& queue) -> Result<std::string> {
        PLUMBLINE_TRY_VOID(is_retry ? queue.retry(arguments.id) : queue.cancel(arguments.id));
        return fmt::format("task {} {}", arguments.id,
                           is_retry ? "will be tried again" : "is cancelled");
    };
    const std::string path = fmt::format("/v1/tasks/{}{}", arguments.id, is_retry ? "/retry" : "");
    return change(arguments, offline, is_retry ? "POST" : "DELETE", path, "");
}

Status run_clear(const TaskArguments& arguments) {
    PLUMBLINE_TRY(const auto state, parse_state(arguments.state));
    const auto offline = [&](engine::WorkQueue& queue) -> Result<std::string> {
        PLUMBLINE_TRY(const size_t count, queue.clear(state));
        return fmt::format("{} tasks deleted", count);
    };
    const std::string query =
        state ? fmt::format("?state={}", storage::to_string(*state)) : std::string{};
    return change(arguments, offline, "POST", "/v1/tasks/clear" + query, "");
}

std::string kinds_help() {
    const engine::TaskKinds kinds = all_kinds();
    std::string text = "Kinds:\n";
    for (const auto& [name, kind] : kinds.all()) {
        text += fmt::format("  {:<28} {}\n", name + " " + kind.args_help, kind.summary);
    }
    return text + "Example: plumbline task add ./db compact";
}

}  // namespace

void add_task(CLI::App& app, ExitCode& exit) {
    CLI::App* task = app.add_subcommand("task", "Look at and change the work queue");
    task->require_subcommand(1);
    task->footer("Example: plumbline task list ./db --state dead");
    auto arguments = std::make_shared<TaskArguments>();
    const auto make = [&](const char* name, const char* help,
                          std::function<Status(const TaskArguments&)> run) {
        CLI::App* command = task->add_subcommand(name, help);
        command->add_option("DB", arguments->db, "The database directory")->required();
        command->callback([arguments, run = std::move(run), &exit] {
            if (auto status = run(*arguments); !status) {
                exit = fail(status.error());
            }
        });
        return command;
    };
    const auto make_change = [&](const char* name, const char* help,
                                 std::function<Status(const TaskArguments&)> run) {
        CLI::App* command = make(name, help, std::move(run));
        command->add_option("--url", arguments->url,
                            "The running service; default: as its config says");
        command->add_option("--token", arguments->token, "Its token; default: $PLUMBLINE_TOKEN");
        return command;
    };
    CLI::App* list = make("list", "Every task, waiting ones first", run_list);
    list->add_option("--state", arguments->state,
                     "Only these: waiting, running, done, dead, parked, cancelled");
    list->add_flag("--json", arguments->json, "A JSON object a line");
    CLI::App* add = make_change("add", "Put a task into the queue", run_add);
    add->add_option("KIND", arguments->kind, "What to do")->required();
    add->add_option("ARGS", arguments->args, "As the kind takes them");
    add->footer(kinds_help());
    make_change("cancel", "Take a task back",
                [](const TaskArguments& a) { return run_one(a, false); })
        ->add_option("ID", arguments->id, "As `list` shows it")
        ->required();
    make_change("retry", "Try a dead, parked or cancelled task again",
                [](const TaskArguments& a) { return run_one(a, true); })
        ->add_option("ID", arguments->id, "As `list` shows it")
        ->required();
    make_change("clear", "Forget finished tasks", run_clear)
        ->add_option("--state", arguments->state, "Only these: done, dead, parked, cancelled");
}

}  // namespace plumbline::tools
