// A node whose chain has the id of ours and another first block.
#pragma once

#include "core/base/result.hpp"
#include "core/evm/block_id.hpp"
#include "storage/database.hpp"

namespace plumbline::engine {

/// kIncompatible, for people: a node calls `genesis` its block 0, which is not that of `database`.
[[nodiscard]] Error another_chain(const storage::Database& database, const evm::Hash& genesis);

}  // namespace plumbline::engine
