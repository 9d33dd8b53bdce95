// A TOML document as an ordered tree with positions. toml++ sorts its tables; here entries stand in
// file order, which the config language gives a meaning to. Only config_toml.cpp knows toml++.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "engine/config/config.hpp"

namespace plumbline::engine {

/// Of a document; a larger one is refused.
inline constexpr size_t kTomlBytesMax = size_t{4} << 20U;

struct TomlEntry;

/// One value. Which members mean something follows from `kind`.
struct TomlValue {
    enum class Kind : uint8_t { kTable, kArray, kString, kInteger, kBool, kFloat, kDate };
    Kind kind = Kind::kTable;
    std::string text;  ///< kString
    int64_t integer = 0;
    bool boolean = false;
    double real = 0;                 ///< kFloat
    std::vector<TomlValue> items;    ///< kArray
    std::vector<TomlEntry> entries;  ///< kTable, in file order
    SourcePos pos;
    /// kString on one line without escapes: character i of `text` stands at column pos.column+1+i.
    bool is_exact = false;
    bool is_table_header_list = false;  ///< kArray made by [[double brackets]]

    /// The value of `key` in a table, or null.
    [[nodiscard]] const TomlValue* find(std::string_view key) const noexcept;
};

struct TomlEntry {
    std::string key;
    SourcePos pos;
    TomlValue value;
};

/// "a string", "an integer"... for messages.
[[nodiscard]] std::string_view kind_name(TomlValue::Kind kind) noexcept;

/// Parses a document; kInvalidArgument with file:line:column on a syntax mistake, and for a
/// document that is bigger or more nested than any config needs. `path` is for messages.
[[nodiscard]] Result<TomlValue> parse_toml(std::string_view text, std::string_view path);

/// Bytes [begin, end) of a text.
struct TextSpan {
    size_t begin = 0;
    size_t end = 0;
};

/// Where comments and string literals (quotes included) stand, without parsing. Meant for text that
/// `parse_toml` accepts; of other text it gives something, safely.
struct TomlScan {
    std::vector<TextSpan> comments;
    std::vector<TextSpan> strings;
    uint32_t dotted_line = 0;  ///< a line with more dots outside strings than allowed; 0 = none
};
[[nodiscard]] TomlScan scan_toml(std::string_view text);

/// The byte that a position (columns count characters, not bytes) speaks of.
[[nodiscard]] size_t offset_of(std::string_view text, SourcePos pos) noexcept;

}  // namespace plumbline::engine
