// The accessors of a database, its life, and its generations.
#include "storage/database.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "storage/database_impl.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

std::string_view to_string(ProofLevel level) noexcept {
    switch (level) {
        case ProofLevel::kNone: return "none";
        case ProofLevel::kFetched: return "fetched";
        case ProofLevel::kLinked: return "linked";
        case ProofLevel::kBloom: return "bloom";
        case ProofLevel::kReceipts: return "receipts";
    }
    return "unknown";
}

Result<std::optional<std::string>> RocksHandles::get(rocksdb::ColumnFamilyHandle* handle,
                                                     std::string_view key,
                                                     const rocksdb::Snapshot* snapshot) const {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot;
    std::string value;
    const rocksdb::Status status = db->Get(options, handle, to_slice(key), &value);
    if (status.IsNotFound()) {
        return std::optional<std::string>{};
    }
    PLUMBLINE_TRY_VOID(from_rocks(status, "reading " + handle->GetName()));
    return std::optional<std::string>{std::move(value)};
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path, OpenOptions options) {
    auto impl = std::make_unique<Impl>();
    impl->options = std::move(options);
    PLUMBLINE_TRY_VOID(open_database(path, *impl));
    return std::unique_ptr<Database>(new Database(std::move(impl)));
}

Database::Database(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
Database::~Database() = default;

const std::string& Database::path() const noexcept {
    return impl_->core->path;
}

const ChainIdentity& Database::identity() const noexcept {
    return impl_->identity;
}

const SchemaBundle& Database::bundle() const noexcept {
    const std::scoped_lock lock{impl_->mutex};
    return *impl_->published->bundle;
}

const std::vector<EntityLayout>& Database::entities() const noexcept {
    return bundle().entities;
}

std::optional<Cursor> Database::cursor() const {
    const std::scoped_lock lock{impl_->mutex};
    return impl_->facts.cursor;
}

uint64_t Database::entity_count(size_t entity) const {
    const std::scoped_lock lock{impl_->mutex};
    return impl_->facts.published.counts.rows.at(entity);
}

uint64_t Database::quarantine_count() const {
    const std::scoped_lock lock{impl_->mutex};
    return impl_->facts.published.counts.quarantined;
}

uint64_t Database::size_bytes() const {
    uint64_t total = 0;
    std::vector<rocksdb::Env::FileAttributes> files;
    impl_->core->env->GetChildrenFileAttributes(impl_->core->path, &files).PermitUncheckedError();
    for (const auto& file : files) {
        total += file.size_bytes;
    }
    return total;
}

uint64_t Database::lost_blocks() const noexcept {
    return impl_->lost_blocks;
}

bool Database::needs_reopen() const noexcept {
    return impl_->needs_reopen.load();
}

bool Database::needs_refold() const {
    const std::scoped_lock lock{impl_->mutex};
    return impl_->facts.needs_refold;
}

Result<bool> Database::latest_row(size_t entity, std::string_view key, std::string& row) const {
    const Generation& generation = *impl_->writing();
    const rocksdb::Status status = impl_->core->db->Get(
        rocksdb::ReadOptions{}, generation.entities[entity].rows->get(), to_slice(key), &row);
    if (status.IsNotFound()) {
        return false;
    }
    PLUMBLINE_TRY_VOID(from_rocks(status, "reading a row"));
    PLUMBLINE_TRY_VOID(generation.plans[entity].codec.check(row));
    return true;
}

Result<std::vector<ChildRow>> Database::children() const {
    return read_view()->list_children();
}

Result<std::vector<CoverageRow>> Database::coverage() const {
    const std::scoped_lock lock{impl_->mutex};
    std::vector<CoverageRow> rows;
    for (const auto& [source, ranges] : impl_->facts.coverage) {
        for (const auto& [from, row] : *ranges) {
            rows.push_back(row);
        }
    }
    return rows;
}

Status check_bundle(const SchemaBundle& bundle) {
    std::vector<std::string> names = generation_families(bundle.entities, 1);
    std::sort(names.begin(), names.end());
    const auto twin = std::adjacent_find(names.begin(), names.end());
    if (twin != names.end()) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("two entities or indexes would both be stored as '{}'",
                                 twin->substr(0, twin->rfind('#')))};
    }
    for (const EntityLayout& layout : bundle.entities) {
        if (layout.key.empty()) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("entity '{}' has no key field", layout.name)};
        }
    }
    return ok();
}

std::shared_ptr<Generation> make_generation(uint32_t number,
                                            std::shared_ptr<const SchemaBundle> bundle,
                                            const std::map<std::string, FamilyPtr>& families) {
    auto generation = std::make_shared<Generation>();
    generation->number = number;
    for (const EntityLayout& layout : bundle->entities) {
        generation->plans.emplace_back(layout);
        EntityFamilies entity;
        entity.rows = families.at(entity_family(layout.name, number));
        for (size_t i = 0; i < layout.indexes.size(); ++i) {
            entity.indexes.push_back(families.at(index_family(layout, i, number)));
        }
        generation->entities.push_back(std::move(entity));
    }
    generation->undo = families.at(undo_family(number));
    generation->quarantine = families.at(quarantine_family(number));
    generation->digest = families.at(digest_family(number));
    generation->bundle = std::move(bundle);
    return generation;
}

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
        my.notice("families of an old generation stay until the next start: " + status.ToString());
    }
}

}  // namespace

void forget_generation(const RocksHandles& core, uint32_t number, rocksdb::WriteBatch& writes) {
    for (const std::string_view name : {kMetaBundle, kMetaCounts, kMetaUndoFloor}) {
        writes.Delete(core.meta(), meta_name(name, number)).PermitUncheckedError();
    }
}

Status Database::start_generation(const SchemaBundle& bundle) {
    Impl& my = *impl_;
    PLUMBLINE_TRY_VOID(my.require_writable());
    PLUMBLINE_TRY_VOID(check_bundle(bundle));
    PLUMBLINE_TRY_VOID(my.refuse_if_failed());
    const uint32_t number = ++my.last_generation;
    if (my.building) {
        const auto dropped = my.building;
        {
            const std::scoped_lock lock{my.mutex};
            my.building.reset();
            my.facts.generations.building = 0;
        }
        drop_generation(my, *dropped);
        my.dropped.push_back(dropped->number);
    }
    std::map<std::string, FamilyPtr> families;
    for (const std::string& name : generation_families(bundle.entities, number)) {
        rocksdb::ColumnFamilyHandle* handle = nullptr;
        const rocksdb::Status status = my.core->db->CreateColumnFamily(
            make_family_options(family_kind(name), my.core->tuning), name, &handle);
        PLUMBLINE_TRY_VOID(from_rocks(status, "creating family " + name));
        families[name] = std::make_shared<Family>(*my.core->db, handle);
    }
    auto generation =
        make_generation(number, std::make_shared<const SchemaBundle>(bundle), families);
    StoredState next = my.facts;
    next.generations.building = number;
    next.building = GenerationFacts{};
    next.building.counts.rows.assign(bundle.entities.size(), 0);
    next.watermark.commit_num += 1;
    if (next.cursor) {
        next.cursor->commit_num = next.watermark.commit_num;
    }
    {
        const std::scoped_lock lock{my.mutex};
        my.building = generation;
    }
    // Nothing is stored yet, so nothing has to be read.
    GenerationTrees& trees = my.trees[number];
    trees.clear();
    trees.resize(bundle.entities.size());
    for (EntityTree& tree : trees) {
        tree.is_loaded.set();
        tree.root = DigestNode{};
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
    const std::scoped_lock lock{my.mutex};
    if (!written) {
        my.building.reset();
        return written;
    }
    my.dropped.clear();
    my.facts = std::move(next);
    my.bundles.push_back(generation->bundle);
    my.write_head_after_sync();
    return ok();
}

Status Database::publish_generation() {
    Impl& my = *impl_;
    PLUMBLINE_TRY_VOID(my.require_writable());
    if (!my.building) {
        return Error{ErrorCode::kInvalidArgument, "no generation was started"};
    }
    const auto old = my.published;
    StoredState next = my.facts;
    next.generations.published = my.building->number;
    next.generations.building = 0;
    next.published = std::move(next.building);
    next.building = GenerationFacts{};
    next.needs_refold = false;
    next.watermark.commit_num += 1;
    if (next.cursor) {
        next.cursor->commit_num = next.watermark.commit_num;
    }
    rocksdb::WriteBatch batch;
    forget_generation(*my.core, old->number, batch);
    batch.Put(my.core->meta(), to_slice(kMetaGeneration), encode_generations(next.generations))
        .PermitUncheckedError();
    batch.Delete(my.core->meta(), to_slice(kMetaRefold)).PermitUncheckedError();
    {
        // Readers take the snapshot and the generation under this lock: they see both or neither.
        const std::scoped_lock lock{my.mutex};
        std::swap(my.published, my.building);
        const auto unpublished = my.building;
        my.building.reset();
        my.put_facts(batch, next, false);
        if (const Status written = my.write(batch, Durability::kSync); !written) {
            my.building = my.published;
            my.published = unpublished;
            return written;
        }
        my.facts = std::move(next);
        my.write_head_after_sync();
    }
    my.trees.erase(old->number);
    drop_generation(my, *old);
    return ok();
}

Status Database::update_bundle(const SchemaBundle& bundle) {
    Impl& my = *impl_;
    PLUMBLINE_TRY_VOID(my.require_writable());
    const Generation& current = *my.published;
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
    const std::scoped_lock lock{my.mutex};
    my.bundles.push_back(fresh->bundle);
    my.published = std::move(fresh);
    return ok();
}

}  // namespace plumbline::storage
