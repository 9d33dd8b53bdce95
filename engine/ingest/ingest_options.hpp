// The bounds and waits of ingest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "engine/config/finality.hpp"

namespace plumbline::engine {

/// Bounds and waits of ingest. The defaults suit a machine with two cores and 256 MiB.
struct IngestOptions {
    size_t in_flight_max = 8;               ///< requests to the chain at one time
    size_t ahead_max = 64;                  ///< ranges asked for or waiting to be handed over
    size_t ahead_bytes_max = 14U << 20U;    ///< logs held by the fetcher
    size_t queue_bytes_max = 10U << 20U;    ///< logs waiting for the writer
    uint64_t range_blocks_max = 1'000'000;  ///< of one request below finality
    /// Of the first request. What a provider takes at once shows in its answers only, and a range
    /// is kept only when all of it is there: a first one in hundreds of small pieces would keep
    /// nothing for minutes.
    uint64_t range_blocks_first = 64;
    uint64_t tail_blocks_max = 64;     ///< of one request with all headers
    size_t child_addresses_max = 300;  ///< more children of a contract are asked for by topic
    size_t commit_events_max = 50'000;
    size_t commit_bytes_max = 16U << 20U;
    int64_t commit_interval_ms = 5'000;  ///< what a kill may cost while backfilling
    size_t fold_cache_bytes = 64U << 20U;
    /// Of the whole process: beyond it freed memory goes back to the system after a commit.
    size_t resident_mark = SIZE_MAX;
    int64_t sync_interval_ms = 5'000;  ///< how much a power cut may cost while backfilling
    int64_t retry_ms_min = 500;
    int64_t retry_ms_max = 10'000;
    int64_t poll_interval_ms = 1'000;
    /// A head below ours that stays this many polls, with our block unknown to the providers, is a
    /// shortened chain and not a provider that is behind.
    unsigned lower_head_polls = 5;
    /// Blocks below the head that count as final; empty: the chain's own `finalized`.
    std::optional<uint64_t> finality_depth;
    /// How long no provider may have told its head; 0 = no limit.
    int64_t ready_age_max_ms = 60'000;
    /// How old the head may be by its own timestamp; 0 = no limit; empty: as usual for the chain.
    std::optional<int64_t> head_age_max_ms;
    /// A run with an end gives up where nothing useful has come from the chain for so long; 0 =
    /// never.
    int64_t answer_timeout_ms = 0;
    /// For a chain that has no `finalized`, where no depth is configured.
    uint64_t finality_depth_fallback = kFinalityDepthFallback;
};

/// Sets the bounds on memory to their shares of `[database] memory_mib`.
void share_memory(uint64_t memory_mib, IngestOptions& options);

}  // namespace plumbline::engine
