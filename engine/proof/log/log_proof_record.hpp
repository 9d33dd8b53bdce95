// Writes down how far the log is proven: levels of blocks and of covered ranges, and how the proof
// ended. For the thread that owns the database's writing.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/base/result.hpp"
#include "core/evm/block_id.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/proof/log/log_proof.hpp"
#include "storage/commit_batch.hpp"
#include "storage/database.hpp"

namespace plumbline::engine {

/// What `KnownRanges` writes: for the proof itself, no proof of its own.
constexpr std::string_view kKnownRecord = "log_known";

/// Adds a piece's levels to `batch`: none falls, except those of blocks with findings, and outside
/// of the piece those of sources that turn out to have contracts which the database does not know.
/// Coverage of sources that `plan`, which the piece was proven by, does not have rises never. What
/// the database no longer covers (the chain changed meanwhile) is left alone, and where the piece's
/// blocks are not those any more that were proven (proof_basis.hpp) no level rises: call it with
/// nothing written between it and the batch's commit. False in that case.
[[nodiscard]] Result<bool> add_levels(storage::CommitBatch& batch,
                                      const storage::Database& database, const Plan& plan,
                                      const LogProofPiece& piece);

/// Takes back what is said of these blocks, ascending: they are not stored as they were proven. To
/// `fetched`, so that the log proof looks at them again. Call it as `add_levels`.
[[nodiscard]] Status lower_levels(storage::CommitBatch& batch, const storage::Database& database,
                                  std::span<const uint64_t> blocks);

/// Adds how a whole proof ended, as `status` shows it, and where a later one may go on downwards.
/// `known_findings`: of other blocks, from earlier proofs, not repaired. Level none: unprovable.
void add_record(storage::CommitBatch& batch, const LogProofOutcome& outcome, evm::BlockId top,
                uint64_t time_s, uint64_t known_findings = 0);

/// Where the last recorded proof had come to, to be the anchor of one below it: empty where there
/// is none.
[[nodiscard]] Result<std::optional<evm::BlockId>> read_frontier(const storage::ReadView& view);

}  // namespace plumbline::engine
