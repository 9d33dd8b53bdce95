#include "engine/config_toml.hpp"

#include <algorithm>

#include <fmt/format.h>

// Header-only and without exceptions: the packaged library throws. Nested values are bounded so
// that a hostile file cannot exhaust the stack.
#undef TOML_HEADER_ONLY
#undef TOML_SHARED_LIB
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ENABLE_WINDOWS_COMPAT 0
#define TOML_MAX_NESTED_VALUES 32
#include <toml++/toml.h>

namespace plumbline::engine {

namespace {

constexpr size_t kMaxTextBytes = size_t{4} << 20U;
constexpr uint32_t kMaxDotsInLine = 64;

SourcePos to_pos(const toml::source_position& position) {
    return {static_cast<uint32_t>(position.line), static_cast<uint32_t>(position.column)};
}

bool comes_before(const SourcePos& a, const SourcePos& b) {
    return a.line != b.line ? a.line < b.line : a.column < b.column;
}

TomlValue convert(const toml::node& node);

void convert_table(const toml::table& table, TomlValue& out) {
    out.kind = TomlValue::Kind::kTable;
    out.entries.reserve(table.size());
    for (const auto& [key, value] : table) {
        out.entries.push_back({std::string{key.str()}, to_pos(key.source().begin), convert(value)});
    }
    std::ranges::stable_sort(out.entries, comes_before, &TomlEntry::pos);
}

void convert_array(const toml::array& array, TomlValue& out) {
    out.kind = TomlValue::Kind::kArray;
    out.items.reserve(array.size());
    for (const toml::node& item : array) {
        out.items.push_back(convert(item));
    }
}

/// Recursive, as deep as kMaxDotsInLine and TOML_MAX_NESTED_VALUES allow.
TomlValue convert(const toml::node& node) {
    TomlValue out;
    out.pos = to_pos(node.source().begin);
    if (const auto* table = node.as_table()) {
        convert_table(*table, out);
    } else if (const auto* array = node.as_array()) {
        convert_array(*array, out);
    } else if (const auto* text = node.as_string()) {
        out.kind = TomlValue::Kind::kString;
        out.text = text->get();
    } else if (const auto* integer = node.as_integer()) {
        out.kind = TomlValue::Kind::kInteger;
        out.integer = integer->get();
    } else if (const auto* boolean = node.as_boolean()) {
        out.kind = TomlValue::Kind::kBool;
        out.boolean = boolean->get();
    } else {
        out.kind = node.is_floating_point() ? TomlValue::Kind::kFloat : TomlValue::Kind::kDate;
    }
    return out;
}

/// What only the source text tells: which strings are exact, which lists come from [[headers]].
void annotate(TomlValue& value, std::string_view text, const std::vector<TextSpan>& strings,
              const std::vector<size_t>& line_starts) {
    if (value.kind == TomlValue::Kind::kString || value.kind == TomlValue::Kind::kArray) {
        const size_t line = value.pos.line;
        const size_t start = line >= 1 && line <= line_starts.size() ? line_starts[line - 1] : 0;
        const size_t offset = start + offset_of(text.substr(start), {1, value.pos.column});
        if (value.kind == TomlValue::Kind::kArray) {
            // A list's own literal starts with one bracket too, but then its first item is no
            // table that starts at the same place.
            value.is_table_header_list = !value.items.empty() &&
                                         value.items.front().kind == TomlValue::Kind::kTable &&
                                         value.items.front().pos.line == value.pos.line &&
                                         value.items.front().pos.column == value.pos.column;
        } else {
            const auto found = std::ranges::lower_bound(strings, offset, {}, &TextSpan::begin);
            value.is_exact = found != strings.end() && found->begin == offset &&
                             found->end - found->begin == value.text.size() + 2;
        }
    }
    for (TomlValue& item : value.items) {
        annotate(item, text, strings, line_starts);
    }
    for (TomlEntry& entry : value.entries) {
        annotate(entry.value, text, strings, line_starts);
    }
}

/// The end of the string literal that begins at `begin`; the end of line or text where it has none.
size_t string_end(std::string_view text, size_t begin) {
    const char quote = text[begin];
    const std::string triple(3, quote);
    const bool is_multi_line = text.substr(begin, 3) == triple;
    size_t at = begin + (is_multi_line ? 3 : 1);
    while (at < text.size()) {
        if (text[at] == '\\' && quote == '"') {
            at += 2;
        } else if (!is_multi_line && (text[at] == quote || text[at] == '\n')) {
            return text[at] == quote ? at + 1 : at;
        } else if (is_multi_line && text.substr(at, 3) == triple) {
            // Up to two quotes may stand right before the closing three.
            at += 3;
            for (int extra = 0; extra < 2 && at < text.size() && text[at] == quote; ++extra) {
                ++at;
            }
            return at;
        } else {
            ++at;
        }
    }
    return text.size();
}

}  // namespace

const TomlValue* TomlValue::find(std::string_view key) const noexcept {
    const auto found = std::ranges::find(entries, key, &TomlEntry::key);
    return found == entries.end() ? nullptr : &found->value;
}

std::string_view kind_name(TomlValue::Kind kind) noexcept {
    switch (kind) {
        case TomlValue::Kind::kTable:
            return "a table";
        case TomlValue::Kind::kArray:
            return "a list";
        case TomlValue::Kind::kString:
            return "a string";
        case TomlValue::Kind::kInteger:
            return "an integer";
        case TomlValue::Kind::kBool:
            return "true or false";
        case TomlValue::Kind::kFloat:
            return "a float";
        case TomlValue::Kind::kDate:
            return "a date or time";
    }
    return "unknown";
}

TomlScan scan_toml(std::string_view text) {
    TomlScan out;
    uint32_t line = 1;
    uint32_t dots = 0;
    for (size_t at = 0; at < text.size();) {
        const char c = text[at];
        if (c == '#') {
            const size_t end = std::min(text.find('\n', at), text.size());
            out.comments.push_back({at, end});
            at = end;
        } else if (c == '"' || c == '\'') {
            const size_t end = std::min(string_end(text, at), text.size());
            out.strings.push_back({at, end});
            line += static_cast<uint32_t>(std::ranges::count(text.substr(at, end - at), '\n'));
            at = end;
        } else {
            if (c == '\n') {
                ++line;
                dots = 0;
            } else if (c == '.' && ++dots > kMaxDotsInLine && out.dotted_line == 0) {
                out.dotted_line = line;
            }
            ++at;
        }
    }
    return out;
}

size_t offset_of(std::string_view text, SourcePos pos) noexcept {
    size_t at = 0;
    for (uint32_t line = 1; line < pos.line; ++line) {
        const size_t end = text.find('\n', at);
        if (end == std::string_view::npos) {
            return text.size();
        }
        at = end + 1;
    }
    for (uint32_t column = 1; column < pos.column && at < text.size(); ++column) {
        ++at;
        while (at < text.size() && (static_cast<uint8_t>(text[at]) & 0xC0U) == 0x80U) {
            ++at;
        }
    }
    return at;
}

Result<TomlValue> parse_toml(std::string_view text, std::string_view path) {
    if (text.size() > kMaxTextBytes) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{}: a config may have at most 4 MiB, this one has {} bytes", path,
                                 text.size())};
    }
    if (const size_t zero = text.find('\0'); zero != std::string_view::npos) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{}: not a text file: byte {} is zero", path, zero)};
    }
    const TomlScan scan = scan_toml(text);
    if (scan.dotted_line != 0) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{}:{}: more than {} dots in one line", path, scan.dotted_line,
                                 kMaxDotsInLine)};
    }
    const toml::parse_result parsed = toml::parse(text);
    if (!parsed) {
        const toml::parse_error& error = parsed.error();
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{}:{}:{}: not valid TOML: {}", path, error.source().begin.line,
                                 error.source().begin.column, error.description())};
    }
    TomlValue root;
    root.pos = {1, 1};
    convert_table(parsed.table(), root);
    std::vector<size_t> line_starts{0};
    for (size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) {
        line_starts.push_back(at + 1);
    }
    annotate(root, text, scan.strings, line_starts);
    return root;
}

}  // namespace plumbline::engine
