// Applying a commit: what it depends on is read, everything goes into one write batch, RocksDB
// writes it, and only then do the facts in memory change.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "storage/codec.hpp"
#include "storage/database_impl.hpp"
#include "storage/digest_store.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

/// How many of the keys (ascending or not) exist; each is counted once.
Result<uint64_t> count_existing(const RocksHandles& core, rocksdb::ColumnFamilyHandle* family,
                                std::vector<std::string>& keys) {
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    uint64_t existing = 0;
    const std::unique_ptr<rocksdb::Iterator> it{
        core.db->NewIterator(rocksdb::ReadOptions{}, family)};
    bool placed = false;
    for (const std::string& key : keys) {
        if (placed && (!it->Valid() || to_view(it->key()) > key)) {
            continue;
        }
        if (!placed || to_view(it->key()) < key) {
            it->Seek(key);
            PLUMBLINE_TRY_VOID(from_rocks(it->status(), "looking for stored rows"));
            placed = true;
        }
        existing += it->Valid() && to_view(it->key()) == key ? uint64_t{1} : uint64_t{0};
    }
    return existing;
}

/// All keys of a family but its watermark.
Result<uint64_t> count_keys(const RocksHandles& core, rocksdb::ColumnFamilyHandle* family) {
    uint64_t count = 0;
    const std::unique_ptr<rocksdb::Iterator> it{
        core.db->NewIterator(rocksdb::ReadOptions{}, family)};
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
        count += it->key().empty() ? uint64_t{0} : uint64_t{1};
    }
    PLUMBLINE_TRY_VOID(from_rocks(it->status(), "counting rows"));
    return count;
}

/// Undo up to `finalized` and event-less block rows below it.
Status prune_final(const Database::Impl& db, const CommitBatch::Impl& batch, uint64_t finalized,
                   rocksdb::WriteBatch& writes, LogDigestStage& stage, StoredState& next) {
    const RocksHandles& core = *db.core;
    rocksdb::ColumnFamilyHandle* blocks = core.family(FamilyKind::kBlocks);
    const uint64_t before = db.facts.cursor ? db.facts.cursor->finalized : 0;
    if (finalized > before) {
        const std::unique_ptr<rocksdb::Iterator> it{
            core.db->NewIterator(rocksdb::ReadOptions{}, blocks)};
        for (it->Seek(block_key(before)); it->Valid(); it->Next()) {
            if (it->key().empty()) {
                continue;
            }
            PLUMBLINE_TRY(const BlockRow row,
                          decode_block(to_view(it->key()), to_view(it->value())));
            if (row.block_num >= finalized) {
                break;
            }
            // A row that the batch writes anew is the batch's own business.
            const bool replaced = std::binary_search(batch.old_blocks.begin(),
                                                     batch.old_blocks.end(), to_view(it->key()));
            if (row.event_count == 0 && !replaced) {
                writes.Delete(blocks, it->key()).PermitUncheckedError();
                --next.totals.block_rows;
                DigestNode change;
                change.sum -= hash_block(row);
                PLUMBLINE_TRY_VOID(stage.add(row.block_num, change));
            }
        }
        PLUMBLINE_TRY_VOID(from_rocks(it->status(), "reading block rows"));
    }
    for (const Generation* generation : {db.published.get(), db.building.get()}) {
        if (generation == nullptr) {
            continue;
        }
        GenerationFacts& facts = db.facts_of(next, *generation);
        const uint64_t floor = Database::Impl::facts_of(db.facts, *generation).undo_floor;
        if (finalized > floor) {
            std::string from;
            append_undo_key(from, floor, 0);
            const std::unique_ptr<rocksdb::Iterator> it{
                core.db->NewIterator(rocksdb::ReadOptions{}, generation->undo->get())};
            for (it->Seek(from); it->Valid(); it->Next()) {
                if (it->key().size() != kLogKeySize) {
                    continue;
                }
                if (load_be64(it->key().data()) > finalized) {
                    break;
                }
                writes.Delete(generation->undo->get(), it->key()).PermitUncheckedError();
            }
            PLUMBLINE_TRY_VOID(from_rocks(it->status(), "reading undo rows"));
        }
        facts.undo_floor = std::max(facts.undo_floor, finalized);
    }
    for (const auto& [block_num, sequence] : batch.undo_keys) {
        if (block_num <= finalized) {
            std::string key;
            append_undo_key(key, block_num, sequence);
            writes.Delete(batch.generation->undo->get(), key).PermitUncheckedError();
        }
    }
    return ok();
}

/// Event-less rows of the batch itself that are final already: put and deleted in one go.
Status drop_final_blocks(const CommitBatch::Impl& batch, uint64_t finalized,
                         rocksdb::WriteBatch& writes, LogDigestStage& stage, StoredState& next) {
    for (const auto& [block_num, hash] : batch.eventless_blocks) {
        if (block_num >= finalized) {
            break;
        }
        writes.Delete(batch.blocks_family, block_key(block_num)).PermitUncheckedError();
        --next.totals.block_rows;
        DigestNode change;
        change.sum -= hash;
        PLUMBLINE_TRY_VOID(stage.add(block_num, change));
    }
    return ok();
}

/// The last log there will be, where logs at or below the tail are removed or put.
Result<std::string> find_log_tail(const RocksHandles& core, const CommitBatch::Impl& batch,
                                  const LogDigestOverlay& overlay) {
    const auto is_removed = [&](const std::string& key) {
        const auto call = overlay.logs.find(key);
        return call != overlay.logs.end() && !call->second;
    };
    if (!is_removed(batch.log_tail)) {
        return batch.log_tail;
    }
    std::string tail;
    const std::unique_ptr<rocksdb::Iterator> it{
        core.db->NewIterator(rocksdb::ReadOptions{}, batch.log_family)};
    for (it->SeekForPrev(batch.log_tail); it->Valid() && !it->key().empty(); it->Prev()) {
        if (std::string key = it->key().ToString(); !is_removed(key)) {
            tail = std::move(key);
            break;
        }
    }
    PLUMBLINE_TRY_VOID(from_rocks(it->status(), "looking for the last log"));
    for (const auto& [key, hash] : overlay.logs) {
        if (hash) {
            tail = std::max(tail, key);
        }
    }
    return tail;
}

/// The log's digests, and with them how many logs there are. Pages with rows at or below the tails
/// are hashed anew from what is stored: what was there before may be damage that this mends, and
/// then it is not what the digest holds.
Status stage_log(const Database::Impl& db, const CommitBatch::Impl& batch, LogDigestStage& stage,
                 StoredState& next) {
    next.totals.events += batch.logs;
    next.tails.log = batch.log_tail;
    LogDigestOverlay overlay{{}, batch.old_block_hashes};
    std::set<uint64_t> pages;
    for (const CommitBatch::Impl::OldLog& log : batch.old_logs) {
        overlay.logs[log.key] = log.hash;
        pages.insert(load_be64(log.key.data()) / kDigestPageSize);
    }
    for (const auto& [key, hash] : overlay.blocks) {
        pages.insert(load_be64(key.data()) / kDigestPageSize);
    }
    for (const uint64_t number : pages) {
        PLUMBLINE_TRY(const DigestPage page, hash_log_page(db, number, overlay));
        PLUMBLINE_TRY(const DigestPage before, stage.replace(number * kDigestPageSize, page));
        next.totals.events += sum_of(page).count - sum_of(before).count;
    }
    for (const auto& [block_num, change] : batch.log_changes) {
        PLUMBLINE_TRY_VOID(stage.add(block_num, change));
    }
    if (!batch.old_logs.empty()) {
        PLUMBLINE_TRY(next.tails.log, find_log_tail(*db.core, batch, overlay));
    }
    return ok();
}

/// The newest block that may have digests.
std::optional<uint64_t> tail_block(const LastKeys& tails) {
    std::optional<uint64_t> tail;
    for (const std::string* key : {&tails.log, &tails.block}) {
        if (!key->empty()) {
            tail = std::max(tail.value_or(0), load_be64(key->data()));
        }
    }
    return tail;
}

/// Levels of stored block rows; those that the batch writes itself have theirs.
Status stage_levels(const RocksHandles& core, const CommitBatch::Impl& batch,
                    const StoredState& facts, rocksdb::WriteBatch& writes) {
    for (const auto& [block_num, level] : batch.levels) {
        const std::string key = block_key(block_num);
        if (key > facts.tails.block ||
            std::binary_search(batch.old_blocks.begin(), batch.old_blocks.end(), key)) {
            continue;
        }
        PLUMBLINE_TRY(const auto value, core.get(batch.blocks_family, key));
        if (!value) {
            continue;
        }
        PLUMBLINE_TRY(BlockRow row, decode_block(key, *value));
        row.level = level;
        writes.Put(batch.blocks_family, key, encode_block(row)).PermitUncheckedError();
    }
    return ok();
}

/// Journal entries and corrections get their numbers here.
Status stage_records(const RocksHandles& core, const CommitBatch::Impl& batch,
                     rocksdb::WriteBatch& writes, StoredState& next) {
    put_journal(core, batch.journal, next, writes);
    rocksdb::ColumnFamilyHandle* family = core.family(FamilyKind::kCorrections);
    std::map<uint64_t, uint32_t> next_seq;
    for (const CorrectionRow& row : batch.corrections) {
        if (!next_seq.contains(row.block_num)) {
            const std::unique_ptr<rocksdb::Iterator> it{
                core.db->NewIterator(rocksdb::ReadOptions{}, family)};
            it->SeekForPrev(correction_key(row.block_num, UINT32_MAX));
            const bool has_older = it->Valid() && it->key().size() == kLogKeySize &&
                                   load_be64(it->key().data()) == row.block_num;
            next_seq[row.block_num] = has_older ? load_be32(it->key().data() + 8) + 1 : 0;
            PLUMBLINE_TRY_VOID(from_rocks(it->status(), "reading corrections"));
        }
        writes
            .Put(family, correction_key(row.block_num, next_seq[row.block_num]++),
                 encode_correction(row))
            .PermitUncheckedError();
    }
    if (batch.refold) {
        next.needs_refold = true;
        writes.Put(core.meta(), to_slice(kMetaRefold), encode_number(1)).PermitUncheckedError();
    }
    return ok();
}

/// Block rows removed, and after damage how many there are at all: a row that is put back may have
/// been counted all the time.
Status stage_old_blocks(const RocksHandles& core, const CommitBatch::Impl& batch,
                        uint64_t existing_puts, StoredState& next) {
    std::vector<std::string> removed;
    uint64_t puts = 0;
    for (const auto& [key, hash] : batch.old_block_hashes) {
        puts += hash ? 1U : 0U;
        if (!hash) {
            removed.push_back(key);
        }
    }
    PLUMBLINE_TRY(const uint64_t gone, count_existing(core, batch.blocks_family, removed));
    next.totals.block_rows -= std::min(gone, next.totals.block_rows);
    if (batch.refold) {
        PLUMBLINE_TRY(const uint64_t stored, count_keys(core, batch.blocks_family));
        next.totals.block_rows = stored - gone - existing_puts + puts + batch.blocks;
    }
    if (std::ranges::find(removed, batch.block_tail) == removed.end()) {
        return ok();
    }
    next.tails.block.clear();
    const std::unique_ptr<rocksdb::Iterator> it{
        core.db->NewIterator(rocksdb::ReadOptions{}, batch.blocks_family)};
    for (it->SeekForPrev(batch.block_tail); it->Valid() && !it->key().empty(); it->Prev()) {
        if (std::string key = it->key().ToString();
            std::ranges::find(removed, key) == removed.end()) {
            next.tails.block = std::move(key);
            break;
        }
    }
    for (const auto& [key, hash] : batch.old_block_hashes) {
        if (hash) {
            next.tails.block = std::max(next.tails.block, key);
        }
    }
    return from_rocks(it->status(), "looking for the last block row");
}

Status stage_rows(Database::Impl& db, CommitBatch::Impl& batch, StoredState& next) {
    const RocksHandles& core = *db.core;
    PLUMBLINE_TRY(const uint64_t old_blocks,
                  count_existing(core, batch.blocks_family, batch.old_blocks));
    next.totals.block_rows += batch.blocks;
    // Rows of this very batch that came twice are no new rows either.
    for (const std::string& key : batch.old_blocks) {
        next.totals.block_rows += key <= db.facts.tails.block ? uint64_t{1} : uint64_t{0};
    }
    next.totals.block_rows -= old_blocks;
    next.tails.block = batch.block_tail;
    if (!batch.old_block_hashes.empty()) {
        PLUMBLINE_TRY_VOID(stage_old_blocks(core, batch, old_blocks, next));
    }

    GenerationFacts& facts = db.facts_of(next, *batch.generation);
    for (size_t i = 0; i < batch.row_deltas.size(); ++i) {
        facts.counts.rows[i] += static_cast<uint64_t>(batch.row_deltas[i]);
    }
    if (!batch.quarantine_keys.empty()) {
        PLUMBLINE_TRY(
            const uint64_t known,
            count_existing(core, batch.generation->quarantine->get(), batch.quarantine_keys));
        facts.counts.quarantined += batch.quarantine_keys.size() - known;
    }
    facts.undo_block = batch.undo_block;
    facts.undo_next = batch.undo_next;
    facts.undo_floor = std::max(facts.undo_floor, batch.unlogged_block);
    if (batch.unlogged_delete && batch.cursor && !db.building) {
        facts.undo_floor = std::max(facts.undo_floor, batch.cursor->block_num);
    }
    return ok();
}

void stage_coverage(const Database::Impl& db, const CommitBatch::Impl& batch,
                    rocksdb::WriteBatch& writes, StoredState& next) {
    std::map<std::string, CoverageRanges> changed;
    for (const CoverageRow& row : batch.coverage) {
        auto at = changed.find(row.source);
        if (at == changed.end()) {
            const auto old = db.facts.coverage.find(row.source);
            at = changed
                     .emplace(row.source,
                              old == db.facts.coverage.end() ? CoverageRanges{} : *old->second)
                     .first;
        }
        lay_coverage(at->second, row);
    }
    for (auto& [source, ranges] : changed) {
        const auto old = db.facts.coverage.find(source);
        put_coverage_changes(writes, db.core->family(FamilyKind::kCoverage),
                             old == db.facts.coverage.end() ? CoverageRanges{} : *old->second,
                             ranges);
        next.coverage[source] = std::make_shared<const CoverageRanges>(std::move(ranges));
    }
}

/// Writes and removes a file as large as what RocksDB needs to go on.
Status probe_disk(rocksdb::Env& env, const std::string& directory) {
    constexpr size_t kProbeBytes = size_t{1} << 20;
    const std::string path = directory + "/PLUMBLINE_PROBE.tmp";
    const rocksdb::Status written =
        rocksdb::WriteStringToFile(&env, std::string(kProbeBytes, '\0'), path, true);
    const rocksdb::Status removed = env.DeleteFile(path);
    if (!written.ok()) {
        removed.PermitUncheckedError();
        return Error{ErrorCode::kIo, "storage cannot write yet: " + written.ToString()};
    }
    return removed.ok()
               ? ok()
               : Status{Error{ErrorCode::kIo, "storage cannot write yet: " + removed.ToString()}};
}

}  // namespace

void lay_coverage(CoverageRanges& ranges, const CoverageRow& row) {
    CoverageRow laid = row;
    // The range that begins at or before the new one, and the one before that: it may touch.
    auto at = ranges.upper_bound(row.range.from);
    for (int i = 0; i < 2 && at != ranges.begin(); ++i) {
        --at;
    }
    while (at != ranges.end()) {
        CoverageRow old = at->second;
        // Past the new range and not touching it.
        if (old.range.from > laid.range.to && old.range.from - laid.range.to > 1) {
            break;
        }
        // Before it and not touching it.
        if (old.range.to < laid.range.from && laid.range.from - old.range.to > 1) {
            ++at;
            continue;
        }
        at = ranges.erase(at);
        if (old.provider == laid.provider && old.level == laid.level) {
            laid.range.from = std::min(laid.range.from, old.range.from);
            laid.range.to = std::max(laid.range.to, old.range.to);
            continue;
        }
        if (old.range.from < laid.range.from) {
            CoverageRow left = old;
            left.range.to = laid.range.from - 1;
            if (left.range.to > old.range.to) {
                left.range.to = old.range.to;
            }
            ranges[left.range.from] = left;
        }
        if (old.range.to > laid.range.to) {
            CoverageRow right = old;
            right.range.from = std::max(old.range.from, laid.range.to + 1);
            at = std::next(ranges.insert_or_assign(right.range.from, right).first);
            break;
        }
    }
    ranges[laid.range.from] = laid;
}

void put_coverage_changes(rocksdb::WriteBatch& batch, rocksdb::ColumnFamilyHandle* family,
                          const CoverageRanges& before, const CoverageRanges& after) {
    for (const auto& [from, row] : before) {
        if (after.find(from) == after.end()) {
            batch.Delete(family, coverage_key(row.source, from)).PermitUncheckedError();
        }
    }
    for (const auto& [from, row] : after) {
        const auto old = before.find(from);
        if (old == before.end() || !(old->second == row)) {
            batch.Put(family, coverage_key(row.source, from), encode_coverage(row))
                .PermitUncheckedError();
        }
    }
}

Status Database::Impl::require_writable() const {
    return options.read_only
               ? Status{Error{ErrorCode::kInvalidArgument, core->path + " was opened read-only"}}
               : ok();
}

void put_journal(const RocksHandles& core, std::span<const JournalRow> rows, StoredState& next,
                 rocksdb::WriteBatch& writes) {
    for (const JournalRow& row : rows) {
        writes
            .Put(core.family(FamilyKind::kJournal), journal_key(++next.journal_last),
                 encode_journal(row))
            .PermitUncheckedError();
    }
}

void Database::Impl::put_facts(rocksdb::WriteBatch& batch, const StoredState& next,
                               bool with_append_families) const {
    const std::string mark = encode_watermark(next.watermark);
    for (size_t i = 0; i < kBaseFamilyCount; ++i) {
        if (with_append_families || !is_append_family(kBaseFamilies[i].kind)) {
            batch.Put(core->base[i]->get(), rocksdb::Slice{}, mark).PermitUncheckedError();
        }
    }
    rocksdb::ColumnFamilyHandle* meta = core->meta();
    const auto put = [&](std::string_view name, const std::string& value) {
        batch.Put(meta, to_slice(name), value).PermitUncheckedError();
    };
    const std::pair<const Generation*, const GenerationFacts*> generations[] = {
        {published.get(), &next.published}, {building.get(), &next.building}};
    for (const auto& [generation, of] : generations) {
        if (generation == nullptr) {
            continue;
        }
        for (const EntityFamilies& entity : generation->entities) {
            batch.Put(entity.rows->get(), rocksdb::Slice{}, mark).PermitUncheckedError();
            for (const FamilyPtr& index : entity.indexes) {
                batch.Put(index->get(), rocksdb::Slice{}, mark).PermitUncheckedError();
            }
        }
        for (const FamilyPtr* family :
             {&generation->undo, &generation->quarantine, &generation->digest}) {
            batch.Put((*family)->get(), rocksdb::Slice{}, mark).PermitUncheckedError();
        }
        put(meta_name(kMetaCounts, generation->number), encode_counts(of->counts));
        put(meta_name(kMetaUndoFloor, generation->number), encode_number(of->undo_floor));
    }
    if (next.cursor) {
        put(kMetaCursor, encode_cursor(*next.cursor));
    } else if (facts.cursor) {
        batch.Delete(meta, to_slice(kMetaCursor)).PermitUncheckedError();
    }
    put(kMetaTotals, encode_totals(next.totals));
    put(kMetaTails, encode_tails(next.tails));
}

Status Database::Impl::refuse_if_failed() {
    if (!core->tuning.background_failed->load() && !write_failed) {
        return ok();
    }
    write_failed = true;
    PLUMBLINE_TRY_VOID(probe_disk(*core->env, core->path));
    // DB::Resume would go on from here, but in 7.8 it may wait for ever for a flush that nobody
    // does. Opening anew is what every crash does, too.
    needs_reopen = true;
    return Error{ErrorCode::kIo,
                 "the disk takes writes again: close the database and open it again to go on"};
}

Status Database::Impl::write(rocksdb::WriteBatch& batch, Durability durability) {
    if (durability == Durability::kBulk) {
        return write_bulk(batch);
    }
    PLUMBLINE_TRY_VOID(refuse_if_failed());
    if (durability == Durability::kBuffered && !head.buffered) {
        // The files must say that unsynced commits follow before the first of them exists.
        HeadFile marked = head;
        marked.buffered = true;
        PLUMBLINE_TRY_VOID(write_head(*core->env, core->path, marked));
        head = marked;
    }
    rocksdb::WriteOptions write_options;
    write_options.sync = durability == Durability::kSync;
    const rocksdb::Status written = core->db->Write(write_options, &batch);
    if (!written.ok()) {
        write_failed = true;
        // Whatever RocksDB calls it, to the caller the disk refused: nothing changed.
        return Error{ErrorCode::kIo, "writing a commit: " + written.ToString()};
    }
    unsynced = durability == Durability::kBuffered;
    return ok();
}

void Database::Impl::write_head_after_sync() {
    HeadFile fresh;
    fresh.format_version = kFormatVersion;
    if (facts.cursor) {
        fresh.block_num = facts.cursor->block_num;
        fresh.block_hash = facts.cursor->block_hash;
    }
    fresh.commit_num = facts.watermark.commit_num;
    if (fresh == head && !head_stale) {
        return;
    }
    if (const Status status = write_head(*core->env, core->path, fresh); status) {
        head = fresh;
        head_stale = false;
    } else {
        // The commit itself is safe. A head that lags behind only sees less of a later loss.
        head_stale = true;
        notice(status.error().message);
    }
}

std::unique_ptr<CommitBatch> Database::make_batch() {
    return std::unique_ptr<CommitBatch>(
        new CommitBatch(std::make_unique<CommitBatch::Impl>(*impl_)));
}

Status Database::commit(CommitBatch& batch, Durability durability) {
    Impl& my = *impl_;
    CommitBatch::Impl& from = batch.impl();
    PLUMBLINE_TRY_VOID(my.require_writable());
    if (batch.empty()) {
        return durability == Durability::kSync ? sync() : ok();
    }
    if (from.generation != my.writing()) {
        return Error{ErrorCode::kInvalidArgument,
                     "the batch was begun for another generation: clear it and begin again"};
    }
    for (size_t kind = 0; kind < kDictKinds; ++kind) {
        if (from.dict_base[kind] != my.dictionaries[kind].size()) {
            return Error{ErrorCode::kInvalidArgument,
                         "the batch was begun before another commit or rollback that changed the "
                         "dictionary: clear it and begin again"};
        }
    }
    StoredState next = my.facts;
    next.watermark.commit_num += 1;
    const uint64_t old_block = my.facts.cursor ? my.facts.cursor->block_num : 0;
    const bool fills = my.facts.cursor.has_value() && from.lowest_block <= old_block;
    if (fills) {
        next.watermark.last_fill = next.watermark.commit_num;
    }
    if (from.cursor) {
        const uint64_t finalized = next.cursor ? next.cursor->finalized : 0;
        next.cursor = from.cursor;
        next.cursor->finalized = finalized;
    }
    from.writes.SetSavePoint();
    StagedTrees staged_trees;
    for (std::vector<IndexChanges>& indexes : from.index_changes) {
        for (IndexChanges& index : indexes) {
            index.put_into(from.writes);
        }
    }
    const Status staged = [&]() -> Status {
        LogDigestStage stage{*my.core, tail_block(my.facts.tails)};
        PLUMBLINE_TRY_VOID(stage_log(my, from, stage, next));
        PLUMBLINE_TRY_VOID(stage_rows(my, from, next));
        PLUMBLINE_TRY_VOID(stage_levels(*my.core, from, my.facts, from.writes));
        PLUMBLINE_TRY_VOID(stage_records(*my.core, from, from.writes, next));
        uint64_t finalized = my.facts.cursor ? my.facts.cursor->finalized : 0;
        if (from.finalized && *from.finalized > finalized) {
            finalized = *from.finalized;
            if (next.cursor) {
                next.cursor->finalized = finalized;
            }
        }
        PLUMBLINE_TRY_VOID(prune_final(my, from, finalized, from.writes, stage, next));
        PLUMBLINE_TRY_VOID(drop_final_blocks(from, finalized, from.writes, stage, next));
        PLUMBLINE_TRY_VOID(stage.finish(from.writes));
        return stage_entity_digests(*my.core, *from.generation, my.trees[from.generation->number],
                                    from.row_changes, from.writes, staged_trees);
    }();
    if (!staged) {
        from.writes.RollbackToSavePoint().PermitUncheckedError();
        return staged;
    }
    stage_coverage(my, from, from.writes, next);
    for (const auto& rows : from.dict_new) {
        for (const DictRow& row : rows) {
            from.writes
                .Put(my.core->family(FamilyKind::kDict), dict_key(row.kind, row.id),
                     encode_dict(row))
                .PermitUncheckedError();
        }
    }
    if (next.cursor) {
        next.watermark.block_num = next.cursor->block_num;
        next.watermark.finalized = next.cursor->finalized;
        next.cursor->commit_num = next.watermark.commit_num;
        next.cursor->event_count = next.totals.events;
    }
    my.put_facts(from.writes, next, fills);
    {
        // Before the write: a view that sees its logs must know its ids. Too many do no harm.
        const std::scoped_lock lock{my.mutex};
        for (size_t kind = 0; kind < kDictKinds; ++kind) {
            for (const DictRow& row : from.dict_new[kind]) {
                my.dictionaries[kind].push(row.value);
            }
        }
    }
    if (const Status written = my.write(from.writes, durability); !written) {
        from.writes.RollbackToSavePoint().PermitUncheckedError();
        const std::scoped_lock lock{my.mutex};
        for (size_t kind = 0; kind < kDictKinds; ++kind) {
            my.dictionaries[kind].truncate(from.dict_base[kind]);
        }
        return written;
    }
    {
        const std::scoped_lock lock{my.mutex};
        my.facts = std::move(next);
    }
    learn_digests(my.trees[from.generation->number], staged_trees);
    if (durability == Durability::kSync) {
        my.write_head_after_sync();
    }
    batch.clear();
    return ok();
}

Status Database::sync() {
    Impl& my = *impl_;
    PLUMBLINE_TRY_VOID(my.require_writable());
    if (my.unsynced) {
        // A synced write syncs every log file that came before. DB::SyncWAL would do, but has bugs
        // in 7.8 together with options that a later version may want.
        rocksdb::WriteBatch batch;
        batch.Put(my.core->meta(), rocksdb::Slice{}, encode_watermark(my.facts.watermark))
            .PermitUncheckedError();
        PLUMBLINE_TRY_VOID(my.write(batch, Durability::kSync));
    }
    my.write_head_after_sync();
    return ok();
}

}  // namespace plumbline::storage
