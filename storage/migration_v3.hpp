// From format 2 to 3: families for what contract calls answered. Internal to storage.
#pragma once

#include "storage/migration.hpp"

namespace plumbline::storage {

/// Creates them, empty; nothing else changes.
[[nodiscard]] Result<bool> migrate_to_v3(MigrationBatch& batch);

}  // namespace plumbline::storage
