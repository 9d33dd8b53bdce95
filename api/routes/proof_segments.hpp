// To which level the logs of which blocks are proven, over all sources: the lowest counts.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/mapping/plan.hpp"
#include "storage/records.hpp"

namespace plumbline::api {

struct ProofSegment {
    uint64_t from = 0;
    uint64_t to = 0;  ///< included
    storage::ProofLevel level = storage::ProofLevel::kNone;
    friend bool operator==(const ProofSegment&, const ProofSegment&) = default;
};

/// Segments that join, of blocks `from` to `to`; neighbours differ in level. A source counts from
/// its first block on (`Source::first_block`). Logs of a factory's children are proven to no higher
/// level than all blocks of the factory up to them are: who has logs there is what those announce.
/// Where no source has any, what another config has left there counts.
[[nodiscard]] std::vector<ProofSegment> proof_segments(
    const std::vector<engine::Source>& sources, const std::vector<storage::CoverageRow>& coverage,
    uint64_t from, uint64_t to);

}  // namespace plumbline::api
