// Bytes as hex digits, without a prefix.
#pragma once

#include <cstdint>
#include <string>

namespace plumbline {

inline constexpr char kHexDigits[] = "0123456789abcdef";

/// Appends two small digits a byte. `bytes`: chars or uint8_t.
void append_hex_digits(std::string& out, const auto& bytes) {
    const size_t start = out.size();
    out.resize(start + 2 * bytes.size());
    char* cursor = out.data() + start;
    for (const auto byte : bytes) {
        *cursor++ = kHexDigits[static_cast<uint8_t>(byte) >> 4U];
        *cursor++ = kHexDigits[static_cast<uint8_t>(byte) & 15U];
    }
}

}  // namespace plumbline
