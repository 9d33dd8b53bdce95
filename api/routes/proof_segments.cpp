#include "api/routes/proof_segments.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace plumbline::api {

namespace {

using storage::CoverageRow;
using storage::ProofLevel;

/// The level of one source at `block`, and the last block for which that holds.
struct Reach {
    ProofLevel level = ProofLevel::kNone;
    uint64_t to = UINT64_MAX;
};

using Ranges = std::map<uint64_t, const CoverageRow*>;

Reach reach_of(const engine::Source& source, const Ranges& ranges, uint64_t block) {
    if (block < source.first_block) {
        return {ProofLevel::kReceipts, source.first_block - 1};
    }
    if (block > source.end_block) {
        return {ProofLevel::kReceipts, UINT64_MAX};
    }
    auto next = ranges.upper_bound(block);
    const uint64_t gap_to =
        std::min(next == ranges.end() ? UINT64_MAX : next->first - 1, source.end_block);
    if (next != ranges.begin()) {
        const CoverageRow& row = *std::prev(next)->second;
        if (block <= row.range.to) {
            return {row.level, row.range.to};
        }
    }
    return {ProofLevel::kNone, gap_to};
}

}  // namespace

std::vector<ProofSegment> proof_segments(const std::vector<engine::Source>& sources,
                                         const std::vector<CoverageRow>& coverage, uint64_t from,
                                         uint64_t to) {
    std::vector<Ranges> ranges(sources.size());
    for (size_t i = 0; i < sources.size(); ++i) {
        for (const CoverageRow& row : coverage) {
            if (row.source == sources[i].fingerprint) {
                ranges[i].emplace(row.range.from, &row);
            }
        }
    }
    std::vector<ProofSegment> out;
    for (uint64_t block = from; block <= to;) {
        Reach lowest{sources.empty() ? ProofLevel::kNone : ProofLevel::kReceipts, to};
        for (size_t i = 0; i < sources.size(); ++i) {
            const Reach reach = reach_of(sources[i], ranges[i], block);
            lowest.level = std::min(lowest.level, reach.level);
            lowest.to = std::min(lowest.to, reach.to);
        }
        if (!out.empty() && out.back().level == lowest.level) {
            out.back().to = lowest.to;
        } else {
            out.push_back({block, lowest.to, lowest.level});
        }
        if (lowest.to == UINT64_MAX) {
            break;
        }
        block = lowest.to + 1;
    }
    return out;
}

}  // namespace plumbline::api
