#include "engine/service/proof_verdicts.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/proof/explain.hpp"
#include "engine/proof/log/log_proof_record.hpp"
#include "engine/proof/standing.hpp"
#include "engine/proof/state/state_record.hpp"
#include "engine/task/proof_ranges.hpp"
#include "engine/task/repair_runs.hpp"
#include "engine/task/run_findings.hpp"
#include "engine/task/tasks.hpp"
#include "engine/text/duration.hpp"
#include "storage/proof_names.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

namespace {

constexpr int64_t kVerdictsMs = 5'000;
constexpr int64_t kLookToProveMs = 5'000;
constexpr size_t kNotesMax = 8;

/// The log's record names the block that its proof began at, and what is wrong lies below.
std::string describe_verdict(const storage::ProofRecord& record, const KnownRanges& known) {
    std::string out = fmt::format(
        "the {} proof{} found {}", record.proof,
        record.entity.empty() ? "" : " of " + record.entity,
        record.proof == "state" ? "that " + difference_text(record)  // a row in however many fields
                                : count_of(record.mismatches, "mismatch", "mismatches"));
    if (record.proof != "log") {
        const std::string_view why = not_looked_at(record);
        return out + fmt::format(" at block {}", record.block_num) +
               (why.empty() ? std::string{}
                            : fmt::format(", which could not be looked at since: {}", why));
    }
    const auto first = std::ranges::find_if(
        known.ranges(), [](const KnownRange& range) { return range.findings > 0; });
    if (first == known.ranges().end()) {
        return out + fmt::format(" in the blocks up to {}", record.block_num);
    }
    return out + fmt::format(", the first of them in block {}", first->range.from);
}

/// Who told all events; empty where several did.
std::string only_teller(const storage::Database& database) {
    const auto coverage = database.coverage();
    std::string out;
    if (!coverage) {
        return out;
    }
    for (const storage::CoverageRow& row : *coverage) {
        if (!out.empty() && row.provider != out) {
            return {};
        }
        out = row.provider;
    }
    return out;
}

/// Who had told what the findings are of: ", as X had answered"; empty where that is not known.
std::string blame_text(const std::vector<nlohmann::json>& findings) {
    std::vector<std::string> names;
    for (const nlohmann::json& finding : findings) {
        std::string one = finding.value("provider", std::string{});
        if (!one.empty() && std::ranges::find(names, one) == names.end()) {
            names.push_back(std::move(one));
        }
    }
    return names.empty() ? "" : fmt::format(", as {} had answered", fmt::join(names, ", "));
}

/// Empty where none waits or runs.
std::string describe_open_repair(const WorkQueue& queue) {
    for (const auto& [state, text] : {std::pair{TaskState::kRunning, "is under way"},
                                      std::pair{TaskState::kWaiting, "is in the queue"}}) {
        for (const TaskRow& task : queue.list(state, "repair")) {
            if (!read_repair_args(task.args).is_dry_run) {
                return fmt::format("; a repair {} (task {})", text, task.id);
            }
        }
    }
    return {};
}

}  // namespace

/// What is to be done about it, where nobody does it unasked.
std::string ProofVerdicts::advice(const storage::ProofRecord& record, const Records& records,
                                  const WorkQueue* queue) const {
    if (record.proof == "state") {
        return drift_advice(record, records, queue);
    }
    const std::string repair =
        fmt::format("`plumbline task add {} repair` mends them", indexer_.db_path());
    if (record.proof != "log" || indexer_.config().repair.on_log != LogPolicy::kMend) {
        return "; " + repair;
    }
    return ear_.is_mending_spent()
               ? "; so many blocks were mended since the start that no more are unasked: " + repair
               : "";
}

/// The contract tells otherwise: what a repair mends, unless one has shown that it mends nothing,
/// or what is proven says so.
std::string ProofVerdicts::drift_advice(const storage::ProofRecord& record, const Records& records,
                                        const WorkQueue* queue) const {
    const auto findings = findings_of(queue, record);
    if (!findings.empty() && has_left_drift(newest_repairs(queue).repair, findings.front())) {
        return fmt::format(
            "; {}", remedy_of(FindingKind::kStateDiffers,
                              indexer_.config().repair.on_drift == DriftPolicy::kChain, true));
    }
    const storage::ProofRecord* replay = find_record(records, "replay", "");
    const bool is_of_mapping = proven_.first == to_string(storage::ProofLevel::kReceipts) &&
                               replay != nullptr && replay->is_equal && !findings.empty() &&
                               std::ranges::all_of(findings, [&](const nlohmann::json& finding) {
                                   return finding.value("block", uint64_t{0}) <=
                                          std::min(proven_.second, replay->block_num);
                               });
    if (is_of_mapping) {
        return "; events and rows are proven, so the mapping is likelier wrong than the index, and "
               "a repair most likely leaves it: correct the mapping, /v1/conflicts has the cause";
    }
    if (indexer_.config().repair.on_log == LogPolicy::kMend && !ear_.is_mending_spent() &&
        indexer_.config().proof.level != storage::ProofLevel::kNone) {
        const std::string teller = only_teller(*indexer_.database());
        return fmt::format(
            "; a missing event is mended unasked once the log is proven so far{}, `plumbline task "
            "add {} repair` mends a damaged row, /v1/conflicts has the cause",
            teller.empty() ? "" : fmt::format(" ({} told all of them)", teller),
            indexer_.db_path());
    }
    return fmt::format(
        "; `plumbline task add {} repair` mends what comes of a missing event or a damaged row, "
        "/v1/conflicts has the cause",
        indexer_.db_path());
}

void ProofVerdicts::read(const WorkQueue* queue, int64_t now_ms) {
    // Proofs do not run while backfilling; and a view given back makes RocksDB rewrite files.
    const bool is_known =
        next_read_ms_ > 0 && indexer_.progress().state.load() == Lifecycle::kBackfilling;
    if (indexer_.database() == nullptr || now_ms < next_read_ms_ || is_known) {
        return;
    }
    next_read_ms_ = now_ms + kVerdictsMs;
    const auto view = indexer_.database()->read_view();
    const auto records = view->list_proofs();
    const auto known = KnownRanges::read(*view, 0);
    if (!records || !known) {
        return;
    }
    read_proven();
    found_.clear();
    notes_.clear();
    for (auto& [proof, count] : mismatches_) {
        count = 0;
        for (const storage::ProofRecord& record : *records) {
            count += record.proof == proof ? record.mismatches : 0;
        }
    }
    std::optional<std::string> repair;
    for (const storage::ProofRecord& record : *records) {
        if (storage::is_verdict(record.proof) && record.mismatches > 0) {
            if (!repair) {
                repair = queue != nullptr ? describe_open_repair(*queue) : "";
            }
            const std::string blame =
                record.proof == "log" ? blame_text(findings_of(queue, record)) : "";
            found_.push_back(describe_verdict(record, *known) + blame +
                             (repair->empty() ? advice(record, *records, queue) : *repair));
        }
    }
    add_notes(*known);
    add_notes(*records);
}

/// The best level at which anything is proven from the first block on.
void ProofVerdicts::read_proven() {
    const auto coverage = indexer_.database()->coverage();
    if (!coverage) {
        return;
    }
    proven_ = {};
    // From the weakest to the best.
    for (const auto& [level, block] : proven_through(indexer_.plan().sources(), *coverage)) {
        if (block > 0 && level != to_string(storage::ProofLevel::kFetched)) {
            proven_ = {level, block};
        }
    }
}

void ProofVerdicts::add_notes(const KnownRanges& known) {
    for (const KnownRange& range : known.ranges()) {
        if (range.findings == 0 && notes_.size() < kNotesMax) {
            notes_.push_back(fmt::format(
                "blocks from {}{} {}: {}", range.range.from,
                range.range.to == UINT64_MAX ? " on" : fmt::format(" to {}", range.range.to),
                range.is_retry() ? "are below the level asked for, and are proven again in hours"
                                 : "cannot be proven",
                range.note));
        }
    }
}

/// Entities of which a proof of state could not look at all, or has slots that are another's.
void ProofVerdicts::add_notes(const Records& records) {
    for (const storage::ProofRecord& record : records) {
        if (const std::string_view since = not_looked_at(record);
            !since.empty() && record.mismatches == 0 && notes_.size() < kNotesMax) {
            notes_.push_back(fmt::format(
                "the {} proof{}{} was {} at block {}, and could not look again since: {}",
                record.proof, record.entity.empty() ? "" : " of ", record.entity,
                record.is_equal ? "equal" : "not whole", record.block_num, since));
            continue;
        }
        const std::string why = record.proof == "state" ? unproven_text(record) : std::string{};
        if (!why.empty() && notes_.size() < kNotesMax) {
            notes_.push_back(
                fmt::format("not all of {} is compared with the contract at block {}: {}",
                            record.entity, record.block_num, why));
        }
    }
}

bool ProofVerdicts::has_to_prove() {
    const int64_t now_ms = indexer_.clock().monotonic_ms();
    if (now_ms < next_to_prove_ms_) {
        return false;
    }
    const bool has = has_open_blocks();
    next_to_prove_ms_ = has ? 0 : now_ms + kLookToProveMs;
    return has;
}

bool ProofVerdicts::has_open_blocks() const {
    const std::optional<storage::Cursor> cursor = indexer_.database()->cursor();
    const auto coverage = indexer_.database()->coverage();
    if (!cursor || !coverage) {
        return false;
    }
    const auto now_s = static_cast<uint64_t>(indexer_.clock().unix_ms() / 1000);
    const std::vector<evm::BlockRange> open =
        unproven_ranges(indexer_.plan().sources(), *coverage, cursor->finalized);
    const auto known = KnownRanges::read(*indexer_.database()->read_view(), now_s);
    const bool mends = indexer_.config().repair.on_log == LogPolicy::kMend;
    return known && !ranges_due(*known, open, mends, now_s).empty();
}

}  // namespace plumbline::engine
