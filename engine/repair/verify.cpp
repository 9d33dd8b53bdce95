#include "engine/repair/verify.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "engine/config/finality.hpp"
#include "engine/fold/scratch_database.hpp"
#include "engine/mapping/block_ranges.hpp"
#include "engine/mapping/coverage_gaps.hpp"
#include "engine/mapping/stored_plan.hpp"
#include "engine/proof/log/log_proof_run.hpp"
#include "engine/proof/replay/stored_damage.hpp"
#include "engine/proof/state/state_bisect.hpp"
#include "engine/proof/state/state_record.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kQuarantineMax = 20;  ///< events that a report shows

/// One look. Steps in the order in which causes come before what follows from them.
class Verification {
  public:
    Verification(const storage::Database& database, std::shared_ptr<const Plan> plan,
                 rpc::ChainSource* chain, const VerifyOptions& options)
        : database_{database},
          plan_{std::move(plan)},
          chain_{chain},
          options_{options} {}

    [[nodiscard]] Result<VerifyReport> run() {
        report_.cursor = database_.cursor();
        if (!report_.cursor) {
            report_.unproven.emplace_back("the database is empty: there is nothing to prove yet");
            return std::move(report_);
        }
        PLUMBLINE_TRY_VOID(look_at_quarantine());
        if (options_.with_replay) {
            PLUMBLINE_TRY_VOID(look_at_replay());
        }
        if (chain_ == nullptr) {
            note_missing_chain();
            return std::move(report_);
        }
        if (options_.with_log) {
            PLUMBLINE_TRY_VOID(look_at_log());
        }
        if (options_.with_calls && plan_->has_calls()) {
            PLUMBLINE_TRY_VOID(look_at_calls());
        }
        if (options_.with_state) {
            PLUMBLINE_TRY_VOID(look_at_state());
        }
        return std::move(report_);
    }

  private:
    [[nodiscard]] Status look_at_calls() {
        CallProofOptions proof;
        proof.from = options_.from.value_or(0);
        proof.to = options_.to.value_or(UINT64_MAX);
        proof.sample = options_.calls_sample;
        proof.storage = plan_->call_storage();
        PLUMBLINE_TRY(const Config config, stored_config(database_));
        proof.finality_depth = config.chain.finality_depth;
        proof.finality_depth_fallback = kFinalityDepthFallback;
        proof.is_cancelled = [this] { return is_stopped(); };
        proof.on_progress = [this](uint64_t done) { report_progress("calls", "facts", done, 0); };
        const auto view = database_.read_view();
        PLUMBLINE_TRY(report_.calls, prove_calls(*chain_, *view, proof));
        for (const std::string& why : report_.calls->unproven) {
            report_.unproven.push_back("calls: " + why);
        }
        for (const std::string& why : report_.calls->disputed) {
            report_.unproven.push_back("calls: " + why);
        }
        if (report_.calls->slots_elsewhere > 0) {
            const bool is_one = report_.calls->slots_elsewhere == 1;
            report_.notes.push_back(fmt::format(
                "calls: `slots` are not what the function reads for {} fact{}, which {} asked "
                "again like those without: {}",
                report_.calls->slots_elsewhere, is_one ? "" : "s", is_one ? "was" : "were",
                fmt::join(report_.calls->elsewhere, "; ")));
        }
        for (const std::string& why : report_.calls->off_block) {
            report_.notes.push_back("calls: " + why);
        }
        if (report_.calls->skipped > 0) {
            report_.notes.push_back(fmt::format(
                "calls: {} of {} facts were asked again; --sample 1 asks all",
                report_.calls->checked, report_.calls->checked + report_.calls->skipped));
        }
        if (report_.calls->by_same > 0) {
            report_.notes.push_back(
                fmt::format("calls: {} facts were asked again of who had told them: a second "
                            "provider would prove more",
                            report_.calls->by_same));
        }
        return ok();
    }
    void note_missing_chain() {
        if (options_.with_log) {
            report_.unproven.emplace_back("log: not proven, no provider to ask");
        }
        if (options_.with_calls && plan_->has_calls()) {
            report_.unproven.emplace_back("calls: not proven, no provider to ask");
        }
        if (options_.with_state) {
            report_.unproven.emplace_back("state: not proven, no provider to ask");
        }
    }
    /// Its rows are proven by the replay; that there are any is part of the whole truth.
    [[nodiscard]] Status look_at_quarantine() {
        const auto view = database_.read_view();
        report_.quarantine_policy = options_.proof.quarantine;
        report_.quarantined = view->quarantine_count();
        PLUMBLINE_TRY(report_.quarantine, view->list_quarantine(kQuarantineMax));
        return ok();
    }
    /// Asked often, also while the chain is waited for.
    [[nodiscard]] bool is_stopped() const {
        if (options_.on_turn) {
            options_.on_turn();
        }
        return options_.stop.stop_requested();
    }
    void report_progress(std::string_view proof, std::string_view part, uint64_t done,
                         uint64_t total) const {
        if (options_.on_progress) {
            options_.on_progress(proof, part, done, total);
        }
    }

    [[nodiscard]] Status look_at_replay() {
        ReplayOptions replay;
        replay.memory = options_.memory;
        replay.scratch_parent =
            !options_.scratch_dir.empty() ? options_.scratch_dir : directory_of(database_);
        replay.is_cancelled = [this] { return is_stopped(); };
        replay.on_progress = [this](const ReplayProgress& progress) {
            report_progress("replay", progress.phase, progress.done, progress.total);
        };
        const auto view = database_.read_view();
        PLUMBLINE_TRY(report_.replay, prove_replay(*view, plan_, replay));
        // Where the log cannot be read, the replay proof has said so: nothing is counted.
        if (auto counted = count_unknown_events(*view, plan_, replay.is_cancelled)) {
            report_.unknown = *std::move(counted);
            if (report_.unknown.seen == 0) {
                report_.notes.emplace_back(
                    "the log holds no event, so there was nothing to compare: is it the contract "
                    "that emits what the config indexes?");
            }
        } else if (counted.error().code == ErrorCode::kCancelled) {
            return counted.error();
        }
        return ok();
    }

    [[nodiscard]] Status look_at_log() {
        PLUMBLINE_TRY(LogProofInput input, read_log_proof_input(database_));
        const uint64_t from = std::min(first_block_of(plan_->sources()), report_.cursor->block_num);
        LogProofOptions proof;
        proof.range = {options_.from.value_or(from),
                       std::min(options_.to.value_or(UINT64_MAX), report_.cursor->block_num)};
        if (proof.range.from > proof.range.to) {
            return Error{
                ErrorCode::kInvalidArgument,
                fmt::format("there are no blocks from {} to {} in the index, which ends at {}",
                            proof.range.from, proof.range.to, report_.cursor->block_num)};
        }
        if (proof.range.to == report_.cursor->block_num &&
            report_.cursor->block_hash != evm::Hash{}) {
            // Not from the block's row, which may be what is damaged.
            proof.anchor = evm::BlockId{report_.cursor->block_num, report_.cursor->block_hash};
        }
        proof.level = options_.proof.level;
        proof.sample = options_.proof.sample;
        proof.requests_per_second = options_.proof.requests_per_second;
        proof.range_blocks = options_.proof.range_blocks;
        report_progress("log", "blocks", 0, proof.range.size());
        const auto outcome =
            prove_range(*chain_, std::move(input), plan_, *options_.clock, proof,
                        {[this] { return is_stopped(); },
                         [this](const LogProofPiece& piece, uint64_t done, uint64_t total) {
                             report_.log_pieces.push_back(piece);
                             report_progress("log", "blocks", done, total);
                         }});
        if (is_stopped()) {
            return Error{ErrorCode::kCancelled, "stopped"};
        }
        if (!outcome) {
            report_.unproven.push_back("log: " + outcome.error().message);
            return ok();
        }
        report_.log = *outcome;
        mark_damage(*database_.read_view(), report_.log->findings.kept);
        PLUMBLINE_TRY_VOID(look_for_gaps(proof.range));
        if (!report_.log->is_complete || report_.log->level < proof.level) {
            report_.unproven.push_back(
                fmt::format("log: proven only to {}{}{}", to_string(report_.log->level),
                            report_.log->reason.empty() ? "" : ": ", report_.log->reason));
        }
        return ok();
    }

    /// What nobody was asked about yet cannot be missing in a proof of what is covered: another
    /// config was folded without a network, or an older version had asked for less.
    [[nodiscard]] Status look_for_gaps(evm::BlockRange range) {
        PLUMBLINE_TRY(const std::vector<storage::CoverageRow> coverage, database_.coverage());
        const std::vector<CoverageGap> gaps =
            find_missing(plan_->sources(), coverage, report_.cursor->block_num);
        std::optional<evm::BlockRange> open;
        std::set<uint32_t> lacking;
        for (const CoverageGap& gap : gaps) {
            if (const auto common = common_of(gap.range, range)) {
                open = {open.value_or(*common).from, common->to};
                lacking.insert(gap.sources.begin(), gap.sources.end());
            }
        }
        if (!open) {
            return ok();
        }
        std::string names;
        for (const uint32_t source : lacking) {
            names += (names.empty() ? "" : ", ") + plan_->sources()[source].contract;
        }
        report_.log->level = storage::ProofLevel::kNone;
        report_.log->reason =
            fmt::format("blocks {} to {} were not all fetched yet for {}: `plumbline run` does it",
                        open->from, open->to, names);
        return ok();
    }

    [[nodiscard]] Status look_at_state() {
        if (plan_->state_plans().empty() && plan_->count_plans().empty()) {
            report_.notes.emplace_back("state: no entity has `state` or `count` in the config");
            return ok();
        }
        const auto view = database_.read_view();
        StateProofOptions proof;
        proof.entities = options_.entities;
        proof.is_cancelled = [this] { return is_stopped(); };
        proof.on_progress = [this](const EntityState& state) {
            report_progress("state", state.name, state.checked, 0);
        };
        if (options_.trust_unchanged) {
            proof.last_equal = last_equal_of(*view, plan_);
        }
        report_.state = prove_state(*chain_, *view, plan_, std::move(proof));
        if (is_stopped()) {
            return Error{ErrorCode::kCancelled, "stopped"};
        }
        for (const StateOutcome::Disbelieved& one : report_.state->disbelieved) {
            report_.notes.push_back(
                fmt::format("state: {} is not believed: {}", one.provider, one.why));
        }
        for (const EntityState& state : report_.state->entities) {
            PLUMBLINE_TRY(report_.state_marks.emplace_back(), state_rows_mark(*view, state.entity));
            for (const EntityState::Unproven& unproven : state.unproven) {
                report_.unproven.push_back(fmt::format("state: {} of {} not compared: {}",
                                                       unproven.count, state.name,
                                                       unproven.reason));
            }
            for (const EntityState::Unproven& disputed : state.disputed) {
                report_.unproven.push_back(
                    fmt::format("state: {} value{} of {} not proven: {}", disputed.count,
                                disputed.count == 1 ? "" : "s", state.name, disputed.reason));
            }
            if (!state.storage_note.empty()) {
                report_.notes.push_back(fmt::format("state: values of {} not proven by storage: {}",
                                                    state.name, state.storage_note));
            }
            note_deleted(state);
        }
        find_beginnings(*view);
        return ok();
    }

    /// Without `deleted` nobody knows what the contract tells of a deleted row. Where it counts its
    /// rows, one that is deleted here only shows in the number.
    void note_deleted(const EntityState& state) {
        const auto is_of_entity = [&state](const auto& plan) {
            return plan.entity == state.entity;
        };
        const bool is_asked = std::ranges::any_of(plan_->state_plans(), [&](const StatePlan& plan) {
            return is_of_entity(plan) && plan.has_gone;
        });
        const bool is_compared = std::ranges::any_of(plan_->state_plans(), is_of_entity);
        if (is_compared && !is_asked && plan_->deletes_rows(state.entity) &&
            std::ranges::none_of(plan_->count_plans(), is_of_entity)) {
            report_.deleted_not_compared.push_back(state.name);
        }
    }

    /// Since when the first few differ, as far as their rows and the node tell.
    void find_beginnings(const storage::ReadView& view) {
        size_t left = options_.bisect_max;
        for (Finding& finding : report_.state->findings.kept) {
            const int entity = plan_->find_entity(finding.entity);
            if (left == 0) {
                return;
            }
            if (finding.kind != FindingKind::kStateDiffers || entity < 0 ||
                finding.raw_key.empty()) {
                continue;
            }
            --left;
            const auto first = find_first_wrong_block(
                *chain_, view, *plan_, static_cast<uint32_t>(entity), finding.raw_key);
            if (first) {
                finding.detail +=
                    fmt::format("{}{}", finding.detail.empty() ? "" : ", ", beginning_text(*first));
            }
        }
    }

    const storage::Database& database_;
    std::shared_ptr<const Plan> plan_;
    rpc::ChainSource* chain_;
    const VerifyOptions& options_;
    VerifyReport report_;
};

}  // namespace

uint64_t VerifyReport::finding_count() const noexcept {
    return (log ? log->findings.total : 0) + (replay ? replay->findings.total : 0) +
           (state ? state->findings.total : 0) + (calls ? calls->findings.total : 0);
}

Result<VerifyReport> verify(const storage::Database& database,
                            const std::shared_ptr<const Plan>& plan, rpc::ChainSource* chain,
                            const VerifyOptions& options) {
    // Sources are the config's alone: the log can be proven without what makes rows of it.
    const bool needs_mapping = options.with_replay || options.with_state;
    if (needs_mapping) {
        PLUMBLINE_TRY_VOID(check_functions(database, *plan));
    }
    if (database.bundle().fingerprint != plan->bundle().fingerprint &&
        (needs_mapping || database.entities() != plan->entities())) {
        return Error{ErrorCode::kIncompatible,
                     "the config's mapping is not the one that the entities were folded with: run "
                     "or rebuild first"};
    }
    return Verification{database, plan, chain, options}.run();
}

namespace {

/// What one look says is to be done.
Result<RepairPlan> make_plan(const storage::Database& database,
                             const std::shared_ptr<const Plan>& mapping, rpc::ChainSource* chain,
                             const RepairOptions& options, const VerifyReport& report) {
    RepairPlan plan;
    if (database.needs_refold()) {
        plan.add_refold("an earlier repair or rollback was cut off before its fold");
    }
    if (report.log) {
        plan.add_log(*report.log);
    }
    if (report.calls) {
        plan.add_calls(report.calls->findings, report.calls->right);
    }
    if (chain != nullptr) {
        PLUMBLINE_TRY_VOID(fetch_txns(*chain, *mapping, plan));
        PLUMBLINE_TRY_VOID(fetch_calls(*chain, *database.read_view(), *mapping, plan));
    }
    if (report.replay) {
        const uint64_t first = report.log && report.log->is_complete && report.log->range
                                   ? report.log->range->from
                                   : 0;
        plan.add_replay(report.replay->findings, {first, report.cursor->block_num});
    }
    if (!report.state || report.state->findings.empty() || !plan.is_empty()) {
        return plan;  // what the contract tells is looked at again once the cause is mended
    }
    const bool is_log_proven = report.log && report.log->is_complete &&
                               report.log->findings.empty() &&
                               report.log->level == storage::ProofLevel::kReceipts;
    const bool is_replay_proven = report.replay && report.replay->findings.empty();
    if (!is_log_proven || !is_replay_proven) {
        plan.left.emplace_back(
            "the contract tells something else, but the log is not proven to receipts: prove that "
            "first, the cause "
            "may be a missing event");
    } else if (options.on_drift == DriftPolicy::kChain) {
        PLUMBLINE_TRY_VOID(plan_corrections(database, report.state->findings, plan));
    } else {
        plan.leaves_drift = true;
        for (const Finding& finding : report.state->findings.kept) {
            plan.left.push_back(describe(finding));
        }
        plan.left.emplace_back(
            "the log and the fold are proven, so the mapping does not say what the contract does; "
            "[repair] on_drift = \"chain\" writes the contract's values");
    }
    return plan;
}

}  // namespace

RebuildOptions fold_options(const RepairOptions& options) {
    RebuildOptions out = rebuild_options(options.verify.memory);
    out.is_cancelled = [stop = options.verify.stop] { return stop.stop_requested(); };
    return out;
}

Result<RepairOutcome> repair(storage::Database& database, const std::shared_ptr<const Plan>& plan,
                             rpc::ChainSource* chain, const RepairOptions& options) {
    RepairOutcome outcome;
    const auto look = [&]() -> Status {
        PLUMBLINE_TRY(outcome.report, verify(database, plan, chain, options.verify));
        if (options.on_look) {
            options.on_look(outcome.report);
        }
        return ok();
    };
    for (unsigned round = 0; round < options.rounds_max; ++round) {
        PLUMBLINE_TRY_VOID(look());
        PLUMBLINE_TRY(RepairPlan next, make_plan(database, plan, chain, options, outcome.report));
        outcome.left = next.left;
        outcome.leaves_drift = next.leaves_drift;
        if (next.is_empty()) {
            return outcome;
        }
        if (options.on_plan) {
            options.on_plan(next);
        }
        outcome.plans.push_back(std::move(next));
        if (options.dry_run) {
            return outcome;
        }
        PLUMBLINE_TRY_VOID(options.apply
                               ? options.apply(outcome.plans.back())
                               : apply_repair(database, plan, outcome.plans.back(),
                                              *options.verify.clock, fold_options(options)));
    }
    PLUMBLINE_TRY_VOID(look());
    return outcome;
}

}  // namespace plumbline::engine
