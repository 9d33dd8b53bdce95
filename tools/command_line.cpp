#include "tools/command_line.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "engine/service/version.hpp"
#include "tools/command_docs.hpp"
#include "tools/command_mistakes.hpp"
#include "tools/commands.hpp"

namespace plumbline::tools {

namespace {

constexpr const char* kConfigHelp =
    "Ask the endpoints of this config, with its headers and tokens; the stored config has no keys";
constexpr const char* kReplaceHelp =
    "Where the config has none of the contracts that the database is of: their rows may go; else "
    "it is refused";

ExitCode to_exit(ExitCode code) {
    return code;
}

ExitCode to_exit(const Status& status) {
    return status ? ExitCode::kDone : fail(status.error());
}

ExitCode to_exit(const Result<ExitCode>& result) {
    return result ? *result : fail(result.error());
}

ExitCode to_exit(const Result<bool>& holds) {
    if (!holds) {
        return fail(holds.error());
    }
    return *holds ? ExitCode::kDone : ExitCode::kCheckFailed;
}

/// Where the line names `command`, `run` is what is done.
template <typename Arguments, typename Run>
void when_given(CLI::App* command, std::shared_ptr<Arguments> arguments, ExitCode& exit, Run run) {
    command->callback([arguments = std::move(arguments), &exit, run = std::move(run)] {
        exit = to_exit(run(*arguments));
    });
}

void add_init(CLI::App& app, ExitCode& exit) {
    CLI::App* command = app.add_subcommand("init", "Write a first config for a contract");
    auto arguments = std::make_shared<InitArguments>();
    command->add_option("DIR", arguments->directory, "Where to write plumbline.toml and the ABI")
        ->required();
    command->add_option("--abi", arguments->abi,
                        "ABI JSON or lines, a compiler's or Hardhat's file, an explorer's answer");
    command->add_option("--template", arguments->from_template,
                        "Instead of an ABI: erc20, erc721, governor, safe or uniswap_v2");
    command->add_option("--contract", arguments->contract,
                        "Which contract, where the file holds several");
    command
        ->add_option("--address", arguments->addresses,
                     "The contract's address; again for the next contract of a template")
        ->allow_extra_args(false)
        ->required();
    command
        ->add_option("--rpc", arguments->rpc, "A JSON-RPC endpoint, or env:NAME for a secret one")
        ->required();
    command
        ->add_option("--start-block", arguments->start_block,
                     "The block it was deployed in; default: it is looked for")
        ->check(CLI::Range(uint64_t{0}, uint64_t{INT64_MAX}));
    command
        ->add_option("--chain-id", arguments->chain_id,
                     "The chain's id, and the endpoint is not asked about the contract")
        ->check(CLI::Range(uint64_t{1}, uint64_t{INT64_MAX}));
    command->footer(
        "Example: plumbline init myindex --abi Token.json --address 0x5FbD... --rpc "
        "http://127.0.0.1:8545");
    when_given(command, arguments, exit, run_init);
}

void add_check(CLI::App& app, ExitCode& exit) {
    CLI::App* command = app.add_subcommand(
        "check", "Read a config and try its handlers on real events, without a database");
    auto arguments = std::make_shared<CheckArguments>();
    command->add_option("CONFIG", arguments->config, "The config file")->required();
    command->add_option(
        "--rpc", arguments->rpc,
        "Ask this endpoint (a URL, or env:NAME) instead of the config's; again for several");
    command
        ->add_option("--from", arguments->from,
                     "Begin at this block; default: the contracts' start blocks")
        ->check(CLI::Range(uint64_t{0}, uint64_t{INT64_MAX}));
    command
        ->add_option("--events", arguments->events,
                     "Try the first so many events, to the end of their block; 0: none, and ask "
                     "nobody")
        ->capture_default_str()
        ->check(CLI::Range(uint64_t{0}, uint64_t{1'000'000}));
    command
        ->add_option("--timeout", arguments->timeout_s,
                     "Give up after so many seconds without any answer of the chain; 0 = never")
        ->capture_default_str()
        ->check(CLI::Range(0, 1'000'000));
    command->add_flag("--json", arguments->json, "One JSON object");
    command->footer(
        "Exit code 1: some of the events broke a rule, or no ABI knows any of the logs. 2: the "
        "config "
        "has a mistake.\n"
        "Example: plumbline check myindex/plumbline.toml --events 1000");
    when_given(command, arguments, exit, run_check);
}

void add_run(CLI::App& app, ExitCode& exit) {
    CLI::App* command = app.add_subcommand("run", "Index to the head of the chain and follow it");
    auto arguments = std::make_shared<RunArguments>();
    command->add_option("CONFIG", arguments->config, "The config file")->required();
    command->add_option("--db", arguments->db,
                        "The database directory; default: as the config says, else `db` beside it");
    CLI::Option* until = command->add_option("--until", arguments->until,
                                             "Stop with exit code 0 at `head`, or at this block");
    command
        ->add_flag("--watch", arguments->watch,
                   "Go on by the config or its ABIs as soon as they are saved: the log is folded "
                   "again beside what is served")
        ->excludes(until);
    command->add_flag("--replace", arguments->replace, kReplaceHelp);
    command
        ->add_option("--timeout", arguments->timeout_s,
                     "With --until: end with exit code 3 after so many seconds without any answer "
                     "of the chain; 0 = never")
        ->capture_default_str()
        ->check(CLI::Range(0, 1'000'000));
    command->add_option(
        "--rpc", arguments->rpc,
        "Ask this endpoint (a URL, or env:NAME) instead of the config's; again for several");
    command->add_flag("--quiet", arguments->quiet, "No progress, only warnings");
    command->add_option("--log-format", arguments->log_format, "text or json")
        ->capture_default_str()
        ->check(CLI::IsMember({"text", "json"}));
    command
        ->add_option("--log-level", arguments->log_level,
                     "debug, info, warning or error; default: as the config says, else info")
        ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
    command->footer("Example: plumbline run myindex/plumbline.toml --until head");
    when_given(command, arguments, exit, run_index);
}

void add_status(CLI::App& app, ExitCode& exit) {
    CLI::App* command = app.add_subcommand("status", "Show where an index stands");
    auto arguments = std::make_shared<StatusArguments>();
    command->add_option("DB", arguments->path, "The database directory")->required();
    command->add_flag("--events", arguments->events,
                      "Count the stored events by name too, those that no ABI knows by their first "
                      "topic; reads the whole log");
    command->add_flag("--json", arguments->json, "One JSON object");
    command->footer("Example: plumbline status ./db --json");
    when_given(command, arguments, exit, run_status);
}

void add_get(CLI::App& app, ExitCode& exit) {
    CLI::App* command = app.add_subcommand("get", "Show one row by its key");
    auto arguments = std::make_shared<GetArguments>();
    command->add_option("DB", arguments->path, "The database directory")->required();
    command->add_option("ENTITY", arguments->entity, "The entity's name")->required();
    command
        ->add_option(
            "KEY", arguments->key,
            "field=value for each key field, or the whole key as messages show it; of a key that "
            "is one field its value alone")
        ->required();
    command->add_flag("--json", arguments->json, "One JSON object");
    command->footer("Example: plumbline get ./db community id=1 --json");
    when_given(command, arguments, exit, run_get);
}

void add_list(CLI::App& app, ExitCode& exit) {
    CLI::App* command = app.add_subcommand("list", "List rows, one JSON object a line");
    auto arguments = std::make_shared<ListArguments>();
    command->add_option("DB", arguments->path, "The database directory")->required();
    command->add_option("ENTITY", arguments->entity, "The entity's name")->required();
    command->add_option(
        "--where", arguments->where,
        "field=value or field.OP=value (gt, gte, lt, lte, ne, in), again for more: the first "
        "columns of the key or of an index");
    command->add_option("--order", arguments->order,
                        "`key`, or columns of an index with commas between; - before: descending");
    command->add_flag("--scan", arguments->scan,
                      "Look at row after row where no key or index serves");
    command->add_option("--limit", arguments->limit, "At most so many rows")
        ->capture_default_str()
        ->check(CLI::Range(uint64_t{1}, uint64_t{1'000'000'000}));
    command->add_option("--after", arguments->after, "Go on after this key, as `more:` shows it");
    command->footer("Example: plumbline list ./db vote --where voter=0xf39f... --limit 20");
    when_given(command, arguments, exit, run_list);
}

void add_sql(CLI::App& app, ExitCode& exit) {
    CLI::App* command = app.add_subcommand("sql", "Ask in SQL; reading only");
    auto arguments = std::make_shared<SqlArguments>();
    command->add_option("DB", arguments->path, "The database directory")->required();
    command->add_option("STATEMENT", arguments->statement,
                        "One SELECT; without it statements are read from standard input");
    command->add_option("--format", arguments->format, "table, csv, or json: an object a line")
        ->capture_default_str()
        ->check(CLI::IsMember({"table", "csv", "json"}));
    command
        ->add_option("--param", arguments->params,
                     "NAME=VALUE: the value of :NAME in the statement; again for more")
        ->allow_extra_args(false);
    command->add_flag("--tables", arguments->tables, "Show the tables and their columns instead");
    command->add_flag("--stats", arguments->stats, "Say how many rows were read, at which block");
    command
        ->add_option("--timeout", arguments->timeout_s,
                     "End a statement after so many seconds; 0 = never")
        ->capture_default_str()
        ->check(CLI::Range(0, 1'000'000));
    command->footer(
        "Example: plumbline sql ./db 'select voter, weight from vote order by weight desc limit "
        "5'");
    when_given(command, arguments, exit, run_sql);
}

void add_codegen(CLI::App& app, ExitCode& exit) {
    CLI::App* codegen = app.add_subcommand("codegen", "Write what programs compile against");
    codegen->require_subcommand(1);
    codegen->footer("Example: plumbline codegen ts myindex/plumbline.toml --out src/plumbline.ts");
    const auto add = [&](const char* name, const char* help, auto run) {
        CLI::App* command = codegen->add_subcommand(name, help);
        auto arguments = std::make_shared<CodegenArguments>();
        command->add_option("CONFIG", arguments->config, "The config file")->required();
        command->add_option("--out", arguments->out,
                            "Write to this file instead of standard output");
        command->footer(fmt::format("Example: plumbline codegen {} myindex/plumbline.toml", name));
        when_given(command, arguments, exit, run);
    };
    add("ts", "TypeScript: types of the API's answers, and the contracts' ABIs", run_codegen_ts);
    add("openapi", "The OpenAPI document of a service with this config", run_codegen_openapi);
}

void add_dump(CLI::App& app, ExitCode& exit) {
    CLI::App* command = app.add_subcommand(
        "dump", "Write all rows of an entity, all events, or all facts of contract calls");
    auto arguments = std::make_shared<DumpArguments>();
    command->add_option("DB", arguments->path, "The database directory")->required();
    auto* what = command->add_option_group("what");
    what->add_option("--entity", arguments->entity, "Rows of this entity, in key order");
    what->add_flag("--events", arguments->events, "Events, in block and log index order");
    what->add_flag("--facts", arguments->facts,
                   "What contract calls answered, in order of block and call");
    what->require_option(1);
    command
        ->add_option("--from", arguments->from,
                     "Events and facts from this block on; rows that last changed in it or later")
        ->check(CLI::Range(uint64_t{0}, uint64_t{INT64_MAX}));
    command->add_option("--to", arguments->to, "Up to this block, included")
        ->check(CLI::Range(uint64_t{0}, uint64_t{INT64_MAX}));
    command->add_option("--format", arguments->format, "jsonl or csv")
        ->capture_default_str()
        ->check(CLI::IsMember({"jsonl", "csv"}));
    command->add_flag("--csv-safe", arguments->csv_safe,
                      "For spreadsheets: an apostrophe before a text that they would run");
    command->add_option("--out", arguments->out, "Write to this file instead of standard output");
    command->footer(
        "Example: plumbline dump ./db --events --from 100 --to 200 --format csv --out events.csv");
    when_given(command, arguments, exit, run_dump);
}

void add_rebuild(CLI::App& app, ExitCode& exit) {
    CLI::App* command = app.add_subcommand("rebuild", "Fold the log again, offline");
    auto arguments = std::make_shared<RebuildArguments>();
    command->add_option("DB", arguments->path, "The database directory; no writer may be running")
        ->required();
    command->add_option("--config", arguments->config,
                        "Fold by this config instead of the stored one");
    command->add_flag("--replace", arguments->replace, kReplaceHelp);
    command->add_flag("--quiet", arguments->quiet, "Say nothing but warnings");
    command->footer("Example: plumbline rebuild ./db --config plumbline.toml");
    when_given(command, arguments, exit, run_rebuild);
}

/// Of a command that asks the chain and has an end.
void add_timeout(CLI::App* command, int64_t& timeout_s) {
    command
        ->add_option("--timeout", timeout_s,
                     "Give up after so many seconds without any answer of the chain; 0 = never")
        ->capture_default_str()
        ->check(CLI::Range(0, 1'000'000));
}

void add_calls_sample(CLI::App* command, std::optional<double>& sample) {
    command
        ->add_option("--sample", sample,
                     "Which part of the facts of contract calls is asked again, 0 to 1; by "
                     "default about 1,000 facts, and all of who had told one of them wrong")
        ->check(CLI::Range(0.0, 1.0));
}

void add_verify(CLI::App& app, ExitCode& exit) {
    CLI::App* command =
        app.add_subcommand("verify", "Prove the log, the entities and the contract's state");
    auto arguments = std::make_shared<VerifyArguments>();
    command->add_option("DB", arguments->path, "The database directory; a service may be running")
        ->required();
    command
        ->add_option("--proof", arguments->proof,
                     "log, replay, calls, state or all; replay needs no network")
        ->capture_default_str()
        ->check(CLI::IsMember({"log", "replay", "calls", "state", "all"}));
    add_calls_sample(command, arguments->calls_sample);
    command->add_option("--from", arguments->from, "First block of the proofs of log and calls")
        ->check(CLI::Range(uint64_t{0}, uint64_t{INT64_MAX}));
    command->add_option("--to", arguments->to, "Last block of the proofs of log and calls")
        ->check(CLI::Range(uint64_t{0}, uint64_t{INT64_MAX}));
    command->add_option("--entity", arguments->entities,
                        "Only this entity's state; again for several");
    command->add_option(
        "--rpc", arguments->rpc,
        "Ask this endpoint (a URL, or env:NAME) instead of the config's; again for several");
    command->add_option("--config", arguments->config, kConfigHelp);
    add_timeout(command, arguments->timeout_s);
    command->add_option("--scratch", arguments->scratch,
                        "Where the replay may fold; default: beside DB");
    command->add_option("--sink", arguments->sink,
                        "Hold the tables of [sinks.NAME] of --config against the index instead");
    command->add_flag("--repair", arguments->repair, "With --sink: mend the rows that differ");
    command->add_flag("--json", arguments->json, "One JSON object");
    command->footer(
        "Exit code 0: all that was asked for is proven. 1: a mismatch, or events in quarantine "
        "where "
        "[proof] quarantine = \"fail\". 3: something could not be proven.\n"
        "Example: plumbline verify ./db --rpc http://127.0.0.1:8545");
    when_given(command, arguments, exit, run_verify);
}

void add_repair(CLI::App& app, ExitCode& exit) {
    CLI::App* command = app.add_subcommand("repair", "Find what is wrong, mend it, and look again");
    auto arguments = std::make_shared<RepairArguments>();
    command
        ->add_option("DB", arguments->path,
                     "The database directory; no service may be running, unless --dry-run")
        ->required();
    command->add_option(
        "--rpc", arguments->rpc,
        "Ask this endpoint (a URL, or env:NAME) instead of the config's; again for several");
    command->add_option("--config", arguments->config, kConfigHelp);
    command
        ->add_option("--on-drift", arguments->on_drift,
                     "What if the contract tells something that its events do not: report, or "
                     "chain (write it); "
                     "default: [repair] on_drift of the config")
        ->check(CLI::IsMember({"report", "chain"}));
    add_calls_sample(command, arguments->calls_sample);
    add_timeout(command, arguments->timeout_s);
    command->add_option("--scratch", arguments->scratch,
                        "Where the replay may fold; default: beside DB");
    command->add_flag("--dry-run", arguments->dry_run, "Say what would be done and change nothing");
    command->add_flag("--json", arguments->json, "One JSON object");
    command->footer(
        "Exit code 0: the index is whole. 1: something is left, or (with --dry-run) there is "
        "something to do. 3: nothing is left to mend, but not all could be proven.\n"
        "Example: plumbline repair ./db --rpc http://127.0.0.1:8545 --dry-run");
    when_given(command, arguments, exit, run_repair);
}

void add_doctor(CLI::App& app, ExitCode& exit) {
    CLI::App* command = app.add_subcommand("doctor", "Look an endpoint over before trusting it");
    auto arguments = std::make_shared<DoctorArguments>();
    command->add_option("URL", arguments->url,
                        "The JSON-RPC endpoint, or env:NAME for a secret one");
    command->add_option("--sink", arguments->sink,
                        "Look at a PostgreSQL database instead: a postgresql:// URL, or env:NAME; "
                        "with --config the NAME of [sinks.NAME], and at its tables");
    command->add_option("--token", arguments->token,
                        "Sent as Authorization: Bearer; env:NAME keeps it off the command line");
    command->add_option("--config", arguments->config,
                        "Look at the endpoints of this config, with their headers and tokens");
    add_timeout(command, arguments->timeout_s);
    command->add_flag("--json", arguments->json, "One JSON object for each endpoint");
    command->footer(
        "Exit code 0: fine, 1: a check failed, 3: not reachable.\n"
        "Example: plumbline doctor http://127.0.0.1:8545");
    when_given(command, arguments, exit, run_doctor);
}

void add_diff(CLI::App& app, ExitCode& exit) {
    CLI::App* command = app.add_subcommand("diff", "Show what differs between two databases");
    auto arguments = std::make_shared<DiffArguments>();
    command->add_option("DB_A", arguments->path_a, "A database directory")->required();
    command->add_option("DB_B", arguments->path_b, "Another one")->required();
    command->add_option("--limit", arguments->limit, "List at most so many differences")
        ->capture_default_str();
    command->add_flag("--json", arguments->json, "One JSON object");
    command->footer("Exit code: 0 equal, 1 different. Example: plumbline diff ./db ./other --json");
    when_given(command, arguments, exit, run_diff);
}

void add_quarantine(CLI::App& app, ExitCode& exit) {
    CLI::App* command = app.add_subcommand(
        "quarantine", "List the events that could not be applied, and why, oldest first");
    auto arguments = std::make_shared<QuarantineArguments>();
    command->add_option("DB", arguments->path, "The database directory; a service may be running")
        ->required();
    command->add_option("--limit", arguments->limit, "At most so many events")
        ->capture_default_str()
        ->check(CLI::Range(uint64_t{1}, uint64_t{1'000'000}));
    command->add_flag("--json", arguments->json, "One JSON object a line");
    command->footer("Example: plumbline quarantine ./db --json");
    when_given(command, arguments, exit, run_quarantine);
}

void add_journal(CLI::App& app, ExitCode& exit) {
    CLI::App* command = app.add_subcommand("journal", "List every repair, oldest first");
    auto arguments = std::make_shared<JournalArguments>();
    command->add_option("DB", arguments->path, "The database directory")->required();
    command->add_option("--after", arguments->after, "Only entries above this number");
    command->add_flag("--json", arguments->json, "One JSON object a line");
    command->footer("Example: plumbline journal ./db --json");
    when_given(command, arguments, exit, run_journal);
}

void add_task_commands(CLI::App& app, ExitCode& exit) {
    CLI::App* task = app.add_subcommand("task", "Look at and change the work queue");
    task->require_subcommand(1);
    task->footer("Example: plumbline task list ./db --state dead");
    auto arguments = std::make_shared<TaskArguments>();
    const auto make = [&](const char* name, const char* help,
                          std::function<Status(const TaskArguments&)> run) {
        CLI::App* command = task->add_subcommand(name, help);
        command->add_option("DB", arguments->db, "The database directory")->required();
        when_given(command, arguments, exit, std::move(run));
        return command;
    };
    const auto make_change = [&](const char* name, const char* help,
                                 std::function<Status(const TaskArguments&)> run) {
        CLI::App* command = make(name, help, std::move(run));
        command->add_option("--url", arguments->url,
                            "The running service; default: as its config says");
        command->add_option("--token", arguments->token,
                            "Its token, or env:NAME; default: $PLUMBLINE_TOKEN");
        return command;
    };
    CLI::App* list = make("list", "Every task, waiting ones first", list_tasks);
    list->add_option("--state", arguments->state,
                     "Only these: waiting, running, done, dead, parked, cancelled");
    list->add_flag("--json", arguments->json, "A JSON object a line");
    CLI::App* add = make_change("add", "Put a task into the queue", add_task);
    add->add_option("KIND", arguments->kind, "What to do")->required();
    add->add_option("ARGS", arguments->args, "As the kind takes them");
    add->footer(task_kinds_help());
    make_change("cancel", "Take a task back",
                [](const TaskArguments& a) { return change_task(a, false); })
        ->add_option("ID", arguments->id, "As `list` shows it")
        ->required();
    make_change("retry", "Try a dead, parked or cancelled task again",
                [](const TaskArguments& a) { return change_task(a, true); })
        ->add_option("ID", arguments->id, "As `list` shows it")
        ->required();
    make_change("clear", "Forget finished tasks", clear_tasks)
        ->add_option("--state", arguments->state, "Only these: done, dead, parked, cancelled");
}

void add_backup(CLI::App& app, ExitCode& exit) {
    auto arguments = std::make_shared<BackupArguments>();
    CLI::App* backup =
        app.add_subcommand("backup", "Back an index up; no service may be running on it");
    backup->add_option("DB", arguments->db, "The database directory")->required();
    backup->add_option("DIR", arguments->directory, "Where backups are kept; they share files")
        ->required();
    backup->add_option("--keep", arguments->keep,
                       "Delete older backups beyond so many; default: keep all");
    backup->footer("Example: plumbline backup ./db ./backups --keep 7");
    when_given(backup, arguments, exit, run_backup);

    CLI::App* restore = app.add_subcommand("restore", "Bring an index back from a backup");
    restore->add_option("DIR", arguments->directory, "The backup directory")->required();
    restore->add_option("DB", arguments->db,
                        "The database directory to make; nothing may be there");
    restore->add_option("--id", arguments->id, "Which backup; default: the newest");
    restore->add_flag("--list", arguments->list, "Only say which backups there are");
    restore->footer("Example: plumbline restore ./backups ./db");
    when_given(restore, arguments, exit, run_restore);
}

}  // namespace

namespace {

/// `plumbline help`, `plumbline help run`.
Result<std::string> help_of(const CLI::App& app, std::span<const char* const> words) {
    PLUMBLINE_TRY_VOID(check_commands(app, words));
    const CLI::App* command = &app;
    std::string prefix;
    for (const char* word : words) {
        if (command_names(*command).empty()) {
            break;
        }
        prefix += (prefix.empty() ? "" : " ") + command->get_name();
        command = command->get_subcommand(word);
    }
    return command->help(prefix);
}

void add_commands(CLI::App& app, ExitCode& exit) {
    add_init(app, exit);
    add_check(app, exit);
    add_run(app, exit);
    add_status(app, exit);
    add_get(app, exit);
    add_list(app, exit);
    add_sql(app, exit);
    add_codegen(app, exit);
    add_dump(app, exit);
    add_rebuild(app, exit);
    add_verify(app, exit);
    add_repair(app, exit);
    add_doctor(app, exit);
    add_diff(app, exit);
    add_journal(app, exit);
    add_quarantine(app, exit);
    add_task_commands(app, exit);
    add_backup(app, exit);
}

/// What a shell or `man` reads, made of the commands as they are.
void add_documents(CLI::App& app, ExitCode& exit) {
    // Answered before anything is parsed: afterwards CLI11 gives the help of what was named.
    CLI::App* help = app.add_subcommand("help", "Show how a command is used");
    help->add_option("COMMAND", "Which one; default: all of them");
    help->footer("Example: plumbline help run");
    CLI::App* completion =
        app.add_subcommand("completion", "Write what a shell needs to complete the command line");
    auto shell = std::make_shared<std::string>();
    completion->add_option("SHELL", *shell, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
    completion->footer(
        "Example: plumbline completion bash > ~/.local/share/bash-completion/"
        "completions/plumbline");
    completion->callback(
        [&app, shell, &exit] { exit = to_exit(print(completion_script(app, *shell))); });
    CLI::App* man = app.add_subcommand("man", "Write the manual page");
    man->footer("Example: plumbline man | man -l -");
    man->callback([&app, &exit] { exit = to_exit(print(man_page(app))); });
}

}  // namespace

ExitCode run_command_line(int argc, const char* const* argv) {
    CLI::App app{"plumbline: an EVM event indexer that proves its index against the chain"};
    app.name("plumbline");
    app.set_version_flag("--version", std::string{engine::version()});
    app.require_subcommand(1);
    app.footer(
        "Exit codes: 0 done, 1 a check failed or nothing was found, 2 usage or config,\n"
        "            3 environment (node, disk), 4 corruption.\n"
        "Start with: plumbline help init");
    ExitCode exit = ExitCode::kDone;
    add_commands(app, exit);
    add_documents(app, exit);
    const std::span<const char* const> words{argv + std::min(argc, 1), argv + argc};
    if (const Status known = check_commands(app, words); !known) {
        return fail(known.error());
    }
    const bool wants_help = !words.empty() && std::string_view{words[0]} == "help";
    if (wants_help &&
        std::ranges::none_of(words, [](const char* word) { return word[0] == '-'; })) {
        const auto text = help_of(app, words.subspan(1));
        return text ? to_exit(print(*text)) : fail(text.error());
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::RequiredError& error) {
        return fail(explain_missing(app, error.what()));
    } catch (const CLI::ExtrasError& error) {
        return fail(explain_unexpected(app, error.what()));
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() != 0) {
            return fail(explain_value(app, error.what()));
        }
        // --help and --version arrive here too.
        std::ostringstream text;
        app.exit(error, text, text);
        return to_exit(print(text.str()));
    }
    return exit;
}

}  // namespace plumbline::tools
