#include "engine/task/tasks.hpp"

#include <charconv>
#include <filesystem>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "engine/fold/rebuild.hpp"
#include "engine/text/entity_text.hpp"
#include "storage/backup.hpp"
#include "storage/maintenance.hpp"

namespace plumbline::engine {

namespace {

/// For tasks that are a Result of the text to keep.
template <typename Work>
TaskFunction as_task(Work work) {
    return [work = std::move(work)](TaskContext& context) {
        Result<std::string> text = work(context);
        return text ? TaskOutcome::done(*std::move(text)) : TaskOutcome::from(text.error());
    };
}

Status take_no_args(const TaskContext& context) {
    if (!split_args(context.row().args).empty()) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("the task {} takes no arguments", context.row().kind)};
    }
    return ok();
}

Result<std::string> run_backup(TaskContext& context) {
    const std::vector<std::string_view> words = split_args(context.row().args);
    const std::string path =
        words.empty() ? resolve_backup_path(context.config()) : std::string{words[0]};
    if (words.size() > 1 || path.empty()) {
        return Error{ErrorCode::kInvalidArgument,
                     "a backup needs to know where: add [backup] path to the config, or name a "
                     "directory (without blanks)"};
    }
    PLUMBLINE_TRY(const storage::BackupInfo info,
                  storage::create_backup(context.database(), path, context.config().backup.kept_max,
                                         [&context] { return context.should_stop(); }));
    return fmt::format("backup {} in {}: at least block {}, {} bytes", info.id, path,
                       info.block_num, info.size_bytes);
}

Result<std::string> run_compact(TaskContext& context) {
    PLUMBLINE_TRY_VOID(take_no_args(context));
    const uint64_t before = context.database().size_bytes();
    PLUMBLINE_TRY_VOID(storage::compact_database(context.database(),
                                                 [&context] { return context.should_stop(); }));
    return fmt::format("{} bytes before, {} after", before, context.database().size_bytes());
}

/// Finality moves on with the next block by itself; this is for an index that stands still.
Result<std::string> run_prune(TaskContext& context) {
    PLUMBLINE_TRY_VOID(take_no_args(context));
    PLUMBLINE_TRY_VOID(context.indexer().run_on_writer(
        [](storage::Database& database) -> Status {
            const std::optional<storage::Cursor> cursor = database.cursor();
            if (!cursor) {
                return ok();
            }
            const auto batch = database.make_batch();
            batch->set_cursor(cursor->block_num, cursor->block_hash, cursor->timestamp);
            batch->set_finalized(cursor->finalized);
            return database.commit(*batch, storage::Durability::kSync);
        },
        WriterEffect::kNone));
    PLUMBLINE_TRY(const size_t cleared, context.queue().clear(TaskState::kCancelled));
    return fmt::format("undo of final blocks and {} cancelled tasks deleted", cleared);
}

/// A changed mapping is folded by itself at start; this is for events whose reason has gone away
/// otherwise, such as logs that were filled in since.
Result<std::string> run_retry_quarantine(TaskContext& context) {
    PLUMBLINE_TRY_VOID(take_no_args(context));
    const uint64_t before = context.database().quarantine_count();
    if (before == 0) {
        return std::string{"nothing is in quarantine"};
    }
    PLUMBLINE_TRY_VOID(context.indexer().run_on_writer(
        [&context, plan = context.indexer().shared_plan()](storage::Database& database) {
            RebuildOptions options = rebuild_options(
                plan_memory(context.indexer().config().memory_mib, MemoryUse::kService));
            options.is_cancelled = [&context] { return context.should_stop(); };
            return rebuild(database, plan, options);
        }));
    return fmt::format("{} events were in quarantine, {} are", before,
                       context.database().quarantine_count());
}

}  // namespace

std::string resolve_backup_path(const Config& config) {
    const std::filesystem::path path{config.backup.path};
    if (path.empty() || path.is_absolute()) {
        return path.string();
    }
    return (std::filesystem::path{config.path}.parent_path() / path).string();
}

std::vector<std::string_view> split_args(std::string_view args) {
    std::vector<std::string_view> words;
    for (size_t at = args.find_first_not_of(' '); at != std::string_view::npos;) {
        const size_t end = std::min(args.find(' ', at), args.size());
        words.push_back(args.substr(at, end - at));
        at = args.find_first_not_of(' ', end);
    }
    return words;
}

Result<evm::BlockRange> parse_range_args(std::string_view args) {
    const std::vector<std::string_view> words = split_args(args);
    uint64_t ends[2] = {0, 0};
    bool is_right = words.size() == 2;
    for (size_t i = 0; is_right && i < 2; ++i) {
        const char* last = words[i].data() + words[i].size();
        const auto [end, error] = std::from_chars(words[i].data(), last, ends[i]);
        is_right = error == std::errc{} && end == last;
    }
    if (!is_right) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("a range is two block numbers, FROM TO, not '{}'", args)};
    }
    if (ends[0] > ends[1]) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("a range begins with its lower block, which '{}' does not", args)};
    }
    return evm::BlockRange{ends[0], ends[1]};
}

RepairArgs read_repair_args(std::string_view args) {
    const std::vector<std::string_view> words = split_args(args);
    RepairArgs out;
    out.is_dry_run = !words.empty() && words.front() == "dry-run";
    const size_t names = out.is_dry_run ? 1 : 0;
    if (words.size() > names) {
        out.entities = args.substr(static_cast<size_t>(words[names].data() - args.data()));
    }
    return out;
}

Status check_task_args(std::string_view kind, std::string_view args,
                       const std::vector<storage::EntityLayout>& entities) {
    std::vector<std::string_view> words = split_args(args);
    if (kind == "compact" || kind == "prune" || kind == "retry_quarantine" || kind == "scrub") {
        return words.empty() ? ok()
                             : Status{Error{ErrorCode::kInvalidArgument,
                                            fmt::format("the task {} takes no arguments", kind)}};
    }
    if (kind == "refetch" || (kind == "prove_log" && !words.empty())) {
        PLUMBLINE_TRY_VOID(parse_range_args(args));
    }
    if (kind == "repair") {
        words = split_args(read_repair_args(args).entities);
    }
    if (kind == "prove_replay" || kind == "prove_state" || kind == "repair") {
        for (const std::string_view word : words) {
            if (const auto found = find_entity(entities, word); !found) {
                return Error{ErrorCode::kInvalidArgument, found.error().message};
            }
        }
    }
    if (kind == "prove_replay" && words.size() > 1) {
        return Error{ErrorCode::kInvalidArgument, "prove_replay takes at most one entity"};
    }
    return ok();
}

void add_standard_tasks(TaskKinds& kinds) {
    kinds.add({"backup", "[DIR]", "Back the database up, to [backup] path of the config or to DIR",
               as_task(run_backup), TaskLane::kUpkeep});
    kinds.add({"compact", "", "Let RocksDB rewrite its files without what is deleted",
               as_task(run_compact), TaskLane::kUpkeep});
    kinds.add({"prune", "", "Delete undo of final blocks and cancelled tasks", as_task(run_prune),
               TaskLane::kUpkeep});
    kinds.add({"retry_quarantine", "", "Fold the log again so that quarantined events get a chance",
               as_task(run_retry_quarantine)});
}

}  // namespace plumbline::engine
