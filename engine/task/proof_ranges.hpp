// What is proven how well and what is not, by coverage alone.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/evm/log.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/proof/log/log_proof_known.hpp"
#include "storage/records.hpp"

namespace plumbline::engine {

/// Final blocks that no proof has looked at yet, highest first, without gaps between sources: what
/// the task `prove_log` takes on by itself. What another config has left is looked at as well
/// (engine/mapping/left_coverage.hpp).
[[nodiscard]] std::vector<evm::BlockRange> unproven_ranges(
    const std::vector<Source>& sources, const std::vector<storage::CoverageRow>& coverage,
    uint64_t finalized);

/// What the task `prove_log` takes on by itself at unix time `now_s`, highest first: of `open` what
/// is not known to be in vain (findings that are due to be mended are taken on, where `mends`);
/// where nothing is open, what waits for receipts that nobody had.
[[nodiscard]] std::vector<evm::BlockRange> ranges_due(const KnownRanges& known,
                                                      const std::vector<evm::BlockRange>& open,
                                                      bool mends, uint64_t now_s);

/// Coverage of sources that the plan does not have says nothing here.
///
/// For each proof level the last block up to which every source is covered that well from its first
/// block on; 0 = none.
[[nodiscard]] std::vector<std::pair<std::string, uint64_t>> proven_through(
    const std::vector<Source>& sources, const std::vector<storage::CoverageRow>& coverage);

}  // namespace plumbline::engine
