#include "storage/migration.hpp"

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include "core/base/check.hpp"
#include "storage/meta_codec.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

constexpr size_t kRowsPerBatch = 20'000;
constexpr size_t kTinyRowsPerBatch = 3;

/// One open. The steps are those at the top of the header.
class Migration {
  public:
    Migration(const OpenOptions& options, const RocksHandles& core, FamilyMap& families,
              std::optional<HeadFile>& head)
        : options_{options},
          core_{core},
          families_{families},
          head_{head} {}
    [[nodiscard]] Status run(std::string_view format);

  private:
    [[nodiscard]] Status check(uint32_t version, bool is_under_way) const;
    [[nodiscard]] Status mark_sidecar();
    [[nodiscard]] Status run_step(const MigrationStep& step, std::optional<std::string> position);
    [[nodiscard]] Status write(rocksdb::WriteBatch& batch, std::string_view doing) const;
    void notice(const std::string& text) const {
        if (options_.notice) {
            options_.notice(text);
        }
    }

    const OpenOptions& options_;
    const RocksHandles& core_;
    FamilyMap& families_;
    std::optional<HeadFile>& head_;
    rocksdb::ColumnFamilyHandle* meta_ = nullptr;
};

Status Migration::run(std::string_view format) {
    meta_ = families_.at(std::string{kBaseFamilies[0].name})->get();
    PLUMBLINE_TRY(const uint32_t version, decode_format(format));
    PLUMBLINE_TRY(const auto record, core_.get(meta_, kMetaMigration));
    PLUMBLINE_TRY_VOID(check(version, record.has_value()));
    if (version == kFormatVersion && !record) {
        return ok();
    }
    std::optional<std::string> position;
    if (record) {
        PLUMBLINE_TRY(position, decode_migration(*record));
    }
    PLUMBLINE_TRY_VOID(mark_sidecar());
    for (const MigrationStep& step : migration_steps()) {
        if (step.to > version || (step.to == version && position)) {
            PLUMBLINE_TRY_VOID(run_step(step, std::exchange(position, std::nullopt)));
        }
    }
    return ok();
}

Status Migration::check(uint32_t version, bool is_under_way) const {
    if (version > kFormatVersion) {
        return newer_format(core_.path, version);
    }
    if (options_.read_only && (version < kFormatVersion || is_under_way)) {
        return Error{
            ErrorCode::kIncompatible,
            is_under_way
                ? fmt::format(
                      "{} is on its way to format {}: `plumbline run` or `plumbline rebuild` "
                      "finishes that, then it can be read",
                      core_.path, version)
                : fmt::format("{} has format {}, this program reads format {}: `plumbline run` or "
                              "`plumbline rebuild` brings it there in place, then it can be read. "
                              "An older plumbline cannot open it any more afterwards",
                              core_.path, version, kFormatVersion)};
    }
    return ok();
}

/// Best done first, and no more than a courtesy: meta says the same. Where there is no sidecar,
/// none is made, for nobody knows what it would have to say.
Status Migration::mark_sidecar() {
    if (!head_ || head_->format_version == kFormatVersion) {
        return ok();
    }
    HeadFile marked = *head_;
    marked.format_version = kFormatVersion;
    PLUMBLINE_TRY_VOID(write_head(*core_.env, core_.path, marked));
    head_ = marked;
    return ok();
}

Status Migration::run_step(const MigrationStep& step, std::optional<std::string> position) {
    const std::string doing = fmt::format("bringing {} to format {}", core_.path, step.to);
    notice(fmt::format("{}{}: {}", doing, position ? ", where it was cut off" : "", step.what));
    if (!position) {
        rocksdb::WriteBatch begin;
        PLUMBLINE_TRY_VOID(
            from_rocks(begin.Put(meta_, to_slice(kMetaFormat), encode_format(step.to)), doing));
        PLUMBLINE_TRY_VOID(
            from_rocks(begin.Put(meta_, to_slice(kMetaMigration), encode_migration("")), doing));
        PLUMBLINE_TRY_VOID(write(begin, doing));
        position.emplace();
    }
    for (bool is_done = false; !is_done;) {
        rocksdb::WriteBatch writes;
        MigrationBatch batch{core_, families_, writes,
                             options_.tiny_buffers ? kTinyRowsPerBatch : kRowsPerBatch, *position};
        Result<bool> advanced = step.advance(batch);
        if (!advanced) {
            return std::move(advanced).error().with_context(doing);
        }
        is_done = *advanced;
        PLUMBLINE_CHECK_MSG(is_done || batch.position != *position, "a migration gets on");
        position = std::move(batch.position);
        const rocksdb::Status put =
            is_done ? writes.Delete(meta_, to_slice(kMetaMigration))
                    : writes.Put(meta_, to_slice(kMetaMigration), encode_migration(*position));
        PLUMBLINE_TRY_VOID(from_rocks(put, doing));
        PLUMBLINE_TRY_VOID(write(writes, doing));
    }
    notice(fmt::format("{}: done", doing));
    return ok();
}

Status Migration::write(rocksdb::WriteBatch& batch, std::string_view doing) const {
    rocksdb::WriteOptions options;
    options.sync = true;
    return from_rocks(core_.db->Write(options, &batch), doing);
}

}  // namespace

Result<rocksdb::ColumnFamilyHandle*> MigrationBatch::family(std::string_view name) const {
    const auto at = families.find(std::string{name});
    if (at == families.end()) {
        return Error{ErrorCode::kCorruption, fmt::format("{}: family {} is gone", core.path, name)};
    }
    return at->second->get();
}

Status migrate(const OpenOptions& options, const RocksHandles& core, FamilyMap& families,
               std::string_view format, std::optional<HeadFile>& head) {
    return Migration{options, core, families, head}.run(format);
}

}  // namespace plumbline::storage
