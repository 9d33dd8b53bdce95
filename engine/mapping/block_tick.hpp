// Blocks at which handlers run by themselves (`every = { blocks = N }`).
//
// Such a block has a log of our own behind those of the chain: a tick. It is made of the block's
// header where the block is fetched, and from there on it is a log like any other: stored, folded
// in its turn, undone with its block, folded again without a network. No contract can emit it: its
// address is a hash of a text, and its index is none that a block reaches.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/evm/log.hpp"
#include "engine/mapping/plan.hpp"

namespace plumbline::engine {

/// The largest N.
inline constexpr uint64_t kTickBlocksMax = (uint64_t{1} << 31U) - 2;

/// What is said of a tick where a proof speaks of events: it is none, and no receipt holds it.
inline constexpr std::string_view kTickNote = "a tick of `every`, made by plumbline";

/// The source of the ticks of every `blocks`th block: how it is called in coverage and events.
[[nodiscard]] std::string tick_contract(uint64_t blocks);
/// "event Tick(uint256 indexed blocks)"
[[nodiscard]] const evm::Abi& tick_abi();
/// Where its logs count from is the caller's to say.
[[nodiscard]] Source make_tick_source(uint64_t blocks);
/// The tick of a block whose number `blocks` divides; no data.
[[nodiscard]] evm::Log make_tick(uint64_t blocks, uint64_t block_num, const evm::Hash& block_hash);
/// No event of the chain has such an index in its block.
[[nodiscard]] bool is_tick_index(uint32_t log_index) noexcept;
/// Whether `log` is a tick, with nothing in it that a tick does not have; `block_hash` does not
/// count.
[[nodiscard]] bool is_tick(const evm::Log& log) noexcept;

}  // namespace plumbline::engine
