// What a fetched range puts into a batch besides the entities: logs, block rows, children,
// coverage.
#pragma once

#include <cstddef>
#include <vector>

#include "core/evm/log.hpp"
#include "engine/ingest/commit_pipeline.hpp"
#include "engine/ingest/ingest.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/commit_batch.hpp"
#include "storage/records.hpp"

namespace plumbline::engine {

/// The stored row of `block`, which has `events` logs that some source wants.
[[nodiscard]] storage::BlockRow to_row(const BlockInfo& block, size_t events);

/// Sources whose contracts nobody knows all of: logs that nobody has fetched yet may announce more.
/// By number; empty: none. From the block on that shows it until the log has no gap any more.
using BlindSources = std::vector<bool>;

/// `range`, which may be empty, is complete for the sources that `fetched` was asked for and that
/// are not in `blind`.
void extend_coverage(storage::CommitBatch& batch, const std::vector<Source>& sources,
                     const FetchedRange& fetched, evm::BlockRange range, const BlindSources& blind);

/// What calls answered for the block, beyond what is stored.
void put_calls(storage::CommitBatch& batch, const FetchedRange& fetched, uint64_t block_num);
/// Whether what is stored of a log is what a provider tells of it.
[[nodiscard]] bool is_same_log(const evm::Log& a, ByteView a_data, const evm::Log& b,
                               ByteView b_data);

/// All that `part` brings, in order. Those that are in `blind`, or that `part` adds to it, are not
/// called covered by it.
void append_part(storage::CommitBatch& batch, const std::vector<Source>& sources,
                 const CommitPart& part, BlindSources& blind);

}  // namespace plumbline::engine
