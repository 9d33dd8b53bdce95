#include "storage/migration_v4.hpp"

#include <memory>
#include <string>

#include <rocksdb/iterator.h>
#include <rocksdb/write_batch.h>

#include "storage/asked_blocks.hpp"
#include "storage/call_fact.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

constexpr std::string_view kCallsFrom = "calls ";  ///< then the key of the last fact looked at
constexpr std::string_view kToFormatFour = "bringing a database to format 4";

}  // namespace

Result<bool> migrate_to_v4(MigrationBatch& batch) {
    PLUMBLINE_TRY(rocksdb::ColumnFamilyHandle* const meta, batch.family("default"));
    PLUMBLINE_TRY(rocksdb::ColumnFamilyHandle* const calls, batch.family("calls"));
    const std::string after =
        batch.position.empty() ? std::string{} : batch.position.substr(kCallsFrom.size());
    const std::unique_ptr<rocksdb::Iterator> it = batch.core.iterate(calls);
    it->Seek(after);
    for (size_t count = 0; it->Valid() && count < batch.rows_max; it->Next()) {
        if (to_view(it->key()) == after) {
            continue;  // At the beginning that is the watermark.
        }
        ++count;
        batch.position = std::string{kCallsFrom} + it->key().ToString();
        // One that cannot be read is damage, which reading it will tell.
        const Result<CallFact> fact = decode_call(to_view(it->key()), to_view(it->value()));
        if (fact && fact->pin == CallPin::kHead && !is_in_doubt(*fact)) {
            PLUMBLINE_TRY_VOID(from_rocks(
                batch.writes.Put(meta, asked_key(fact->asked), encode_asked(fact->asked)),
                kToFormatFour));
        }
    }
    PLUMBLINE_TRY_VOID(from_rocks(it->status(), kToFormatFour));
    return !it->Valid();
}

}  // namespace plumbline::storage
