#include "storage/directory_check.hpp"

#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <rocksdb/db.h>

#include "storage/meta_codec.hpp"
#include "storage/place_check.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

/// A directory without a RocksDB: what lies there otherwise must be what a creation that did not
/// finish has left.
Status check_unfinished(const OpenOptions& options, const RocksHandles& core) {
    rocksdb::Env& env = *core.env;
    std::vector<std::string> files;
    const bool is_directory = env.GetChildren(core.path, &files).ok();
    for (const std::string& file : files) {
        const bool ours = file == "." || file == ".." || file == "LOCK" || file == "IDENTITY" ||
                          file.starts_with("LOG") || file.starts_with("MANIFEST-") ||
                          file.starts_with("OPTIONS-") || file.ends_with(".dbtmp") ||
                          file.ends_with(".log") || file.ends_with(".sst") ||
                          file.starts_with(kHeadFileName) || file.starts_with("SERVICE");
        if (!ours) {
            const std::string below = core.path + "/db";  // Where `init` puts it beside a config.
            return Error{
                ErrorCode::kIncompatible,
                fmt::format("{} is not a plumbline database: it holds '{}'{}", core.path, file,
                            env.FileExists(below + "/CURRENT").ok()
                                ? fmt::format("; did you mean '{}'?", below)
                                : std::string{})};
        }
        if (file == kHeadFileName) {
            return Error{ErrorCode::kCorruption,
                         fmt::format("{}: the database's own files are gone (no CURRENT); delete "
                                     "the directory and index again",
                                     core.path)};
        }
    }
    if (!is_directory && env.FileExists(core.path).ok() &&
        ::access((core.path + "/").c_str(), F_OK) != 0 && errno == ENOTDIR) {
        return Error{ErrorCode::kIncompatible, is_file_text(core.path)};
    }
    if (!options.create && ::access(core.path.c_str(), R_OK | X_OK) != 0 && errno == EACCES) {
        return Error{ErrorCode::kIo, fmt::format("this user may not read {}: its files are for "
                                                 "their owner alone, so be that user",
                                                 core.path)};
    }
    if (!options.create) {
        return Error{
            ErrorCode::kNotFound,
            fmt::format("no database at {}: {}; plumbline run makes it once the chain has "
                        "answered",
                        core.path, is_directory ? "the directory is empty" : "no such directory")};
    }
    return ok();
}

Result<std::optional<HeadFile>> read_sidecar(const OpenOptions& options, const RocksHandles& core) {
    auto head = read_head(*core.env, core.path);
    if (!head) {
        if (head.error().code == ErrorCode::kNotFound) {
            return std::optional<HeadFile>{};
        }
        if (head.error().code != ErrorCode::kCorruption) {
            return std::move(head).error();
        }
        if (options.notice) {
            options.notice(core.path + ": " + head.error().message +
                           "; it is written anew, blocks lost before now may go unnoticed");
        }
        return std::optional<HeadFile>{};
    }
    if (head->format_version > kFormatVersion) {
        return newer_format(core.path, head->format_version);
    }
    return std::optional{*head};
}

/// Without a sidecar it may be anybody's RocksDB: look before touching anything.
Status probe_foreign(const OpenOptions& options, const RocksHandles& core, bool has_sidecar) {
    std::vector<std::string> names;
    rocksdb::DBOptions db_options = make_db_options(options, core.tuning);
    const rocksdb::Status listed = rocksdb::DB::ListColumnFamilies(db_options, core.path, &names);
    PLUMBLINE_TRY_VOID(from_rocks(listed, "opening " + core.path));
    for (const std::string& name : names) {
        if (family_kind(name) == FamilyKind::kUnknown) {
            return Error{ErrorCode::kIncompatible,
                         fmt::format("{} is not a plumbline database: it has a family '{}'",
                                     core.path, name)};
        }
    }
    if (has_sidecar || names.size() > 1) {
        return ok();
    }
    std::unique_ptr<rocksdb::DB> probe;
    rocksdb::DB* raw = nullptr;
    rocksdb::Options probe_options{db_options, rocksdb::ColumnFamilyOptions{}};
    probe_options.listeners.clear();
    if (!rocksdb::DB::OpenForReadOnly(probe_options, core.path, &raw).ok()) {
        return ok();
    }
    probe.reset(raw);
    const std::unique_ptr<rocksdb::Iterator> it{probe->NewIterator(rocksdb::ReadOptions{})};
    it->SeekToFirst();
    std::string format;
    if (it->Valid() && !probe->Get(rocksdb::ReadOptions{}, to_slice(kMetaFormat), &format).ok()) {
        return Error{
            ErrorCode::kIncompatible,
            fmt::format("{} is not a plumbline database, but some other RocksDB", core.path)};
    }
    return ok();
}

}  // namespace

Result<DirectoryState> check_directory(const OpenOptions& options, const RocksHandles& core) {
    DirectoryState state;
    state.has_rocks = core.env->FileExists(core.path + "/CURRENT").ok();
    if (!state.has_rocks) {
        PLUMBLINE_TRY_VOID(check_unfinished(options, core));
    }
    PLUMBLINE_TRY(state.head, read_sidecar(options, core));
    if (state.has_rocks) {
        PLUMBLINE_TRY_VOID(probe_foreign(options, core, state.head.has_value()));
    }
    return state;
}

}  // namespace plumbline::storage
