#include "core/base/json_text.hpp"

#include <cstdint>

namespace plumbline {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Length of the well-formed UTF-8 sequence at `text[0]`, or 0 (Unicode 15, table 3-7).
size_t sequence_size(std::string_view text, size_t& bad_size) {
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

void append_escaped(std::string& out, char c) {
    constexpr char kDigits[] = "0123456789abcdef";
    switch (c) {
        case '"': out += "\\\""; return;
        case '\\': out += "\\\\"; return;
        case '\n': out += "\\n"; return;
        case '\r': out += "\\r"; return;
        case '\t': out += "\\t"; return;
        case '\b': out += "\\b"; return;
        case '\f': out += "\\f"; return;
        default: break;
    }
    if (static_cast<uint8_t>(c) < 0x20) {
        out += "\\u00";
        out += kDigits[(static_cast<uint8_t>(c) >> 4) & 15];
        out += kDigits[static_cast<uint8_t>(c) & 15];
        return;
    }
    out += c;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    while (!text.empty()) {
        size_t bad_size = 0;
        const size_t size = sequence_size(text, bad_size);
        if (size == 1) {
            append_escaped(out, text[0]);
        } else if (size > 1) {
            out += text.substr(0, size);
        } else {
            out += kReplacement;
        }
        text.remove_prefix(size == 0 ? bad_size : size);
    }
    out += '"';
}

void append_csv_field(std::string& out, std::string_view text) {
    if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
        out += text;
        return;
    }
    out += '"';
    for (const char c : text) {
        if (c == '"') {
            out += '"';
        }
        out += c;
    }
    out += '"';
}

}  // namespace plumbline
