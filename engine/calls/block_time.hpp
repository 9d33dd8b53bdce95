// A program that answers with the time of the block that it runs at: what shows whether a node
// answers an eth_call from the block that it is asked about.
#pragma once

#include <cstdint>
#include <optional>

#include "core/evm/bytes.hpp"
#include "core/evm/uint256.hpp"

namespace plumbline::engine {

/// TIMESTAMP, and the word back: as the code of a creation and of an address alike.
inline constexpr const char* kBlockTimeCode = "0x4260005260206000f3";

/// No contract is there, on any chain: for code in place of it, and for questions whose answer does
/// not depend on one.
inline constexpr const char* kNowhere = "0x00000000000000000000000000000000d0c70421";

/// Empty where `answer` is no word, or one that is no time.
[[nodiscard]] inline std::optional<uint64_t> block_time_of(ByteView answer) {
    const evm::U256 word = answer.size() == 32 ? evm::U256::from_be(answer) : evm::U256{};
    return answer.size() == 32 && word <= evm::U256{UINT64_MAX} ? std::optional{word.limb[0]}
                                                                : std::nullopt;
}

}  // namespace plumbline::engine
