// Repair: from what the proofs found to a plan that people can read, and from the plan to one
// atomic commit with its journal entries. The cause is mended before what follows from it: blocks
// of the log that differ from the chain are written anew from proven receipts, and the entities are
// then folded from the log. What the log does not explain is only reported, or, where the policy
// says so, written as a correction that every later fold keeps.
//
//     RepairPlan plan;
//     plan.add_log(outcome, ...);  plan.add_replay(findings);  plan.add_drift(...);
//     PLUMBLINE_TRY_VOID(apply_repair(database, mapping, plan, clock));
//
// Interrupted anywhere, a repair is done or not begun: the first commit holds the mended log, the
// journal and the order to fold again, which the next start carries out. What may follow it:
//   1. digests of a log whose bytes are right, with their journal entry; without it the next look
//      finds them as wrong as before,
//   2. answers of contract calls that no event names any more go; else whoever carries the order
//      out drops them before the fold,
//   3. the fold, published by one write.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "engine/fold/rebuild.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/proof/finding.hpp"
#include "engine/proof/log/log_proof.hpp"
#include "rpc/chain_source.hpp"
#include "storage/database.hpp"

namespace plumbline::engine {

/// What would be done. Nothing is written before `apply_repair`.
struct RepairPlan {
    std::vector<ProvenBlock> blocks;            ///< their logs and rows are written anew
    std::vector<uint64_t> out_of_range_blocks;  ///< blocks in which nothing may be stored, but is
    std::unordered_map<evm::Hash, storage::TxnFields, evm::FixedBytesHash> txns;  ///< for `blocks`
    /// Block and index of the logs, of `blocks`, that are stored with fields of `txns`: as ingest
    /// would, not all of a transaction's.
    std::map<std::pair<uint64_t, uint32_t>, storage::TxnNeeds> logs_with_txn;
    std::vector<storage::ChildRow> children;  ///< contracts that missing logs announce
    /// Who repairs proves only what is final: the rest is fetched again for `children`.
    bool is_of_final = false;
    std::vector<storage::CorrectionRow> corrections;
    std::vector<storage::CallFact> calls;      ///< in place of what is stored of them
    std::vector<storage::CallFact> new_calls;  ///< that events need once it is carried out
    /// The log is whole, what is kept of it is not: its digests are made anew, with this entry.
    std::optional<storage::JournalRow> renew_log_digests;
    bool fold_again = false;
    std::vector<storage::JournalRow> journal;
    std::vector<std::string> steps;  ///< what will be done, for people, in order
    std::vector<std::string> left;   ///< what is not mended, and why
    /// Events and rows are proven, and the contract tells otherwise: in `left`.
    bool leaves_drift = false;

    [[nodiscard]] bool is_empty() const noexcept {
        return blocks.empty() && out_of_range_blocks.empty() && corrections.empty() &&
               calls.empty() && children.empty() && !renew_log_digests && !fold_again;
    }

    /// Blocks whose logs or rows are not the chain's.
    void add_log(const LogProofOutcome& outcome);
    /// The same of what may be mended without being asked: whole blocks of which every finding is
    /// certain (`Finding::is_certain`), the lowest `blocks_max` of them. `left` names the others.
    /// True where there were more than that.
    bool add_certain_log(const LogProofOutcome& outcome, size_t blocks_max);
    /// Facts of contract calls of which most providers say something else: `right`.
    void add_calls(const Findings& findings, const std::vector<storage::CallFact>& right);
    /// Rows, indexes, counts, digests and quarantine that are not what the log makes; stored log
    /// bytes that no longer are what they were, as far as `add_log` (called before) mends them.
    /// What lies outside of `indexed` cannot be of the chain and goes.
    void add_replay(const Findings& findings, evm::BlockRange indexed);
    /// The database says itself that its entities do not belong to its log.
    void add_refold(const std::string& reason);
};

/// Fetches the transaction fields that the mapping names for logs of `plan.blocks`.
[[nodiscard]] Status fetch_txns(rpc::ChainSource& source, const Plan& mapping, RepairPlan& plan);

/// Asks what contract calls answer that the handlers name for logs of `plan.blocks`, or for stored
/// ones by what `plan.calls` answers, and that is not stored; after `fetch_txns`. kNotFound,
/// kUnavailable: as `CallAsker` says; then `plan` must not be applied, for its fold would lack
/// them.
[[nodiscard]] Status fetch_calls(rpc::ChainSource& source, const storage::ReadView& view,
                                 const Plan& mapping, RepairPlan& plan);

/// Turns state findings into correction records at the index's block. For each finding the row gets
/// the contract's value; a row that the contract no longer has is deleted.
[[nodiscard]] Status plan_corrections(const storage::Database& database, const Findings& drift,
                                      RepairPlan& plan);

/// Carries `plan` out: one synced commit, then the fold. On the thread that writes to `database`.
/// A block of which another row is stored than was judged is left as it is, with its journal
/// entries: the chain was reorganised meanwhile, and the next look judges what is there now. An
/// error before the commit has changed nothing; after it the fold is owed and made at the next
/// start at the latest.
/// `clock` is the journal's.
[[nodiscard]] Status apply_repair(storage::Database& database, std::shared_ptr<const Plan> mapping,
                                  const RepairPlan& plan, const Clock& clock,
                                  const RebuildOptions& options = {});

}  // namespace plumbline::engine
