// Hex text to bytes and back. Strict: "0x" is required where said, no whitespace, even digit count.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/evm/bytes.hpp"

namespace plumbline::evm {

/// Lower-case digits with "0x" in front.
[[nodiscard]] std::string to_hex(ByteView bytes);
template <size_t N>
[[nodiscard]] std::string to_hex(const FixedBytes<N>& value) {
    return to_hex(value.view());
}
/// Appends lower-case digits without "0x".
void append_hex(std::string& out, ByteView bytes);

/// Decodes digits (no "0x") into `out`, which must hold exactly `digits.size() / 2` bytes.
/// False on an odd count or a non-digit; `out` may then be partly written.
[[nodiscard]] bool decode_hex(std::string_view digits, uint8_t* out) noexcept;

/// "0x..." of any even number of digits.
[[nodiscard]] std::optional<Bytes> parse_hex(std::string_view text);
/// "0x..." of exactly `N` bytes; any case.
template <size_t N>
[[nodiscard]] std::optional<FixedBytes<N>> parse_fixed(std::string_view text) noexcept {
    FixedBytes<N> out;
    if (text.size() != 2 + 2 * N || !text.starts_with("0x") ||
        !decode_hex(text.substr(2), out.data())) {
        return std::nullopt;
    }
    return out;
}
[[nodiscard]] inline std::optional<Address> parse_address(std::string_view text) noexcept {
    return parse_fixed<20>(text);
}
[[nodiscard]] inline std::optional<Hash> parse_hash(std::string_view text) noexcept {
    return parse_fixed<32>(text);
}

/// A JSON-RPC quantity: "0x" and 1 to 16 digits without a leading zero (except "0x0" itself).
[[nodiscard]] std::optional<uint64_t> parse_quantity(std::string_view text) noexcept;
/// The quantity's text: "0x0", "0x1a".
[[nodiscard]] std::string to_quantity(uint64_t value);

}  // namespace plumbline::evm
