#include "engine/mapping/left_coverage.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "engine/mapping/block_ranges.hpp"
#include "engine/mapping/coverage_names.hpp"

namespace plumbline::engine {

namespace {

using storage::CoverageRow;
using storage::ProofLevel;

/// Highest first: where two are laid over one block, the lower one comes later and stays.
constexpr std::array kLevels = {ProofLevel::kReceipts, ProofLevel::kBloom, ProofLevel::kLinked,
                                ProofLevel::kFetched};

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
        const std::optional<evm::BlockRange> wanted = looked_for(row, sources);
        for (const evm::BlockRange& part :
             wanted ? subtract(row.range, {*wanted}) : std::vector{row.range}) {
            for (const evm::BlockRange& range : subtract(part, before)) {
                out.push_back({std::string{kLeftCoverage}, range, row.provider, row.level});
            }
        }
    }
    return out;
}

void lower_to(storage::CommitBatch& batch, const CoverageRow& row, ProofLevel level,
              const std::vector<evm::BlockRange>& ranges) {
    for (auto at = first_from(ranges, row.range.from); at != ranges.end(); ++at) {
        const std::optional<evm::BlockRange> common = common_of(row.range, *at);
        if (!common) {
            return;
        }
        batch.extend_coverage({row.source, *common, row.provider, level});
    }
}

/// What `plan` does not want of what is stored is left. In one synced commit, or none.
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

}  // namespace

Status adopt_coverage(storage::Database& database, const Plan& plan) {
    PLUMBLINE_TRY_VOID(rename_coverage(database, plan));
    return leave_coverage(database, plan);
}

std::optional<evm::BlockRange> looked_for(const CoverageRow& row,
                                          const std::vector<Source>& sources) {
    if (row.source == kLeftCoverage) {
        return row.range;
    }
    const Source* source = source_of_key(sources, row.source);
    return source == nullptr ? std::nullopt
                             : common_of(row.range, {source->first_block, source->end_block});
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
