// Which ranges of blocks are in the log, for one source. Pure: no database inside. Internal to
// storage.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "storage/records.hpp"

namespace plumbline::storage {

/// Ranges of one source by their first block; they never overlap, and neighbours that touch differ
/// in provider or level.
using CoverageRanges = std::map<uint64_t, CoverageRow>;

/// Lays `row` over `ranges`: what it covers is now its own; equal neighbours are joined.
/// `row.range` must not be empty.
void lay_coverage(CoverageRanges& ranges, const CoverageRow& row);

/// Takes the blocks of `range`, which must not be empty, out of `ranges`.
void lift_coverage(CoverageRanges& ranges, const evm::BlockRange& range);

/// What is left of `ranges` below block `first`.
[[nodiscard]] CoverageRanges cut_coverage(const CoverageRanges& ranges, uint64_t first);

/// The records to delete and to put where `before` is stored and `after` is to be.
struct CoverageChanges {
    std::vector<uint64_t> removed;  ///< first blocks
    std::vector<CoverageRow> put;
};
[[nodiscard]] CoverageChanges coverage_changes(const CoverageRanges& before,
                                               const CoverageRanges& after);

}  // namespace plumbline::storage
