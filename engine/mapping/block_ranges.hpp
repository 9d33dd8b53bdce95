// Sets of blocks, as lists of ranges.
#pragma once

#include <optional>
#include <vector>

#include "core/evm/log.hpp"

namespace plumbline::engine {

/// The blocks that both have.
[[nodiscard]] std::optional<evm::BlockRange> common_of(const evm::BlockRange& a,
                                                       const evm::BlockRange& b) noexcept;
/// The same blocks, ascending, without overlaps and neighbours.
[[nodiscard]] std::vector<evm::BlockRange> joined(std::vector<evm::BlockRange> ranges);
/// The first of `ranges`, which are `joined`, that has `block_num` or a later block.
[[nodiscard]] std::vector<evm::BlockRange>::const_iterator first_from(
    const std::vector<evm::BlockRange>& ranges, uint64_t block_num);
/// What of `range` none of `others` has, which are `joined`; ascending.
[[nodiscard]] std::vector<evm::BlockRange> subtract(evm::BlockRange range,
                                                    const std::vector<evm::BlockRange>& others);

}  // namespace plumbline::engine
