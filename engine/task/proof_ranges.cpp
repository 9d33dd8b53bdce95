#include "engine/task/proof_ranges.hpp"

#include <algorithm>
#include <map>
#include <optional>

namespace plumbline::engine {

using storage::ProofLevel;

std::vector<evm::BlockRange> unproven_ranges(const std::vector<storage::CoverageRow>& coverage,
                                             uint64_t finalized) {
    std::vector<evm::BlockRange> open;
    for (const storage::CoverageRow& row : coverage) {
        if (row.level <= ProofLevel::kFetched && row.range.from <= finalized) {
            open.push_back({row.range.from, std::min(row.range.to, finalized)});
        }
    }
    std::ranges::sort(open, {}, &evm::BlockRange::from);
    std::vector<evm::BlockRange> joined;
    for (const evm::BlockRange& range : open) {
        if (!joined.empty() && range.from <= joined.back().to + 1) {
            joined.back().to = std::max(joined.back().to, range.to);
        } else {
            joined.push_back(range);
        }
    }
    std::ranges::reverse(joined);
    return joined;
}

std::vector<std::pair<std::string, uint64_t>> proven_through(
    const std::vector<storage::CoverageRow>& coverage) {
    std::map<std::string, std::vector<const storage::CoverageRow*>> sources;
    for (const storage::CoverageRow& row : coverage) {
        sources[row.source].push_back(&row);
    }
    std::vector<std::pair<std::string, uint64_t>> out;
    for (const ProofLevel level :
         {ProofLevel::kFetched, ProofLevel::kLinked, ProofLevel::kBloom, ProofLevel::kReceipts}) {
        std::optional<uint64_t> through;
        for (auto& [source, rows] : sources) {
            std::ranges::sort(rows, {}, [](const auto* row) { return row->range.from; });
            uint64_t next = rows.front()->range.from;
            for (const storage::CoverageRow* row : rows) {
                if (row->range.from > next || row->level < level) {
                    break;
                }
                next = row->range.to + 1;
            }
            const uint64_t last = next == 0 ? 0 : next - 1;
            through = through ? std::min(*through, last) : last;
        }
        out.emplace_back(to_string(level), through.value_or(0));
    }
    return out;
}

}  // namespace plumbline::engine
