// The logs bloom filter of blocks and receipts (Yellow Paper section 4.3.1, function M3:2048):
// three of 2048 bits for each log address and each topic. A filter that lacks one of a thing's bits
// proves that the thing is not in it; having them all proves nothing.
#pragma once

#include <array>
#include <cstdint>

#include "core/evm/bytes.hpp"
#include "core/evm/header.hpp"
#include "core/evm/log.hpp"

namespace plumbline::evm {

/// The bits of one address or topic, ready to be tested against many filters without hashing again.
/// The low 11 bits of the first three 16-bit words of its Keccak-256; bit 0 is the lowest bit of
/// the filter's last byte (Yellow Paper 4.3.1).
struct BloomBits {
    std::array<uint16_t, 3> bit{};

    friend bool operator==(const BloomBits&, const BloomBits&) = default;
};

[[nodiscard]] BloomBits bloom_bits(ByteView bytes) noexcept;

inline void add(Bloom& bloom, const BloomBits& bits) noexcept {
    for (const uint16_t bit : bits.bit) {
        uint8_t& byte = bloom.bytes[bloom.size() - 1 - bit / 8U];
        byte = static_cast<uint8_t>(byte | (1U << (bit % 8U)));
    }
}
/// Adds an address (20 bytes) or a topic (32 bytes).
inline void add(Bloom& bloom, ByteView bytes) noexcept {
    add(bloom, bloom_bits(bytes));
}
/// Adds a log's address and each of its topics.
void add(Bloom& bloom, const Log& log) noexcept;
/// Adds all that `other` has.
void merge(Bloom& bloom, const Bloom& other) noexcept;

/// False: the filter was certainly made without it. True: perhaps with it.
[[nodiscard]] inline bool may_contain(const Bloom& bloom, const BloomBits& bits) noexcept {
    return std::ranges::all_of(bits.bit, [&bloom](uint16_t bit) {
        const uint32_t byte = bloom.bytes[bloom.size() - 1 - bit / 8U];
        return ((byte >> (bit % 8U)) & 1U) != 0;
    });
}
[[nodiscard]] inline bool may_contain(const Bloom& bloom, const Address& address) noexcept {
    return may_contain(bloom, bloom_bits(address.view()));
}
[[nodiscard]] inline bool may_contain(const Bloom& bloom, const Hash& topic) noexcept {
    return may_contain(bloom, bloom_bits(topic.view()));
}
/// True where every bit of `part` is set in `whole`, as a log's bloom must be in its block's.
[[nodiscard]] bool is_subset(const Bloom& part, const Bloom& whole) noexcept;
/// How many of the 2048 bits are set.
[[nodiscard]] int count_bits(const Bloom& bloom) noexcept;

}  // namespace plumbline::evm
