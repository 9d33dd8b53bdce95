// What is final on a chain that does not say so.
#pragma once

#include <cstdint>

namespace plumbline::engine {

/// Blocks below the head, where the chain has no `finalized` and the config no depth: as ingest
/// counts, so the proofs do.
inline constexpr uint64_t kFinalityDepthFallback = 64;

}  // namespace plumbline::engine
