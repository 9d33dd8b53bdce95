// What of a log's coverage ends with a contract that turns up late: its logs were not asked for.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/mapping/plan.hpp"
#include "storage/commit_batch.hpp"
#include "storage/records.hpp"

namespace plumbline::engine {

/// The logs of `child` were asked for from its announcement up to the block before `unasked_from`,
/// and not up to `last_block`. Of what counts of it there its source is not covered, nor are those
/// whose contracts its logs from before its announcement may announce. Where there are such blocks
/// they are fetched as a gap, and the log is folded again.
void withdraw_coverage(storage::CommitBatch& batch, const std::vector<Source>& sources,
                       const storage::ChildRow& child, uint64_t unasked_from, uint64_t last_block);

}  // namespace plumbline::engine
