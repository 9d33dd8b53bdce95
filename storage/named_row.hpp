// A row by the names and types of its columns, so that a mapping with other columns can read it:
// what a correction holds. Byte layout: docs/formats.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace plumbline::storage {

/// Its first byte: none that a row of a layout begins with (`kRowFormat`).
constexpr uint8_t kNamedRowFormat = 2;

/// One column's value, in the text that people write and read.
struct NamedValue {
    std::string name;
    std::string type;  ///< as in the config; of an enum "enum" alone, for its value is a name
    std::string text;
    friend bool operator==(const NamedValue&, const NamedValue&) = default;
};

struct NamedRow {
    std::vector<NamedValue> key;
    std::vector<NamedValue> fields;
    /// All fields are there, and the row is made where there is none. Else the fields are those of
    /// a row that others make.
    bool is_whole = false;
    friend bool operator==(const NamedRow&, const NamedRow&) = default;
};

[[nodiscard]] constexpr bool is_named_row(std::string_view bytes) noexcept {
    return !bytes.empty() && static_cast<uint8_t>(bytes.front()) == kNamedRowFormat;
}
[[nodiscard]] std::string encode_named_row(const NamedRow& row);
/// kCorruption for anything that `encode_named_row` does not write.
[[nodiscard]] Result<NamedRow> decode_named_row(std::string_view bytes);

}  // namespace plumbline::storage
