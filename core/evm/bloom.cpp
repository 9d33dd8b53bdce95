#include "core/evm/bloom.hpp"

#include <bit>

#include "core/evm/keccak.hpp"

namespace plumbline::evm {

BloomBits bloom_bits(ByteView bytes) noexcept {
    const Hash digest = keccak256(bytes);
    BloomBits out;
    for (size_t i = 0; i < out.bit.size(); ++i) {
        const auto word = static_cast<uint32_t>(digest.bytes[2 * i] << 8 | digest.bytes[2 * i + 1]);
        out.bit[i] = static_cast<uint16_t>(word & 0x7ffU);
    }
    return out;
}

void add(Bloom& bloom, const Log& log) noexcept {
    add(bloom, log.address.view());
    for (size_t i = 0; i < log.topic_count; ++i) {
        add(bloom, log.topics[i].view());
    }
}

void merge(Bloom& bloom, const Bloom& other) noexcept {
    for (size_t i = 0; i < bloom.size(); ++i) {
        bloom.bytes[i] = static_cast<uint8_t>(bloom.bytes[i] | other.bytes[i]);
    }
}

bool is_subset(const Bloom& part, const Bloom& whole) noexcept {
    bool missing = false;
    for (size_t i = 0; i < part.size(); ++i) {
        missing |= (part.bytes[i] & ~whole.bytes[i]) != 0;
    }
    return !missing;
}

int count_bits(const Bloom& bloom) noexcept {
    int count = 0;
    for (const uint8_t byte : bloom.bytes) {
        count += std::popcount(byte);
    }
    return count;
}

}  // namespace plumbline::evm
