#include "engine/text/entity_text.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/hex_digits.hpp"
#include "core/base/json_text.hpp"
#include "core/base/near_name.hpp"
#include "core/base/printable_text.hpp"
#include "core/evm/decimal_text.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/json_integer.hpp"
#include "storage/key_text.hpp"

namespace plumbline::engine {

namespace {

using storage::EntityLayout;
using storage::Field;
using storage::FieldKind;
using storage::FieldType;
using storage::KeyValue;

constexpr std::string_view kNullText = "null";

Error bad_value(FieldType type, std::string_view text, std::string_view expected) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("'{}' is not a value of type {}: {}", text, storage::to_string(type),
                             expected)};
}

Result<KeyValue> parse_integer(FieldType type, std::string_view text) {
    const bool negative = text.starts_with('-');
    const auto magnitude = evm::U256::parse(negative ? text.substr(1) : text);
    if (!magnitude) {
        const bool is_number =
            text.find_first_not_of("0123456789", negative ? 1 : 0) == std::string_view::npos &&
            text.size() > (negative ? 1U : 0U);
        return bad_value(type, text,
                         is_number ? "it does not fit" : "expected decimal digits or 0x hex");
    }
    const evm::U256 word = negative ? evm::negate(*magnitude) : *magnitude;
    const bool is_signed = type.kind == FieldKind::kInt;
    const bool sign_kept = word.is_zero() || word.is_negative() == negative;
    const bool fits = is_signed ? sign_kept && word.fits_signed(type.bits)
                                : !negative && word.fits_unsigned(type.bits);
    if (!fits) {
        return bad_value(type, text, "it does not fit");
    }
    return KeyValue{word, {}};
}

Result<KeyValue> parse_decimal(FieldType type, std::string_view text) {
    const auto units = evm::units_of_decimal(text, type.places);
    if (!units) {
        return bad_value(
            type, text,
            fmt::format("expected digits with at most {} behind the point", type.places));
    }
    return parse_integer({FieldKind::kInt, 256}, *units);
}

std::string join_names(const std::vector<Field>& fields) {
    std::string out;
    for (const Field& field : fields) {
        out += out.empty() ? field.name : ", " + field.name;
    }
    return out;
}

/// A fixed-width value's bytes, from the word that holds it as the EVM would.
evm::FixedBytes<32> to_bytes(const evm::U256& word) {
    evm::FixedBytes<32> out;
    word.to_be(out.data());
    return out;
}

void append_value_json(std::string& out, FieldType type, const evm::U256& word,
                       std::string_view dynamic) {
    switch (type.kind) {
        case FieldKind::kUint: evm::append_json_uint(out, word, type.bits); return;
        case FieldKind::kInt: evm::append_json_int(out, word, type.bits); return;
        case FieldKind::kDecimal:
            out += '"';
            out += evm::decimal_text(word.to_decimal_signed(), type.places);
            out += '"';
            return;
        case FieldKind::kBool: out += word.is_zero() ? "false" : "true"; return;
        case FieldKind::kString: append_printable_json(out, dynamic); return;
        case FieldKind::kEnum: append_json_string(out, storage::enum_name(type, word)); return;
        case FieldKind::kAddress:
            out += "\"0x";
            evm::append_hex(out, to_bytes(word).view().last(20));
            out += '"';
            return;
        case FieldKind::kFixedBytes:
            out += "\"0x";
            evm::append_hex(out, to_bytes(word).view().first(type.width()));
            out += '"';
            return;
        case FieldKind::kBytes:
            out += "\"0x";
            evm::append_hex(out, as_bytes(dynamic));
            out += '"';
            return;
    }
}

/// One value of a row.
struct Cell {
    evm::U256 word;
    std::string_view dynamic;
    bool is_null = false;
};

void append_value_json(std::string& out, FieldType type, const Cell& cell) {
    if (cell.is_null) {
        out += kNullText;
    } else {
        append_value_json(out, type, cell.word, cell.dynamic);
    }
}

/// Plain text of a value: JSON's without the quotes around strings.
std::string value_text(FieldType type, const evm::U256& word, std::string_view dynamic) {
    if (type.kind == FieldKind::kString) {
        if (type.optional && dynamic == kNullText) {
            std::string out{"hex:"};  // the text, not the absence of one
            append_hex_digits(out, dynamic);
            return out;
        }
        return printable_text(dynamic, TextPlace::kValue);
    }
    std::string text;
    append_value_json(text, type, word, dynamic);
    if (text.starts_with('"')) {
        text = text.substr(1, text.size() - 2);
    }
    return text;
}

std::string value_text(FieldType type, const Cell& cell) {
    return cell.is_null ? std::string{kNullText} : value_text(type, cell.word, cell.dynamic);
}

/// Calls `visit(field, cell)` for each column of a row.
template <typename Visit>
Status for_each_column(const EntityLayout& layout, const storage::RowCodec& codec,
                       std::string_view key, std::string_view row, Visit&& visit) {
    PLUMBLINE_TRY(const auto values, storage::decode_key(key, layout.key));
    PLUMBLINE_TRY_VOID(codec.check(row));
    if (storage::RowCodec::is_tombstone(row)) {
        return Error{ErrorCode::kNotFound, "the row was deleted"};
    }
    for (size_t i = 0; i < layout.key.size(); ++i) {
        visit(layout.key[i], Cell{values[i].word, values[i].bytes});
    }
    for (size_t i = 0; i < layout.fields.size(); ++i) {
        const Field& field = layout.fields[i];
        Cell cell;
        cell.is_null = field.type.optional && codec.is_null(row, i);
        if (field.type.is_dynamic()) {
            cell.dynamic = codec.raw(row, i);
        } else {
            cell.word = codec.word(row, i);
        }
        visit(field, cell);
    }
    return ok();
}

}  // namespace

Result<std::vector<NamedText>> parse_named(const std::vector<std::string>& arguments) {
    std::vector<NamedText> out;
    for (const std::string& argument : arguments) {
        const size_t equals = argument.find('=');
        if (equals == std::string::npos || equals == 0) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("'{}' is not of the form field=value", argument)};
        }
        out.emplace_back(argument.substr(0, equals), argument.substr(equals + 1));
    }
    return out;
}

Result<KeyValue> parse_value(FieldType type, std::string_view text) {
    if (type.optional && text == kNullText) {
        return KeyValue{{}, {}, true};
    }
    switch (type.kind) {
        case FieldKind::kUint:
        case FieldKind::kInt: return parse_integer(type, text);
        case FieldKind::kDecimal: return parse_decimal(type, text);
        case FieldKind::kBool:
            if (text == "true" || text == "false") {
                return KeyValue{evm::U256{text == "true" ? 1U : 0U}, {}};
            }
            return bad_value(type, text, "expected true or false");
        case FieldKind::kString: {
            PLUMBLINE_TRY(std::string bytes, parse_printable(text));
            return KeyValue{{}, std::move(bytes)};
        }
        case FieldKind::kEnum: {
            const auto found = std::ranges::find(*type.names, text);
            if (found == type.names->end()) {
                return bad_value(type, text,
                                 fmt::format("expected one of {}", fmt::join(*type.names, ", ")));
            }
            return KeyValue{evm::U256{static_cast<uint64_t>(found - type.names->begin())}, {}};
        }
        case FieldKind::kAddress:
        case FieldKind::kFixedBytes:
        case FieldKind::kBytes: break;
    }
    const auto bytes = evm::parse_hex(text);
    if (!bytes) {
        return bad_value(type, text, "expected 0x and an even number of hex digits");
    }
    if (type.kind == FieldKind::kBytes) {
        return KeyValue{{}, std::string{as_chars(*bytes)}};
    }
    if (bytes->size() != type.width()) {
        return bad_value(type, text,
                         fmt::format("expected {} bytes, got {}", type.width(), bytes->size()));
    }
    if (type.kind == FieldKind::kAddress) {
        return KeyValue{evm::U256::from_be(*bytes), {}};
    }
    evm::FixedBytes<32> padded;
    std::ranges::copy(*bytes, padded.bytes.begin());
    return KeyValue{evm::U256::from_be(padded.view()), {}};
}

std::string value_to_text(FieldType type, const KeyValue& value) {
    return value_text(type, Cell{value.word, value.bytes, value.is_null});
}

void append_value_json(std::string& out, FieldType type, const KeyValue& value) {
    append_value_json(out, type, Cell{value.word, value.bytes, value.is_null});
}

void append_key_value(std::string& key, FieldType type, const KeyValue& value) {
    if (type.optional) {
        storage::append_key_presence(key, value.is_null);
        if (value.is_null) {
            return;
        }
    }
    if (type.is_dynamic()) {
        storage::append_key_dynamic(key, value.bytes);
    } else {
        storage::append_key_word(key, type, value.word);
    }
}

std::vector<std::string> column_names(const storage::EntityLayout& layout) {
    std::vector<std::string> out;
    for (size_t i = 0; i < layout.column_count(); ++i) {
        out.push_back(layout.column(i).name);
    }
    return out;
}

Result<size_t> find_entity(const std::vector<EntityLayout>& entities, std::string_view name,
                           std::string_view where) {
    std::vector<std::string> known;
    for (size_t i = 0; i < entities.size(); ++i) {
        if (entities[i].name == name) {
            return i;
        }
        known.push_back(entities[i].name);
    }
    return Error{ErrorCode::kNotFound,
                 fmt::format("no entity '{}'{}{}{} there are: {}", name,
                             where.empty() ? "" : " in ", where, did_you_mean(name, known),
                             known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", ")))};
}

Result<std::string> encode_key(const EntityLayout& layout, const std::vector<NamedText>& values) {
    std::string key;
    for (const Field& field : layout.key) {
        const auto found = std::ranges::find(values, field.name, &NamedText::first);
        if (found == values.end()) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("{} needs {}=...; its key is ({})", layout.name, field.name,
                                     join_names(layout.key))};
        }
        auto value = parse_value(field.type, found->second);
        if (!value) {
            return std::move(value).error().with_context(field.name);
        }
        append_key_value(key, field.type, *value);
    }
    if (values.size() != layout.key.size()) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{} takes just its key fields ({}), each once", layout.name,
                                 join_names(layout.key))};
    }
    return key;
}

Result<std::string> index_prefix_of(const EntityLayout& layout, const storage::RowCodec& codec,
                                    size_t index, std::string_view key, std::string_view row) {
    PLUMBLINE_TRY(const auto key_values, storage::decode_key(key, layout.key));
    PLUMBLINE_TRY_VOID(codec.check(row));
    std::string out;
    for (const uint16_t column : layout.indexes[index]) {
        const Field& field = layout.column(column);
        if (column < layout.key.size()) {
            append_key_value(out, field.type, key_values[column]);
            continue;
        }
        append_key_value(out, field.type, codec.value(row, column - layout.key.size()));
    }
    return out;
}

Status append_row_json(std::string& out, const EntityLayout& layout, const storage::RowCodec& codec,
                       std::string_view key, std::string_view row) {
    char separator = '{';
    PLUMBLINE_TRY_VOID(
        for_each_column(layout, codec, key, row, [&](const Field& field, const Cell& cell) {
            out += separator;
            separator = ',';
            append_json_string(out, field.name);
            out += ':';
            append_value_json(out, field.type, cell);
        }));
    out += '}';
    return ok();
}

Status append_row_json(std::string& out, const EntityLayout& layout, const storage::RowCodec& codec,
                       std::string_view key, std::string_view row,
                       const std::vector<size_t>& columns) {
    std::vector<std::string> values;
    PLUMBLINE_TRY_VOID(
        for_each_column(layout, codec, key, row, [&](const Field& field, const Cell& cell) {
            append_value_json(values.emplace_back(), field.type, cell);
        }));
    char separator = '{';
    for (const size_t column : columns) {
        out += separator;
        separator = ',';
        append_json_string(out, layout.column(column).name);
        out += ':';
        out += values[column];
    }
    out += columns.empty() ? "{}" : "}";
    return ok();
}

Result<std::vector<std::string>> row_texts(const EntityLayout& layout,
                                           const storage::RowCodec& codec, std::string_view key,
                                           std::string_view row) {
    std::vector<std::string> out;
    PLUMBLINE_TRY_VOID(
        for_each_column(layout, codec, key, row, [&](const Field& field, const Cell& cell) {
            out.push_back(value_text(field.type, cell));
        }));
    return out;
}

Status append_row_csv(std::string& out, const EntityLayout& layout, const storage::RowCodec& codec,
                      std::string_view key, std::string_view row, CsvFormulas formulas) {
    PLUMBLINE_TRY(auto columns, row_texts(layout, codec, key, row));
    for (size_t i = 0; i < columns.size(); ++i) {
        if (i > 0) {
            out += ',';
        }
        // Numbers may begin with a minus; only texts are anybody's words.
        if (formulas == CsvFormulas::kGuarded && layout.column(i).type.kind == FieldKind::kString &&
            columns[i].find_first_of("=+-@\t\r\n") == 0) {
            columns[i].insert(0, 1, '\'');
        }
        append_csv_field(out, columns[i]);
    }
    return ok();
}

void append_csv_header(std::string& out, const EntityLayout& layout) {
    for (size_t i = 0; i < layout.column_count(); ++i) {
        if (i > 0) {
            out += ',';
        }
        append_csv_field(out, layout.column(i).name);
    }
}

Result<std::string> key_to_text(const EntityLayout& layout, std::string_view key) {
    PLUMBLINE_TRY_VOID(storage::decode_key(key, layout.key));
    return storage::key_text(layout, key);
}

Result<std::string> key_from_text(const EntityLayout& layout, std::string_view text) {
    if (text.starts_with("0x") && text.find('=') == std::string_view::npos) {
        const auto bytes = evm::parse_hex(text);
        if (!bytes) {
            return Error{ErrorCode::kInvalidArgument, fmt::format("'{}' is not hex", text)};
        }
        const std::string key{as_chars(*bytes)};
        if (!storage::decode_key(key, layout.key)) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("'{}' is not a key of {}", text, layout.name)};
        }
        return key;
    }
    std::vector<std::string> parts;
    for (size_t start = 0; start <= text.size();) {
        const size_t end = std::min(text.find(',', start), text.size());
        parts.emplace_back(text.substr(start, end - start));
        start = end + 1;
    }
    PLUMBLINE_TRY(const auto named, parse_named(parts));
    return encode_key(layout, named);
}

Result<std::string> key_or_value_from_text(const EntityLayout& layout, std::string_view text) {
    const bool is_one_field = layout.key.size() == 1;
    if (is_one_field && text.find('=') == std::string_view::npos) {
        const FieldType type = layout.key[0].type;
        PLUMBLINE_TRY(const KeyValue value, parse_value(type, text));
        std::string key;
        append_key_value(key, type, value);
        return key;
    }
    auto key = key_from_text(layout, text);
    if (!key && is_one_field && layout.key[0].type.kind == FieldKind::kString) {
        return Error{key.error().code,
                     fmt::format("{}; a text with '=' or ',' in it is written hex: and its bytes, "
                                 "as `key` shows it",
                                 key.error().message)};
    }
    return key;
}

}  // namespace plumbline::engine
