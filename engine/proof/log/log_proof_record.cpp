#include "engine/proof/log/log_proof_record.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "engine/mapping/block_ranges.hpp"
#include "engine/mapping/coverage_gaps.hpp"
#include "engine/mapping/descendants.hpp"
#include "engine/mapping/left_coverage.hpp"
#include "engine/proof/log/proof_basis.hpp"

namespace plumbline::engine {

namespace {

using storage::ProofLevel;

constexpr std::string_view kProof = "log";
constexpr std::string_view kFrontier = "log_frontier";

void add_block_levels(storage::CommitBatch& batch, const std::vector<storage::BlockRow>& rows,
                      const LogProofPiece& piece, bool may_rise) {
    size_t next = 0;
    size_t bad = 0;
    for (const storage::BlockRow& row : rows) {
        while (next < piece.blocks.size() && piece.blocks[next].first < row.block_num) {
            ++next;
        }
        while (bad < piece.proven.size() && piece.proven[bad].header.block_num < row.block_num) {
            ++bad;
        }
        if (bad < piece.proven.size() && piece.proven[bad].header.block_num == row.block_num) {
            if (row.level > ProofLevel::kFetched) {
                batch.set_block_level(row.block_num, ProofLevel::kFetched);
            }
        } else if (may_rise && next < piece.blocks.size() &&
                   piece.blocks[next].first == row.block_num &&
                   piece.blocks[next].second > row.level) {
            batch.set_block_level(row.block_num, piece.blocks[next].second);
        }
    }
}

/// To `fetched`, outside of `piece`, from `first` on.
void lower_source(storage::CommitBatch& batch, const std::vector<storage::CoverageRow>& coverage,
                  const Source& source, uint64_t first, const evm::BlockRange& piece) {
    for (const storage::CoverageRow& row : coverage) {
        if (!source.is_key(row.source) || row.level <= ProofLevel::kFetched) {
            continue;
        }
        const auto lower = [&](uint64_t from, uint64_t to) {
            if (from <= to) {
                batch.extend_coverage({row.source, {from, to}, row.provider, ProofLevel::kFetched});
            }
        };
        if (piece.from > 0) {
            lower(std::max(row.range.from, first), std::min(row.range.to, piece.from - 1));
        }
        lower(std::max({row.range.from, piece.to + 1, first}), row.range.to);
    }
}

/// Blocks outside of the piece may have been written down as proven before anybody knew of the
/// contracts that it announces: their logs are missing there, and whom these announce.
void lower_others(storage::CommitBatch& batch, const std::vector<storage::CoverageRow>& coverage,
                  const Plan& plan, const LogProofPiece& piece) {
    for (const storage::ChildRow& child : piece.new_children) {
        const int found = plan.find_source(child.contract);
        if (found < 0) {
            continue;
        }
        const auto index = static_cast<uint32_t>(found);
        const Source& source = plan.sources()[index];
        const uint64_t first = source.counts_from({child.block_num, child.log_index}).block_num;
        lower_source(batch, coverage, source, first, piece.range);
        for (const uint32_t i : descendants_of(index, plan.sources())) {
            lower_source(batch, coverage, plan.sources()[i],
                         plan.sources()[i].counts_from({first, 0}).block_num, piece.range);
        }
    }
}

/// More ranges than this are not worth a row of coverage each: then all between them falls.
constexpr size_t kLoweredRangesMax = 1'000;

std::vector<evm::BlockRange> lowered_ranges(std::span<const uint64_t> blocks) {
    std::vector<evm::BlockRange> out;
    for (const uint64_t block_num : blocks) {
        out.push_back({block_num, block_num});
    }
    out = joined(std::move(out));
    if (out.size() > kLoweredRangesMax) {
        out = {{out.front().from, out.back().to}};
    }
    return out;
}

}  // namespace

Result<bool> add_levels(storage::CommitBatch& batch, const storage::Database& database,
                        const Plan& plan, const LogProofPiece& piece) {
    // The chain may have changed since the piece was proven; then its top is another block.
    const auto view = database.read_view();
    const auto cursor = view->cursor();
    if (!cursor || cursor->block_num < piece.range.to) {
        return true;
    }
    const auto top = view->get_block(piece.range.to);
    if (top && top->hash != piece.top.hash && piece.findings.empty()) {
        return true;
    }
    PLUMBLINE_TRY(const std::vector<storage::CoverageRow> coverage, database.coverage());
    std::vector<storage::ChildRow> children;
    if (has_history(plan.sources())) {
        PLUMBLINE_TRY(children, database.children());
    }
    PLUMBLINE_TRY(const std::vector<storage::BlockRow> rows,
                  view->list_blocks(piece.range.from, piece.range.to, storage::OnDamage::kSkip));
    const bool is_of_now = piece.basis == basis_of(plan, coverage, children, rows, piece.range);
    add_block_levels(batch, rows, piece, is_of_now);
    for (const storage::CoverageRow& row : coverage) {
        const std::optional<evm::BlockRange> may_rise =
            is_of_now ? looked_for(row, plan.sources()) : std::nullopt;
        for (const LevelSpan& span : piece.spans) {
            const ProofLevel level = span.level == ProofLevel::kFetched
                                         ? ProofLevel::kFetched
                                         : std::max(span.level, row.level);
            const std::optional<evm::BlockRange> of_row =
                level > row.level ? may_rise : std::optional{row.range};
            const std::optional<evm::BlockRange> common =
                of_row ? common_of(*of_row, span.range) : std::nullopt;
            if (common && level != row.level) {
                batch.extend_coverage({row.source, *common, row.provider, level});
            }
        }
    }
    lower_others(batch, coverage, plan, piece);
    return is_of_now;
}

Status lower_levels(storage::CommitBatch& batch, const storage::Database& database,
                    std::span<const uint64_t> blocks) {
    if (blocks.empty()) {
        return ok();
    }
    const auto view = database.read_view();
    for (const uint64_t block_num : blocks) {
        if (const auto row = view->get_block(block_num); row && row->level > ProofLevel::kFetched) {
            batch.set_block_level(block_num, ProofLevel::kFetched);
        }
    }
    const std::vector<evm::BlockRange> ranges = lowered_ranges(blocks);
    PLUMBLINE_TRY(const std::vector<storage::CoverageRow> coverage, database.coverage());
    for (const storage::CoverageRow& row : coverage) {
        for (const evm::BlockRange& range : ranges) {
            const std::optional<evm::BlockRange> common = common_of(row.range, range);
            if (row.level > ProofLevel::kFetched && common) {
                batch.extend_coverage({row.source, *common, row.provider, ProofLevel::kFetched});
            }
        }
    }
    return ok();
}

void add_record(storage::CommitBatch& batch, const LogProofOutcome& outcome, evm::BlockId top,
                uint64_t time_s, uint64_t known_findings) {
    storage::ProofRecord record;
    record.proof = kProof;
    record.block_num = top.block_num;
    record.hash = top.hash;
    record.time_s = time_s;
    record.is_equal = outcome.findings.empty() && known_findings == 0;
    record.checked = outcome.counts.blocks;
    record.mismatches = outcome.findings.total + known_findings;
    record.level = to_string(outcome.level);
    record.detail = outcome.reason;
    if (outcome.range) {
        record.detail = fmt::format("blocks {} to {}{}{}", outcome.range->from, outcome.range->to,
                                    outcome.reason.empty() ? "" : ": ", outcome.reason);
    }
    batch.record_proof(record);
    if (outcome.below && outcome.range && outcome.range->from > 0) {
        record.proof = kFrontier;
        record.block_num = outcome.below->block_num;
        record.hash = outcome.below->hash;
        batch.record_proof(record);
    }
}

Result<std::optional<evm::BlockId>> read_frontier(const storage::ReadView& view) {
    PLUMBLINE_TRY(const std::vector<storage::ProofRecord> records, view.list_proofs());
    for (const storage::ProofRecord& record : records) {
        if (record.proof == kFrontier) {
            return std::optional<evm::BlockId>{{record.block_num, record.hash}};
        }
    }
    return std::optional<evm::BlockId>{};
}

}  // namespace plumbline::engine
