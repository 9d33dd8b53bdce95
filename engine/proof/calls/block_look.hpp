// Which providers answer an eth_call from another block than it is asked about: a cache that drops
// the parameter, a proxy that sets it. What one of these says of a contract's state in the past is
// no word for a fact, nor against it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "rpc/chain_source.hpp"
#include "storage/records.hpp"

namespace plumbline::engine {

/// Asks every provider at once, at `blocks`, for the block's time and number, by programs; `newest`
/// is a block above all of them. By its place among `provider_names`, a sentence of each that is
/// such a one (`rpc::describe_off_block`). Who runs no program, lacks the state, or has not
/// answered after some seconds is not held for one. kCancelled.
[[nodiscard]] Result<std::map<size_t, std::string>> find_off_block(
    rpc::ChainSource& source, const std::vector<storage::BlockRow>& blocks,
    const storage::BlockRow& newest, const std::function<bool()>& is_cancelled);

}  // namespace plumbline::engine
