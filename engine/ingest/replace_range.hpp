// Stored blocks that a provider told which was proven to lie, held against what others tell of
// them.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/result.hpp"
#include "engine/ingest/ingest.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/commit_batch.hpp"
#include "storage/database.hpp"

namespace plumbline::engine {

/// Puts what differs into `batch`: logs, block rows and children as `fetched` has them, which all
/// sources of the plan were asked for, with an entry of the journal a block that names `liar` and
/// `now_s`. The number of blocks that differed; where there is any, the entities follow with a fold
/// (`require_refold` is in the batch). kReorg where a stored block is another one.
[[nodiscard]] Result<size_t> replace_range(const storage::Database& database, const Plan& plan,
                                           const FetchedRange& fetched, const std::string& liar,
                                           uint64_t now_s, storage::CommitBatch& batch);

/// What contracts with a history that are announced behind the range's first block had said in its
/// blocks before that was not asked for: its coverage goes, and that of whom it may announce. Once
/// `fetched` is called covered. It is fetched as a gap then.
[[nodiscard]] Status withdraw_histories(const storage::Database& database, const Plan& plan,
                                        const FetchedRange& fetched, storage::CommitBatch& batch);

}  // namespace plumbline::engine
