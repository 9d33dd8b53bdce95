// One fold of the log: its schema and its families. Internal to storage.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/result.hpp"
#include "storage/entity_storage.hpp"
#include "storage/records.hpp"
#include "storage/rocks_handles.hpp"

namespace plumbline::storage {

struct EntityFamilies {
    FamilyPtr rows;
    std::vector<FamilyPtr> indexes;  ///< in the layout's order
};

/// Immutable: a changed bundle makes a new one over the same families. Views share it, so that what
/// they read stays after another generation was published.
struct Generation {
    uint32_t number = 0;
    std::shared_ptr<const SchemaBundle> bundle;
    std::vector<EntityStorage> plans;      ///< one an entity, in the bundle's order
    std::vector<EntityFamilies> entities;  ///< the same
    FamilyPtr undo;
    FamilyPtr quarantine;
    FamilyPtr digest;

    [[nodiscard]] std::vector<FamilyPtr> all() const;
};

/// kInvalidArgument where two entities or indexes would share a family, or an entity has no key.
[[nodiscard]] Status check_bundle(const SchemaBundle& bundle);
/// `families` must hold every one of `generation_families`.
[[nodiscard]] std::shared_ptr<Generation> make_generation(
    uint32_t number, std::shared_ptr<const SchemaBundle> bundle, const FamilyMap& families);
/// Deletes what `meta` holds of a generation.
void forget_generation(const RocksHandles& core, uint32_t number, rocksdb::WriteBatch& writes);

}  // namespace plumbline::storage
