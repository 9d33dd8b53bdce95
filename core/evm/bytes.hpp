// Byte views, fixed-size byte strings (address, hash) and the casts between bytes and characters.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace plumbline {

using Bytes = std::vector<uint8_t>;
/// Read-only bytes owned by somebody else; valid as long as they are.
using ByteView = std::span<const uint8_t>;

[[nodiscard]] inline ByteView as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view as_chars(ByteView bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
[[nodiscard]] inline bool equal(ByteView a, ByteView b) noexcept {
    return std::ranges::equal(a, b);
}

namespace evm {

/// `N` bytes by value, ordered as big-endian numbers are.
template <size_t N>
struct FixedBytes {
    std::array<uint8_t, N> bytes{};

    [[nodiscard]] static constexpr size_t size() noexcept { return N; }
    [[nodiscard]] const uint8_t* data() const noexcept { return bytes.data(); }
    [[nodiscard]] uint8_t* data() noexcept { return bytes.data(); }
    [[nodiscard]] ByteView view() const noexcept { return bytes; }
    [[nodiscard]] bool is_zero() const noexcept {
        return std::ranges::all_of(bytes, [](uint8_t b) { return b == 0; });
    }
    /// Copies exactly `N` bytes from `source`, which must have that many.
    [[nodiscard]] static FixedBytes from(ByteView source) noexcept {
        FixedBytes out;
        std::memcpy(out.bytes.data(), source.data(), N);
        return out;
    }
    friend auto operator<=>(const FixedBytes&, const FixedBytes&) = default;
};

using Address = FixedBytes<20>;
using Hash = FixedBytes<32>;

/// For hash maps over keccak hashes and addresses: their own bytes are already well mixed,
/// except for chosen (vanity) addresses, so the tail is used.
struct FixedBytesHash {
    template <size_t N>
    size_t operator()(const FixedBytes<N>& value) const noexcept {
        uint64_t word = 0;
        std::memcpy(&word, value.bytes.data() + N - sizeof(word), sizeof(word));
        return static_cast<size_t>(word * 0x9E3779B97F4A7C15ULL);
    }
};

}  // namespace evm
}  // namespace plumbline
