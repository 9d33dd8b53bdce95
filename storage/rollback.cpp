// Taking blocks away again: a rollback restores what they overwrote, a truncation leaves the
// derived families to a fold.
#include <algorithm>

#include <fmt/format.h>

#include "storage/codec.hpp"
#include "storage/database_impl.hpp"
#include "storage/digest_store.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

/// Deletes every key from `from` on and gives how many there were; `seen` may look at each.
template <typename Seen>
Result<uint64_t> delete_from(const RocksHandles& core, rocksdb::ColumnFamilyHandle* family,
                             const std::string& from, rocksdb::WriteBatch& batch, Seen&& seen) {
    uint64_t count = 0;
    const std::unique_ptr<rocksdb::Iterator> it{
        core.db->NewIterator(rocksdb::ReadOptions{}, family)};
    for (it->Seek(from); it->Valid(); it->Next()) {
        seen(to_view(it->key()), to_view(it->value()));
        batch.Delete(family, it->key()).PermitUncheckedError();
        ++count;
    }
    PLUMBLINE_TRY_VOID(from_rocks(it->status(), "reading " + family->GetName()));
    return count;
}

/// The last key before `bound`; empty where only the watermark, or nothing, is left.
Result<std::string> last_key_before(const RocksHandles& core, rocksdb::ColumnFamilyHandle* family,
                                    const std::string& bound) {
    const std::unique_ptr<rocksdb::Iterator> it{
        core.db->NewIterator(rocksdb::ReadOptions{}, family)};
    it->SeekForPrev(bound);
    std::string key;
    if (it->Valid() && it->key() != rocksdb::Slice{bound}) {
        key = it->key().ToString();
    } else if (it->Valid()) {
        it->Prev();
        key = it->Valid() ? it->key().ToString() : std::string{};
    }
    PLUMBLINE_TRY_VOID(from_rocks(it->status(), "reading " + family->GetName()));
    return key;
}

/// The oldest row that undo keeps for each key changed above `target`.
using Restore = std::map<std::pair<uint32_t, std::string>, std::string>;

Result<Restore> read_undo(const RocksHandles& core, const Generation& generation,
                          const std::string& from, rocksdb::WriteBatch& batch) {
    Restore restore;
    rocksdb::ColumnFamilyHandle* family = generation.undo->get();
    const std::unique_ptr<rocksdb::Iterator> it{
        core.db->NewIterator(rocksdb::ReadOptions{}, family)};
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
        batch.Delete(family, it->key()).PermitUncheckedError();
    }
    PLUMBLINE_TRY_VOID(from_rocks(it->status(), "reading undo rows"));
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
        const int delta = put_row_change(batch, generation.plans[entity], families, key, current,
                                         before, scratch_before, scratch_after);
        facts.counts.rows[entity] += static_cast<uint64_t>(int64_t{delta});
    }
    StagedTrees staged;
    PLUMBLINE_TRY_VOID(stage_entity_digests(core, generation, trees, changes, batch, staged));
    PLUMBLINE_TRY(const uint64_t quarantined,
                  delete_from(core, generation.quarantine->get(), block_key(first), batch,
                              [](std::string_view, std::string_view) {}));
    facts.counts.quarantined -= std::min(quarantined, facts.counts.quarantined);
    PLUMBLINE_TRY(const std::string last,
                  last_key_before(core, generation.undo->get(), block_key(first)));
    facts.undo_block = last.empty() ? 0 : load_be64(last.data());
    facts.undo_next = last.empty() ? 0 : load_be32(last.data() + 8) + 1;
    return ok();
}

/// Cuts every range at `first`.
void trim_coverage(const RocksHandles& core, uint64_t first, rocksdb::WriteBatch& batch,
                   StoredState& next) {
    for (auto at = next.coverage.begin(); at != next.coverage.end();) {
        CoverageRanges kept;
        for (const auto& [from, row] : *at->second) {
            if (from < first) {
                CoverageRow cut = row;
                cut.range.to = std::min(cut.range.to, first - 1);
                kept.emplace(from, std::move(cut));
            }
        }
        put_coverage_changes(batch, core.family(FamilyKind::kCoverage), *at->second, kept);
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

Status start_removal(const Database::Impl& my, uint64_t target, const BlockRow* hint,
                     Removal& removal) {
    removal.next = my.facts;
    StoredState& next = removal.next;
    PLUMBLINE_TRY(Cursor cursor, my.cursor_at(target, hint));
    PLUMBLINE_TRY(removal.dict_sizes, my.remove_base_from(target + 1, removal.batch, next));
    next.watermark.commit_num += 1;
    next.watermark.last_rollback = next.watermark.commit_num;
    cursor.finalized = std::min(my.facts.cursor->finalized, target);
    cursor.commit_num = next.watermark.commit_num;
    cursor.event_count = next.totals.events;
    next.cursor = cursor;
    next.watermark.block_num = target;
    next.watermark.finalized = cursor.finalized;
    return ok();
}

Status check_target(const Database::Impl& my, uint64_t target) {
    PLUMBLINE_TRY_VOID(my.require_writable());
    if (!my.facts.cursor || target > my.facts.cursor->block_num) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("the index does not reach block {} yet", target)};
    }
    return ok();
}

}  // namespace

Result<std::array<uint32_t, kDictKinds>> Database::Impl::remove_base_from(
    uint64_t first, rocksdb::WriteBatch& batch, StoredState& next) const {
    const std::string from = block_key(first);
    const auto unseen = [](std::string_view, std::string_view) {};
    rocksdb::ColumnFamilyHandle* log = core->family(FamilyKind::kLog);
    rocksdb::ColumnFamilyHandle* blocks = core->family(FamilyKind::kBlocks);
    PLUMBLINE_TRY(const uint64_t logs, delete_from(*core, log, from, batch, unseen));
    next.totals.events -= std::min(logs, next.totals.events);
    PLUMBLINE_TRY(const uint64_t rows, delete_from(*core, blocks, from, batch, unseen));
    next.totals.block_rows -= std::min(rows, next.totals.block_rows);
    for (const FamilyKind kind : {FamilyKind::kChildren, FamilyKind::kCorrections}) {
        if (const auto removed = delete_from(*core, core->family(kind), from, batch, unseen);
            !removed) {
            return removed.error();
        }
    }
    PLUMBLINE_TRY(next.tails.log, last_key_before(*core, log, from));
    PLUMBLINE_TRY(next.tails.block, last_key_before(*core, blocks, from));
    trim_coverage(*core, first, batch, next);
    LogDigestStage digests{*core, UINT64_MAX};
    PLUMBLINE_TRY_VOID(digests.remove_from(first));
    PLUMBLINE_TRY_VOID(digests.finish(batch));

    std::array<uint32_t, kDictKinds> sizes{};
    rocksdb::ColumnFamilyHandle* dict = core->family(FamilyKind::kDict);
    for (size_t kind = 0; kind < kDictKinds; ++kind) {
        uint32_t size = dictionaries[kind].size();
        // Ids are in order of first appearance, so what goes is at the end. Entries that an older
        // block needs stay even if a later-numbered one goes.
        for (; size > 0; --size) {
            const std::string key = dict_key(static_cast<DictKind>(kind), size - 1);
            PLUMBLINE_TRY(const auto value, core->get(dict, key));
            if (!value) {
                return Error{ErrorCode::kCorruption, "a dictionary entry is missing"};
            }
            PLUMBLINE_TRY(const DictRow row, decode_dict(key, *value));
            if (row.block_num < first) {
                break;
            }
            batch.Delete(dict, key).PermitUncheckedError();
        }
        sizes[kind] = size;
    }
    return sizes;
}

Result<Cursor> Database::Impl::cursor_at(uint64_t target, const BlockRow* hint) const {
    Cursor cursor;
    cursor.block_num = target;
    const std::string key = block_key(target);
    PLUMBLINE_TRY(const auto value, core->get(core->family(FamilyKind::kBlocks), key));
    if (value) {
        PLUMBLINE_TRY(const BlockRow row, decode_block(key, *value));
        cursor.block_hash = row.hash;
        cursor.timestamp = row.timestamp;
    } else if (facts.cursor && facts.cursor->block_num == target) {
        cursor.block_hash = facts.cursor->block_hash;
        cursor.timestamp = facts.cursor->timestamp;
    } else if (hint != nullptr && hint->block_num == target) {
        cursor.block_hash = hint->hash;
        cursor.timestamp = hint->timestamp;
    }
    return cursor;
}

Status Database::Impl::commit_removal(rocksdb::WriteBatch& batch, StoredState next,
                                      const std::array<uint32_t, kDictKinds>& dict_sizes) {
    put_facts(batch, next, true);
    // Held over the write: a view must not pair an old snapshot with the shrunk dictionary.
    const std::scoped_lock lock{mutex};
    PLUMBLINE_TRY_VOID(write(batch, Durability::kSync));
    for (size_t kind = 0; kind < kDictKinds; ++kind) {
        dictionaries[kind].truncate(dict_sizes[kind]);
    }
    facts = std::move(next);
    trees.clear();  // To be read again as they are stored now.
    write_head_after_sync();
    return ok();
}

Status Database::rollback(uint64_t target, const BlockRow* target_block) {
    Impl& my = *impl_;
    PLUMBLINE_TRY_VOID(check_target(my, target));
    if (target == my.facts.cursor->block_num) {
        return ok();
    }
    for (const Generation* generation : {my.published.get(), my.building.get()}) {
        if (generation == nullptr) {
            continue;
        }
        const uint64_t floor =
            std::max(Impl::facts_of(my.facts, *generation).undo_floor, my.facts.cursor->finalized);
        if (target < floor) {
            return Error{
                ErrorCode::kNotFound,
                fmt::format("undo reaches down to block {} only, not to {}", floor, target)};
        }
    }
    Removal removal;
    PLUMBLINE_TRY_VOID(start_removal(my, target, target_block, removal));
    for (const Generation* generation : {my.published.get(), my.building.get()}) {
        if (generation != nullptr) {
            PLUMBLINE_TRY_VOID(restore_generation(*my.core, *generation, target + 1, removal.batch,
                                                  my.trees[generation->number],
                                                  Impl::facts_of(removal.next, *generation)));
        }
    }
    return my.commit_removal(removal.batch, std::move(removal.next), removal.dict_sizes);
}

Status Database::truncate_log(uint64_t target, const BlockRow* target_block) {
    Impl& my = *impl_;
    PLUMBLINE_TRY_VOID(check_target(my, target));
    Removal removal;
    PLUMBLINE_TRY_VOID(start_removal(my, target, target_block, removal));
    removal.next.needs_refold = true;
    removal.batch.Put(my.core->meta(), to_slice(kMetaRefold), encode_number(1))
        .PermitUncheckedError();
    return my.commit_removal(removal.batch, std::move(removal.next), removal.dict_sizes);
}

Status Database::rebuild_log_digest(const JournalRow* journal) {
    Impl& my = *impl_;
    PLUMBLINE_TRY_VOID(my.require_writable());
    StoredState next = my.facts;
    next.watermark.commit_num += 1;
    next.totals = LogTotals{};
    rocksdb::WriteBatch batch;
    PLUMBLINE_TRY(next.totals, storage::rebuild_log_digest(my, UINT64_MAX, batch));
    if (next.cursor) {
        next.cursor->commit_num = next.watermark.commit_num;
        next.cursor->event_count = next.totals.events;
    }
    if (journal != nullptr) {
        put_journal(*my.core, {journal, 1}, next, batch);
    }
    my.put_facts(batch, next, false);
    const std::scoped_lock lock{my.mutex};
    PLUMBLINE_TRY_VOID(my.write(batch, Durability::kSync));
    my.facts = std::move(next);
    my.write_head_after_sync();
    return ok();
}

}  // namespace plumbline::storage
