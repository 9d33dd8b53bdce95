// What calls with `state = "head"` answered names a block of its own: what becomes of such facts
// when the chain leaves that block.
#pragma once

#include <cstdint>

#include "core/base/result.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/database.hpp"

namespace plumbline::engine {

/// Whether a rollback to `target` may take a block that facts of the head name. Those that the
/// index has come past are final, so that only a rollback below finality takes them.
[[nodiscard]] Result<bool> is_asked_above(const storage::Database& database, const Plan& plan,
                                          uint64_t target);
/// What calls with `state = "head"` answered at block `from` and above is told of a chain that is
/// no more: marked, so that whoever next looks through the facts asks again (FoldNeeds). True where
/// there is any. Marked before anything is cut: a crash in between leaves the reorg to be found
/// again, and marks that cost one question each.
[[nodiscard]] Result<bool> doubt_head_facts(storage::Database& database, uint64_t from);
/// So that the follower looks for what a fold lacks, fetches it, and folds. Only with this are the
/// blocks from `from` on forgotten that facts of the head named.
[[nodiscard]] Status owe_refold(storage::Database& database, uint64_t from);

}  // namespace plumbline::engine
