// Unsigned numbers as 64-bit limbs, the least significant first: what numbers of several widths
// share.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace plumbline::evm {

/// Divides in place, returns the remainder. `divisor` is not zero.
uint64_t divide_limbs(std::span<uint64_t> value, uint64_t divisor) noexcept;
/// Decimal digits; uses `value` up.
[[nodiscard]] std::string limbs_to_decimal(std::span<uint64_t> value);

}  // namespace plumbline::evm
