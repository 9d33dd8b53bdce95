// Version 2: coverage of contracts that a factory announces says whose children they are. In
// version 1 they counted from the log after their announcement on, and nothing told with which
// start of the factory they had been found: the logs of some are missing in blocks that are called
// proven. Internal to storage.
#pragma once

#include "core/base/result.hpp"
#include "storage/migration.hpp"

namespace plumbline::storage {

/// Where contracts were announced, no block and no range keeps a level above `fetched`, and no
/// verdict of a proof stays. All else is left as it is: the next run finds that nothing is covered
/// by the new rule, fetches it and folds. Positions: behind coverage and verdicts "blocks " and the
/// key of the last block row that was looked at.
[[nodiscard]] Result<bool> migrate_to_v2(MigrationBatch& batch);

}  // namespace plumbline::storage
