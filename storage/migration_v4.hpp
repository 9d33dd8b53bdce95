// From format 3 to 4: which blocks facts of the head name. Internal to storage.
#pragma once

#include "storage/migration.hpp"

namespace plumbline::storage {

/// Reads the facts and adds what they name; nothing else changes.
[[nodiscard]] Result<bool> migrate_to_v4(MigrationBatch& batch);

}  // namespace plumbline::storage
