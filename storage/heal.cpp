#include "storage/heal.hpp"

#include <algorithm>
#include <set>
#include <string>

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include "storage/bulk_load.hpp"
#include "storage/delete_tail.hpp"
#include "storage/record_codec.hpp"
#include "storage/rocks_status.hpp"
#include "storage/watermark_check.hpp"

namespace plumbline::storage {

namespace {

Result<Watermark> read_mark(const RocksHandles& core, const Family& family) {
    PLUMBLINE_TRY(const auto value, core.get(family.get(), ""));
    return value ? decode_watermark(*value) : Result<Watermark>{Watermark{}};
}

/// Empty where the family has no rows.
Result<std::string> read_last_key(const RocksHandles& core, const Family& family) {
    const std::unique_ptr<rocksdb::Iterator> it = core.iterate(family.get());
    it->SeekToLast();
    PLUMBLINE_TRY_VOID(from_rocks(it->status(), "reading " + family.name()));
    return it->Valid() ? it->key().ToString() : std::string{};
}

Result<WatermarkCheck> check_watermarks(const RocksHandles& core, const SharedState& now) {
    WatermarkCheck check{now.facts.watermark};
    for (size_t i = 0; i < kBaseFamilyCount; ++i) {
        const Family& family = *core.base[i];
        const FamilyKind kind = kBaseFamilies[i].kind;
        PLUMBLINE_TRY(const Watermark mark, read_mark(core, family));
        if (!is_append_family(kind)) {
            check.add_base(family.name(), mark);
            continue;
        }
        const LastKeys& tails = now.facts.tails;
        PLUMBLINE_TRY(const std::string last_key, read_last_key(core, family));
        check.add_append(family.name(), mark, last_key,
                         kind == FamilyKind::kLog ? tails.log : tails.block);
    }
    for (const FamilyPtr& family : now.published->all()) {
        Result<Watermark> mark = read_mark(core, *family);
        if (!mark && core.tuning.is_to_mend && mark.error().code == ErrorCode::kCorruption) {
            mark = Watermark{};  // Then it differs, which is what a fold is for.
        }
        if (!mark) {
            return std::move(mark).error();
        }
        check.add_derived(family->name(), *mark);
    }
    return check;
}

void put_refold_mark(const RocksHandles& core, rocksdb::WriteBatch& batch) {
    batch.Put(core.meta(), to_slice(kMetaRefold), encode_number(1)).PermitUncheckedError();
}

/// Brings every family to one commit; what the derived ones hold is for the next fold to replace.
Status heal_derived(Database::Impl& db, uint64_t highest_commit) PLUMBLINE_REQUIRES(db.writer) {
    StoredState next = db.now().facts;
    next.watermark.commit_num = highest_commit + 1;
    next.settle_cursor();
    rocksdb::WriteBatch batch;
    put_refold_mark(*db.core, batch);
    db.put_facts(batch, next, false);
    PLUMBLINE_TRY_VOID(db.write(batch, Durability::kSync));
    const MutexLock lock{db.mutex};
    db.shared.facts = std::move(next);
    return ok();
}

/// The newest block up to `safe` whose row is there.
Result<std::optional<BlockRow>> find_head(const RocksHandles& core, uint64_t safe) {
    std::optional<BlockRow> head;
    const std::unique_ptr<rocksdb::Iterator> it = core.iterate(core.family(FamilyKind::kBlocks));
    it->SeekForPrev(block_key(safe));
    if (it->Valid() && !it->key().empty()) {
        PLUMBLINE_TRY(head, decode_block(to_view(it->key()), to_view(it->value())));
    }
    PLUMBLINE_TRY_VOID(from_rocks(it->status(), "reading block rows"));
    return head;
}

/// Cuts all log families back to a block whose row is there, or to nothing.
Status heal_log(Database::Impl& db, std::optional<uint64_t> safe, uint64_t highest_commit)
    PLUMBLINE_REQUIRES(db.writer) {
    const RocksHandles& core = *db.core;
    std::optional<BlockRow> head;
    if (safe) {
        PLUMBLINE_TRY(head, find_head(core, *safe));
    }
    StoredState next = db.now().facts;
    rocksdb::WriteBatch batch;
    const uint64_t first = head ? head->block_num + 1 : 0;
    // First the digests of what stays, part by part: until the watermarks agree, which is with the
    // last batch, every open begins here again and finds less to do.
    const auto write_part = [&db](rocksdb::WriteBatch& part)
                                PLUMBLINE_NO_THREAD_SAFETY_ANALYSIS -> Status {
        if (db.options.should_stop && db.options.should_stop()) {
            return Error{ErrorCode::kCancelled,
                         db.core->path +
                             ": stopped while the log was cut back; the next start "
                             "goes on with it"};
        }
        return db.write(part, Durability::kSync);
    };
    PLUMBLINE_TRY(const LogTotals totals,
                  rebuild_log_digest(core, db.now().dictionaries, first, batch, write_part,
                                     db.options.should_stop));
    PLUMBLINE_TRY_VOID(db.write(batch, Durability::kSync));
    batch.Clear();
    next.totals = totals;
    for (const FamilyKind kind :
         {FamilyKind::kLog, FamilyKind::kBlocks, FamilyKind::kChildren, FamilyKind::kCorrections}) {
        PLUMBLINE_TRY_VOID(
            delete_tail_in_parts(core, core.family(kind), block_key(first), write_part));
    }
    PLUMBLINE_TRY_VOID(delete_calls_in_parts(core, first, write_part));
    // From block 0 the watermark's own empty key is not met: keys of blocks have eight bytes.
    PLUMBLINE_TRY(const auto sizes, db.remove_base_from(first, batch, next));
    next.totals = totals;
    next.watermark.commit_num = highest_commit + 1;
    next.watermark.last_rollback = next.watermark.commit_num;
    next.watermark.last_fill = next.watermark.commit_num;
    next.cursor.reset();
    if (head) {
        Cursor cursor;
        cursor.block_num = head->block_num;
        cursor.block_hash = head->hash;
        cursor.timestamp = head->timestamp;
        cursor.finalized = std::min(head->block_num, db.now().facts.finalized());
        next.cursor = cursor;
    }
    next.settle_cursor();
    put_refold_mark(core, batch);
    PLUMBLINE_TRY_VOID(db.commit_removal(batch, std::move(next), sizes));
    db.notice(head ? fmt::format("{}: the log was cut back to block {}; what follows has to be "
                                 "fetched again",
                                 core.path, head->block_num)
                   : fmt::format("{}: nothing of the log can be trusted; all of it has to be "
                                 "fetched again",
                                 core.path));
    return ok();
}

}  // namespace

Status drop_leftovers(Database::Impl& db, const FamilyMap& families) {
    const RocksHandles& core = *db.core;
    remove_bulk_files(*core.env, core.path);
    const Generation& published = *db.now().published;
    std::set<std::string> wanted;
    for (const BaseFamily& family : kBaseFamilies) {
        wanted.emplace(family.name);
    }
    for (std::string& name : generation_families(published.bundle->entities, published.number)) {
        wanted.insert(std::move(name));
    }
    for (const auto& [name, family] : families) {
        if (!wanted.contains(name)) {
            PLUMBLINE_TRY_VOID(from_rocks(core.db->DropColumnFamily(family->get()),
                                          "dropping the left-over family " + name));
        }
    }
    Generations generations = db.now().facts.generations;
    if (generations.building == 0) {
        return ok();
    }
    rocksdb::WriteBatch batch;
    forget_generation(core, std::exchange(generations.building, 0), batch);
    batch.Put(core.meta(), to_slice(kMetaGeneration), encode_generations(generations))
        .PermitUncheckedError();
    rocksdb::WriteOptions options;
    options.sync = true;
    PLUMBLINE_TRY_VOID(
        from_rocks(core.db->Write(options, &batch), "forgetting an unfinished generation"));
    db.notice(core.path + ": an unfinished fold was dropped");
    const MutexLock lock{db.mutex};
    db.shared.facts.generations = generations;
    return ok();
}

Result<Healed> heal_families(Database::Impl& db) {
    PLUMBLINE_TRY(const WatermarkCheck check, check_watermarks(*db.core, db.now()));
    if (check.is_equal()) {
        return Healed{false, check.highest_commit()};
    }
    db.notice(
        fmt::format("{}: families stand at different commits: meta ({}){}; the derived ones "
                    "have to be folded again from the log",
                    db.core->path, db.now().facts.watermark.commit_num, check.differing()));
    {
        const MutexLock lock{db.mutex};
        db.shared.facts.needs_refold = true;
    }
    if (db.options.read_only) {
        return Healed{false, check.highest_commit()};
    }
    PLUMBLINE_TRY_VOID(check.log_differs()
                           ? heal_log(db, check.safe_block(), check.highest_commit())
                           : heal_derived(db, check.highest_commit()));
    return Healed{true, check.highest_commit()};
}

}  // namespace plumbline::storage
