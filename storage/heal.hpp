// What an open does about what an earlier crash or loss left behind. Internal to storage.
#pragma once

#include <cstdint>

#include "core/base/result.hpp"
#include "storage/database_impl.hpp"

namespace plumbline::storage {

/// Drops generations that were never published, or were replaced, or whose creation was cut short,
/// and what a bulk commit that did not end left beside them.
[[nodiscard]] Status drop_leftovers(Database::Impl& db, const FamilyMap& families)
    PLUMBLINE_REQUIRES(db.writer);

struct Healed {
    bool changed = false;         ///< a commit mended something
    uint64_t highest_commit = 0;  ///< that any family had seen before
};

/// Compares the watermarks of all families. Where they differ, the log families are cut back to
/// what all of them hold and the derived ones are marked for a new fold; a reader only notes it.
[[nodiscard]] Result<Healed> heal_families(Database::Impl& db) PLUMBLINE_REQUIRES(db.writer);

}  // namespace plumbline::storage
