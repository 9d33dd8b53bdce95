// Writing: what every commit puts beside its own rows, the durability that was asked for, and what
// follows a disk that refuses.
#include <utility>

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include "storage/database_impl.hpp"
#include "storage/record_codec.hpp"
#include "storage/rocks_status.hpp"
#include "storage/table_files.hpp"

namespace plumbline::storage {

Status Database::Impl::probe_disk() {
    constexpr size_t kProbeBytes = size_t{1} << 20;
    rocksdb::Env& env = *core->env;
    const std::string path = core->path + "/PLUMBLINE_PROBE.tmp";
    const MutexLock lock{probing};
    const rocksdb::Status written =
        rocksdb::WriteStringToFile(&env, std::string(kProbeBytes, '\0'), path, true);
    const rocksdb::Status removed = env.DeleteFile(path);
    if (!written.ok()) {
        removed.PermitUncheckedError();
        return Error{ErrorCode::kIo, "storage cannot write yet: " + written.ToString()};
    }
    return removed.ok()
               ? ok()
               : Status{Error{ErrorCode::kIo, "storage cannot write yet: " + rocks_text(removed)}};
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

void put_coverage(const RocksHandles& core, const std::string& source, const CoverageRanges& before,
                  const CoverageRanges& after, rocksdb::WriteBatch& writes) {
    rocksdb::ColumnFamilyHandle* family = core.family(FamilyKind::kCoverage);
    const CoverageChanges changes = coverage_changes(before, after);
    for (const uint64_t from : changes.removed) {
        writes.Delete(family, coverage_key(source, from)).PermitUncheckedError();
    }
    for (const CoverageRow& row : changes.put) {
        writes.Put(family, coverage_key(source, row.range.from), encode_coverage(row))
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
        {now().published.get(), &next.published}, {now().building.get(), &next.building}};
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
    } else if (now().facts.cursor) {
        batch.Delete(meta, to_slice(kMetaCursor)).PermitUncheckedError();
    }
    put(kMetaTotals, encode_totals(next.totals));
    put(kMetaTails, encode_tails(next.tails));
}

Status Database::Impl::refuse_if_failed() {
    if (!core->tuning.background_failure->has_failed() && !write_failed) {
        return ok();
    }
    write_failed = true;
    if (std::optional<Error> lasting = lasting_failure()) {
        return *std::move(lasting);
    }
    PLUMBLINE_TRY_VOID(probe_disk());
    // DB::Resume would go on from here, but in 7.8 it may wait for ever for a flush that nobody
    // does. Opening anew is what every crash does, too.
    needs_reopen = true;
    const std::optional<rocksdb::Status> why = core->tuning.background_failure->status();
    return Error{ErrorCode::kIo,
                 fmt::format("{}the disk takes writes again: close the database and open it again "
                             "to go on",
                             why ? "writing had stopped: " + rocks_text(*why) + "; " : "")};
}

std::optional<Error> Database::Impl::lasting_failure() const {
    const BackgroundFailure& failure = *core->tuning.background_failure;
    const std::optional<rocksdb::Status> why =
        failure.has_failed() ? failure.lasting() : std::nullopt;
    if (!why) {
        return std::nullopt;
    }
    return why->IsCorruption() ? damage_error(*core, rocks_text(*why))
                               : rocks_error(*why, "storage takes no more writes");
}

Error Database::Impl::refusal(const rocksdb::Status& status, std::string_view doing) const {
    std::optional<Error> lasting = lasting_failure();
    return lasting ? *std::move(lasting)
                   : Error{ErrorCode::kIo, fmt::format("{}: {}", doing, rocks_text(status))};
}

void Database::Impl::note_refused_write(const rocksdb::Status& status) {
    core->tuning.background_failure->note(rocksdb::Status::IOError(status.ToString()));
    if (!lasting_failure() && probe_disk()) {
        needs_reopen = true;
    }
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
        return refusal(written, "writing a commit");
    }
    unsynced = durability == Durability::kBuffered;
    forget_newest_view();
    return ok();
}

void Database::Impl::write_head_after_sync() {
    HeadFile fresh;
    fresh.format_version = kFormatVersion;
    const StoredState& facts = now().facts;
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
        if (!std::exchange(head_stale, true)) {
            notice(status.error().message +
                   "; commits go on while their files have room: make room on this disk");
        }
    }
}

Status Database::Impl::sync() {
    if (unsynced) {
        // A synced write syncs every log file that came before. DB::SyncWAL would do, but has bugs
        // in 7.8 together with options that a later version may want.
        rocksdb::WriteBatch batch;
        batch.Put(core->meta(), rocksdb::Slice{}, encode_watermark(now().facts.watermark))
            .PermitUncheckedError();
        PLUMBLINE_TRY_VOID(write(batch, Durability::kSync));
    }
    write_head_after_sync();
    return ok();
}

}  // namespace plumbline::storage
