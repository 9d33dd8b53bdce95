// What a database has not asked of the chain yet for the sources of a plan: a new contract, changed
// addresses, an earlier start. The ranges are at or below the cursor; above it, following comes by.
#pragma once

#include <cstdint>
#include <vector>

#include "core/evm/log.hpp"
#include "engine/config/config.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/records.hpp"

namespace plumbline::engine {

/// By source: the sources whose logs announce its contracts; empty without a factory.
using SourceParents = std::vector<std::vector<uint32_t>>;
[[nodiscard]] SourceParents find_parents(const Config& config, const std::vector<Source>& sources);

/// By source: the first block that can hold one of its logs. That of a factory's children is not
/// before the factory's own.
[[nodiscard]] std::vector<uint64_t> first_blocks(const std::vector<Source>& sources,
                                                 const SourceParents& parents);

/// A range that has to be fetched, and for whom.
struct CoverageGap {
    evm::BlockRange range;
    std::vector<uint32_t> sources;
    friend bool operator==(const CoverageGap&, const CoverageGap&) = default;
};

/// Adds the factories of members and the children of members, to any depth.
void add_families(std::vector<bool>& member, const SourceParents& parents);

/// Ascending spans without overlap up to `cursor`. Factories come with their children and children
/// with their factories: what a new factory announces is missing although its kind is covered.
[[nodiscard]] std::vector<CoverageGap> find_missing(
    const std::vector<Source>& sources, const SourceParents& parents,
    const std::vector<storage::CoverageRow>& coverage, uint64_t cursor);

}  // namespace plumbline::engine
