#include "engine/task/proof_ranges.hpp"

#include <algorithm>

#include "engine/mapping/block_ranges.hpp"
#include "engine/mapping/coverage_gaps.hpp"
#include "engine/mapping/left_coverage.hpp"

namespace plumbline::engine {

using storage::ProofLevel;

std::vector<evm::BlockRange> unproven_ranges(const std::vector<Source>& sources,
                                             const std::vector<storage::CoverageRow>& coverage,
                                             uint64_t finalized) {
    std::vector<evm::BlockRange> open;
    for (const storage::CoverageRow& row : coverage) {
        const auto wanted =
            row.level <= ProofLevel::kFetched ? looked_for(row, sources) : std::nullopt;
        const auto is_final = wanted ? common_of(*wanted, {0, finalized}) : std::nullopt;
        if (is_final) {
            open.push_back(*is_final);
        }
    }
    open = joined(std::move(open));
    std::ranges::reverse(open);
    return open;
}

std::vector<evm::BlockRange> ranges_due(const KnownRanges& known,
                                        const std::vector<evm::BlockRange>& open, bool mends,
                                        uint64_t now_s) {
    std::vector<evm::BlockRange> due =
        mends ? known.without_due(now_s).without(open) : known.without(open);
    return due.empty() ? known.due_retries(now_s) : due;
}

std::vector<std::pair<std::string, uint64_t>> proven_through(
    const std::vector<Source>& sources, const std::vector<storage::CoverageRow>& coverage) {
    std::vector<std::vector<const storage::CoverageRow*>> rows(sources.size());
    uint64_t end = 0;
    for (size_t i = 0; i < sources.size(); ++i) {
        for (const storage::CoverageRow& row : coverage) {
            if (sources[i].is_key(row.source)) {
                rows[i].push_back(&row);
                end = std::max(end, row.range.to);
            }
        }
        std::ranges::sort(rows[i], {}, [](const auto* row) { return row->range.from; });
    }
    std::vector<std::pair<std::string, uint64_t>> out;
    for (const ProofLevel level :
         {ProofLevel::kFetched, ProofLevel::kLinked, ProofLevel::kBloom, ProofLevel::kReceipts}) {
        uint64_t through = end;
        for (size_t i = 0; i < sources.size(); ++i) {
            uint64_t next = sources[i].first_block;
            for (const storage::CoverageRow* row : rows[i]) {
                if (row->range.to < next) {
                    continue;
                }
                if (row->range.from > next || row->level < level) {
                    break;
                }
                next = row->range.to + 1;
            }
            if (next <= sources[i].end_block) {
                through = std::min(through, next == 0 ? 0 : next - 1);
            }
        }
        // Before the first block that can hold anything, nothing is proven.
        out.emplace_back(to_string(level), through + 1 <= first_block_of(sources) ? 0 : through);
    }
    return out;
}

}  // namespace plumbline::engine
