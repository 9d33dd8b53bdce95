// Integers of 512 bits in two's complement, for expressions: wide enough for the product of any two
// EVM words. Operations tell where a result leaves the range instead of wrapping.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>

#include "core/evm/uint256.hpp"

namespace plumbline::evm {

/// -2^511 to 2^511 - 1. Eight 64-bit limbs, least significant first.
struct Int512 {
    std::array<uint64_t, 8> limb{};

    constexpr Int512() = default;
    constexpr Int512(int64_t value)  // NOLINT(google-explicit-constructor)
        : limb{static_cast<uint64_t>(value),
               high(value),
               high(value),
               high(value),
               high(value),
               high(value),
               high(value),
               high(value)} {}

    /// The word as an unsigned number, or as two's complement.
    [[nodiscard]] static Int512 from_unsigned(const U256& word) noexcept;
    [[nodiscard]] static Int512 from_signed(const U256& word) noexcept;

    [[nodiscard]] bool is_zero() const noexcept;
    [[nodiscard]] bool is_negative() const noexcept { return (limb[7] >> 63) != 0; }
    /// True where it is one of uint`bits`, or of int`bits`; `bits` at most 256.
    [[nodiscard]] bool fits_unsigned(int bits) const noexcept;
    [[nodiscard]] bool fits_signed(int bits) const noexcept;
    /// The low 256 bits.
    [[nodiscard]] U256 low_word() const noexcept;
    /// True where it is at least 0 and below 2^64: then `limb[0]` is it.
    [[nodiscard]] bool fits_u64() const noexcept;
    [[nodiscard]] std::string to_decimal() const;

    friend bool operator==(const Int512&, const Int512&) = default;
    friend std::strong_ordering operator<=>(const Int512& a, const Int512& b) noexcept {
        if (a.is_negative() != b.is_negative()) {
            return a.is_negative() ? std::strong_ordering::less : std::strong_ordering::greater;
        }
        for (size_t i = 8; i-- > 0;) {
            if (a.limb[i] != b.limb[i]) {
                return a.limb[i] <=> b.limb[i];
            }
        }
        return std::strong_ordering::equal;
    }

  private:
    static constexpr uint64_t high(int64_t value) { return value < 0 ? ~uint64_t{0} : 0; }
};

// False: the result leaves the range, and `out` is not to be read. `out` may be an argument.

[[nodiscard]] bool add(const Int512& a, const Int512& b, Int512& out) noexcept;
[[nodiscard]] bool sub(const Int512& a, const Int512& b, Int512& out) noexcept;
[[nodiscard]] bool mul(const Int512& a, const Int512& b, Int512& out) noexcept;
[[nodiscard]] bool negate(const Int512& a, Int512& out) noexcept;
/// Truncated towards zero as Solidity's division is, so that the remainder has the sign of `a`.
/// False too where `b` is zero.
[[nodiscard]] bool div_mod(const Int512& a, const Int512& b, Int512& quotient,
                           Int512& remainder) noexcept;
/// a to the power of `exponent`; 0 to the power of 0 is 1.
[[nodiscard]] bool pow(const Int512& a, uint64_t exponent, Int512& out) noexcept;
/// 10^exponent; `exponent` at most 153.
[[nodiscard]] Int512 power_of_ten(unsigned exponent) noexcept;
/// a * 2^bits; `bits` at most 511.
[[nodiscard]] bool shift_left(const Int512& a, unsigned bits, Int512& out) noexcept;
/// a / 2^bits towards minus infinity; `bits` at most 511.
[[nodiscard]] Int512 shift_right(const Int512& a, unsigned bits) noexcept;

}  // namespace plumbline::evm
