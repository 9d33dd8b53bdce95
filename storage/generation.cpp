#include "storage/generation.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <rocksdb/write_batch.h>

#include "storage/meta_codec.hpp"

namespace plumbline::storage {

std::vector<FamilyPtr> Generation::all() const {
    std::vector<FamilyPtr> families;
    for (const EntityFamilies& entity : entities) {
        families.push_back(entity.rows);
        families.insert(families.end(), entity.indexes.begin(), entity.indexes.end());
    }
    families.push_back(undo);
    families.push_back(quarantine);
    families.push_back(digest);
    return families;
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
                                            const FamilyMap& families) {
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

void forget_generation(const RocksHandles& core, uint32_t number, rocksdb::WriteBatch& writes) {
    for (const std::string_view name : {kMetaBundle, kMetaCounts, kMetaUndoFloor}) {
        writes.Delete(core.meta(), meta_name(name, number)).PermitUncheckedError();
    }
}

}  // namespace plumbline::storage
