#include "core/base/printable_text.hpp"

#include <cstdint>

#include "core/base/hex_digits.hpp"
#include "core/base/json_text.hpp"
#include "core/base/utf8.hpp"
#include "core/base/visible_text.hpp"

namespace plumbline {

namespace {

constexpr std::string_view kHexPrefix = "hex:";

bool is_hidden(char32_t c, TextPlace place) {
    if (c == '\t' || c == '\n' || c == '\r' || c == ',' || c == '=' || c == '"' || c == '\'') {
        return place == TextPlace::kKey;
    }
    return acts_on_terminals(c);
}

bool is_plain(std::string_view text, TextPlace place) {
    if (text.starts_with(kHexPrefix)) {
        return false;
    }
    while (!text.empty()) {
        size_t bad_size = 0;
        const size_t size = utf8_sequence_size(text, bad_size);
        if (size == 0 || is_hidden(utf8_code_point(text.substr(0, size)), place)) {
            return false;
        }
        text.remove_prefix(size);
    }
    return true;
}

int digit_of(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

std::string printable_text(std::string_view text, TextPlace place) {
    if (is_plain(text, place)) {
        return std::string{text};
    }
    std::string out{kHexPrefix};
    append_hex_digits(out, text);
    return out;
}

void append_printable_json(std::string& out, std::string_view text) {
    if (is_plain(text, TextPlace::kValue)) {
        append_json_string(out, text);
    } else {
        append_json_string(out, printable_text(text, TextPlace::kValue));
    }
}

Result<std::string> parse_printable(std::string_view shown) {
    if (!shown.starts_with(kHexPrefix)) {
        return std::string{shown};
    }
    const std::string_view digits = shown.substr(kHexPrefix.size());
    std::string out;
    out.reserve(digits.size() / 2);
    bool is_hex = digits.size() % 2 == 0;
    for (size_t i = 0; is_hex && i < digits.size(); i += 2) {
        const int high = digit_of(digits[i]);
        const int low = digit_of(digits[i + 1]);
        is_hex = high >= 0 && low >= 0;
        out += static_cast<char>(high << 4 | low);
    }
    if (!is_hex) {
        return Error{ErrorCode::kInvalidArgument,
                     "'" + std::string{shown} +
                         "': behind hex: must be an even number of hex digits, the text's bytes"};
    }
    return out;
}

}  // namespace plumbline
