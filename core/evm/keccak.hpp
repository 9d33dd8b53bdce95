// Keccak-256 as Ethereum uses it (the original padding, not SHA3-256).
#pragma once

#include "core/evm/bytes.hpp"

namespace plumbline::evm {

[[nodiscard]] Hash keccak256(ByteView bytes) noexcept;
[[nodiscard]] inline Hash keccak256(std::string_view text) noexcept {
    return keccak256(as_bytes(text));
}

}  // namespace plumbline::evm
