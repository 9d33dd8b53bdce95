#include "engine/mapping/left_coverage.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace plumbline::engine {

namespace {

using storage::CoverageRow;
using storage::ProofLevel;

/// Highest first: where two are laid over one block, the lower one comes later and stays.
constexpr std::array kLevels = {ProofLevel::kReceipts, ProofLevel::kBloom, ProofLevel::kLinked,
                                ProofLevel::kFetched};

/// The blocks of the row in which its source's logs are wanted by none of `sources`.
std::vector<evm::BlockRange> parts_left(const CoverageRow& row,
                                        const std::vector<Source>& sources) {
    const Source* source = source_of_key(sources, row.source);
    if (source == nullptr || !source->is_within(row.range.from, row.range.to)) {
        return {row.range};
    }
    std::vector<evm::BlockRange> out;
    if (row.range.from < source->first_block) {
        out.push_back({row.range.from, source->first_block - 1});
    }
    if (row.range.to > source->end_block) {
        out.push_back({source->end_block + 1, row.range.to});
    }
    return out;
}

/// Ascending, without overlaps.
std::vector<evm::BlockRange> joined(std::vector<evm::BlockRange> ranges) {
    std::ranges::sort(ranges, {}, &evm::BlockRange::from);
    std::vector<evm::BlockRange> out;
    for (const evm::BlockRange& range : ranges) {
        if (!out.empty() && (range.from <= out.back().to || range.from - 1 == out.back().to)) {
            out.back().to = std::max(out.back().to, range.to);
        } else {
            out.push_back(range);
        }
    }
    return out;
}

auto first_behind(const std::vector<evm::BlockRange>& ranges, uint64_t block_num) {
    return std::ranges::lower_bound(ranges, block_num, {}, &evm::BlockRange::to);
}

/// What of `range` is in none of `ranges`, which are joined.
std::vector<evm::BlockRange> without(evm::BlockRange range,
                                     const std::vector<evm::BlockRange>& ranges) {
    std::vector<evm::BlockRange> out;
    for (auto at = first_behind(ranges, range.from); at != ranges.end() && at->from <= range.to;
         ++at) {
        if (at->from > range.from) {
            out.push_back({range.from, at->from - 1});
        }
        if (at->to >= range.to) {
            return out;
        }
        range.from = at->to + 1;
    }
    out.push_back(range);
    return out;
}

/// What is left now, besides what was before: of that its own level tells.
std::vector<CoverageRow> newly_left(const std::vector<CoverageRow>& coverage,
                                    const std::vector<Source>& sources) {
    std::vector<evm::BlockRange> before;
    for (const CoverageRow& row : coverage) {
        if (row.source == kLeftCoverage) {
            before.push_back(row.range);
        }
    }
    before = joined(std::move(before));
    std::vector<CoverageRow> out;
    for (const CoverageRow& row : coverage) {
        if (row.source == kLeftCoverage) {
            continue;
        }
        for (const evm::BlockRange& part : parts_left(row, sources)) {
            for (const evm::BlockRange& range : without(part, before)) {
                out.push_back({std::string{kLeftCoverage}, range, row.provider, row.level});
            }
        }
    }
    return out;
}

void lower_to(storage::CommitBatch& batch, const CoverageRow& row, ProofLevel level,
              const std::vector<evm::BlockRange>& ranges) {
    for (auto at = first_behind(ranges, row.range.from);
         at != ranges.end() && at->from <= row.range.to; ++at) {
        batch.extend_coverage({row.source,
                               {std::max(row.range.from, at->from), std::min(row.range.to, at->to)},
                               row.provider,
                               level});
    }
}

}  // namespace

Status leave_coverage(storage::Database& database, const Plan& plan) {
    PLUMBLINE_TRY(const std::vector<CoverageRow> coverage, database.coverage());
    const std::vector<CoverageRow> fresh = newly_left(coverage, plan.sources());
    const auto batch = database.make_batch();
    for (const ProofLevel level : kLevels) {
        std::vector<evm::BlockRange> left;
        for (const CoverageRow& row : fresh) {
            if (row.level == level) {
                batch->extend_coverage(row);
                left.push_back(row.range);
            }
        }
        for (const CoverageRow& row : coverage) {
            if (row.source == kLeftCoverage && row.level == level) {
                left.push_back(row.range);
            }
        }
        left = joined(std::move(left));
        for (const CoverageRow& row : coverage) {
            if (row.level > level && source_of_key(plan.sources(), row.source) != nullptr) {
                lower_to(*batch, row, level, left);
            }
        }
    }
    return batch->empty() ? ok() : database.commit(*batch, storage::Durability::kSync);
}

void lower_left_coverage(storage::CommitBatch& batch, const std::vector<CoverageRow>& coverage,
                         evm::BlockRange range) {
    for (const CoverageRow& row : coverage) {
        if (row.source == kLeftCoverage && row.level > ProofLevel::kFetched) {
            lower_to(batch, row, ProofLevel::kFetched, {range});
        }
    }
}

}  // namespace plumbline::engine
