#include "core/evm/hex.hpp"

#include <array>
#include <bit>

#include "core/base/hex_digits.hpp"

namespace plumbline::evm {

namespace {

constexpr uint8_t kBad = 0xff;

constexpr std::array<uint8_t, 256> make_nibbles() {
    std::array<uint8_t, 256> table{};
    table.fill(kBad);
    for (uint8_t i = 0; i < 10; ++i) {
        table[static_cast<size_t>('0') + i] = i;
    }
    for (uint8_t i = 0; i < 6; ++i) {
        table[static_cast<size_t>('a') + i] = static_cast<uint8_t>(10 + i);
        table[static_cast<size_t>('A') + i] = static_cast<uint8_t>(10 + i);
    }
    return table;
}
constexpr auto kNibbles = make_nibbles();

}  // namespace

void append_hex(std::string& out, ByteView bytes) {
    append_hex_digits(out, bytes);
}

std::string to_hex(ByteView bytes) {
    std::string out = "0x";
    append_hex(out, bytes);
    return out;
}

bool decode_hex(std::string_view digits, uint8_t* out) noexcept {
    if (digits.size() % 2 != 0) {
        return false;
    }
    uint8_t bad = 0;
    for (size_t i = 0; i < digits.size(); i += 2) {
        const uint8_t high = kNibbles[static_cast<uint8_t>(digits[i])];
        const uint8_t low = kNibbles[static_cast<uint8_t>(digits[i + 1])];
        bad |= static_cast<uint8_t>(high | low);
        *out++ = static_cast<uint8_t>((high << 4) | (low & 15));
    }
    return (bad & 0xf0) == 0;
}

std::optional<Bytes> parse_hex(std::string_view text) {
    if (!text.starts_with("0x") || text.size() % 2 != 0) {
        return std::nullopt;
    }
    Bytes out((text.size() - 2) / 2);
    if (!decode_hex(text.substr(2), out.data())) {
        return std::nullopt;
    }
    return out;
}

std::optional<uint64_t> parse_quantity(std::string_view text) noexcept {
    if (!text.starts_with("0x") || text.size() < 3 || text.size() > 18 ||
        (text[2] == '0' && text.size() > 3)) {
        return std::nullopt;
    }
    uint64_t value = 0;
    for (const char c : text.substr(2)) {
        const uint8_t nibble = kNibbles[static_cast<uint8_t>(c)];
        if (nibble == kBad) {
            return std::nullopt;
        }
        value = (value << 4) | nibble;
    }
    return value;
}

std::string to_quantity(uint64_t value) {
    if (value == 0) {
        return "0x0";
    }
    std::string out = "0x";
    for (int shift = 60 - std::countl_zero(value) / 4 * 4; shift >= 0; shift -= 4) {
        out += kHexDigits[(value >> shift) & 15];
    }
    return out;
}

}  // namespace plumbline::evm
