// Taking blocks away again: a rollback restores what they overwrote, a truncation leaves the
// derived families to a fold.
#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/iterator.h>
#include <rocksdb/write_batch.h>

#include "storage/codec.hpp"
#include "storage/database_impl.hpp"
#include "storage/delete_tail.hpp"
#include "storage/digest_store.hpp"
#include "storage/index_changes.hpp"
#include "storage/log_codec.hpp"
#include "storage/record_codec.hpp"
#include "storage/rocks_status.hpp"
#include "storage/table_files.hpp"

namespace plumbline::storage {

namespace {

/// The last key before `bound`, of `size` bytes; empty where only the watermark, or nothing, is
/// left.
Result<std::string> last_key_before(const RocksHandles& core, rocksdb::ColumnFamilyHandle* family,
                                    const std::string& bound, size_t size) {
    const std::unique_ptr<rocksdb::Iterator> it = core.iterate(family);
    it->SeekForPrev(bound);
    std::string key;
    if (it->Valid() && it->key() != rocksdb::Slice{bound}) {
        key = it->key().ToString();
    } else if (it->Valid()) {
        it->Prev();
        key = it->Valid() ? it->key().ToString() : std::string{};
    }
    PLUMBLINE_TRY_VOID(from_rocks(it->status(), "reading " + family->GetName()));
    PLUMBLINE_TRY_VOID(check_key_size(key, size, family->GetName()));
    return key;
}

/// Rows that one rollback restores, and undo rows that it reads, at most: they are in one batch.
constexpr size_t kRestoredRowsMax = 250'000;
constexpr size_t kUndoRowsMax = 4 * kRestoredRowsMax;

/// The oldest row that undo keeps for each key changed above `target`.
using Restore = std::map<std::pair<uint32_t, std::string>, std::string>;

Result<Restore> read_undo(const RocksHandles& core, const Generation& generation,
                          const std::string& from, rocksdb::WriteBatch& batch) {
    Restore restore;
    size_t undo_rows = 0;
    rocksdb::ColumnFamilyHandle* family = generation.undo->get();
    const std::unique_ptr<rocksdb::Iterator> it = core.iterate(family);
    for (it->Seek(from); it->Valid(); it->Next()) {
        PLUMBLINE_TRY(UndoRow row, decode_undo(to_view(it->key()), to_view(it->value())));
        if (row.entity >= generation.plans.size()) {
            return Error{ErrorCode::kCorruption, "an undo row names an entity that is not there"};
        }
        if (!row.before.empty()) {
            PLUMBLINE_TRY_VOID(generation.plans[row.entity].codec.check(row.before));
        }
        // Ascending order: the first one met is the state before the first block undone.
        restore.emplace(std::pair{row.entity, std::move(row.key)}, std::move(row.before));
        if (restore.size() > kRestoredRowsMax || ++undo_rows > kUndoRowsMax) {
            return Error{ErrorCode::kNotFound,
                         fmt::format("more than {} rows changed since: folding the log again "
                                     "takes less memory than undoing them",
                                     kRestoredRowsMax)};
        }
    }
    PLUMBLINE_TRY_VOID(from_rocks(it->status(), "reading undo rows"));
    if (auto deleted = delete_tail(core, family, from, batch); !deleted) {
        return std::move(deleted).error();
    }
    return restore;
}

Status restore_generation(const RocksHandles& core, const Generation& generation, uint64_t first,
                          rocksdb::WriteBatch& batch, GenerationTrees& trees,
                          GenerationFacts& facts) {
    PLUMBLINE_TRY(const Restore restore, read_undo(core, generation, block_key(first), batch));
    std::vector<EntityDigest> changes(generation.plans.size());
    std::string scratch_before;
    std::string scratch_after;
    for (const auto& [place, before] : restore) {
        const auto& [entity, key] = place;
        const EntityFamilies& families = generation.entities[entity];
        PLUMBLINE_TRY(const auto stored, core.get(families.rows->get(), key));
        const std::string current = stored.value_or(std::string{});
        if (!current.empty()) {
            PLUMBLINE_TRY_VOID(generation.plans[entity].codec.check(current));
        }
        if (current == before) {
            continue;
        }
        changes[entity].change(key, current, before);
        const int delta = put_row_change(batch, generation.plans[entity], families,
                                         {key, current, before}, scratch_before, scratch_after);
        facts.counts.rows[entity] += static_cast<uint64_t>(int64_t{delta});
    }
    StagedTrees staged;
    PLUMBLINE_TRY_VOID(stage_entity_digests(core, generation, trees, changes, batch, staged));
    PLUMBLINE_TRY(const uint64_t quarantined,
                  delete_tail(core, generation.quarantine->get(), block_key(first), batch));
    facts.counts.quarantined -= std::min(quarantined, facts.counts.quarantined);
    PLUMBLINE_TRY(const std::string last,
                  last_key_before(core, generation.undo->get(), block_key(first), kLogKeySize));
    facts.undo_block = last.empty() ? 0 : load_be64(last.data());
    facts.undo_next = last.empty() ? 0 : load_be32(last.data() + 8) + 1;
    return ok();
}

/// Cuts every range at `first`.
void trim_coverage(const RocksHandles& core, uint64_t first, rocksdb::WriteBatch& batch,
                   StoredState& next) {
    for (auto at = next.coverage.begin(); at != next.coverage.end();) {
        CoverageRanges kept = cut_coverage(*at->second, first);
        put_coverage(core, at->first, *at->second, kept, batch);
        if (kept.empty()) {
            at = next.coverage.erase(at);
        } else {
            at->second = std::make_shared<const CoverageRanges>(std::move(kept));
            ++at;
        }
    }
}

/// Every rollback and truncation: from which block on, and what the facts become.
struct Removal {
    rocksdb::WriteBatch batch;
    StoredState next;
    std::array<uint32_t, kDictKinds> dict_sizes{};
};

/// The cursor at `target`, its hash from the block row or from `hint`, else zero.
Result<Cursor> cursor_at(const RocksHandles& core, const Cursor& stored, uint64_t target,
                         const BlockRow* hint) {
    Cursor cursor;
    cursor.block_num = target;
    const std::string key = block_key(target);
    PLUMBLINE_TRY(const auto value, core.get(core.family(FamilyKind::kBlocks), key));
    if (value) {
        PLUMBLINE_TRY(const BlockRow row, decode_block(key, *value));
        cursor.block_hash = row.hash;
        cursor.timestamp = row.timestamp;
    } else if (stored.block_num == target) {
        cursor.block_hash = stored.block_hash;
        cursor.timestamp = stored.timestamp;
    } else if (hint != nullptr && hint->block_num == target) {
        cursor.block_hash = hint->hash;
        cursor.timestamp = hint->timestamp;
    }
    return cursor;
}

/// Once `check_target` has passed.
Status start_removal(const Database::Impl& my, uint64_t target, const BlockRow* hint,
                     Removal& removal) PLUMBLINE_REQUIRES(my.writer) {
    removal.next = my.now().facts;
    StoredState& next = removal.next;
    const Cursor& stored = *my.now().facts.cursor;
    PLUMBLINE_TRY(Cursor cursor, cursor_at(*my.core, stored, target, hint));
    PLUMBLINE_TRY(removal.dict_sizes, my.remove_base_from(target + 1, removal.batch, next));
    next.watermark.commit_num += 1;
    next.watermark.last_rollback = next.watermark.commit_num;
    cursor.finalized = std::min(stored.finalized, target);
    next.cursor = cursor;
    next.settle_cursor();
    return ok();
}

Status check_target(const Database::Impl& my, uint64_t target) PLUMBLINE_REQUIRES(my.writer) {
    PLUMBLINE_TRY_VOID(my.require_writable());
    const std::optional<Cursor>& cursor = my.now().facts.cursor;
    if (!cursor || target > cursor->block_num) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("the index does not reach block {} yet", target)};
    }
    return ok();
}

/// kNotFound where the undo of some generation does not reach down to `target`.
Status check_undo(const Database::Impl& my, uint64_t target) PLUMBLINE_REQUIRES(my.writer) {
    const SharedState& now = my.now();
    for (const Generation* generation : {now.published.get(), now.building.get()}) {
        if (generation == nullptr) {
            continue;
        }
        const uint64_t floor =
            std::max(now.facts.facts_of(*generation).undo_floor, now.facts.finalized());
        if (target < floor) {
            return Error{
                ErrorCode::kNotFound,
                fmt::format("undo reaches down to block {} only, not to {}", floor, target)};
        }
    }
    return ok();
}

/// Deletes the entries that first appeared in block `first` or later; gives how many stay.
Result<uint32_t> remove_dict_from(const RocksHandles& core, DictKind kind, uint32_t size,
                                  uint64_t first, rocksdb::WriteBatch& batch) {
    rocksdb::ColumnFamilyHandle* dict = core.family(FamilyKind::kDict);
    // Ids are in order of first appearance, so what goes is at the end. Entries that an older block
    // needs stay even if a later-numbered one goes.
    for (; size > 0; --size) {
        const std::string key = dict_key(kind, size - 1);
        PLUMBLINE_TRY(const auto value, core.get(dict, key));
        if (!value) {
            return Error{ErrorCode::kCorruption, "a dictionary entry is missing"};
        }
        PLUMBLINE_TRY(const DictRow row, decode_dict(key, *value));
        if (row.block_num < first) {
            break;
        }
        batch.Delete(dict, key).PermitUncheckedError();
    }
    return size;
}

}  // namespace

Result<std::array<uint32_t, kDictKinds>> Database::Impl::remove_base_from(
    uint64_t first, rocksdb::WriteBatch& batch, StoredState& next) const {
    const std::string from = block_key(first);
    rocksdb::ColumnFamilyHandle* log = core->family(FamilyKind::kLog);
    rocksdb::ColumnFamilyHandle* blocks = core->family(FamilyKind::kBlocks);
    PLUMBLINE_TRY_VOID(cut_log_digest(*core, first, batch));
    PLUMBLINE_TRY(const uint64_t logs, delete_tail(*core, log, from, batch));
    next.totals.events -= std::min(logs, next.totals.events);
    PLUMBLINE_TRY(const uint64_t rows, delete_tail(*core, blocks, from, batch));
    next.totals.block_rows -= std::min(rows, next.totals.block_rows);
    for (const FamilyKind kind : {FamilyKind::kChildren, FamilyKind::kCorrections}) {
        if (const auto removed = delete_tail(*core, core->family(kind), from, batch); !removed) {
            return removed.error();
        }
    }
    PLUMBLINE_TRY_VOID(delete_calls(*core, first, batch));
    PLUMBLINE_TRY(next.tails.log, last_key_before(*core, log, from, kLogKeySize));
    PLUMBLINE_TRY(next.tails.block, last_key_before(*core, blocks, from, sizeof(uint64_t)));
    trim_coverage(*core, first, batch, next);

    std::array<uint32_t, kDictKinds> sizes{};
    for (size_t kind = 0; kind < kDictKinds; ++kind) {
        PLUMBLINE_TRY(sizes[kind], remove_dict_from(*core, static_cast<DictKind>(kind),
                                                    now().dictionaries[kind].size(), first, batch));
    }
    return sizes;
}

Status Database::Impl::commit_removal(rocksdb::WriteBatch& batch, StoredState next,
                                      const std::array<uint32_t, kDictKinds>& dict_sizes) {
    put_facts(batch, next, true);
    // Without the lock, for readers must not wait for the disk. Until it is taken a view has the
    // dictionary as it was, which has all ids of a snapshot from before and from after the write.
    PLUMBLINE_TRY_VOID(write(batch, Durability::kSync));
    {
        const MutexLock lock{mutex};
        for (size_t kind = 0; kind < kDictKinds; ++kind) {
            shared.dictionaries[kind].truncate(dict_sizes[kind]);
        }
        shared.facts = std::move(next);
    }
    trees.clear();  // To be read again as they are stored now.
    write_head_after_sync();
    return ok();
}

Status Database::rollback(uint64_t target, const BlockRow* target_block) {
    Impl& my = *impl_;
    const WriterScope role{my.writer};
    PLUMBLINE_TRY_VOID(check_target(my, target));
    if (target == my.now().facts.cursor->block_num) {
        return ok();
    }
    PLUMBLINE_TRY_VOID(check_undo(my, target));
    Removal removal;
    PLUMBLINE_TRY_VOID(start_removal(my, target, target_block, removal));
    for (const Generation* generation : {my.now().published.get(), my.now().building.get()}) {
        if (generation != nullptr) {
            PLUMBLINE_TRY_VOID(restore_generation(*my.core, *generation, target + 1, removal.batch,
                                                  my.trees[generation->number],
                                                  removal.next.facts_of(*generation)));
        }
    }
    return my.commit_removal(removal.batch, std::move(removal.next), removal.dict_sizes);
}

Status Database::truncate_log(uint64_t target, const BlockRow* target_block) {
    Impl& my = *impl_;
    const WriterScope role{my.writer};
    PLUMBLINE_TRY_VOID(check_target(my, target));
    // Block by block from the end, in commits of bounded size. Each leaves a log that never went
    // further, so that whoever is ended on the way finds the rest of the fork as it found this
    // part.
    for (bool is_done = false; !is_done;) {
        PLUMBLINE_TRY(const uint64_t stop, next_cut(*my.core, target));
        is_done = stop == target;
        Removal removal;
        PLUMBLINE_TRY_VOID(start_removal(my, stop, is_done ? target_block : nullptr, removal));
        removal.next.needs_refold = true;
        removal.batch.Put(my.core->meta(), to_slice(kMetaRefold), encode_number(1))
            .PermitUncheckedError();
        PLUMBLINE_TRY_VOID(
            my.commit_removal(removal.batch, std::move(removal.next), removal.dict_sizes));
    }
    return ok();
}

Status Database::rebuild_log_digest(const JournalRow* journal,
                                    const std::function<bool()>& should_stop) {
    Impl& my = *impl_;
    const WriterScope role{my.writer};
    PLUMBLINE_TRY_VOID(my.require_writable());
    StoredState next = my.now().facts;
    next.watermark.commit_num += 1;
    rocksdb::WriteBatch batch;
    // What comes before the last batch only turns damaged digests into right ones: a crash in
    // between leaves fewer of them.
    const auto write_part = [&my](rocksdb::WriteBatch& part) PLUMBLINE_NO_THREAD_SAFETY_ANALYSIS {
        return my.write(part, Durability::kSync);
    };
    PLUMBLINE_TRY(next.totals,
                  storage::rebuild_log_digest(*my.core, my.now().dictionaries, UINT64_MAX, batch,
                                              write_part, should_stop));
    next.settle_cursor();
    if (journal != nullptr) {
        put_journal(*my.core, {journal, 1}, next, batch);
    }
    my.put_facts(batch, next, false);
    PLUMBLINE_TRY_VOID(my.write(batch, Durability::kSync));
    {
        const MutexLock lock{my.mutex};
        my.shared.facts = std::move(next);
    }
    my.write_head_after_sync();
    return ok();
}

}  // namespace plumbline::storage
