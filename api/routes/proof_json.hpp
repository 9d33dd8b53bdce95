// What the routes of proofs and repairs share.
#pragma once

#include <cstddef>

#include "api/routes/request_context.hpp"
#include "core/base/json_writer.hpp"
#include "storage/read_view.hpp"
#include "storage/records.hpp"

namespace plumbline::api {

/// The members of an open object.
void write_proof_members(JsonWriter& json, const storage::ProofRecord& proof);

/// Journal entries that one request looks at, and how many are in memory at a time.
inline constexpr size_t kJournalScan = 100'000;
inline constexpr size_t kJournalPiece = 500;

/// Calls `visit` for the entries above `after`, until it says false or as many were looked at as
/// one request may. True where there are no more.
template <typename Visit>
Result<bool> walk_journal(const RequestContext& request, const storage::ReadView& view,
                          uint64_t after, Visit visit) {
    for (size_t seen = 0; seen < kJournalScan && !request.is_late(); seen += kJournalPiece) {
        PLUMBLINE_TRY(const auto rows, view.list_journal(after, kJournalPiece));
        for (const storage::JournalRow& row : rows) {
            if (!visit(row)) {
                return false;
            }
            after = row.seq;
        }
        if (rows.size() < kJournalPiece) {
            return true;
        }
    }
    return false;
}

}  // namespace plumbline::api
