// Applying a commit:
//   1. stage: all that the commit changes goes into one write batch (storage/commit_stage.hpp);
//   2. write: RocksDB takes all of it or nothing;
//   3. adopt: only then what is kept in memory follows.
// Dictionary entries are the exception: they are in memory before the write and go again where it
// fails. A view that sees the commit's logs must know their ids; too many do no harm.
#include "storage/commit_stage.hpp"

namespace plumbline::storage {

namespace {

/// kInvalidArgument for a batch that was begun before what it counts on changed.
Status check_batch(const Database::Impl& db, const CommitBatch::Impl& batch)
    PLUMBLINE_REQUIRES(db.writer) {
    PLUMBLINE_CHECK_MSG(&batch.db == &db, "a batch is committed to the database that made it");
    if (batch.generation != db.now().writing()) {
        return Error{ErrorCode::kInvalidArgument,
                     "the batch was begun for another generation: clear it and begin again"};
    }
    for (size_t kind = 0; kind < kDictKinds; ++kind) {
        if (batch.dict_base[kind] != db.now().dictionaries[kind].size()) {
            return Error{ErrorCode::kInvalidArgument,
                         "the batch was begun before another commit or rollback that changed the "
                         "dictionary: clear it and begin again"};
        }
    }
    return ok();
}

void push_dictionary(Database::Impl& db, const CommitBatch::Impl& batch) {
    const MutexLock lock{db.mutex};
    for (size_t kind = 0; kind < kDictKinds; ++kind) {
        for (const DictRow& row : batch.dict_new[kind]) {
            db.shared.dictionaries[kind].push(row.value, row.block_num);
        }
    }
}

void take_back_dictionary(Database::Impl& db, const CommitBatch::Impl& batch) {
    const MutexLock lock{db.mutex};
    for (size_t kind = 0; kind < kDictKinds; ++kind) {
        db.shared.dictionaries[kind].truncate(batch.dict_base[kind]);
    }
}

void adopt(Database::Impl& db, const CommitBatch::Impl& batch, StagedCommit staged)
    PLUMBLINE_REQUIRES(db.writer) {
    learn_digests(db.trees[batch.generation->number], staged.trees);
    const MutexLock lock{db.mutex};
    db.shared.facts = std::move(staged.next);
    for (size_t kind = 0; kind < kDictKinds; ++kind) {
        for (const DictRow& row : batch.dict_lowered[kind]) {
            db.shared.dictionaries[kind].lower(row.value, row.block_num);
        }
    }
}

}  // namespace

std::unique_ptr<CommitBatch> Database::make_batch() {
    const WriterScope role{impl_->writer};
    return std::unique_ptr<CommitBatch>(
        new CommitBatch(std::make_unique<CommitBatch::Impl>(*impl_)));
}

Status Database::commit(CommitBatch& batch, Durability durability) {
    Impl& my = *impl_;
    CommitBatch::Impl& from = Internals::of(batch);
    const WriterScope role{my.writer};
    PLUMBLINE_TRY_VOID(my.require_writable());
    if (batch.empty()) {
        return durability == Durability::kSync ? my.sync() : ok();
    }
    PLUMBLINE_TRY_VOID(check_batch(my, from));
    from.writes.SetSavePoint();
    Result<StagedCommit> staged = CommitStage{my, from}.run();
    if (!staged) {
        from.writes.RollbackToSavePoint().PermitUncheckedError();
        return std::move(staged).error();
    }
    push_dictionary(my, from);
    if (const Status written = my.write(from.writes, durability); !written) {
        from.writes.RollbackToSavePoint().PermitUncheckedError();
        take_back_dictionary(my, from);
        return written;
    }
    adopt(my, from, *std::move(staged));
    my.deleted.note(from.writes);
    if (durability == Durability::kSync) {
        my.write_head_after_sync();
    }
    from.reset();
    return ok();
}

Status Database::sync() {
    const WriterScope role{impl_->writer};
    PLUMBLINE_TRY_VOID(impl_->require_writable());
    return impl_->sync();
}

}  // namespace plumbline::storage
