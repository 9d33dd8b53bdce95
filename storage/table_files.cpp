#include "storage/table_files.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/metadata.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>

#include "storage/database_impl.hpp"
#include "storage/families.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

constexpr std::string_view kTableSuffix = ".sst";
constexpr std::string_view kDamaged = ", is damaged: ";

/// "000017.sst", the first table file that `words` name; empty where they name none.
std::string_view table_file_in(std::string_view words) {
    const size_t end = words.find(kTableSuffix);
    if (end == std::string_view::npos) {
        return {};
    }
    size_t begin = end;
    while (begin > 0 && words[begin - 1] >= '0' && words[begin - 1] <= '9') {
        --begin;
    }
    return words.substr(begin, end + kTableSuffix.size() - begin);
}

std::vector<rocksdb::LiveFileMetaData> live_files(const RocksHandles& core) {
    std::vector<rocksdb::LiveFileMetaData> out;
    if (core.db == nullptr) {
        return out;  // It could not be opened.
    }
    core.db->GetLiveFilesMetaData(&out);
    return out;
}

bool is_derived(std::string_view family) {
    return family_generation(family).has_value();
}

}  // namespace

rocksdb::Status check_table_file(const RocksHandles& core, const std::string& file) {
    rocksdb::Options options;
    options.env = core.env;
    rocksdb::SstFileReader reader{options};
    const rocksdb::Status opened = reader.Open(file);
    return opened.ok() ? reader.VerifyChecksum() : opened;
}

Error damage_error(const RocksHandles& core, std::string_view words) {
    const std::string_view file = table_file_in(words);
    return file.empty() ? Error{ErrorCode::kCorruption, std::string{words}}
                        : damage_error(core, file, words);
}

Error damage_error(const RocksHandles& core, std::string_view file, std::string_view words) {
    const auto live = live_files(core);
    const auto found = std::ranges::find_if(
        live, [&](const rocksdb::LiveFileMetaData& one) { return one.name.ends_with(file); });
    const std::string family = found == live.end() ? std::string{} : found->column_family_name;
    std::string what =
        fmt::format("{}/{}, a table file{}{}{}", core.path, file,
                    family.empty() ? std::string{} : " of " + family, kDamaged, words);
    what += is_derived(family)
                ? fmt::format(
                      "; `plumbline repair {0}` makes it anew from the log, with a "
                      "provider; `plumbline rebuild {0}` without one; or bring a backup "
                      "back with `plumbline restore`",
                      core.path)
                : std::string{
                      "; bring a backup back with `plumbline restore`, or move the "
                      "directory away and index again"};
    return {ErrorCode::kCorruption, std::move(what)};
}

Status check_key_size(std::string_view key, size_t size, const std::string& family) {
    if (key.empty() || key.size() == size) {
        return ok();
    }
    return Error{ErrorCode::kCorruption,
                 fmt::format("a key of {} has {} bytes, not {}", family, key.size(), size)};
}

Error explain_damage(const RocksHandles& core, Error error) {
    const bool is_told =
        error.code != ErrorCode::kCorruption || error.message.find(kDamaged) != std::string::npos;
    return is_told ? std::move(error) : damage_error(core, error.message);
}

Error explain_damage(const Database& database, Error error) {
    return explain_damage(*Internals::of(database).core, std::move(error));
}

Result<std::unique_ptr<Database>> open_to_mend(const std::string& path, OpenOptions options) {
    return Internals::open(path, std::move(options), true);
}

std::optional<Error> lasting_failure(const Database& database) {
    return Internals::of(database).lasting_failure();
}

Result<std::vector<DamagedFile>> find_damaged_files(const Database& database,
                                                    const std::function<bool()>& should_stop) {
    const std::shared_ptr<RocksHandles> core = Internals::of(database).core;
    std::vector<DamagedFile> out;
    for (const rocksdb::LiveFileMetaData& file : live_files(*core)) {
        if (should_stop && should_stop()) {
            return Error{ErrorCode::kCancelled, "stopped while table files were read"};
        }
        const std::string path = file.db_path + file.name;
        const rocksdb::Status status = check_table_file(*core, path);
        if (status.IsCorruption()) {
            out.push_back({path, file.column_family_name, is_derived(file.column_family_name),
                           damage_error(*core, file.name.substr(1), rocks_text(status))});
        } else if (!status.ok() && !status.IsPathNotFound()) {  // A compaction may take one away.
            return rocks_error(status, "reading " + path);
        }
    }
    return out;
}

}  // namespace plumbline::storage
