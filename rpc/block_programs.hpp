// Programs that answer with the time and the number of the block that they run at: what shows
// whether a node answers an eth_call from the block that it is asked about.
#pragma once

#include <cstdint>
#include <optional>

#include "core/evm/bytes.hpp"
#include "core/evm/uint256.hpp"

namespace plumbline::rpc {

/// TIMESTAMP, and the word back: as the code of a creation and of an address alike.
inline constexpr const char* kBlockTimeCode = "0x4260005260206000f3";
/// NUMBER. On some chains it is another chain's, as of the one below Arbitrum: it counts only of
/// who tells at its newest block one that `is_own_number`.
inline constexpr const char* kBlockNumCode = "0x4360005260206000f3";

/// No contract is there, on any chain: for code in place of it, and for questions whose answer does
/// not depend on one.
inline constexpr const char* kNowhere = "0x00000000000000000000000000000000d0c70421";

/// Whether `told` is a number of the chain whose newest block is `head`, or was a moment ago.
[[nodiscard]] constexpr bool is_own_number(uint64_t told, uint64_t head) noexcept {
    constexpr uint64_t kMovesMax = 100;  // blocks by which the head may be another one by now
    constexpr uint64_t kOlderMax = 4;    // where calls run at an older block than was asked about
    return told + kOlderMax >= head && told <= head + kMovesMax;
}

/// Whether a call at `block` that ran at block `told` ran at another one, seen from `head` above
/// it. Calls may run at the block after, which may be the head.
[[nodiscard]] constexpr bool is_other_block(uint64_t told, uint64_t block, uint64_t head) noexcept {
    return told < block || (told >= head && told > block + 1);
}

/// Empty where `answer` is no word, or one that is no time or number.
[[nodiscard]] inline std::optional<uint64_t> block_word_of(ByteView answer) {
    const evm::U256 word = answer.size() == 32 ? evm::U256::from_be(answer) : evm::U256{};
    return answer.size() == 32 && word <= evm::U256{UINT64_MAX} ? std::optional{word.limb[0]}
                                                                : std::nullopt;
}

}  // namespace plumbline::rpc
