// The chain's head in a status: what providers told of it, and what is stored. Its number, its age
// and what is said of it are always of one block.
#pragma once

#include <cstdint>

#include "engine/ingest/progress.hpp"
#include "storage/records.hpp"

namespace plumbline::engine {

/// What is stored is of the chain: where no provider tells so high a block, as where the one that
/// did is away, or `now` was read before the last commit, it is the head. It is younger than the
/// block that was told; where none was, the lag stays unknown.
void raise_head(ProgressNumbers& now, const storage::Cursor& stored, int64_t unix_ms);

/// The ages in `now`, which was read `elapsed_ms` ago. The lag is forgotten where the head has
/// grown old by that.
void grow_older(ProgressNumbers& now, int64_t elapsed_ms);

}  // namespace plumbline::engine
