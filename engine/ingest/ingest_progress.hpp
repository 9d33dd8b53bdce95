// Where ingest stands, in numbers that any thread may read while it works.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

namespace plumbline::engine {

/// What the index is doing; only ever told forwards, except that a reorg past finality or a
/// provider that was away may lead from live back to backfilling.
enum class Lifecycle : uint8_t { kStarting, kBackfilling, kLive, kDraining, kStopped };
[[nodiscard]] std::string_view to_string(Lifecycle state) noexcept;

/// Numbers for people and metrics. Written by ingest, read from any thread.
struct IngestProgress {
    std::atomic<Lifecycle> state{Lifecycle::kStarting};
    std::atomic<uint64_t> first_block{0};   ///< where the index starts
    std::atomic<uint64_t> next_block{0};    ///< the first that is not committed
    std::atomic<uint64_t> target_block{0};  ///< where this run goes to: head, or --until
    std::atomic<uint64_t> head_block{0};    ///< of the chain, as last told
    std::atomic<uint64_t> finalized_block{0};
    std::atomic<uint64_t> events{0};  ///< committed by this run
    std::atomic<uint64_t> commits{0};
    std::atomic<uint64_t> commit_ms{0};    ///< spent writing them
    std::atomic<uint64_t> quarantined{0};  ///< by this run
    std::atomic<uint64_t> reorgs{0};
    std::atomic<uint64_t> fill_next{0};  ///< filling older blocks: the next one; 0 = not
    std::atomic<uint64_t> fill_to{0};
    std::atomic<bool> refolding{false};
    std::atomic<int64_t> waiting_since_ms{-1};       ///< for the chain; -1 = not
    std::atomic<int64_t> disk_waiting_since_ms{-1};  ///< for the disk; -1 = not
};

}  // namespace plumbline::engine
