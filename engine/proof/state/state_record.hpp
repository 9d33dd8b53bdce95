// What the database keeps of a state proof: that and where an entity was equal, and the storage
// that its contracts had then, so that the next proof may have nothing to do.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/proof/state/state_proof.hpp"
#include "storage/commit_batch.hpp"
#include "storage/records.hpp"

namespace plumbline::engine {

/// Keeps how every entity of `outcome` ended. `view` is the one that was compared.
[[nodiscard]] Status add_state_records(storage::CommitBatch& batch, const storage::ReadView& view,
                                       const Plan& plan, const StateOutcome& outcome,
                                       uint64_t time_s);
/// `StateProofOptions::last_equal` from what `add_state_records` kept; must not outlive `view`.
[[nodiscard]] std::function<std::optional<std::vector<StorageRoot>>(uint32_t entity)> last_equal_of(
    const storage::ReadView& view, std::shared_ptr<const Plan> plan);

/// What `rows` is below: changes with any byte of any row of the entity.
[[nodiscard]] Result<std::string> state_rows_mark(const storage::ReadView& view, uint32_t entity);
/// `rows` stands for the entity's rows as they were compared.
/// Where nothing was asked because nothing changed, `last` gives the figures. Where nobody could be
/// asked, `last` stands (engine/proof/standing.hpp): a mismatch, or that all was equal.
[[nodiscard]] storage::ProofRecord make_state_record(const Plan& plan, const StateOutcome& outcome,
                                                     const EntityState& state,
                                                     std::string_view rows, uint64_t time_s,
                                                     const storage::ProofRecord* last = nullptr);

/// What differs by the record of a proof that found something: "3 rows differ from the contract",
/// "the contract counts other rows", or both.
[[nodiscard]] std::string difference_text(const storage::ProofRecord& record);
/// How much of the entity the record does not settle and why, as "unproven 3: REASON"; empty where
/// it settles all.
[[nodiscard]] std::string unproven_text(const storage::ProofRecord& record);

/// For `StateProofOptions::last_equal`: the contracts' storage as `record` has it, if it was equal
/// and neither the rows nor the config have changed since. Empty where one of the entity's getters
/// takes a value from another entity's row.
[[nodiscard]] std::optional<std::vector<StorageRoot>> roots_of_record(
    const Plan& plan, uint32_t entity, const storage::ProofRecord& record, std::string_view rows);

}  // namespace plumbline::engine
