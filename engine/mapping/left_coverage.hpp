// What another config had asked for and a plan does not want stays in the log, shown with the rest.
// Coverage of its own says of which blocks such logs are stored, and what is proven of them, so
// that no block is called proven by what is wanted of it alone.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/log.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/commit_batch.hpp"
#include "storage/database.hpp"
#include "storage/records.hpp"

namespace plumbline::engine {

/// The key of that coverage, which is no source's: that no log is missing is said of nobody. A log
/// proof judges all that is stored of a block, so it raises this with the plan's own.
inline constexpr std::string_view kLeftCoverage = "left";

/// Brings coverage in line with `plan`, before anything else is written by it; in synced commits,
/// or none where nothing changes:
///
/// - It has the names that the plan has for it (engine/mapping/coverage_names.hpp).
/// - What is covered for sources that `plan` does not have, or of blocks in which they end now, is
///   covered as `kLeftCoverage` too, at the level that was proven of it. It stays under its key as
///   well, for a config that wants it again.
/// - The plan's sources have no higher level than that in the same blocks.
[[nodiscard]] Status adopt_coverage(storage::Database& database, const Plan& plan);

/// The blocks of the row for which a log proof by `sources` looks whether all is there that it
/// says: elsewhere the row can only lose its level. None where no source has its key.
[[nodiscard]] std::optional<evm::BlockRange> looked_for(const storage::CoverageRow& row,
                                                        const std::vector<Source>& sources);

/// Logs of a source are added in blocks that were stored before: nothing is proven of all that is
/// stored there any more.
void lower_left_coverage(storage::CommitBatch& batch,
                         const std::vector<storage::CoverageRow>& coverage, evm::BlockRange range);

}  // namespace plumbline::engine
