#include "storage/migration_v2.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <string>

#include <rocksdb/db.h>
#include <rocksdb/iterator.h>
#include <rocksdb/write_batch.h>

#include "storage/coverage_map.hpp"
#include "storage/meta_codec.hpp"
#include "storage/record_codec.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

constexpr std::string_view kBlocks = "blocks ";  ///< then the key of the last row looked at
constexpr std::string_view kDoing = "reading what is to be migrated";

Result<bool> has_children(const MigrationBatch& batch) {
    PLUMBLINE_TRY(rocksdb::ColumnFamilyHandle* const family, batch.family("children"));
    const std::unique_ptr<rocksdb::Iterator> it = batch.core.iterate(family);
    it->SeekToFirst();
    if (it->Valid() && it->key().empty()) {
        it->Next();  // The watermark.
    }
    const bool found = it->Valid();
    PLUMBLINE_TRY_VOID(from_rocks(it->status(), kDoing));
    return found;
}

/// All of it at once: opening reads it into memory anyway.
Status lower_coverage(MigrationBatch& batch) {
    PLUMBLINE_TRY(rocksdb::ColumnFamilyHandle* const family, batch.family("coverage"));
    std::map<std::string, std::pair<CoverageRanges, CoverageRanges>> sources;
    const std::unique_ptr<rocksdb::Iterator> it = batch.core.iterate(family);
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
        if (it->key().empty()) {
            continue;
        }
        PLUMBLINE_TRY(CoverageRow row, decode_coverage(to_view(it->key()), to_view(it->value())));
        auto& [before, after] = sources[row.source];
        before[row.range.from] = row;
        row.level = std::min(row.level, ProofLevel::kFetched);
        lay_coverage(after, row);
    }
    PLUMBLINE_TRY_VOID(from_rocks(it->status(), kDoing));
    for (const auto& [source, ranges] : sources) {
        const CoverageChanges changes = coverage_changes(ranges.first, ranges.second);
        for (const uint64_t from : changes.removed) {
            PLUMBLINE_TRY_VOID(
                from_rocks(batch.writes.Delete(family, coverage_key(source, from)), kDoing));
        }
        for (const CoverageRow& row : changes.put) {
            PLUMBLINE_TRY_VOID(
                from_rocks(batch.writes.Put(family, coverage_key(source, row.range.from),
                                            encode_coverage(row)),
                           kDoing));
        }
    }
    return ok();
}

Status remove_verdicts(MigrationBatch& batch) {
    PLUMBLINE_TRY(rocksdb::ColumnFamilyHandle* const meta, batch.family("default"));
    const std::unique_ptr<rocksdb::Iterator> it = batch.core.iterate(meta);
    for (it->Seek(to_slice(kMetaProof)); it->Valid() && it->key().starts_with(to_slice(kMetaProof));
         it->Next()) {
        PLUMBLINE_TRY_VOID(from_rocks(batch.writes.Delete(meta, it->key()), kDoing));
    }
    return from_rocks(it->status(), kDoing);
}

/// The next rows behind `after`. True where there are no more.
Result<bool> lower_blocks(MigrationBatch& batch, const std::string& after) {
    PLUMBLINE_TRY(rocksdb::ColumnFamilyHandle* const family, batch.family("blocks"));
    const std::unique_ptr<rocksdb::Iterator> it = batch.core.iterate(family);
    it->Seek(after);
    size_t count = 0;
    for (; it->Valid() && count < batch.rows_max; it->Next()) {
        if (it->key().empty() || to_view(it->key()) == after) {
            continue;
        }
        ++count;
        batch.position = std::string{kBlocks} + it->key().ToString();
        // One that cannot be read is damage, which reading it will tell; it has no level.
        Result<BlockRow> row = decode_block(to_view(it->key()), to_view(it->value()));
        if (row && row->level > ProofLevel::kFetched) {
            row->level = ProofLevel::kFetched;
            PLUMBLINE_TRY_VOID(
                from_rocks(batch.writes.Put(family, it->key(), encode_block(*row)), kDoing));
        }
    }
    PLUMBLINE_TRY_VOID(from_rocks(it->status(), kDoing));
    return !it->Valid();
}

}  // namespace

Result<bool> migrate_to_v2(MigrationBatch& batch) {
    if (batch.position.empty()) {
        PLUMBLINE_TRY(const bool is_concerned, has_children(batch));
        if (!is_concerned) {
            return true;
        }
        PLUMBLINE_TRY_VOID(lower_coverage(batch));
        PLUMBLINE_TRY_VOID(remove_verdicts(batch));
        batch.position = kBlocks;
        return false;
    }
    return lower_blocks(batch, batch.position.substr(kBlocks.size()));
}

}  // namespace plumbline::storage
