// Who told which part of a range that was put together from several answers.
#pragma once

#include <cstddef>
#include <vector>

#include "core/evm/log.hpp"
#include "rpc/chain_source.hpp"

namespace plumbline::engine {

/// So many parts of a range are kept apart; of more, neighbours share their names.
inline constexpr size_t kTellersMax = 256;

/// Ascending, without gaps, neighbours differ; where several answers cover a block, their names in
/// order, joined by ", ". Empty where no answer says who told it.
[[nodiscard]] std::vector<rpc::ToldBy> join_tellers(const evm::BlockRange& range,
                                                    const std::vector<rpc::RangeLogs>& answers);

}  // namespace plumbline::engine
