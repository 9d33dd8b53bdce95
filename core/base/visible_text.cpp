#include "core/base/visible_text.hpp"

#include <cstdint>

#include <fmt/format.h>

#include "core/base/utf8.hpp"

namespace plumbline {

namespace {

bool is_bidi_control(char32_t c) noexcept {
    return c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069);
}

std::string shown(char32_t c) {
    switch (c) {
        case '\n': return "\\n";
        case '\r': return "\\r";
        case '\t': return "\\t";
        default: return fmt::format("\\u{{{:x}}}", static_cast<uint32_t>(c));
    }
}

/// `kept` stays though it acts.
std::string make_visible(std::string_view text, size_t size_max, std::string_view kept) {
    std::string out;
    while (!text.empty()) {
        size_t bad_size = 0;
        const size_t size = utf8_sequence_size(text, bad_size);
        const std::string_view sequence = text.substr(0, size == 0 ? 1 : size);
        std::string instead;
        if (size == 0) {
            instead = fmt::format("\\x{:02x}", static_cast<uint8_t>(text[0]));
        } else if (const char32_t c = utf8_code_point(sequence);
                   acts_on_terminals(c) && (c >= 0x80 || kept.find(text[0]) == kept.npos)) {
            instead = shown(c);
        }
        const std::string_view next = instead.empty() ? sequence : std::string_view{instead};
        if (next.size() > size_max - out.size()) {
            break;
        }
        out += next;
        text.remove_prefix(sequence.size());
    }
    return out;
}

}  // namespace

bool acts_on_terminals(char32_t c) noexcept {
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 || is_bidi_control(c);
}

std::string visible_text(std::string_view text, size_t size_max) {
    return make_visible(text, size_max, {});
}

std::string visible_lines(std::string_view text) {
    return make_visible(text, std::string_view::npos, "\n\t");
}

}  // namespace plumbline
