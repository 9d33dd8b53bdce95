// What the config asked the log proof for when it last ran, so that one that asks for more is
// obeyed over an index that is proven already.
#pragma once

#include "core/base/result.hpp"
#include "engine/config/config.hpp"
#include "storage/database.hpp"

namespace plumbline::engine {

/// A better level, or receipts of more blocks, than was asked for before: what was proven to less
/// than `config.level` is `fetched` again, which the next proof takes on. In one synced commit, or
/// none where the config asks for the same. With the proof off nothing is changed.
[[nodiscard]] Status ask_for_proof(storage::Database& database, const ProofConfig& config);

}  // namespace plumbline::engine
