// 256-bit words as the EVM sees them: unsigned and two's complement, wrapping, with carry reports.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/evm/bytes.hpp"

namespace plumbline::evm {

/// Four 64-bit limbs, least significant first.
struct U256 {
    std::array<uint64_t, 4> limb{};

    constexpr U256() = default;
    constexpr U256(uint64_t low) : limb{low, 0, 0, 0} {}  // NOLINT(google-explicit-constructor)

    /// Reads up to 32 big-endian bytes as an unsigned number.
    [[nodiscard]] static U256 from_be(ByteView bytes) noexcept;
    /// Reads 1 to 32 big-endian bytes as two's complement, sign-extended to 256 bits.
    [[nodiscard]] static U256 from_be_signed(ByteView bytes) noexcept;
    /// Writes the `size` (at most 32) low bytes, big-endian.
    void to_be(uint8_t* out, size_t size = 32) const noexcept;

    /// Decimal digits, or "0x" and at most 64 hex digits. Nothing else, no sign; empty when it does
    /// not fit.
    [[nodiscard]] static std::optional<U256> parse(std::string_view text) noexcept;
    [[nodiscard]] std::string to_decimal() const;
    /// The same word read as two's complement: "-5".
    [[nodiscard]] std::string to_decimal_signed() const;

    [[nodiscard]] bool is_zero() const noexcept {
        return (limb[0] | limb[1] | limb[2] | limb[3]) == 0;
    }
    [[nodiscard]] bool is_negative() const noexcept { return (limb[3] >> 63) != 0; }
    [[nodiscard]] bool fits_u64() const noexcept { return (limb[1] | limb[2] | limb[3]) == 0; }
    /// How many bits the unsigned number needs; 0 for zero.
    [[nodiscard]] int bit_length() const noexcept;
    /// True where the word is a valid intN (sign bits all equal) or uintN of `bits`.
    [[nodiscard]] bool fits_unsigned(int bits) const noexcept { return bit_length() <= bits; }
    [[nodiscard]] bool fits_signed(int bits) const noexcept;

    friend bool operator==(const U256&, const U256&) = default;
    /// Unsigned order.
    friend std::strong_ordering operator<=>(const U256& a, const U256& b) noexcept {
        for (size_t i = 4; i-- > 0;) {
            if (a.limb[i] != b.limb[i]) {
                return a.limb[i] <=> b.limb[i];
            }
        }
        return std::strong_ordering::equal;
    }
};

/// Appends the word's 32 bytes, big-endian, as the ABI has them.
void append_word(Bytes& out, const U256& word);
/// Two's complement order.
[[nodiscard]] std::strong_ordering compare_signed(const U256& a, const U256& b) noexcept;
/// a + b mod 2^256; `carry` tells whether the unsigned sum wrapped.
[[nodiscard]] U256 add(const U256& a, const U256& b, bool& carry) noexcept;
/// a - b mod 2^256; `borrow` tells whether the unsigned difference wrapped.
[[nodiscard]] U256 sub(const U256& a, const U256& b, bool& borrow) noexcept;
/// Two's complement negation.
[[nodiscard]] U256 negate(const U256& a) noexcept;

}  // namespace plumbline::evm
