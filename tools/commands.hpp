// What each subcommand takes and what runs it. How it is said on the command line, with its help,
// is in command_line.cpp; nothing here knows the parser.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "tools/command.hpp"

namespace plumbline::tools {

struct InitArguments {
    std::string directory;
    std::string abi;            ///< empty with `from_template`
    std::string from_template;  ///< its name
    std::string contract;
    std::vector<std::string> addresses;  ///< one; of a template as many as it has contracts
    std::string rpc;
    std::optional<uint64_t> start_block;
    uint64_t chain_id = 0;  ///< 0 = the endpoint is asked
};

struct CheckArguments {
    std::string config;
    std::vector<std::string> rpc;
    std::optional<uint64_t> from;
    uint64_t events = 100;  ///< 0: the config alone
    int64_t timeout_s = 10;
    bool json = false;
};

struct RunArguments {
    std::string config;
    std::string db;
    std::string until;
    int64_t timeout_s = 60;  ///< without any answer, before a run with an end gives up; 0 = never
    std::vector<std::string> rpc;
    bool quiet = false;
    bool watch = false;    ///< go on by the config whenever it is saved
    bool replace = false;  ///< the rows of other contracts may go
    std::string log_format = "text";
    std::string log_level;
};

struct GetArguments {
    std::string path;
    std::string entity;
    std::vector<std::string> key;
    bool json = false;
};

struct ListArguments {
    std::string path;
    std::string entity;
    std::vector<std::string> where;
    std::string order;
    bool scan = false;
    uint64_t limit = 100;
    std::string after;
};

struct SqlArguments {
    std::string path;
    std::string statement;            ///< empty: from standard input
    std::vector<std::string> params;  ///< NAME=VALUE
    std::string format = "table";
    bool tables = false;
    bool stats = false;
    int64_t timeout_s = 0;  ///< 0: as long as it takes
};

struct CodegenArguments {
    std::string config;
    std::string out;  ///< empty: standard output
};

struct DumpArguments {
    std::string path;
    std::string entity;
    bool events = false;
    bool facts = false;
    std::optional<uint64_t> from;
    std::optional<uint64_t> to;
    std::string format = "jsonl";
    bool csv_safe = false;
    std::string out;
};

struct RebuildArguments {
    std::string path;
    std::string config;
    bool replace = false;  ///< the rows of other contracts may go
    bool quiet = false;
};

struct VerifyArguments {
    std::string path;
    std::string proof = "all";
    std::optional<double> calls_sample;
    std::vector<std::string> entities;
    std::vector<std::string> rpc;
    std::string config;
    int64_t timeout_s = 60;  ///< without any answer of the chain; 0 = never
    std::optional<uint64_t> from;
    std::optional<uint64_t> to;
    std::string scratch;
    std::string sink;     ///< this sink's tables and nothing else
    bool repair = false;  ///< with `sink`
    bool json = false;
};

struct RepairArguments {
    std::string path;
    std::optional<double> calls_sample;
    std::vector<std::string> rpc;
    std::string config;
    int64_t timeout_s = 60;  ///< without any answer of the chain; 0 = never
    std::string on_drift;
    std::string scratch;
    bool dry_run = false;
    bool json = false;
};

struct DiffArguments {
    std::string path_a;
    std::string path_b;
    size_t limit = 100;
    bool json = false;
};

struct QuarantineArguments {
    std::string path;
    uint64_t limit = 100;
    bool json = false;
};

struct JournalArguments {
    std::string path;
    uint64_t after = 0;
    bool json = false;
};

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

struct BackupArguments {
    std::string db;
    std::string directory;
    uint64_t keep = 0;
    uint32_t id = 0;
    bool list = false;
};

struct StatusArguments {
    std::string path;
    bool events = false;
    bool json = false;
};

struct DoctorArguments {
    std::string url;
    std::string sink;  ///< a PostgreSQL URL instead
    std::string config;
    std::string token;
    int64_t timeout_s = 60;  ///< without any answer; 0 = never
    bool json = false;
};

[[nodiscard]] Status run_init(const InitArguments& arguments);
[[nodiscard]] Status run_index(const RunArguments& arguments);
[[nodiscard]] ExitCode run_status(const StatusArguments& arguments);
[[nodiscard]] Status run_get(const GetArguments& arguments);
[[nodiscard]] Status run_list(const ListArguments& arguments);
[[nodiscard]] Status run_sql(const SqlArguments& arguments);
[[nodiscard]] Status run_codegen_ts(const CodegenArguments& arguments);
[[nodiscard]] Status run_codegen_openapi(const CodegenArguments& arguments);
[[nodiscard]] Status run_dump(const DumpArguments& arguments);
[[nodiscard]] Status run_rebuild(const RebuildArguments& arguments);
[[nodiscard]] Result<ExitCode> run_check(const CheckArguments& arguments);
[[nodiscard]] Result<ExitCode> run_verify(const VerifyArguments& arguments);
[[nodiscard]] Result<ExitCode> run_repair(const RepairArguments& arguments);
[[nodiscard]] Result<ExitCode> run_verify_sink(const VerifyArguments& arguments);
[[nodiscard]] Result<ExitCode> run_doctor_sink(const DoctorArguments& arguments);
[[nodiscard]] ExitCode run_doctor(const DoctorArguments& arguments);
/// False: they differ.
[[nodiscard]] Result<bool> run_diff(const DiffArguments& arguments);
[[nodiscard]] Status run_journal(const JournalArguments& arguments);
[[nodiscard]] Status run_quarantine(const QuarantineArguments& arguments);
[[nodiscard]] Status list_tasks(const TaskArguments& arguments);
[[nodiscard]] Status add_task(const TaskArguments& arguments);
[[nodiscard]] Status clear_tasks(const TaskArguments& arguments);
/// Takes task `id` back, or tries it again.
[[nodiscard]] Status change_task(const TaskArguments& arguments, bool is_retry);
[[nodiscard]] Status run_backup(const BackupArguments& arguments);
[[nodiscard]] Status run_restore(const BackupArguments& arguments);
/// What `task add` takes, a kind a line.
[[nodiscard]] std::string task_kinds_help();

}  // namespace plumbline::tools
