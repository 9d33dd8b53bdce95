// A text is read in layers: as it is, then with its escapes decoded, then once more, because a
// JSON-escaped text may hold a percent-encoded one. Each layer remembers where its characters stood
// in the text, so that what is found in any of them is cut out of the text itself.
#include "core/base/redactor.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "core/base/ascii.hpp"
#include "core/base/hex_digits.hpp"
#include "core/base/secret_words.hpp"
#include "core/base/url_parts.hpp"

namespace plumbline {

namespace {

constexpr std::string_view kReplacement = "(redacted)";
constexpr size_t kSecretMin = 4;
/// Shorter ones may be a part of a word.
constexpr size_t kFreeMin = 8;
/// So much of the beginning of a long one is as good as the whole: texts are cut.
constexpr size_t kPrefixMin = 12;
constexpr size_t kPrefixOf = 16;
constexpr size_t kLayersMax = 4;
/// Looked at beyond the end, for a secret that begins before it.
constexpr size_t kBeyond = 4096;

struct Layer {
    std::string text;
    std::vector<size_t> at;  ///< where each character begins in the original; its size at the end
};

std::string in_lower_case(std::string text) {
    std::ranges::transform(text, text.begin(), ascii_lower);
    return text;
}

bool is_letter_or_digit(char c) noexcept {
    return is_ascii_letter(c) || is_ascii_digit(c);
}

bool is_hex_letter(char c) noexcept {
    return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f';
}

/// The value of `digits` in `base` where it is one byte.
std::optional<char> byte_of(std::string_view digits, unsigned base) {
    unsigned value = 0;
    for (const char c : digits) {
        const char l = ascii_lower(c);
        const unsigned digit = l >= '0' && l <= '9'   ? static_cast<unsigned>(l - '0')
                               : l >= 'a' && l <= 'f' ? static_cast<unsigned>(l - 'a' + 10)
                                                      : base;
        if (digit >= base || (value = value * base + digit) > 0xFF) {
            return std::nullopt;
        }
    }
    return digits.empty() ? std::nullopt : std::optional{static_cast<char>(value)};
}

struct Escape {
    char c = 0;
    size_t size = 0;  ///< 0: none
};

/// The names that HTML has for characters of ASCII, in lower case.
constexpr auto kReferenceNames =
    std::to_array<std::pair<std::string_view, char>>({{"tab", '\t'},
                                                      {"newline", '\n'},
                                                      {"excl", '!'},
                                                      {"quot", '"'},
                                                      {"num", '#'},
                                                      {"dollar", '$'},
                                                      {"percnt", '%'},
                                                      {"amp", '&'},
                                                      {"apos", '\''},
                                                      {"lpar", '('},
                                                      {"rpar", ')'},
                                                      {"ast", '*'},
                                                      {"midast", '*'},
                                                      {"plus", '+'},
                                                      {"comma", ','},
                                                      {"period", '.'},
                                                      {"sol", '/'},
                                                      {"colon", ':'},
                                                      {"semi", ';'},
                                                      {"lt", '<'},
                                                      {"equals", '='},
                                                      {"gt", '>'},
                                                      {"quest", '?'},
                                                      {"commat", '@'},
                                                      {"lsqb", '['},
                                                      {"lbrack", '['},
                                                      {"bsol", '\\'},
                                                      {"rsqb", ']'},
                                                      {"rbrack", ']'},
                                                      {"hat", '^'},
                                                      {"lowbar", '_'},
                                                      {"underbar", '_'},
                                                      {"grave", '`'},
                                                      {"lcub", '{'},
                                                      {"lbrace", '{'},
                                                      {"verbar", '|'},
                                                      {"vert", '|'},
                                                      {"rcub", '}'},
                                                      {"rbrace", '}'},
                                                      {"verticalline", '|'},
                                                      {"diacriticalgrave", '`'}});
/// Of old, these need no semicolon.
constexpr auto kBareNames = std::to_array<std::string_view>({"amp", "lt", "gt", "quot"});

/// `&#47;`, `&#x2f;`, zeros in front of it or not, with the semicolon or without.
Escape read_numeric_reference(std::string_view text) {
    constexpr size_t kDigitsMax = 64;
    const bool is_hex = text.size() > 2 && ascii_lower(text[2]) == 'x';
    const size_t begin = is_hex ? 3 : 2;
    size_t end = begin;
    while (end < text.size() && end < begin + kDigitsMax &&
           (is_ascii_digit(text[end]) || (is_hex && is_hex_letter(text[end])))) {
        ++end;
    }
    const auto c = byte_of(text.substr(begin, end - begin), is_hex ? 16 : 10);
    return c ? Escape{*c, end + static_cast<size_t>(text.substr(end).starts_with(';'))} : Escape{};
}

/// `&#47;`, `&#x2f;`, `&sol;`
Escape read_reference(std::string_view text) {
    if (text.size() > 1 && text[1] == '#') {
        return read_numeric_reference(text);
    }
    for (const auto& [name, c] : kReferenceNames) {
        if (!starts_with_ignoring_case(text.substr(1), name)) {
            continue;
        }
        const bool is_closed = text.substr(1 + name.size()).starts_with(';');
        if (is_closed || std::ranges::find(kBareNames, name) != kBareNames.end()) {
            return {c, 1 + name.size() + static_cast<size_t>(is_closed)};
        }
    }
    return {};
}

/// How the backslash is read: `\\` is one, or stands for itself, as where only some characters were
/// escaped and it was not one of them.
enum class Backslash : uint8_t { kEscaped, kPlain };

/// The escape that `text` begins with.
Escape read_escape(std::string_view text, Backslash backslash = Backslash::kEscaped) {
    if (text[0] == '%' && text.size() >= 3) {
        const auto c = byte_of(text.substr(1, 2), 16);
        return c ? Escape{*c, 3} : Escape{};
    }
    if (text[0] == '\\' && text.size() >= 2) {
        const bool is_itself = text[1] == '"' || text[1] == '\\' || text[1] == '/';
        if (is_itself && backslash == Backslash::kEscaped) {
            return {text[1], 2};
        }
        if (ascii_lower(text[1]) == 'u' && text.size() >= 6) {
            const auto c = byte_of(text.substr(2, 4), 16);
            return c ? Escape{*c, 6} : Escape{};
        }
        return {};
    }
    return text[0] == '&' ? read_reference(text) : Escape{};
}

/// Empty where there was nothing to decode.
std::optional<Layer> decode(const Layer& layer, Backslash backslash) {
    if (layer.text.find_first_of("%\\&") == std::string::npos) {
        return std::nullopt;
    }
    Layer out;
    bool is_changed = false;
    const std::string_view text = layer.text;
    for (size_t i = 0; i < text.size();) {
        const Escape escape = read_escape(text.substr(i), backslash);
        out.text += ascii_lower(escape.size == 0 ? text[i] : escape.c);
        out.at.push_back(layer.at[i]);
        i += std::max<size_t>(1, escape.size);
        is_changed = is_changed || escape.size > 0;
    }
    out.at.push_back(layer.at.back());
    return is_changed ? std::optional{std::move(out)} : std::nullopt;
}

Layer first_layer(std::string_view text) {
    Layer out;
    out.text = in_lower_case(std::string{text});
    out.at.resize(text.size() + 1);
    for (size_t i = 0; i <= text.size(); ++i) {
        out.at[i] = i;
    }
    return out;
}

bool is_base64(char c) noexcept {
    return is_letter_or_digit(c) || c == '+' || c == '/' || c == '-' || c == '_';
}

/// Marks the bytes of the original that are a secret's form in `layer`.
void mark(const Layer& layer, const SecretForm& form, std::vector<bool>& is_secret) {
    const std::string_view text = layer.text;
    const std::string_view needle = form.text;
    const size_t least = needle.size() >= kPrefixOf ? kPrefixMin : needle.size();
    for (size_t at = text.find(needle.substr(0, least)); at != std::string_view::npos;
         at = text.find(needle.substr(0, least), at + 1)) {
        size_t size = least;
        while (size < needle.size() && at + size < text.size() && text[at + size] == needle[size]) {
            ++size;
        }
        const bool is_within_word =
            needle.size() < kFreeMin &&
            ((at > 0 && is_letter_or_digit(text[at - 1])) ||
             (at + size < text.size() && is_letter_or_digit(text[at + size])));
        if (is_within_word) {
            continue;
        }
        const bool has_before = form.has_edge_before && at > 0 && is_base64(text[at - 1]);
        const size_t from = at - static_cast<size_t>(has_before);
        size_t to = at + size;
        if (form.has_edge_after && size == needle.size()) {
            to += static_cast<size_t>(to < text.size() && is_base64(text[to]));
            while (to < text.size() && text[to] == '=') {
                ++to;
            }
        }
        std::fill(is_secret.begin() + static_cast<ptrdiff_t>(layer.at[from]),
                  is_secret.begin() + static_cast<ptrdiff_t>(layer.at[to]), true);
    }
}

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Without what depends on the bytes behind it, nor padding.
std::string to_base64(std::string_view bytes) {
    std::string out;
    uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : bytes) {
        bits = bits << 8 | static_cast<uint8_t>(c);
        for (count += 8; count >= 6; count -= 6) {
            out += kBase64[(bits >> (count - 6)) & 63];
        }
    }
    return out;
}

/// Empty where it is none.
std::string from_base64(std::string_view text) {
    std::string out;
    uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : text.substr(0, text.find('='))) {
        const size_t digit = kBase64.find(c == '-' ? '+' : c == '_' ? '/' : c);
        if (digit == std::string_view::npos) {
            return {};
        }
        bits = bits << 6 | static_cast<uint32_t>(digit);
        count += 6;
        if (count >= 8) {
            count -= 8;
            out += static_cast<char>(bits >> count & 0xFF);
        }
    }
    return out;
}

template <typename Each>
void for_each_word(std::string_view text, std::string_view separators, Each each) {
    while (!text.empty()) {
        const size_t end = std::min(text.find_first_of(separators), text.size());
        each(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

/// With its escapes decoded as often as there are any, in its own case.
std::string unescaped(std::string_view text) {
    std::string out{text};
    for (size_t turn = 1; turn < kLayersMax; ++turn) {
        std::string next;
        for (size_t i = 0; i < out.size();) {
            const Escape escape = read_escape(std::string_view{out}.substr(i));
            next += escape.size == 0 ? out[i] : escape.c;
            i += std::max<size_t>(1, escape.size);
        }
        if (next == out) {
            break;
        }
        out = std::move(next);
    }
    return out;
}

}  // namespace

Redactor::Redactor(const SecretEndpoint& endpoint) {
    add_url(endpoint.url, endpoint.is_host_public);
    for (const auto& [name, value] : endpoint.headers) {
        add_header_value(value);
    }
}

void Redactor::add_url(std::string_view url, bool is_host_public) {
    const UrlParts parts = split_url(url);
    const auto add_word = [&](std::string_view word) {
        if (!is_public_word(word)) {
            add(word);
        }
    };
    if (!parts.user_info.empty()) {
        const size_t colon = std::min(parts.user_info.find(':'), parts.user_info.size());
        add(parts.user_info);
        add(parts.user_info.substr(0, colon));
        add(parts.user_info.substr(std::min(colon + 1, parts.user_info.size())));
    }
    for (const std::string_view segment : parts.path) {
        add_word(segment);
    }
    for_each_word(parts.query, "&;", [&](std::string_view item) {
        const size_t equals = item.find('=');
        add_word(item.substr(equals == std::string_view::npos ? 0 : equals + 1));
    });
    add_word(parts.fragment);
    if (!is_host_public) {
        std::ranges::for_each(secret_labels(parts.host), add_word);
    }
}

void Redactor::add_header_value(std::string_view value) {
    bool is_basic = false;
    for_each_word(value, " ,;", [&](std::string_view word) {
        if (is_basic) {
            const std::string credentials = from_base64(word);
            const size_t colon = std::min(credentials.find(':'), credentials.size());
            add(credentials);
            add(std::string_view{credentials}.substr(0, colon));
            add(std::string_view{credentials}.substr(std::min(colon + 1, credentials.size())));
        }
        is_basic = equal_ignoring_case(word, "basic");
        if (const size_t equals = word.find('='); equals != std::string_view::npos) {
            add(word.substr(equals + 1));
        }
        if (!is_public_word(word)) {
            add(word);
        }
    });
}

void Redactor::add(std::string_view secret) {
    if (secret.size() < kSecretMin) {
        return;
    }
    for (const std::string& form : {std::string{secret}, unescaped(secret)}) {
        add_form({form});
        std::string hex;
        append_hex_digits(hex, form);
        add_form({std::move(hex)});
        // Base64 looks different by how many bytes stand before, modulo three; what depends on them
        // as well is left away here, and taken out with the rest where it is found.
        for (const auto& [before, unsure] : {std::pair{0, 0}, {1, 2}, {2, 3}}) {
            std::string base64 = to_base64(std::string(static_cast<size_t>(before), ' ') + form)
                                     .substr(static_cast<size_t>(unsure));
            const bool has_edge_after = (static_cast<size_t>(before) + form.size()) % 3 != 0;
            add_form({base64, before > 0, has_edge_after});
            std::ranges::replace(base64, '+', '-');
            std::ranges::replace(base64, '/', '_');
            add_form({std::move(base64), before > 0, has_edge_after});
        }
    }
}

void Redactor::add_form(SecretForm form) {
    form.text = in_lower_case(std::move(form.text));
    if (form.text.size() >= kSecretMin && std::ranges::find(forms_, form) == forms_.end()) {
        forms_.push_back(std::move(form));
    }
}

std::string Redactor::redact(std::string_view text, size_t size_max) const {
    const size_t shown = std::min(text.size(), size_max);
    if (forms_.empty()) {
        return std::string{text.substr(0, shown)};
    }
    text = text.substr(0, shown + std::min(text.size() - shown, kBeyond));
    std::vector<bool> is_secret(text.size(), false);
    for (const Backslash backslash : {Backslash::kEscaped, Backslash::kPlain}) {
        if (backslash == Backslash::kPlain && text.find(R"(\\)") == std::string_view::npos) {
            break;
        }
        std::optional<Layer> layer = first_layer(text);
        for (size_t i = 0; layer && i < kLayersMax; ++i) {
            for (const SecretForm& form : forms_) {
                mark(*layer, form, is_secret);
            }
            layer = decode(*layer, backslash);
        }
    }
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        const bool is_inside = i > 0 && is_secret[i] && is_secret[i - 1];
        if (i >= shown && !is_inside) {
            break;
        }
        if (!is_secret[i]) {
            out += text[i];
        } else if (!is_inside) {
            out += kReplacement;
        }
    }
    return out;
}

}  // namespace plumbline
