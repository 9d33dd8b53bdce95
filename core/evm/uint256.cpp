#include "core/evm/uint256.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/evm/limbs.hpp"

namespace plumbline::evm {

namespace {

__extension__ using Wide = unsigned __int128;

/// value * factor + addend; false when it does not fit 256 bits.
bool multiply_add(U256& value, uint64_t factor, uint64_t addend) noexcept {
    Wide carry = addend;
    for (uint64_t& limb : value.limb) {
        carry += static_cast<Wide>(limb) * factor;
        limb = static_cast<uint64_t>(carry);
        carry >>= 64;
    }
    return carry == 0;
}

int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

uint64_t load_be(const uint8_t* bytes) noexcept {
    uint64_t word = 0;
    std::memcpy(&word, bytes, sizeof(word));
    return __builtin_bswap64(word);
}

}  // namespace

U256 U256::from_be(ByteView bytes) noexcept {
    // Rows and keys hold little else: a call to copy 8 bytes costs more than to read them.
    if (bytes.size() == 8) {
        return load_be(bytes.data());
    }
    uint8_t word[32] = {};
    if (bytes.size() >= 32) {
        std::memcpy(word, bytes.data(), 32);
    } else if (bytes.size() == 20) {
        std::memcpy(word + 12, bytes.data(), 20);
    } else if (!bytes.empty()) {
        std::memcpy(word + 32 - bytes.size(), bytes.data(), bytes.size());
    }
    U256 out;
    for (size_t i = 0; i < 4; ++i) {
        out.limb[3 - i] = load_be(word + 8 * i);
    }
    return out;
}

U256 U256::from_be_signed(ByteView bytes) noexcept {
    std::array<uint8_t, 32> word{};
    word.fill(!bytes.empty() && (bytes[0] & 0x80) != 0 ? 0xff : 0x00);
    const size_t size = std::min<size_t>(bytes.size(), 32);
    std::copy_n(bytes.begin(), size, word.end() - static_cast<std::ptrdiff_t>(size));
    return from_be(word);
}

void U256::to_be(uint8_t* out, size_t size) const noexcept {
    if (size == 8) {
        const uint64_t swapped = __builtin_bswap64(limb[0]);
        std::memcpy(out, &swapped, sizeof(swapped));
        return;
    }
    uint8_t word[32];
    for (size_t i = 0; i < 4; ++i) {
        const uint64_t swapped = __builtin_bswap64(limb[3 - i]);
        std::memcpy(word + 8 * i, &swapped, sizeof(swapped));
    }
    if (size == 32) {
        std::memcpy(out, word, 32);
    } else if (size == 20) {
        std::memcpy(out, word + 12, 20);
    } else {
        std::memcpy(out, word + 32 - size, size);
    }
}

std::optional<U256> U256::parse(std::string_view text) noexcept {
    const bool hex = text.starts_with("0x");
    if (hex) {
        text.remove_prefix(2);
    }
    if (text.empty() || text.size() > 78) {
        return std::nullopt;
    }
    U256 out;
    for (const char c : text) {
        const int digit = hex_digit(c);
        if (digit < 0 || (!hex && digit > 9) ||
            !multiply_add(out, hex ? 16 : 10, static_cast<uint64_t>(digit))) {
            return std::nullopt;
        }
    }
    return out;
}

std::string U256::to_decimal() const {
    if (fits_u64()) {
        return std::to_string(limb[0]);
    }
    U256 rest = *this;
    return limbs_to_decimal(rest.limb);
}

std::string U256::to_decimal_signed() const {
    return is_negative() ? "-" + negate(*this).to_decimal() : to_decimal();
}

int U256::bit_length() const noexcept {
    for (size_t i = 4; i-- > 0;) {
        if (limb[i] != 0) {
            return static_cast<int>(i * 64) + 64 - std::countl_zero(limb[i]);
        }
    }
    return 0;
}

bool U256::fits_signed(int bits) const noexcept {
    if (!is_negative()) {
        return bit_length() <= bits - 1;
    }
    U256 inverted;
    for (size_t i = 0; i < 4; ++i) {
        inverted.limb[i] = ~limb[i];
    }
    return inverted.bit_length() <= bits - 1;
}

void append_word(Bytes& out, const U256& word) {
    std::array<uint8_t, 32> bytes{};
    word.to_be(bytes.data());
    out.insert(out.end(), bytes.begin(), bytes.end());
}

std::strong_ordering compare_signed(const U256& a, const U256& b) noexcept {
    if (a.is_negative() != b.is_negative()) {
        return a.is_negative() ? std::strong_ordering::less : std::strong_ordering::greater;
    }
    return a <=> b;
}

U256 add(const U256& a, const U256& b, bool& carry) noexcept {
    U256 out;
    uint64_t over = 0;
    for (size_t i = 0; i < 4; ++i) {
        uint64_t sum = 0;
        const bool first = __builtin_add_overflow(a.limb[i], b.limb[i], &sum);
        const bool second = __builtin_add_overflow(sum, over, &out.limb[i]);
        over = static_cast<uint64_t>(first) | static_cast<uint64_t>(second);
    }
    carry = over != 0;
    return out;
}

U256 sub(const U256& a, const U256& b, bool& borrow) noexcept {
    U256 out;
    uint64_t under = 0;
    for (size_t i = 0; i < 4; ++i) {
        uint64_t difference = 0;
        const bool first = __builtin_sub_overflow(a.limb[i], b.limb[i], &difference);
        const bool second = __builtin_sub_overflow(difference, under, &out.limb[i]);
        under = static_cast<uint64_t>(first) | static_cast<uint64_t>(second);
    }
    borrow = under != 0;
    return out;
}

U256 negate(const U256& a) noexcept {
    bool ignored = false;
    return sub(U256{}, a, ignored);
}

}  // namespace plumbline::evm
