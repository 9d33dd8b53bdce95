// Entity keys and rows as people write and read them: `field=value` arguments in, JSON and CSV out.
// One place, so that every command and the HTTP API show a value the same way.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "storage/entity_key.hpp"
#include "storage/layout.hpp"
#include "storage/row.hpp"

namespace plumbline::engine {

/// A column's name and the text given for it.
using NamedText = std::pair<std::string, std::string>;

/// Splits "field=value" arguments; kInvalidArgument for one without '='.
[[nodiscard]] Result<std::vector<NamedText>> parse_named(const std::vector<std::string>& arguments);

/// Reads `text` as a value of `type`: decimal or 0x hex integers, true/false, 0x hex for address,
/// bytesN and bytes, strings as they are or as `hex:` and their bytes
/// (core/base/printable_text.hpp), `null` where the type is optional. kInvalidArgument says what
/// was expected.
[[nodiscard]] Result<storage::KeyValue> parse_value(storage::FieldType type, std::string_view text);

/// The reverse of `parse_value`: what CSV and terminals show.
[[nodiscard]] std::string value_to_text(storage::FieldType type, const storage::KeyValue& value);
/// One value as JSON, the way rows show it.
void append_value_json(std::string& out, storage::FieldType type, const storage::KeyValue& value);

/// Appends the order-preserving encoding of one value.
void append_key_value(std::string& key, storage::FieldType type, const storage::KeyValue& value);

/// Those of the key first.
[[nodiscard]] std::vector<std::string> column_names(const storage::EntityLayout& layout);

/// The place of the entity of that name. kNotFound says which one may be meant and lists all;
/// `where` is told with the name, and may be empty.
[[nodiscard]] Result<size_t> find_entity(const std::vector<storage::EntityLayout>& entities,
                                         std::string_view name, std::string_view where = {});

/// The encoded key from all key fields, in any order. kInvalidArgument names what is missing.
[[nodiscard]] Result<std::string> encode_key(const storage::EntityLayout& layout,
                                             const std::vector<NamedText>& values);

/// The encoded values of `index`'s columns for a row, followed by nothing (the key is separate).
[[nodiscard]] Result<std::string> index_prefix_of(const storage::EntityLayout& layout,
                                                  const storage::RowCodec& codec, size_t index,
                                                  std::string_view key, std::string_view row);

/// Every column's value as plain text, in declared order: what CSV and terminals show.
[[nodiscard]] Result<std::vector<std::string>> row_texts(const storage::EntityLayout& layout,
                                                         const storage::RowCodec& codec,
                                                         std::string_view key,
                                                         std::string_view row);

/// {"key field":...,"field":...}: key fields, then fields, as declared.
[[nodiscard]] Status append_row_json(std::string& out, const storage::EntityLayout& layout,
                                     const storage::RowCodec& codec, std::string_view key,
                                     std::string_view row);
/// The same for some of the columns (key fields count first), in the order given.
[[nodiscard]] Status append_row_json(std::string& out, const storage::EntityLayout& layout,
                                     const storage::RowCodec& codec, std::string_view key,
                                     std::string_view row, const std::vector<size_t>& columns);
/// What a spreadsheet would run: a text that begins with one of `=+-@`, a tab or a line end.
enum class CsvFormulas : uint8_t {
    kAsTheyAre,
    kGuarded,  ///< with an apostrophe in front, and so not what is stored any more
};
/// The same values, comma-separated, without a line end; the header names the columns.
[[nodiscard]] Status append_row_csv(std::string& out, const storage::EntityLayout& layout,
                                    const storage::RowCodec& codec, std::string_view key,
                                    std::string_view row,
                                    CsvFormulas formulas = CsvFormulas::kAsTheyAre);
void append_csv_header(std::string& out, const storage::EntityLayout& layout);

/// `storage::key_text`; kCorruption where `key` is none of the layout.
[[nodiscard]] Result<std::string> key_to_text(const storage::EntityLayout& layout,
                                              std::string_view key);
/// The reverse: fields in any order, or the encoded key in 0x hex. kInvalidArgument says what is
/// missing or wrong.
[[nodiscard]] Result<std::string> key_from_text(const storage::EntityLayout& layout,
                                                std::string_view text);

/// As `key_from_text`, and where the key is one field its value alone: "id=7" or "7".
[[nodiscard]] Result<std::string> key_or_value_from_text(const storage::EntityLayout& layout,
                                                         std::string_view text);

}  // namespace plumbline::engine
