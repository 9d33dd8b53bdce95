#include "api/routes/proof_segments.hpp"

#include <algorithm>
#include <map>
#include <string_view>

#include "engine/mapping/coverage_gaps.hpp"
#include "engine/mapping/descendants.hpp"
#include "engine/mapping/left_coverage.hpp"

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

/// As covered; where that ends, `uncovered`.
Reach level_at(const Ranges& rows, uint64_t block, ProofLevel uncovered) {
    const auto next = rows.upper_bound(block);
    if (next != rows.begin()) {
        const CoverageRow& row = *std::prev(next)->second;
        if (block <= row.range.to) {
            return {row.level, row.range.to};
        }
    }
    return {uncovered, next == rows.end() ? UINT64_MAX : next->first - 1};
}

Reach reach_of(const engine::Source& source, const Ranges& ranges, uint64_t block) {
    if (block < source.first_block) {
        return {ProofLevel::kReceipts, source.first_block - 1};
    }
    if (block > source.end_block) {
        return {ProofLevel::kReceipts, UINT64_MAX};
    }
    const Reach covered = level_at(ranges, block, ProofLevel::kNone);
    return {covered.level, std::min(covered.to, source.end_block)};
}

/// Of each source, those whose logs say which contracts are its own.
std::vector<std::vector<uint32_t>> factories_of(const std::vector<engine::Source>& sources) {
    std::vector<std::vector<uint32_t>> out(sources.size());
    for (uint32_t factory = 0; factory < sources.size(); ++factory) {
        for (const uint32_t child : engine::descendants_of(factory, sources)) {
            out[child].push_back(factory);
        }
    }
    return out;
}

void append(std::vector<ProofSegment>& out, const ProofSegment& segment) {
    if (!out.empty() && out.back().level == segment.level) {
        out.back().to = segment.to;
    } else {
        out.push_back(segment);
    }
}

}  // namespace

std::vector<ProofSegment> proof_segments(const std::vector<engine::Source>& sources,
                                         const std::vector<CoverageRow>& coverage, uint64_t from,
                                         uint64_t to) {
    const auto ranges_of = [&coverage](std::string_view key) {
        Ranges out;
        for (const CoverageRow& row : coverage) {
            if (row.source == key) {
                out.emplace(row.range.from, &row);
            }
        }
        return out;
    };
    std::vector<Ranges> ranges;
    ranges.reserve(sources.size());
    for (const engine::Source& source : sources) {
        ranges.push_back(ranges_of(source.fingerprint));
    }
    const Ranges left_rows = ranges_of(engine::kLeftCoverage);
    const std::vector<std::vector<uint32_t>> factories = factories_of(sources);
    // Of each source the lowest level from its first block up to the one that is looked at.
    std::vector<ProofLevel> so_far(sources.size(), ProofLevel::kReceipts);
    std::vector<Reach> reach(sources.size());
    std::vector<ProofSegment> out;
    // What is asked for rests on announcements below it, so that the walk begins with the first.
    for (uint64_t block = std::min(from, engine::first_block_of(sources)); block <= to;) {
        Reach lowest{sources.empty() ? ProofLevel::kNone : ProofLevel::kReceipts, to};
        for (size_t i = 0; i < sources.size(); ++i) {
            reach[i] = reach_of(sources[i], ranges[i], block);
            so_far[i] = std::min(so_far[i], reach[i].level);
            lowest.level = std::min(lowest.level, reach[i].level);
            lowest.to = std::min(lowest.to, reach[i].to);
        }
        const bool is_within = std::ranges::any_of(sources, [block](const engine::Source& source) {
            return source.is_within(block, block);
        });
        if (!is_within) {
            // What another config had stored there counts.
            const Reach left = level_at(left_rows, block, ProofLevel::kReceipts);
            lowest = {std::min(lowest.level, left.level), std::min(lowest.to, left.to)};
        }
        for (size_t i = 0; i < sources.size(); ++i) {
            for (const uint32_t factory : factories[i]) {
                if (sources[i].is_within(block, block)) {
                    lowest.level = std::min(lowest.level, so_far[factory]);
                }
            }
        }
        if (lowest.to >= from) {
            append(out, {std::max(block, from), lowest.to, lowest.level});
        }
        if (lowest.to == UINT64_MAX) {
            break;
        }
        block = lowest.to + 1;
    }
    return out;
}

}  // namespace plumbline::api
