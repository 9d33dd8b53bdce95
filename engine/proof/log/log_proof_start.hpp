// Where a log proof starts: what the database itself says before anybody is asked.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/block_id.hpp"
#include "core/evm/log.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

/// The lowest block at or above `to` that is proven to be linked already, or that stored parent
/// hashes join to the cursor. kUnavailable: its hash is not known yet. The view must have a cursor
/// at or above `to`.
[[nodiscard]] Result<evm::BlockId> find_anchor(const storage::ReadView& view, uint64_t to);

/// Blocks to try on what of the chain can be proven: spread over `range`, and up to two of the
/// range's last `near_count` blocks that hold events. Empty where there is nothing but block 0.
[[nodiscard]] std::vector<uint64_t> blocks_to_try(const storage::ReadView& view,
                                                  const evm::BlockRange& range,
                                                  uint64_t near_count);

}  // namespace plumbline::engine
