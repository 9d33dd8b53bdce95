// Generations: a fold of the whole log is written beside what readers see, and takes its place by
// one synced write.
#include <utility>

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include "storage/database_impl.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

/// Drops a generation's families; what cannot be dropped now goes at the next open.
void drop_generation(const Database::Impl& my, const Generation& generation) {
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    const std::vector<FamilyPtr> families = generation.all();
    for (const FamilyPtr& family : families) {
        handles.push_back(family->get());
    }
    const rocksdb::Status status = my.core->db->DropColumnFamilies(handles);
    if (!status.ok()) {
        my.notice("families of an old generation stay until the next start: " + rocks_text(status));
    }
}

/// Gives up the generation being built, if there is one.
void drop_unfinished(Database::Impl& my) PLUMBLINE_REQUIRES(my.writer) {
    const std::shared_ptr<const Generation> unfinished = my.now().building;
    if (!unfinished) {
        return;
    }
    {
        const MutexLock lock{my.mutex};
        my.shared.building.reset();
        my.shared.facts.generations.building = 0;
    }
    drop_generation(my, *unfinished);
    my.dropped.push_back(unfinished->number);
}

Result<std::shared_ptr<Generation>> create_generation(const RocksHandles& core, uint32_t number,
                                                      const SchemaBundle& bundle) {
    FamilyMap families;
    for (const std::string& name : generation_families(bundle.entities, number)) {
        PLUMBLINE_TRY(families[name], core.create_family(name));
    }
    return make_generation(number, std::make_shared<const SchemaBundle>(bundle), families);
}

/// Digests of a generation of which nothing is stored yet, so nothing has to be read.
GenerationTrees empty_trees(size_t entities) {
    GenerationTrees trees(entities);
    for (EntityTree& tree : trees) {
        tree.is_loaded.set();
        tree.root = DigestNode{};
    }
    return trees;
}

}  // namespace

Status Database::start_generation(const SchemaBundle& bundle) {
    Impl& my = *impl_;
    const WriterScope role{my.writer};
    PLUMBLINE_TRY_VOID(my.require_writable());
    PLUMBLINE_TRY_VOID(check_bundle(bundle));
    PLUMBLINE_TRY_VOID(my.refuse_if_failed());
    const uint32_t number = ++my.last_generation;
    drop_unfinished(my);
    PLUMBLINE_TRY(const std::shared_ptr<const Generation> generation,
                  create_generation(*my.core, number, bundle));
    my.trees[number] = empty_trees(bundle.entities.size());
    StoredState next = my.now().facts;
    next.generations.building = number;
    next.building = GenerationFacts{};
    next.building.counts.rows.assign(bundle.entities.size(), 0);
    next.watermark.commit_num += 1;
    next.settle_cursor();
    {
        // `put_facts` writes of it as well.
        const MutexLock lock{my.mutex};
        my.shared.building = generation;
    }
    rocksdb::WriteBatch batch;
    for (const uint32_t unpublished : my.dropped) {
        forget_generation(*my.core, unpublished, batch);
    }
    batch.Put(my.core->meta(), meta_name(kMetaBundle, number), encode_bundle(bundle))
        .PermitUncheckedError();
    batch.Put(my.core->meta(), to_slice(kMetaGeneration), encode_generations(next.generations))
        .PermitUncheckedError();
    my.put_facts(batch, next, false);
    const Status written = my.write(batch, Durability::kSync);
    {
        const MutexLock lock{my.mutex};
        if (!written) {
            my.shared.building.reset();
            return written;
        }
        my.shared.facts = std::move(next);
        my.shared.bundles.push_back(generation->bundle);
    }
    my.dropped.clear();
    my.write_head_after_sync();
    return ok();
}

void Database::abandon_generation() {
    const WriterScope role{impl_->writer};
    drop_unfinished(*impl_);
}

Status Database::publish_generation() {
    Impl& my = *impl_;
    const WriterScope role{my.writer};
    PLUMBLINE_TRY_VOID(my.require_writable());
    if (!my.now().building) {
        return Error{ErrorCode::kInvalidArgument, "no generation was started"};
    }
    const std::shared_ptr<const Generation> old = my.now().published;
    const std::shared_ptr<const Generation> fresh = my.now().building;
    StoredState next = my.now().facts;
    next.generations.published = fresh->number;
    next.generations.building = 0;
    next.needs_refold = false;
    next.watermark.commit_num += 1;
    next.settle_cursor();
    rocksdb::WriteBatch batch;
    my.put_facts(batch, next, false);
    forget_generation(*my.core, old->number, batch);
    batch.Put(my.core->meta(), to_slice(kMetaGeneration), encode_generations(next.generations))
        .PermitUncheckedError();
    batch.Delete(my.core->meta(), to_slice(kMetaRefold)).PermitUncheckedError();
    next.published = std::move(next.building);
    next.building = GenerationFacts{};
    // Without the lock, for readers must not wait for the disk: until it is taken they read the old
    // generation, all of which is still there but for its counts in meta (see `read_view`).
    PLUMBLINE_TRY_VOID(my.write(batch, Durability::kSync));
    {
        const MutexLock lock{my.mutex};
        my.shared.published = fresh;
        my.shared.building.reset();
        my.shared.facts = std::move(next);
    }
    my.write_head_after_sync();
    my.trees.erase(old->number);
    my.forget_newest_view();  // It may be one of the old generation.
    drop_generation(my, *old);
    return ok();
}

Status Database::update_bundle(const SchemaBundle& bundle) {
    Impl& my = *impl_;
    const WriterScope role{my.writer};
    PLUMBLINE_TRY_VOID(my.require_writable());
    const Generation& current = *my.now().published;
    if (bundle.fingerprint != current.bundle->fingerprint ||
        bundle.entities != current.bundle->entities) {
        return Error{ErrorCode::kInvalidArgument,
                     "the schema changed: fold the log into a new generation instead"};
    }
    if (bundle == *current.bundle) {
        return ok();
    }
    rocksdb::WriteBatch batch;
    batch.Put(my.core->meta(), meta_name(kMetaBundle, current.number), encode_bundle(bundle))
        .PermitUncheckedError();
    PLUMBLINE_TRY_VOID(my.write(batch, Durability::kSync));
    auto fresh = std::make_shared<Generation>(current);
    fresh->bundle = std::make_shared<const SchemaBundle>(bundle);
    const MutexLock lock{my.mutex};
    my.shared.bundles.push_back(fresh->bundle);
    my.shared.published = std::move(fresh);
    return ok();
}

}  // namespace plumbline::storage
