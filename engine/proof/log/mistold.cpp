#include "engine/proof/log/mistold.hpp"

#include <set>

#include "core/evm/hex.hpp"
#include "engine/proof/journal.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kJournalPiece = 1'000;

/// Told of the block that is stored, not of one that a reorg has taken away since.
bool is_of_stored_block(const storage::ReadView& view, const storage::JournalRow& row) {
    const auto block = view.get_block(row.block_num);
    return block && row.evidence.find(evm::to_hex(block->hash)) != std::string::npos;
}

}  // namespace

Result<MistoldLogs> read_mistold(const storage::ReadView& view,
                                 const std::vector<storage::ChildRow>& children) {
    MistoldLogs out;
    std::set<LogPosition> announced;
    for (const storage::ChildRow& child : children) {
        announced.insert({child.block_num, child.log_index});
    }
    uint64_t after = 0;
    for (bool has_more = !announced.empty(); has_more;) {
        PLUMBLINE_TRY(const std::vector<storage::JournalRow> rows,
                      view.list_journal(after, kJournalPiece));
        for (const storage::JournalRow& row : rows) {
            after = row.seq;
            const LogPosition position{row.block_num, row.log_index};
            if ((row.kind == action_of(FindingKind::kLogMissing) ||
                 row.kind == action_of(FindingKind::kLogAltered)) &&
                announced.contains(position) && is_of_stored_block(view, row)) {
                out[position] = {row.time_s, providers_of(row)};
            }
        }
        has_more = rows.size() == kJournalPiece;
    }
    return out;
}

}  // namespace plumbline::engine
