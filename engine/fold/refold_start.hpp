// What has to be in line with a plan before the log is folded by it.
#pragma once

#include <cstdint>

#include "core/base/result.hpp"
#include "engine/fold/rebuild.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/commit_batch.hpp"
#include "storage/database.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

/// In one synced commit, or none where nothing changes, and some more of the last kind:
///
/// - The children are those that the stored log announces by `plan`, no more and no less: another
///   start of a factory, or a factory less, makes others of the same log. Reads the whole log where
///   that may be so, holding one block of it.
/// - Coverage of sources with a factory that `plan` does not have is forgotten. It says that the
///   logs of the children of its time are stored; whose children are known is of this plan only.
/// - Corrections that versions before stored as whole rows are named rows, which any mapping can
///   read (engine/fold/corrections.hpp).
/// - Where the mapping is another one, verdicts of proofs are void.
/// - Facts of contract calls that no log names by `plan` go.
///
/// Until a fold by `plan` is published the old rows do not belong to the log then
/// (`Database::needs_refold`). kCancelled as `RebuildOptions::is_cancelled` says.
[[nodiscard]] Status start_refold(storage::Database& database, const Plan& plan,
                                  const RebuildOptions& options);

/// Takes verdicts of proofs away that are of block `from` or above: they are of another log, or of
/// another mapping. What the log proof has to do again (storage/proof_names.hpp) stays: the levels
/// that it is to raise stay, too.
[[nodiscard]] Status void_proofs(storage::CommitBatch& batch, const storage::ReadView& view,
                                 uint64_t from = 0);

}  // namespace plumbline::engine
