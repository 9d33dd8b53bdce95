// How a verification's outcome becomes the stored records of its proofs.
#include <algorithm>

#include <fmt/format.h>

#include "engine/proof/log/log_proof_known.hpp"
#include "engine/proof/log/log_proof_record.hpp"
#include "engine/proof/standing.hpp"
#include "engine/proof/state/state_record.hpp"
#include "engine/repair/verify.hpp"

namespace plumbline::engine {

namespace {

/// What earlier proofs of the log found in blocks that this one did not look at.
Result<uint64_t> findings_elsewhere(const storage::ReadView& view,
                                    const std::vector<LogProofPiece>& pieces) {
    PLUMBLINE_TRY(KnownRanges known, KnownRanges::read(view, 0));
    for (const LogProofPiece& piece : pieces) {
        known.forget(piece.range);
    }
    return known.finding_count();
}

storage::ProofRecord make_calls_record(const CallOutcomeReport& report,
                                       const storage::Cursor& cursor, uint64_t time_s,
                                       const storage::ProofRecord* last) {
    const bool was_looked_at = report.open == 0 && report.unproven.empty();
    if (!was_looked_at && report.findings.empty() && last != nullptr &&
        (last->mismatches > 0 || last->is_equal)) {
        return keep_standing(*last, report.unproven.empty()
                                        ? fmt::format("{} answers not proven", report.open)
                                        : report.unproven.front());
    }
    storage::ProofRecord record;
    record.proof = "calls";
    record.block_num = cursor.block_num;
    record.hash = cursor.block_hash;
    record.time_s = time_s;
    record.is_equal = report.findings.empty() && report.unproven.empty();
    record.checked = report.checked;
    record.mismatches = report.findings.total;
    if (!was_looked_at && last != nullptr) {
        record.mismatches = std::max(record.mismatches, last->mismatches);
    }
    record.detail =
        fmt::format("{} facts asked again{}", report.checked,
                    report.open == 0 ? std::string{} : fmt::format(", {} not proven", report.open));
    return record;
}

}  // namespace

Status add_report(storage::CommitBatch& batch, const storage::Database& database, const Plan& plan,
                  const VerifyReport& report, const Clock& clock) {
    const auto now_s = static_cast<uint64_t>(clock.unix_ms() / 1000);
    const auto cursor = database.cursor();
    if (!cursor || !report.cursor || cursor->block_num < report.cursor->block_num) {
        return ok();
    }
    const auto view = database.read_view();
    PLUMBLINE_TRY(const auto proofs, view->list_proofs());
    if (report.log) {
        for (const LogProofPiece& piece : report.log_pieces) {
            PLUMBLINE_TRY(const bool is_of_now, add_levels(batch, database, plan, piece));
            static_cast<void>(is_of_now);  // Else the service proves it again.
        }
        if (!report.log_pieces.empty()) {
            PLUMBLINE_TRY(const uint64_t others, findings_elsewhere(*view, report.log_pieces));
            add_record(batch, *report.log, report.log_pieces.front().top, now_s, others);
        }
    }
    if (report.replay) {
        // Where the log was proven as well its pieces have said what is left of each block.
        if (!report.log) {
            PLUMBLINE_TRY_VOID(
                lower_levels(batch, database, report.replay->scrub.damaged_block_numbers()));
        }
        storage::ProofRecord record;
        record.proof = "replay";
        record.block_num = report.replay->block_num;
        record.hash = report.replay->block_hash;
        record.time_s = now_s;
        record.is_equal = report.replay->is_equal();
        record.checked = report.replay->rows;
        record.mismatches = report.replay->findings.total;
        record.detail = fmt::format("{} events folded", report.replay->events);
        batch.record_proof(record);
    }
    if (report.calls && (report.calls->is_whole || !report.calls->findings.empty())) {
        batch.record_proof(
            make_calls_record(*report.calls, *cursor, now_s, find_record(proofs, "calls", "")));
    }
    if (report.state) {
        for (size_t i = 0; i < report.state->entities.size(); ++i) {
            const EntityState& state = report.state->entities[i];
            batch.record_proof(make_state_record(plan, *report.state, state, report.state_marks[i],
                                                 now_s, find_record(proofs, "state", state.name)));
        }
    }
    batch.set_cursor(cursor->block_num, cursor->block_hash, cursor->timestamp);
    return ok();
}

}  // namespace plumbline::engine
