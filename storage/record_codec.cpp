#include "storage/record_codec.hpp"

#include <fmt/format.h>

#include "storage/codec.hpp"
#include "storage/entity_key.hpp"
#include "storage/key_parts.hpp"
#include "storage/log_codec.hpp"

namespace plumbline::storage {

namespace {

Error damaged(std::string_view what) {
    return Error{ErrorCode::kCorruption, fmt::format("stored {} is damaged", what)};
}

std::string start() {
    return std::string(1, static_cast<char>(kRecordFormat));
}

/// Begins reading a value: its format byte.
Reader read(std::string_view value) {
    Reader reader{value};
    reader.expect(kRecordFormat);
    return reader;
}

size_t dict_value_size(DictKind kind) noexcept {
    return kind == DictKind::kAddress ? evm::Address::size() : evm::Hash::size();
}

/// Cuts an escaped text off the front of `key`.
bool take_key_text(std::string_view& key, std::string& text) {
    const size_t size = key_part_size(key, FieldType{FieldKind::kString, 0});
    if (size == kBadKeyPart) {
        return false;
    }
    text = decode_key_text(key.substr(0, size));
    key.remove_prefix(size);
    return true;
}

bool is_level(uint8_t level) noexcept {
    return level <= static_cast<uint8_t>(ProofLevel::kReceipts);
}

void put_fields(std::string& out, const std::vector<Field>& fields) {
    put_varint(out, fields.size());
    for (const Field& field : fields) {
        put_text(out, field.name);
        put_u8(out, static_cast<uint8_t>(field.type.kind));
        put_varint(out, field.type.bits);
    }
}

bool is_type(uint8_t kind, uint64_t bits) noexcept {
    switch (static_cast<FieldKind>(kind)) {
        case FieldKind::kUint:
        case FieldKind::kInt:
        case FieldKind::kFixedBytes: return bits >= 8 && bits <= 256 && bits % 8 == 0;
        case FieldKind::kBool: return bits == 8;
        case FieldKind::kAddress: return bits == 160;
        case FieldKind::kBytes:
        case FieldKind::kString: return bits == 0;
    }
    return false;
}

std::vector<Field> read_fields(Reader& reader) {
    std::vector<Field> fields;
    for (uint64_t left = reader.varint(); left > 0 && reader.ok(); --left) {
        Field field;
        field.name = reader.text();
        const uint8_t kind = reader.u8();
        const uint64_t bits = reader.varint();
        if (!is_type(kind, bits)) {
            reader.fail();
            break;
        }
        field.type = {static_cast<FieldKind>(kind), static_cast<uint16_t>(bits)};
        fields.push_back(std::move(field));
    }
    return fields;
}

EntityLayout read_layout(Reader& reader) {
    EntityLayout layout;
    layout.name = reader.text();
    layout.key = read_fields(reader);
    layout.fields = read_fields(reader);
    for (uint64_t indexes = reader.varint(); indexes > 0 && reader.ok(); --indexes) {
        std::vector<uint16_t> columns;
        for (uint64_t left = reader.varint(); left > 0 && reader.ok(); --left) {
            const uint64_t column = reader.varint();
            if (column >= layout.column_count()) {
                reader.fail();
                break;
            }
            columns.push_back(static_cast<uint16_t>(column));
        }
        layout.indexes.push_back(std::move(columns));
    }
    const uint8_t keep = reader.u8();
    if (keep > 1) {
        reader.fail();
    }
    layout.keep_tombstones = keep == 1;
    return layout;
}

}  // namespace

std::string encode_watermark(const Watermark& watermark) {
    std::string out = start();
    put_varint(out, watermark.commit_num);
    put_varint(out, watermark.block_num);
    put_varint(out, watermark.finalized);
    put_varint(out, watermark.last_rollback);
    put_varint(out, watermark.last_fill);
    return out;
}

Result<Watermark> decode_watermark(std::string_view value) {
    Reader reader = read(value);
    Watermark watermark;
    watermark.commit_num = reader.varint();
    watermark.block_num = reader.varint();
    watermark.finalized = reader.varint();
    watermark.last_rollback = reader.varint();
    watermark.last_fill = reader.varint();
    if (!reader.done()) {
        return damaged("watermark");
    }
    return watermark;
}

std::string block_key(uint64_t block_num) {
    std::string key;
    put_be64(key, block_num);
    return key;
}

std::string encode_block(const BlockRow& row) {
    std::string out = start();
    put_u8(out, static_cast<uint8_t>(row.level));
    put_varint(out, row.timestamp);
    put_varint(out, row.event_count);
    put_bytes(out, row.hash.view());
    put_bytes(out, row.parent_hash.view());
    return out;
}

Result<BlockRow> decode_block(std::string_view key, std::string_view value) {
    Reader reader = read(value);
    BlockRow row;
    const uint8_t level = reader.u8();
    row.timestamp = reader.varint();
    row.event_count = reader.varint32();
    row.hash = reader.fixed<32>();
    row.parent_hash = reader.fixed<32>();
    if (key.size() != 8 || !is_level(level) || !reader.done()) {
        return damaged("block row");
    }
    row.block_num = load_be64(key.data());
    row.level = static_cast<ProofLevel>(level);
    return row;
}

std::string dict_key(DictKind kind, uint32_t id) {
    std::string key(1, static_cast<char>(kind));
    put_be32(key, id);
    return key;
}

std::string encode_dict(const DictRow& row) {
    std::string out = start();
    put_varint(out, row.block_num);
    put_bytes(out, row.value.view().first(dict_value_size(row.kind)));
    return out;
}

Result<DictRow> decode_dict(std::string_view key, std::string_view value) {
    if (key.size() != 5 || static_cast<uint8_t>(key[0]) >= kDictKinds) {
        return damaged("dictionary key");
    }
    DictRow row;
    row.kind = static_cast<DictKind>(key[0]);
    row.id = load_be32(key.data() + 1);
    Reader reader = read(value);
    row.block_num = reader.varint();
    const std::string_view bytes = reader.view(dict_value_size(row.kind));
    if (!reader.done() || row.id >= kDictSizeMax) {
        return damaged("dictionary entry");
    }
    std::memcpy(row.value.data(), bytes.data(), bytes.size());
    return row;
}

std::string child_key(const ChildRow& row) {
    std::string key;
    append_log_key(key, row.block_num, row.log_index);
    append_key_dynamic(key, row.contract);
    put_bytes(key, row.address.view());
    return key;
}

std::string encode_child(const ChildRow& /*row*/) {
    return start();
}

Result<ChildRow> decode_child(std::string_view key, std::string_view value) {
    if (key.size() < kLogKeySize || value != start()) {
        return damaged("child");
    }
    ChildRow row;
    row.block_num = load_be64(key.data());
    row.log_index = load_be32(key.data() + 8);
    key.remove_prefix(kLogKeySize);
    if (!take_key_text(key, row.contract) || key.size() != evm::Address::size()) {
        return damaged("child");
    }
    row.address = evm::Address::from(as_bytes(key));
    return row;
}

std::string coverage_key(std::string_view source, uint64_t from) {
    std::string key;
    append_key_dynamic(key, source);
    put_be64(key, from);
    return key;
}

std::string encode_coverage(const CoverageRow& row) {
    std::string out = start();
    put_u8(out, static_cast<uint8_t>(row.level));
    put_varint(out, row.range.to);
    put_text(out, row.provider);
    return out;
}

Result<CoverageRow> decode_coverage(std::string_view key, std::string_view value) {
    Reader reader = read(value);
    CoverageRow row;
    const uint8_t level = reader.u8();
    row.range.to = reader.varint();
    row.provider = reader.text();
    if (!is_level(level) || !reader.done() || !take_key_text(key, row.source) || key.size() != 8) {
        return damaged("coverage range");
    }
    row.range.from = load_be64(key.data());
    row.level = static_cast<ProofLevel>(level);
    if (row.range.from > row.range.to) {
        return damaged("coverage range");
    }
    return row;
}

std::string quarantine_key(uint64_t block_num, uint32_t log_index) {
    std::string key;
    append_log_key(key, block_num, log_index);
    return key;
}

std::string encode_quarantine(const QuarantineRow& row) {
    std::string out = start();
    put_text(out, row.event);
    put_text(out, row.reason);
    return out;
}

Result<QuarantineRow> decode_quarantine(std::string_view key, std::string_view value) {
    Reader reader = read(value);
    QuarantineRow row;
    row.event = reader.text();
    row.reason = reader.text();
    if (key.size() != kLogKeySize || !reader.done()) {
        return damaged("quarantine row");
    }
    row.block_num = load_be64(key.data());
    row.log_index = load_be32(key.data() + 8);
    return row;
}

std::string journal_key(uint64_t seq) {
    std::string key;
    put_be64(key, seq);
    return key;
}

std::string encode_journal(const JournalRow& row) {
    std::string out = start();
    put_varint(out, row.time_s);
    put_varint(out, row.block_num);
    put_varint(out, row.log_index);
    for (const std::string* text : {&row.kind, &row.entity, &row.key, &row.before, &row.after,
                                    &row.reason, &row.provider, &row.evidence}) {
        put_text(out, *text);
    }
    return out;
}

Result<JournalRow> decode_journal(std::string_view key, std::string_view value) {
    Reader reader = read(value);
    JournalRow row;
    row.time_s = reader.varint();
    row.block_num = reader.varint();
    row.log_index = reader.varint32();
    for (std::string* text : {&row.kind, &row.entity, &row.key, &row.before, &row.after,
                              &row.reason, &row.provider, &row.evidence}) {
        *text = reader.text();
    }
    if (key.size() != 8 || !reader.done()) {
        return damaged("journal entry");
    }
    row.seq = load_be64(key.data());
    return row;
}

std::string correction_key(uint64_t block_num, uint32_t seq) {
    std::string key;
    append_log_key(key, block_num, seq);
    return key;
}

std::string encode_correction(const CorrectionRow& row) {
    std::string out = start();
    put_text(out, row.entity);
    put_text(out, row.key);
    put_text(out, row.row);
    put_text(out, row.reason);
    return out;
}

Result<CorrectionRow> decode_correction(std::string_view key, std::string_view value) {
    Reader reader = read(value);
    CorrectionRow row;
    row.entity = reader.text();
    row.key = reader.text();
    row.row = reader.text();
    row.reason = reader.text();
    if (key.size() != kLogKeySize || !reader.done()) {
        return damaged("correction");
    }
    row.block_num = load_be64(key.data());
    row.seq = load_be32(key.data() + 8);
    return row;
}

std::string proof_key(std::string_view proof, std::string_view entity) {
    return fmt::format("{}{}:{}", kMetaProof, proof, entity);
}

std::string encode_proof(const ProofRecord& record) {
    std::string out = start();
    put_u8(out, record.is_equal ? 1 : 0);
    put_varint(out, record.block_num);
    put_bytes(out, record.hash.view());
    put_varint(out, record.time_s);
    put_varint(out, record.checked);
    put_varint(out, record.mismatches);
    put_text(out, record.level);
    put_text(out, record.detail);
    return out;
}

Result<ProofRecord> decode_proof(std::string_view key, std::string_view value) {
    Reader reader = read(value);
    ProofRecord record;
    const uint8_t is_equal = reader.u8();
    record.is_equal = is_equal == 1;
    record.block_num = reader.varint();
    record.hash = reader.fixed<32>();
    record.time_s = reader.varint();
    record.checked = reader.varint();
    record.mismatches = reader.varint();
    record.level = reader.text();
    record.detail = reader.text();
    if (!reader.done() || is_equal > 1 || !key.starts_with(kMetaProof)) {
        return damaged("proof record");
    }
    key.remove_prefix(kMetaProof.size());
    const size_t colon = key.find(':');
    if (colon == std::string_view::npos) {
        return damaged("proof record");
    }
    record.proof = key.substr(0, colon);
    record.entity = key.substr(colon + 1);
    return record;
}

void append_undo_key(std::string& out, uint64_t block_num, uint32_t sequence) {
    append_log_key(out, block_num, sequence);
}

void append_undo_value(std::string& out, size_t entity, std::string_view key,
                       std::string_view before) {
    put_u8(out, kRecordFormat);
    put_varint(out, entity);
    put_text(out, key);
    out.append(before);
}

Result<UndoRow> decode_undo(std::string_view key, std::string_view value) {
    Reader reader = read(value);
    UndoRow row;
    row.entity = reader.varint32();
    row.key = reader.text();
    row.before = reader.view(reader.left());
    if (key.size() != kLogKeySize || !reader.done()) {
        return damaged("undo row");
    }
    row.block_num = load_be64(key.data());
    row.sequence = load_be32(key.data() + 8);
    return row;
}

std::string meta_name(std::string_view name, uint32_t generation) {
    return fmt::format("{}#{}", name, generation);
}

std::string encode_format(uint32_t version) {
    std::string out = start();
    put_be32(out, version);
    return out;
}

Result<uint32_t> decode_format(std::string_view value) {
    Reader reader = read(value);
    const uint32_t version = reader.be32();
    if (!reader.done() || version == 0) {
        return damaged("format version");
    }
    return version;
}

std::string encode_identity(const ChainIdentity& identity) {
    std::string out = start();
    put_be64(out, identity.chain_id);
    put_bytes(out, identity.genesis_hash.view());
    return out;
}

Result<ChainIdentity> decode_identity(std::string_view value) {
    Reader reader = read(value);
    ChainIdentity identity;
    identity.chain_id = reader.be64();
    identity.genesis_hash = reader.fixed<32>();
    if (!reader.done()) {
        return damaged("chain identity");
    }
    return identity;
}

std::string encode_bundle(const SchemaBundle& bundle) {
    std::string out = start();
    put_text(out, bundle.fingerprint);
    put_text(out, bundle.config_text);
    put_varint(out, bundle.abis.size());
    for (const auto& [name, json] : bundle.abis) {
        put_text(out, name);
        put_text(out, json);
    }
    put_varint(out, bundle.entities.size());
    for (const EntityLayout& layout : bundle.entities) {
        put_text(out, layout.name);
        put_fields(out, layout.key);
        put_fields(out, layout.fields);
        put_varint(out, layout.indexes.size());
        for (const auto& columns : layout.indexes) {
            put_varint(out, columns.size());
            for (const uint16_t column : columns) {
                put_varint(out, column);
            }
        }
        put_u8(out, layout.keep_tombstones ? 1 : 0);
    }
    return out;
}

Result<SchemaBundle> decode_bundle(std::string_view value) {
    Reader reader = read(value);
    SchemaBundle bundle;
    bundle.fingerprint = reader.text();
    bundle.config_text = reader.text();
    for (uint64_t left = reader.varint(); left > 0 && reader.ok(); --left) {
        std::string name{reader.text()};
        bundle.abis.emplace_back(std::move(name), std::string{reader.text()});
    }
    for (uint64_t left = reader.varint(); left > 0 && reader.ok(); --left) {
        bundle.entities.push_back(read_layout(reader));
    }
    if (!reader.done()) {
        return damaged("schema");
    }
    return bundle;
}

std::string encode_cursor(const Cursor& cursor) {
    std::string out = start();
    put_be64(out, cursor.block_num);
    put_bytes(out, cursor.block_hash.view());
    put_be64(out, cursor.timestamp);
    put_be64(out, cursor.finalized);
    return out;
}

Result<Cursor> decode_cursor(std::string_view value) {
    Reader reader = read(value);
    Cursor cursor;
    cursor.block_num = reader.be64();
    cursor.block_hash = reader.fixed<32>();
    cursor.timestamp = reader.be64();
    cursor.finalized = reader.be64();
    if (!reader.done()) {
        return damaged("cursor");
    }
    return cursor;
}

std::string encode_generations(const Generations& generations) {
    std::string out = start();
    put_be32(out, generations.published);
    put_be32(out, generations.building);
    return out;
}

Result<Generations> decode_generations(std::string_view value) {
    Reader reader = read(value);
    Generations generations;
    generations.published = reader.be32();
    generations.building = reader.be32();
    if (!reader.done() || generations.published == 0) {
        return damaged("generation record");
    }
    return generations;
}

std::string encode_totals(const LogTotals& totals) {
    std::string out = start();
    put_varint(out, totals.events);
    put_varint(out, totals.block_rows);
    return out;
}

Result<LogTotals> decode_totals(std::string_view value) {
    Reader reader = read(value);
    LogTotals totals;
    totals.events = reader.varint();
    totals.block_rows = reader.varint();
    if (!reader.done()) {
        return damaged("totals");
    }
    return totals;
}

std::string encode_tails(const LastKeys& tails) {
    std::string out = start();
    put_text(out, tails.log);
    put_text(out, tails.block);
    return out;
}

Result<LastKeys> decode_tails(std::string_view value) {
    Reader reader = read(value);
    LastKeys tails;
    tails.log = reader.text();
    tails.block = reader.text();
    if (!reader.done() || (!tails.log.empty() && tails.log.size() != kLogKeySize) ||
        (!tails.block.empty() && tails.block.size() != 8)) {
        return damaged("record of last keys");
    }
    return tails;
}

std::string encode_counts(const Counts& counts) {
    std::string out = start();
    put_varint(out, counts.quarantined);
    put_varint(out, counts.rows.size());
    for (const uint64_t rows : counts.rows) {
        put_varint(out, rows);
    }
    return out;
}

Result<Counts> decode_counts(std::string_view value) {
    Reader reader = read(value);
    Counts counts;
    counts.quarantined = reader.varint();
    for (uint64_t left = reader.varint(); left > 0 && reader.ok(); --left) {
        counts.rows.push_back(reader.varint());
    }
    if (!reader.done()) {
        return damaged("row counts");
    }
    return counts;
}

std::string encode_number(uint64_t number) {
    std::string out = start();
    put_varint(out, number);
    return out;
}

Result<uint64_t> decode_number(std::string_view value) {
    Reader reader = read(value);
    const uint64_t number = reader.varint();
    if (!reader.done()) {
        return damaged("number");
    }
    return number;
}

}  // namespace plumbline::storage
