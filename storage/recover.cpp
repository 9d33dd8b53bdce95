// From a directory to an open RocksDB, whose log is recovered by the rule that fits:
//   - after a synced commit, damage before the log's end is an error. Only where RocksDB reports
//   one
//     is everything up to the damage kept, with a notice;
//   - where unsynced commits may follow, the log ends where it can no longer be read;
//   - a log that contradicts the flushed files is set aside.
#include "storage/recover.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <vector>

#include <fmt/format.h>
#include <malloc.h>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include "core/base/sleep.hpp"
#include "storage/directory_check.hpp"
#include "storage/frozen_directory.hpp"
#include "storage/place_check.hpp"
#include "storage/rocks_status.hpp"
#include "storage/service_address.hpp"

namespace plumbline::storage {

namespace {

constexpr int kReadOnlyTriesMax = 24;
constexpr int kReadOnlyDelayMsMax = 100;

/// One open, up to an open RocksDB.
class Recovery {
  public:
    Recovery(const OpenOptions& options, RocksHandles& core) : options_{options}, core_{core} {}
    [[nodiscard]] Result<Recovered> run();

  private:
    [[nodiscard]] Status open_frozen();
    [[nodiscard]] Status open_unfrozen();
    [[nodiscard]] Status open_writer();
    [[nodiscard]] Status recover_log(const std::vector<std::string>& names);
    [[nodiscard]] rocksdb::Status try_open(rocksdb::WALRecoveryMode mode,
                                           const std::vector<std::string>& names);
    [[nodiscard]] rocksdb::Status try_open_read_only(rocksdb::Env& env);
    [[nodiscard]] std::string manifest_state() const;
    [[nodiscard]] std::set<std::string> wal_files() const;
    [[nodiscard]] Status set_aside_wal();
    void adopt(rocksdb::DB* db, const std::vector<std::string>& names,
               const std::vector<rocksdb::ColumnFamilyHandle*>& handles);
    void notice(const std::string& text) const {
        if (options_.notice) {
            options_.notice(text);
        }
    }

    const OpenOptions& options_;
    RocksHandles& core_;
    bool exists_ = false;  ///< a RocksDB is there
    /// Then RocksDB's own record of its logs no longer fits.
    bool wal_set_aside_ = false;
    Recovered found_;
};

bool is_lock_error(const rocksdb::Status& status) {
    // RocksDB gives no code of its own for it.
    return status.IsIOError() && status.ToString().find("LOCK") != std::string::npos;
}

/// Why LOCK was not had: somebody has it, or it cannot be opened at all.
Error lock_error(const std::string& path, const std::string& why) {
    const bool is_held = why.find("temporarily unavailable") != std::string::npos ||
                         why.find("lock hold") != std::string::npos ||
                         why.find("already held") != std::string::npos;
    if (is_held) {
        const std::optional<std::string> service = read_service_address(path);
        return Error{
            ErrorCode::kUnavailable,
            fmt::format("another process writes to {0}: it holds the lock {0}/LOCK{1}", path,
                        service ? "; a service does so at " + *service : std::string{})};
    }
    return Error{ErrorCode::kIo, fmt::format("cannot open the lock {}/LOCK ({}): the directory "
                                             "must be writable for this user",
                                             path, why)};
}

/// RocksDB's words name its own steps; who has chosen the directory needs the reason.
Status made_directory(const rocksdb::Status& made, const std::string& path) {
    if (made.ok()) {
        return ok();
    }
    std::string reason = made.ToString();
    if (const size_t at = reason.rfind(": "); at != std::string::npos) {
        reason.erase(0, at + 2);
    }
    return Error{rocks_error(made, {}).code, cannot_make_text(path, reason)};
}

/// With those above it that are missing.
rocksdb::Status make_directory(rocksdb::Env& env, const std::string& path) {
    const rocksdb::Status made = env.CreateDirIfMissing(path);
    const std::string parent = std::filesystem::path{path}.parent_path().string();
    if (made.ok() || parent.empty() || parent == path || env.FileExists(parent).ok()) {
        return made;
    }
    const rocksdb::Status above = make_directory(env, parent);
    return above.ok() ? env.CreateDirIfMissing(path) : above;
}

/// Takes over what RocksDB has opened.
void Recovery::adopt(rocksdb::DB* db, const std::vector<std::string>& names,
                     const std::vector<rocksdb::ColumnFamilyHandle*>& handles) {
    core_.db.reset(db);
    for (size_t i = 0; i < names.size(); ++i) {
        found_.families[names[i]] = std::make_shared<Family>(*db, handles[i]);
    }
}

rocksdb::Status Recovery::try_open(rocksdb::WALRecoveryMode mode,
                                   const std::vector<std::string>& names) {
    rocksdb::DBOptions options = make_db_options(options_, core_.tuning);
    options.create_if_missing = options_.create;
    options.create_missing_column_families = options_.create;
    options.wal_recovery_mode = mode;
    options.track_and_verify_wals_in_manifest = !wal_set_aside_;
    rocksdb::DB* raw = nullptr;
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    const rocksdb::Status status = rocksdb::DB::Open(
        options, core_.path, make_descriptors(names, core_.tuning), &handles, &raw);
    if (!status.ok()) {
        return status;
    }
    adopt(raw, names, handles);
    return status;
}

/// Which manifest is in force and how long it is: it grows with every flush and compaction.
std::string Recovery::manifest_state() const {
    std::string name;
    uint64_t size = 0;
    if (!rocksdb::ReadFileToString(core_.env, core_.path + "/CURRENT", &name).ok()) {
        return {};
    }
    name.erase(name.find_last_not_of('\n') + 1);
    core_.env->GetFileSize(core_.path + "/" + name, &size).PermitUncheckedError();
    return fmt::format("{} {}", name, size);
}

std::set<std::string> Recovery::wal_files() const {
    std::vector<std::string> files;
    core_.env->GetChildren(core_.path, &files).PermitUncheckedError();
    std::erase_if(files, [](const std::string& file) { return !file.ends_with(".log"); });
    return {files.begin(), files.end()};
}

rocksdb::Status Recovery::try_open_read_only(rocksdb::Env& env) {
    rocksdb::DBOptions options = make_db_options(options_, core_.tuning);
    options.env = &env;
    // Only damage at the end of a log that a writer is just writing may pass; what is lost further
    // in shows against the sidecar, which was read before.
    options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
    std::vector<std::string> names;
    rocksdb::Status status = rocksdb::DB::ListColumnFamilies(options, core_.path, &names);
    if (!status.ok()) {
        return status;
    }
    rocksdb::DB* raw = nullptr;
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    status = rocksdb::DB::OpenForReadOnly(options, core_.path,
                                          make_descriptors(names, core_.tuning), &handles, &raw);
    if (!status.ok()) {
        return status;
    }
    adopt(raw, names, handles);
    return status;
}

/// The last resort when the log contradicts the flushed files: what was flushed is a whole state
/// of each family, and the watermarks tell which.
Status Recovery::set_aside_wal() {
    rocksdb::Env& env = *core_.env;
    std::vector<std::string> files;
    PLUMBLINE_TRY_VOID(from_rocks(env.GetChildren(core_.path, &files), "listing " + core_.path));
    for (const std::string& file : files) {
        if (file.ends_with(".log")) {
            PLUMBLINE_TRY_VOID(from_rocks(
                env.RenameFile(core_.path + "/" + file, core_.path + "/" + file + ".damaged"),
                "setting aside " + file));
        }
    }
    wal_set_aside_ = true;
    return ok();
}

Status Recovery::recover_log(const std::vector<std::string>& names) {
    using Mode = rocksdb::WALRecoveryMode;
    const bool synced = found_.head && !found_.head->buffered;
    rocksdb::Status status =
        try_open(synced ? Mode::kTolerateCorruptedTailRecords : Mode::kPointInTimeRecovery, names);
    if (is_lock_error(status)) {
        return lock_error(core_.path, status.ToString());
    }
    if (!status.ok() && synced && (status.IsCorruption() || status.IsIOError())) {
        const std::string first = status.ToString();
        status = try_open(Mode::kPointInTimeRecovery, names);
        if (status.ok()) {
            notice(
                fmt::format("{}: the write-ahead log is damaged ({}); everything up to the "
                            "damage was kept",
                            core_.path, first));
        }
    }
    if (status.IsCorruption()) {
        const std::string first = status.ToString();
        if (first.find("inconsistency") != std::string::npos ||
            first.find(" WAL ") != std::string::npos ||
            first.find("SST file is ahead of WALs") != std::string::npos) {
            PLUMBLINE_TRY_VOID(set_aside_wal());
            status = try_open(Mode::kPointInTimeRecovery, names);
            if (status.ok()) {
                notice(
                    fmt::format("{}: the write-ahead log is damaged ({}) and was set aside; "
                                "what the table files hold was kept",
                                core_.path, first));
            }
        }
    }
    // What recovery had in memory is on disk now, but the heap would keep its size.
    malloc_trim(0);
    return from_rocks(status, "opening " + core_.path);
}

/// Beside a writer. Its files are held as of one moment first, so what fails then is wrong with
/// them.
Status Recovery::open_frozen() {
    const auto directory = std::make_shared<FrozenDirectory>(core_.path);
    core_.reader_env = rocksdb::NewCompositeEnv(directory);
    if (const Status frozen = directory->freeze(); !frozen) {
        return frozen.error().code == ErrorCode::kIo ? open_unfrozen() : frozen;
    }
    const rocksdb::Status status = try_open_read_only(*core_.reader_env);
    directory->thaw();
    // Held and opened it takes two descriptors a file; more than a shell allows, for a large one.
    const bool is_out_of_files =
        status.IsIOError() && status.ToString().find("Too many open files") != std::string::npos;
    return is_out_of_files ? open_unfrozen() : from_rocks(status, "opening " + core_.path);
}

/// Over a file system that is no directory of the system: file after file, and again where the
/// writer changed them meanwhile.
Status Recovery::open_unfrozen() {
    rocksdb::Status status;
    for (int i = 0; i < kReadOnlyTriesMax; ++i) {
        // A writer may flush and delete a log file between our reading of the manifest and of
        // the log files: what was in it would be missing in the middle. Log files go oldest
        // first, so if those of before are all still there, none was missed.
        const std::string manifest = manifest_state();
        const std::set<std::string> logs = wal_files();
        status = try_open_read_only(*core_.env);
        if (status.ok()) {
            const std::set<std::string> logs_after = wal_files();
            if (manifest_state() == manifest ||
                (!logs.empty() &&
                 std::includes(logs_after.begin(), logs_after.end(), logs.begin(), logs.end()))) {
                return ok();
            }
        }
        found_.families.clear();
        core_.db.reset();
        sleep_ms(std::min(kReadOnlyDelayMsMax, 2 << std::min(i, 8)));
    }
    return status.ok() ? Status{Error{ErrorCode::kUnavailable,
                                      core_.path + ": the writer is too busy to read beside it; "
                                                   "try again"}}
                       : from_rocks(status, "opening " + core_.path);
}

Status Recovery::open_writer() {
    std::vector<std::string> names;
    if (exists_) {
        const rocksdb::Status listed = rocksdb::DB::ListColumnFamilies(
            make_db_options(options_, core_.tuning), core_.path, &names);
        PLUMBLINE_TRY_VOID(from_rocks(listed, "opening " + core_.path));
    } else {
        PLUMBLINE_TRY_VOID(made_directory(make_directory(*core_.env, core_.path), core_.path));
        // Whoever finds it empty makes the others, at once and not one by one as opening would.
        return recover_log({std::string{kBaseFamilies[0].name}});
    }
    if (names.size() <= kBaseFamilyCount && options_.create) {
        // A creation that did not finish.
        for (const BaseFamily& family : kBaseFamilies) {
            names.emplace_back(family.name);
        }
        for (std::string& name : generation_families(options_.bundle->entities, 1)) {
            names.push_back(std::move(name));
        }
        std::sort(names.begin(), names.end());
        names.erase(std::unique(names.begin(), names.end()), names.end());
    }
    return recover_log(names);
}

Result<Recovered> Recovery::run() {
    PLUMBLINE_TRY(const DirectoryState directory, check_directory(options_, core_));
    exists_ = directory.has_rocks;
    found_.head = directory.head;
    PLUMBLINE_TRY_VOID(!options_.read_only       ? open_writer()
                       : options_.env == nullptr ? open_frozen()
                                                 : open_unfrozen());
    return std::move(found_);
}

}  // namespace

Result<Recovered> recover_rocks(const OpenOptions& options, RocksHandles& core) {
    return Recovery{options, core}.run();
}

}  // namespace plumbline::storage
