// The three proofs one after the other, and what repair makes of them: the one way for commands and
// for the service.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/evm/log.hpp"
#include "engine/config/config.hpp"
#include "engine/config/memory_plan.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/proof/calls/call_proof.hpp"
#include "engine/proof/log/log_proof.hpp"
#include "engine/proof/replay/replay_proof.hpp"
#include "engine/proof/state/state_proof.hpp"
#include "engine/repair/repair.hpp"
#include "engine/repair/unknown_events.hpp"
#include "rpc/chain_source.hpp"
#include "storage/database.hpp"

namespace plumbline::engine {

struct VerifyOptions {
    bool with_log = true;
    bool with_replay = true;
    bool with_state = true;
    bool with_calls = true;
    /// Of the facts of contract calls, which part is asked again; empty: about 1,000 of them.
    std::optional<double> calls_sample;
    /// Of the log and of the scrub's log part; empty: from the first contract's start to the head.
    std::optional<uint64_t> from;
    std::optional<uint64_t> to;
    std::vector<uint32_t> entities;  ///< for the state; empty: all
    ProofConfig proof;
    MemoryPlan memory = plan_memory(256, MemoryUse::kProof);
    std::string scratch_dir;  ///< for the fold of the replay; empty: beside the database
    /// An entity whose rows and whose contract's storage are those of its last equal proof is not
    /// asked about again.
    bool trust_unchanged = false;
    size_t bisect_max = 3;  ///< state findings for which the first wrong block is looked up
    /// Also of a repair's folds: what was committed before them is whole, and the next start folds.
    std::stop_token stop;
    const Clock* clock = &system_clock();  ///< must outlive what is asked for
    std::function<void()>
        on_turn;  ///< often, on the calling thread; also while the chain is waited for
    /// What is going on: the proof ("log", "replay", "state"), done and all in its own units.
    std::function<void(std::string_view proof, std::string_view part, uint64_t done,
                       uint64_t total)>
        on_progress;
};

/// What ran is there; why something did not is said.
struct VerifyReport {
    std::optional<storage::Cursor> cursor;
    std::optional<LogProofOutcome> log;
    std::vector<LogProofPiece> log_pieces;  ///< the levels reached, range by range
    std::optional<ReplayReport> replay;
    std::optional<StateOutcome> state;
    std::optional<CallOutcomeReport> calls;  ///< empty: the mapping names none
    std::vector<std::string> state_marks;    ///< by `state->entities`: stands for the rows compared
    /// Events of the log that are not applied to the entities, and the first of them.
    uint64_t quarantined = 0;
    std::vector<storage::QuarantineRow> quarantine;
    QuarantinePolicy quarantine_policy = QuarantinePolicy::kReport;
    UnknownEvents unknown;  ///< of the whole log; looked for with the replay
    /// Entities whose rows were compared, but not those that were deleted.
    std::vector<std::string> deleted_not_compared;
    std::vector<std::string> unproven;  ///< asked for and not proven, and why
    std::vector<std::string> notes;     ///< what else is to be said
    [[nodiscard]] uint64_t finding_count() const noexcept;
    /// Everything that was asked for ran to its end.
    [[nodiscard]] bool is_complete() const noexcept { return unproven.empty(); }
    /// There are events in quarantine, and the config says that there must be none.
    [[nodiscard]] bool quarantine_fails() const noexcept {
        return quarantined > 0 && quarantine_policy == QuarantinePolicy::kFail;
    }
};

/// `chain` may be null: then only the replay proof can run. kCancelled when stopped; trouble with a
/// provider is a note and not an error.
[[nodiscard]] Result<VerifyReport> verify(const storage::Database& database,
                                          const std::shared_ptr<const Plan>& plan,
                                          rpc::ChainSource* chain, const VerifyOptions& options);

/// Adds how each proof ended, and the levels reached, to `batch`; with nothing written between this
/// and the batch's commit.
[[nodiscard]] Status add_report(storage::CommitBatch& batch, const storage::Database& database,
                                const Plan& plan, const VerifyReport& report, const Clock& clock);

struct RepairOptions {
    VerifyOptions verify;
    DriftPolicy on_drift = DriftPolicy::kReport;
    bool dry_run = false;
    unsigned rounds_max = 4;  ///< what is mended may show what lies behind it
    /// Carries a plan out on the thread that writes; empty: on the calling one.
    std::function<Status(const RepairPlan&)> apply;
    /// Told of each look, before anything is made of it.
    std::function<void(const VerifyReport&)> on_look;
    /// Told of each plan before it is carried out.
    std::function<void(const RepairPlan&)> on_plan;
};

struct RepairOutcome {
    std::vector<RepairPlan> plans;  ///< carried out, one a round (with `dry_run`: would be)
    VerifyReport report;            ///< of the last look
    std::vector<std::string> left;  ///< what is not mended, and why
    bool leaves_drift = false;      ///< as the last plan has it

    [[nodiscard]] bool is_whole() const noexcept {
        return left.empty() && report.finding_count() == 0;
    }
};

/// Of the folds that carrying a plan out needs.
[[nodiscard]] RebuildOptions fold_options(const RepairOptions& options);

/// Looks, mends, looks again, until nothing is found or nothing more can be mended. kCancelled when
/// stopped.
[[nodiscard]] Result<RepairOutcome> repair(storage::Database& database,
                                           const std::shared_ptr<const Plan>& plan,
                                           rpc::ChainSource* chain, const RepairOptions& options);

}  // namespace plumbline::engine
