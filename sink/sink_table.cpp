#include "sink/sink_table.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "core/base/printable_text.hpp"
#include "core/evm/abi_text.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "storage/entity_key.hpp"
#include "storage/key_text.hpp"

namespace plumbline::sink {

namespace {

using storage::Field;
using storage::FieldKind;
using storage::FieldType;

/// Goes up where a stored value becomes another text than before: tables are then compared.
constexpr int kShownFormat = 1;
/// `oid` is none since PostgreSQL 12.
constexpr std::array<std::string_view, 6> kSystemColumns = {"tableoid", "xmin", "cmin",
                                                            "xmax",     "cmax", "ctid"};

std::string integer_type(FieldType type) {
    const unsigned bits = type.kind == FieldKind::kInt ? type.bits : type.bits + 1U;
    return bits <= 32 ? "integer" : bits <= 64 ? "bigint" : "numeric(78,0)";
}

SinkColumn to_column(const Field& field, bool is_key, bool strings_as_bytes) {
    switch (field.type.kind) {
        case FieldKind::kUint:
        case FieldKind::kInt:
            return {field.name, integer_type(field.type), CellKind::kPlain, is_key};
        case FieldKind::kDecimal:
            return {field.name, fmt::format("numeric(78,{})", field.type.places), CellKind::kPlain,
                    is_key};
        case FieldKind::kBool: return {field.name, "boolean", CellKind::kPlain, is_key};
        case FieldKind::kAddress:
        case FieldKind::kFixedBytes:
        case FieldKind::kBytes: return {field.name, "bytea", CellKind::kBytes, is_key};
        case FieldKind::kString:
            if (strings_as_bytes) {
                return {field.name, "bytea", CellKind::kBytes, is_key};
            }
            break;
        case FieldKind::kEnum: break;
    }
    return {field.name, "text", CellKind::kText, is_key};
}

/// With all its places, as numeric(78,S) shows it.
std::string decimal_cell(const evm::U256& word, unsigned places) {
    std::string digits = word.to_decimal_signed();
    const bool is_negative = digits.starts_with('-');
    digits.erase(0, is_negative ? 1 : 0);
    if (digits.size() <= places) {
        digits.insert(0, places + 1 - digits.size(), '0');
    }
    digits.insert(digits.size() - places, ".");
    return is_negative ? "-" + digits : digits;
}

void set_cell(std::string& cell, FieldType type, const evm::U256& word, std::string_view dynamic,
              bool strings_as_bytes) {
    cell.clear();
    evm::FixedBytes<32> bytes;
    switch (type.kind) {
        case FieldKind::kUint: cell = word.to_decimal(); return;
        case FieldKind::kInt: cell = word.to_decimal_signed(); return;
        case FieldKind::kDecimal: cell = decimal_cell(word, type.places); return;
        case FieldKind::kBool: cell = word.is_zero() ? "false" : "true"; return;
        case FieldKind::kEnum: cell = storage::enum_name(type, word); return;
        case FieldKind::kAddress:
            word.to_be(bytes.data());
            evm::append_hex(cell, bytes.view().last(20));
            return;
        case FieldKind::kFixedBytes:
            word.to_be(bytes.data());
            evm::append_hex(cell, bytes.view().first(type.width()));
            return;
        case FieldKind::kBytes: evm::append_hex(cell, as_bytes(dynamic)); return;
        case FieldKind::kString:
            if (strings_as_bytes) {
                evm::append_hex(cell, as_bytes(dynamic));
            } else {
                cell = printable_text(dynamic, TextPlace::kValue);
            }
            return;
    }
}

Status check_name(std::string_view what, std::string_view name, size_t max = kSqlNameMax) {
    if (name.size() > max) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{} {} has {} letters: PostgreSQL's names have at most {}, and "
                                 "would be cut; give it a shorter one, or leave it out of the sink",
                                 what, name, name.size(), max)};
    }
    return ok();
}

}  // namespace

std::string quote_name(std::string_view name) {
    std::string out = "\"";
    for (const char c : name) {
        out += c;
        if (c == '"') {
            out += c;
        }
    }
    return out + '"';
}

std::string to_array(const std::vector<std::string>& words) {
    std::string out = "{";
    for (const std::string& word : words) {
        out += fmt::format("{}{}", out.size() == 1 ? "" : ",",
                           word.empty() ? "NULL" : "\"" + word + "\"");
    }
    return out + "}";
}

std::string quote_text(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        out += c;
        if (c == '\'') {
            out += c;
        }
    }
    return out + '\'';
}

// --- the table -----------------------------------------------------------------------------------

void SinkTable::name_it(std::string name, const engine::SinkConfig& config, uint64_t chain_id) {
    name_ = std::move(name);
    schema_ = config.schema;
    full_name_ = quote_name(config.schema) + "." + quote_name(name_);
    strings_as_bytes_ = config.strings_as_bytes;
    if (config.has_chain_id) {
        chain_id_ = fmt::format("{}", chain_id);
        condition_ = fmt::format("\"chain_id\" = {}", chain_id);
        columns_.push_back({"chain_id", "bigint", CellKind::kPlain, true});
    }
}

void SinkTable::tag_it(std::string shape) {
    shape += fmt::format(",{}", kShownFormat);
    for (const SinkColumn& column : columns_) {
        shape += fmt::format(",{} {}", column.name, column.type);
    }
    tag_ = evm::to_hex(evm::keccak256(as_bytes(shape))).substr(2, 8);
}

Status SinkTable::check_names(std::string_view what, const engine::SinkConfig& config) const {
    const std::string where = fmt::format("[sinks.{}]", config.name);
    PLUMBLINE_TRY_VOID(check_name(fmt::format("{}: {}", where, what), name_));
    if (name_.starts_with("plumbline_")) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{}: {} {}: tables named plumbline_... are the sink's own", where,
                                 what, name_)};
    }
    for (const SinkColumn& column : columns_) {
        const std::string& name = column.name;
        PLUMBLINE_TRY_VOID(check_name(fmt::format("{}: field {}.", where, name_), name));
        const bool is_twice = std::ranges::count(columns_, name, &SinkColumn::name) > 1;
        if (is_twice || std::ranges::find(kSystemColumns, name) != kSystemColumns.end()) {
            return Error{
                ErrorCode::kInvalidArgument,
                fmt::format("{}: field {}.{}: {} has a column of that name in every "
                            "table; call the field something else, or leave {} out "
                            "of the sink",
                            where, name_, name, is_twice ? "the sink" : "PostgreSQL", what)};
        }
    }
    return ok();
}

Result<SinkTable> SinkTable::make(const storage::EntityLayout& layout, size_t entity,
                                  const engine::SinkConfig& config, uint64_t chain_id) {
    return make_rows(layout, entity, config, chain_id, false);
}

Result<SinkTable> SinkTable::make_history(const storage::EntityLayout& layout, size_t entity,
                                          const engine::SinkConfig& config, uint64_t chain_id) {
    return make_rows(layout, entity, config, chain_id, true);
}

Result<SinkTable> SinkTable::make_rows(const storage::EntityLayout& layout, size_t entity,
                                       const engine::SinkConfig& config, uint64_t chain_id,
                                       bool is_history) {
    SinkTable out;
    out.layout_ = &layout;
    out.entity_ = entity;
    out.is_history_ = is_history;
    out.name_it(layout.name + (is_history ? "_history" : ""), config, chain_id);
    out.has_hashed_key_ =
        std::ranges::any_of(layout.key, [](const Field& field) { return field.type.is_dynamic(); });
    if (out.has_hashed_key_) {
        out.columns_.push_back({"_key", "bytea", CellKind::kBytes, true});
    }
    for (const Field& field : layout.key) {
        out.columns_.push_back(to_column(field, !out.has_hashed_key_, config.strings_as_bytes));
    }
    for (const Field& field : layout.fields) {
        out.columns_.push_back(to_column(field, false, config.strings_as_bytes));
    }
    out.columns_.push_back({"_block", "bigint", CellKind::kPlain, is_history});
    out.columns_.push_back({"_log", "bigint", CellKind::kPlain, false});
    if (is_history) {
        out.columns_.push_back({"_to", "bigint", CellKind::kPlain, false});
    }
    std::string shape;
    for (size_t i = 0; i < layout.column_count(); ++i) {
        shape += storage::to_string(layout.column(i).type) + ",";
    }
    out.tag_it(std::move(shape));
    PLUMBLINE_TRY_VOID(out.check_names(is_history ? "the history" : "the entity", config));
    return out;
}

// --- events --------------------------------------------------------------------------------------

namespace {

/// The field type that shows such a parameter; none for arrays and tuples, which are JSON.
std::optional<FieldType> to_field_type(const evm::AbiType& type) {
    switch (type.kind) {
        case evm::TypeKind::kUint: return FieldType{FieldKind::kUint, type.bits};
        case evm::TypeKind::kInt: return FieldType{FieldKind::kInt, type.bits};
        case evm::TypeKind::kBool: return FieldType{FieldKind::kBool, 8};
        case evm::TypeKind::kAddress: return FieldType{FieldKind::kAddress, 160};
        case evm::TypeKind::kFixedBytes: return FieldType{FieldKind::kFixedBytes, type.bits};
        case evm::TypeKind::kBytes: return FieldType{FieldKind::kBytes, 0};
        case evm::TypeKind::kString: return FieldType{FieldKind::kString, 0};
        case evm::TypeKind::kFixedArray:
        case evm::TypeKind::kArray:
        case evm::TypeKind::kTuple: break;
    }
    return std::nullopt;
}

/// An indexed value that does not fit into a topic is there as its Keccak-256 alone.
bool is_hash_only(const evm::AbiParam& param) {
    return param.indexed && !param.type.is_word();
}

constexpr FieldType kHashType{FieldKind::kFixedBytes, 256};

}  // namespace

Result<SinkTable> SinkTable::make_event(const std::string& name, const evm::AbiEvent& event,
                                        const engine::SinkConfig& config, uint64_t chain_id) {
    SinkTable out;
    out.name_it(name, config, chain_id);
    out.columns_.push_back({"_block", "bigint", CellKind::kPlain, true});
    out.columns_.push_back({"_log", "bigint", CellKind::kPlain, true});
    out.columns_.push_back({"_time", "bigint", CellKind::kPlain, false});
    out.columns_.push_back({"_txn_hash", "bytea", CellKind::kBytes, false});
    out.columns_.push_back({"_txn_index", "bigint", CellKind::kPlain, false});
    out.columns_.push_back({"_address", "bytea", CellKind::kBytes, false});
    for (size_t i = 0; i < event.inputs.size(); ++i) {
        const evm::AbiParam& param = event.inputs[i];
        const std::string column = param.name.empty() ? fmt::format("arg{}", i) : param.name;
        const auto type = is_hash_only(param) ? kHashType : to_field_type(param.type);
        out.columns_.push_back(type ? to_column({column, *type}, false, config.strings_as_bytes)
                                    : SinkColumn{column, "json", CellKind::kText, false});
    }
    out.tag_it(event.shape());
    PLUMBLINE_TRY_VOID(out.check_names("the event", config));
    return out;
}

void SinkTable::to_cells(const evm::Log& log, uint64_t timestamp, const evm::EventDecoder& decoder,
                         const evm::DecodedEvent& event, Cells& cells) const {
    cells.resize(columns_.size());
    size_t at = 0;
    if (!chain_id_.empty()) {
        cells[at++] = chain_id_;
    }
    cells[at++] = fmt::format("{}", log.block_num);
    cells[at++] = fmt::format("{}", log.log_index);
    cells[at++] = fmt::format("{}", timestamp);
    cells[at].clear();
    evm::append_hex(cells[at++], log.txn_hash.view());
    cells[at++] = fmt::format("{}", log.txn_index);
    cells[at].clear();
    evm::append_hex(cells[at++], log.address.view());
    const std::vector<evm::AbiParam>& inputs = decoder.event().inputs;
    for (size_t i = 0; i < inputs.size(); ++i, ++at) {
        const evm::Value& value = event.params()[i];
        const auto type = is_hash_only(inputs[i]) ? kHashType : to_field_type(inputs[i].type);
        if (type) {
            set_cell(
                cells[at], *type, value.word,
                value.kind == evm::ValueKind::kBytes ? as_chars(value.bytes()) : std::string_view{},
                strings_as_bytes_);
        } else {
            cells[at].clear();
            evm::append_json(cells[at], inputs[i].type, event, value);
        }
    }
}

Status SinkTable::to_cells(const storage::RowCodec& codec, std::string_view key,
                           std::string_view row, Cells& cells) const {
    PLUMBLINE_TRY(const auto values, storage::decode_key(key, layout_->key));
    cells.resize(columns_.size());
    size_t at = 0;
    if (!chain_id_.empty()) {
        cells[at++] = chain_id_;
    }
    if (has_hashed_key_) {
        cells[at].clear();
        evm::append_hex(cells[at++], evm::keccak256(as_bytes(key)).view());
    }
    for (size_t i = 0; i < layout_->key.size(); ++i) {
        set_cell(cells[at++], layout_->key[i].type, values[i].word, values[i].bytes,
                 strings_as_bytes_);
    }
    if (row.empty()) {
        return ok();
    }
    PLUMBLINE_TRY_VOID(codec.check(row));
    for (size_t i = 0; i < layout_->fields.size(); ++i) {
        const FieldType type = layout_->fields[i].type;
        if (codec.is_null(row, i)) {
            cells[at++] = kNullCell;
            continue;
        }
        const bool is_dynamic = type.is_dynamic();
        set_cell(cells[at++], type, is_dynamic ? evm::U256{} : codec.word(row, i),
                 is_dynamic ? codec.raw(row, i) : std::string_view{}, strings_as_bytes_);
    }
    const storage::ChangedAt changed = storage::RowCodec::changed_at(row);
    cells[at++] = fmt::format("{}", changed.block_num);
    cells[at++] = fmt::format("{}", changed.log_index);
    if (is_history_) {
        cells[at++] = kNullCell;
    }
    return ok();
}

Status SinkTable::to_cells(const storage::RowCodec& codec, std::string_view key,
                           std::string_view row, std::optional<uint64_t> end, Cells& cells) const {
    PLUMBLINE_TRY_VOID(to_cells(codec, key, row, cells));
    cells.back() = end ? fmt::format("{}", *end) : std::string{kNullCell};
    return ok();
}

namespace {

/// Cells have texts as values are shown.
std::string key_word(const std::string& cell) {
    return printable_text(parse_printable(cell).value_or(cell), TextPlace::kKey);
}

}  // namespace

std::string SinkTable::key_text(const Cells& cells) const {
    std::string out;
    for (size_t i = 0; i < columns_.size(); ++i) {
        const bool is_version = is_history_ && columns_[i].name == "_block";
        const bool is_shown =
            has_hashed_key_ && !is_version
                ? !columns_[i].is_key && layout_->find_column(columns_[i].name) >= 0 &&
                      layout_->find_column(columns_[i].name) < static_cast<int>(layout_->key.size())
                : columns_[i].is_key;
        if (is_shown) {
            out += fmt::format("{}{}={}{}", out.empty() ? "" : ",", columns_[i].name,
                               columns_[i].kind == CellKind::kBytes ? "0x" : "",
                               columns_[i].kind == CellKind::kText ? key_word(cells[i]) : cells[i]);
        }
    }
    return out;
}

}  // namespace plumbline::sink
