#include "core/base/json_text.hpp"

#include <algorithm>
#include <cstdint>

#include "core/base/hex_digits.hpp"
#include "core/base/utf8.hpp"
#include "core/base/visible_text.hpp"

namespace plumbline {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// `\u` and four digits.
void append_code_unit(std::string& out, char32_t c) {
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) {
        out += kHexDigits[(c >> shift) & 15];
    }
}

void append_escaped(std::string& out, char c) {
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
    if (static_cast<uint8_t>(c) < 0x20 || c == 0x7F) {
        append_code_unit(out, static_cast<uint8_t>(c));
        return;
    }
    out += c;
}

/// How much of `text` stands in JSON as it is, from its beginning: most texts wholly.
size_t plain_size(std::string_view text) {
    const auto* const end = std::find_if_not(text.begin(), text.end(), [](char c) {
        return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
    });
    return static_cast<size_t>(end - text.begin());
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    for (;;) {
        const size_t plain = plain_size(text);
        out += text.substr(0, plain);
        text.remove_prefix(plain);
        if (text.empty()) {
            break;
        }
        size_t bad_size = 0;
        const size_t size = utf8_sequence_size(text, bad_size);
        if (size == 1) {
            append_escaped(out, text[0]);
        } else if (size > 1) {
            // What acts on a terminal is below U+10000.
            if (const char32_t c = utf8_code_point(text.substr(0, size)); acts_on_terminals(c)) {
                append_code_unit(out, c);
            } else {
                out += text.substr(0, size);
            }
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
