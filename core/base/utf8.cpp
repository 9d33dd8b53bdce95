#include "core/base/utf8.hpp"

#include <cstdint>

namespace plumbline {

size_t utf8_sequence_size(std::string_view text, size_t& bad_size) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
    const uint8_t first = byte(0);
    bad_size = 1;
    if (first < 0x80) {
        return 1;
    }
    size_t size = 0;
    uint8_t low = 0x80;
    uint8_t high = 0xBF;
    if (first >= 0xC2 && first <= 0xDF) {
        size = 2;
    } else if (first >= 0xE0 && first <= 0xEF) {
        size = 3;
        low = first == 0xE0 ? 0xA0 : 0x80;
        high = first == 0xED ? 0x9F : 0xBF;
    } else if (first >= 0xF0 && first <= 0xF4) {
        size = 4;
        low = first == 0xF0 ? 0x90 : 0x80;
        high = first == 0xF4 ? 0x8F : 0xBF;
    } else {
        return 0;
    }
    for (size_t i = 1; i < size; ++i) {
        if (i >= text.size() || byte(i) < low || byte(i) > high) {
            bad_size = i;
            return 0;
        }
        low = 0x80;
        high = 0xBF;
    }
    return size;
}

char32_t utf8_code_point(std::string_view sequence) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(sequence[i]); };
    constexpr uint8_t kLeadBits[] = {0x7F, 0x1F, 0x0F, 0x07};
    char32_t out = byte(0) & kLeadBits[sequence.size() - 1];
    for (size_t i = 1; i < sequence.size(); ++i) {
        out = (out << 6) | (byte(i) & 0x3F);
    }
    return out;
}

}  // namespace plumbline
