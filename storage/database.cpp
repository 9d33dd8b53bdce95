// The accessors of a database, and its life.
#include "storage/database.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <rocksdb/db.h>

#include "storage/database_impl.hpp"
#include "storage/rocks_options.hpp"
#include "storage/rocks_status.hpp"
#include "storage/table_files.hpp"

namespace plumbline::storage {

std::string_view to_string(ProofLevel level) noexcept {
    switch (level) {
        case ProofLevel::kNone: return "none";
        case ProofLevel::kFetched: return "fetched";
        case ProofLevel::kLinked: return "linked";
        case ProofLevel::kBloom: return "bloom";
        case ProofLevel::kReceipts: return "receipts";
    }
    return "unknown";
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path, OpenOptions options) {
    return Internals::open(path, std::move(options), false);
}

Result<std::unique_ptr<Database>> Internals::open(const std::string& path, OpenOptions options,
                                                  bool is_to_mend) {
    auto impl = std::make_unique<Database::Impl>();
    impl->options = std::move(options);
    impl->is_to_mend = is_to_mend;
    if (Status opened = open_database(path, *impl); !opened) {
        return explain_damage(*impl->core, std::move(opened).error());
    }
    return std::unique_ptr<Database>(new Database(std::move(impl)));
}

Database::Database(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
Database::~Database() = default;

const std::string& Database::path() const noexcept {
    return impl_->core->path;
}

void Database::set_memory(size_t bytes) noexcept {
    set_tuning_memory(impl_->core->tuning, bytes);
}

const ChainIdentity& Database::identity() const noexcept {
    return impl_->identity;
}

const SchemaBundle& Database::bundle() const noexcept {
    const MutexLock lock{impl_->mutex};
    return *impl_->shared.published->bundle;
}

const std::vector<EntityLayout>& Database::entities() const noexcept {
    return bundle().entities;
}

std::optional<Cursor> Database::cursor() const {
    const MutexLock lock{impl_->mutex};
    return impl_->shared.facts.cursor;
}

uint64_t Database::entity_count(size_t entity) const {
    const MutexLock lock{impl_->mutex};
    // A fold that was published since the caller looked may have fewer.
    const auto& rows = impl_->shared.facts.published.counts.rows;
    return entity < rows.size() ? rows[entity] : 0;
}

uint64_t Database::quarantine_count() const {
    const MutexLock lock{impl_->mutex};
    return impl_->shared.facts.published.counts.quarantined;
}

uint64_t Database::size_bytes() const {
    uint64_t total = 0;
    std::vector<rocksdb::Env::FileAttributes> files;
    impl_->core->env->GetChildrenFileAttributes(impl_->core->path, &files).PermitUncheckedError();
    for (const auto& file : files) {
        total += file.size_bytes;
    }
    return total;
}

uint64_t Database::lost_blocks() const noexcept {
    return impl_->lost_blocks;
}

bool Database::needs_reopen() const noexcept {
    return impl_->needs_reopen.load();
}

bool Database::needs_refold() const {
    const MutexLock lock{impl_->mutex};
    return impl_->shared.facts.needs_refold;
}

Result<bool> Database::latest_row(size_t entity, std::string_view key, std::string& row) const {
    const Generation& generation = impl_->writing_unlocked();
    const rocksdb::Status status = impl_->core->db->Get(
        rocksdb::ReadOptions{}, generation.entities[entity].rows->get(), to_slice(key), &row);
    if (status.IsNotFound()) {
        return false;
    }
    PLUMBLINE_TRY_VOID(from_rocks(status, "reading a row"));
    PLUMBLINE_TRY_VOID(generation.plans[entity].codec.check(row));
    return true;
}

Result<std::vector<ChildRow>> Database::children() const {
    return read_view()->list_children();
}

Result<std::vector<CoverageRow>> Database::coverage() const {
    const MutexLock lock{impl_->mutex};
    std::vector<CoverageRow> rows;
    for (const auto& [source, ranges] : impl_->shared.facts.coverage) {
        for (const auto& [from, row] : *ranges) {
            rows.push_back(row);
        }
    }
    return rows;
}

}  // namespace plumbline::storage
