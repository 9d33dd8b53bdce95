// Opening a directory:
//   1. what lies there must be ours or nothing      storage/directory_check.hpp
//   2. RocksDB recovers its log                     storage/recover.hpp
//   3. a new database gets its first content, an older one is migrated
//                                                   storage/migration.hpp
//   4. format, chain, schema and facts are read     storage/load.hpp
//   5. the watermarks of all families must agree: where they do not, the log families are cut back
//      to what all of them hold and the derived ones are marked for a new fold
//                                                   storage/heal.hpp
//   6. a head behind the sidecar's is told.
#include <algorithm>

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include "core/evm/hex.hpp"
#include "storage/database_impl.hpp"
#include "storage/heal.hpp"
#include "storage/load.hpp"
#include "storage/migration.hpp"
#include "storage/recover.hpp"
#include "storage/rocks_options.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

Status check_options(const OpenOptions& options) {
    if (options.create && (options.read_only || !options.identity || !options.bundle)) {
        return Error{ErrorCode::kInvalidArgument,
                     "creating a database takes its chain's identity and its schema"};
    }
    return options.bundle ? check_bundle(*options.bundle) : ok();
}

/// The families that are not there. An earlier attempt may have got as far as some, perhaps of
/// another schema.
Status create_missing(const RocksHandles& core, const SchemaBundle& bundle, FamilyMap& families) {
    std::vector<std::string> names = generation_families(bundle.entities, 1);
    for (const BaseFamily& family : kBaseFamilies) {
        names.emplace_back(family.name);
    }
    std::vector<rocksdb::ColumnFamilyDescriptor> missing;
    for (const std::string& name : names) {
        if (!families.contains(name)) {
            missing.emplace_back(name, make_family_options(family_kind(name), core.tuning));
        }
    }
    // All in one call: with each RocksDB writes the options of all families, and reads them again.
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    const rocksdb::Status made = core.db->CreateColumnFamilies(missing, &handles);
    for (size_t i = 0; i < handles.size(); ++i) {
        families[missing[i].name] = std::make_shared<Family>(*core.db, handles[i]);
    }
    return from_rocks(made, "creating the families of " + core.path);
}

Status adopt_base(RocksHandles& core, const FamilyMap& families) {
    for (size_t i = 0; i < kBaseFamilyCount; ++i) {
        const auto at = families.find(std::string{kBaseFamilies[i].name});
        if (at == families.end()) {
            return Error{ErrorCode::kCorruption,
                         fmt::format("{}: family {} is gone", core.path, kBaseFamilies[i].name)};
        }
        core.base[i] = at->second;
    }
    return ok();
}

/// The first commit: everything that `load_stored` needs. Only with it is the database there.
Status create_content(Database::Impl& db, const FamilyMap& families) PLUMBLINE_REQUIRES(db.writer) {
    const RocksHandles& core = *db.core;
    const SchemaBundle& bundle = *db.options.bundle;
    StoredState facts;
    facts.watermark.commit_num = 1;
    facts.published.counts.rows.assign(bundle.entities.size(), 0);
    {
        // `put_facts` writes of it.
        const MutexLock lock{db.mutex};
        db.shared.published =
            make_generation(1, std::make_shared<const SchemaBundle>(bundle), families);
    }
    rocksdb::WriteBatch batch;
    const auto put = [&](std::string_view name, const std::string& value) {
        batch.Put(core.meta(), to_slice(name), value).PermitUncheckedError();
    };
    put(kMetaFormat, encode_format(kFormatVersion));
    put(kMetaIdentity, encode_identity(*db.options.identity));
    put(kMetaGeneration, encode_generations(facts.generations));
    put(meta_name(kMetaBundle, 1), encode_bundle(bundle));
    db.put_facts(batch, facts, false);
    rocksdb::WriteOptions options;
    options.sync = true;
    return from_rocks(core.db->Write(options, &batch), "creating " + core.path);
}

/// Makes the database where it is to be made; from here on all its base families are there.
Status find_or_create(Database::Impl& db, Recovered& recovered) PLUMBLINE_REQUIRES(db.writer) {
    RocksHandles& core = *db.core;
    FamilyMap& families = recovered.families;
    PLUMBLINE_TRY(const auto format,
                  core.get(families.at(std::string{kBaseFamilies[0].name})->get(), kMetaFormat));
    if (format) {
        PLUMBLINE_TRY_VOID(migrate(db.options, core, families, *format, recovered.head));
        return adopt_base(core, families);
    }
    if (!db.options.create) {
        return Error{
            ErrorCode::kNotFound,
            fmt::format("the database at {} was never finished: plumbline run goes on making it",
                        core.path)};
    }
    PLUMBLINE_TRY_VOID(create_missing(core, *db.options.bundle, families));
    PLUMBLINE_TRY_VOID(adopt_base(core, families));
    return create_content(db, families);
}

Status check_identity(const Database::Impl& db, const ChainIdentity& stored) {
    const std::optional<ChainIdentity>& wanted = db.options.identity;
    if (!wanted || *wanted == stored) {
        return ok();
    }
    return Error{ErrorCode::kIncompatible,
                 fmt::format("{} belongs to another chain: it has chain id {}, genesis {}; asked "
                             "for was chain id {}, genesis {}",
                             db.core->path, stored.chain_id, evm::to_hex(stored.genesis_hash),
                             wanted->chain_id, evm::to_hex(wanted->genesis_hash))};
}

void adopt(Database::Impl& db, Loaded loaded) PLUMBLINE_REQUIRES(db.writer) {
    db.identity = loaded.identity;
    db.last_generation = loaded.last_generation;
    const MutexLock lock{db.mutex};
    db.shared.bundles.push_back(loaded.published->bundle);
    db.shared.published = std::move(loaded.published);
    db.shared.facts = std::move(loaded.facts);
    db.shared.dictionaries = std::move(loaded.dictionaries);
}

/// What is told of blocks that an earlier run had synced but the files no longer hold.
/// `stored_block` is the cursor's block as found, before any mending.
void compare_sidecar(Database::Impl& db, const std::optional<HeadFile>& sidecar,
                     uint64_t stored_block, const Healed& healed) PLUMBLINE_REQUIRES(db.writer) {
    const StoredState& facts = db.now().facts;
    const uint64_t block_num = facts.cursor ? facts.cursor->block_num : 0;
    uint64_t known = stored_block;
    const bool behind =
        sidecar &&
        (healed.changed ? healed.highest_commit : facts.watermark.commit_num) < sidecar->commit_num;
    if (behind) {
        known = std::max(known, sidecar->block_num);
        db.notice(
            fmt::format("{}: the last synced commit was number {} at block {}, but the "
                        "files only hold number {} at block {}",
                        db.core->path, sidecar->commit_num, sidecar->block_num,
                        std::min(healed.highest_commit, facts.watermark.commit_num), block_num));
    }
    if ((behind || healed.changed) && known > block_num) {
        db.lost_blocks = known - block_num;
        db.notice(fmt::format("{}: {} blocks were lost, fetching goes on from block {}",
                              db.core->path, db.lost_blocks, block_num));
    }
}

}  // namespace

Status open_database(const std::string& path, Database::Impl& db) {
    const WriterScope role{db.writer};
    const OpenOptions& options = db.options;
    db.core = std::make_shared<RocksHandles>();
    RocksHandles& core = *db.core;
    core.path = path;
    core.env = options.env != nullptr ? options.env : rocksdb::Env::Default();
    core.tuning = make_tuning(options);
    core.tuning.is_to_mend = db.is_to_mend;
    PLUMBLINE_TRY_VOID(check_options(options));
    PLUMBLINE_TRY(Recovered recovered, recover_rocks(options, core));
    PLUMBLINE_TRY_VOID(find_or_create(db, recovered));
    PLUMBLINE_TRY(Loaded loaded, load_stored(core, recovered.families));
    PLUMBLINE_TRY_VOID(check_identity(db, loaded.identity));
    const uint64_t stored_block = loaded.facts.cursor ? loaded.facts.cursor->block_num : 0;
    adopt(db, std::move(loaded));
    if (recovered.head) {
        db.head = *recovered.head;
    }
    if (!options.read_only) {
        PLUMBLINE_TRY_VOID(drop_leftovers(db, recovered.families));
    }
    PLUMBLINE_TRY(const Healed healed, heal_families(db));
    compare_sidecar(db, recovered.head, stored_block, healed);
    if (!options.read_only) {
        // Recovery flushed what it read from the log, so all that is here is on disk by now.
        db.write_head_after_sync();
    }
    return ok();
}

}  // namespace plumbline::storage
