#include "storage/migration_v3.hpp"

#include <string>

#include <rocksdb/write_batch.h>

#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

constexpr std::string_view kAdded[] = {"calls", "calls_once"};

}  // namespace

Result<bool> migrate_to_v3(MigrationBatch& batch) {
    PLUMBLINE_TRY(rocksdb::ColumnFamilyHandle* const meta, batch.family("default"));
    // They stand where all others do: without a watermark they would look as if they had lost what
    // was in them.
    PLUMBLINE_TRY(const auto mark, batch.core.get(meta, ""));
    for (const std::string_view name : kAdded) {
        const auto [at, is_new] = batch.families.try_emplace(std::string{name});
        if (is_new) {
            auto made = batch.core.create_family(std::string{name});
            if (!made) {
                batch.families.erase(at);
                return std::move(made).error();
            }
            at->second = *std::move(made);
        }
        if (mark) {
            PLUMBLINE_TRY_VOID(from_rocks(batch.writes.Put(at->second->get(), "", *mark),
                                          "bringing a database to format 3"));
        }
    }
    return true;
}

}  // namespace plumbline::storage
