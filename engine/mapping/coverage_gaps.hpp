// What a database has not asked of the chain yet for the sources of a plan: a new contract, changed
// addresses, an earlier start. The ranges are at or below the cursor; above it, following comes by.
#pragma once

#include <cstdint>
#include <vector>

#include "core/evm/log.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/records.hpp"

namespace plumbline::engine {

/// Sets `Source::first_block` of each from `start_block` and `parents`: that of a factory's
/// children is not before the factory's own. The plan does this; all others read it.
void set_first_blocks(std::vector<Source>& sources);
/// The first block that can hold a log of any source.
[[nodiscard]] uint64_t first_block_of(const std::vector<Source>& sources);

/// Contracts of some factory may have logs from before their announcement that count.
[[nodiscard]] bool has_history(const std::vector<Source>& sources);

/// A range that has to be fetched, and for whom.
struct CoverageGap {
    evm::BlockRange range;
    std::vector<uint32_t> sources;
    friend bool operator==(const CoverageGap&, const CoverageGap&) = default;
};

/// Adds the factories of members and the children of members, to any depth.
void add_families(std::vector<bool>& member, const std::vector<Source>& sources);

/// Ascending spans without overlap up to `cursor`. Factories come with their children and children
/// with their factories: what a new factory announces is missing although its kind is covered. A
/// span may name sources whose first block lies behind it: who is announced there is one of theirs.
[[nodiscard]] std::vector<CoverageGap> find_missing(
    const std::vector<Source>& sources, const std::vector<storage::CoverageRow>& coverage,
    uint64_t cursor);

/// By source: whether nobody knows all of its contracts that may have logs in blocks up to `block`.
/// That is so where such contracts may be announced later than their logs (`Source::has_history`,
/// its own or that of one of its factories, of any depth), and the logs of one of its factories
/// were not all looked at from there up to `cursor`: some are not covered, or nothing is covered of
/// what they announce.
[[nodiscard]] std::vector<bool> find_unsure(const std::vector<Source>& sources,
                                            const std::vector<storage::CoverageRow>& coverage,
                                            uint64_t block, uint64_t cursor);

}  // namespace plumbline::engine
