#include "engine/config/toml_quotes.hpp"

#include <algorithm>
#include <array>

#include "core/base/ascii.hpp"
#include "core/base/url_parts.hpp"

namespace plumbline::engine {

namespace {

constexpr std::string_view kBlanks = " \t\r";
constexpr size_t kValueMax = 120;

struct RawValue {
    std::string key;  ///< empty: it stands on an earlier line
    std::string_view text;
};

/// What toml++ says of values that are none of its kinds.
bool is_of_value(std::string_view description) {
    constexpr auto kSaid = std::to_array<std::string_view>(
        {"parsing value: could not",
         "parsing time: ", "parsing date: ", "parsing date-time: ", " integer: ",
         "parsing floating-point: ", "parsing boolean: ", "expected a comment or whitespace"});
    return std::ranges::any_of(kSaid, [&](std::string_view said) {
        return description.find(said) != std::string_view::npos;
    });
}

std::string_view trimmed(std::string_view text) {
    const size_t begin = text.find_first_not_of(kBlanks);
    return begin == std::string_view::npos
               ? std::string_view{}
               : text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

/// Between the `=`, bracket or comma before `at` and what ends it.
RawValue find_raw_value(std::string_view line, size_t at) {
    RawValue out;
    size_t begin = 0;
    char opened_by = '\n';
    char quote = '\0';
    bool is_listed = line.find('=') == std::string_view::npos;  // In a list of several lines.
    for (size_t i = 0; i < std::min(at, line.size()); ++i) {
        const char c = line[i];
        if (quote != '\0') {
            quote = c == quote ? '\0' : quote;
            continue;
        }
        // A quote inside of a word begins nothing.
        if ((c == '"' || c == '\'') && trimmed(line.substr(begin, i - begin)).empty()) {
            quote = c;
        } else if (c == '=' || c == '[' || c == '{' || c == ',') {
            if (c == '=') {
                out.key = trimmed(line.substr(begin, i - begin));
            }
            if (c == ',' && !is_listed) {
                continue;
            }
            is_listed = is_listed || c == '[' || c == '{';
            begin = i + 1;
            opened_by = c;
        }
    }
    std::string_view rest = line.substr(begin);
    size_t end = std::min(rest.find(" #"), rest.size());
    if (is_listed || opened_by == ',') {
        end = std::min(end, rest.find_first_of(",]}"));
    }
    out.text = trimmed(rest.substr(0, end));
    return out;
}

bool is_secret(const RawValue& value) {
    if (value.text.find("://") != std::string_view::npos) {
        return public_url(value.text, false) != value.text;
    }
    if (value.text.starts_with("env:")) {
        return false;
    }
    constexpr auto kNames =
        std::to_array<std::string_view>({"token", "secret", "passw", "auth", "api"});
    std::string key = value.key;
    std::ranges::transform(key, key.begin(), ascii_lower);
    return value.text.size() > kValueMax || std::ranges::any_of(kNames, [&](std::string_view name) {
               return key.find(name) != std::string::npos;
           });
}

bool is_word_for_boolean(std::string_view text) {
    constexpr auto kWords =
        std::to_array<std::string_view>({"true", "false", "yes", "no", "on", "off"});
    return std::ranges::any_of(
        kWords, [&](std::string_view word) { return equal_ignoring_case(text, word); });
}

}  // namespace

std::string quotes_hint(std::string_view description, std::string_view line, size_t at) {
    if (!is_of_value(description)) {
        return {};
    }
    RawValue value = find_raw_value(line, at);
    const bool is_text = value.text.find_first_not_of("0123456789+-_, ") != std::string_view::npos;
    if (!is_text || value.text.front() == '"' || value.text.front() == '\'') {
        return {};
    }
    if (is_word_for_boolean(value.text)) {
        return "; it is true or false, in small letters";
    }
    while (value.text.ends_with('"') || value.text.ends_with('\'')) {
        value.text.remove_suffix(1);
    }
    if (is_secret(value)) {
        return "; a text stands in quotes: \"...\"";
    }
    // Between single quotes nothing is an escape.
    const bool is_plain = value.text.find_first_of("\\\"") == std::string_view::npos;
    const std::string quote = is_plain ? "\"" : "'";
    return "; a text stands in quotes: " + quote + std::string{value.text} + quote;
}

}  // namespace plumbline::engine
