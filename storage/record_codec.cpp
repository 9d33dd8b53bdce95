#include "storage/record_codec.hpp"

#include <fmt/format.h>

#include "storage/entity_key.hpp"
#include "storage/field_codec.hpp"
#include "storage/key_parts.hpp"
#include "storage/log_codec.hpp"
#include "storage/meta_codec.hpp"

namespace plumbline::storage {

namespace {

constexpr size_t kBlockKeySize = sizeof(uint64_t);

Error damaged(std::string_view what) {
    return Error{ErrorCode::kCorruption, fmt::format("stored {} is damaged", what)};
}

bool is_level(ProofLevel level) noexcept {
    return level <= ProofLevel::kReceipts;
}

size_t dict_value_size(DictKind kind) noexcept {
    return kind == DictKind::kAddress ? evm::Address::size() : evm::Hash::size();
}

// What a value holds after its format byte; the key holds the rest of the record.

constexpr auto kBlockFields = [](auto& to, auto& row) {
    to.code(row.level);
    to.require(is_level(row.level));
    to.varint(row.timestamp);
    to.varint(row.event_count);
    to.fixed(row.hash);
    to.fixed(row.parent_hash);
};

constexpr auto kDictFields = [](auto& to, auto& row) {
    to.varint(row.block_num);
    to.fixed(row.value, dict_value_size(row.kind));
};

constexpr auto kNoFields = [](auto& /*to*/, auto& /*row*/) {};

constexpr auto kCoverageFields = [](auto& to, auto& row) {
    to.code(row.level);
    to.require(is_level(row.level));
    to.varint(row.range.to);
    to.text(row.provider);
};

constexpr auto kQuarantineFields = [](auto& to, auto& row) {
    to.text(row.event);
    to.text(row.reason);
};

constexpr auto kJournalFields = [](auto& to, auto& row) {
    to.varint(row.time_s);
    to.varint(row.block_num);
    to.varint(row.log_index);
    to.text(row.kind);
    to.text(row.entity);
    to.text(row.key);
    to.text(row.before);
    to.text(row.after);
    to.text(row.reason);
    to.text(row.provider);
    to.text(row.evidence);
};

constexpr auto kCorrectionFields = [](auto& to, auto& row) {
    to.text(row.entity);
    to.text(row.key);
    to.text(row.row);
    to.text(row.reason);
};

constexpr auto kProofFields = [](auto& to, auto& record) {
    to.flag(record.is_equal);
    to.varint(record.block_num);
    to.fixed(record.hash);
    to.varint(record.time_s);
    to.varint(record.checked);
    to.varint(record.mismatches);
    to.text(record.level);
    to.text(record.detail);
};

constexpr auto kUndoFields = [](auto& to, auto& row) {
    to.varint(row.entity);
    to.text(row.key);
    to.rest(row.before);
};

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

std::string place_key(uint64_t block_num, uint32_t index) {
    std::string key;
    append_log_key(key, block_num, index);
    return key;
}

/// Cuts a block and an index within it off the front of `key`.
bool take_place(std::string_view& key, uint64_t& block_num, uint32_t& index) {
    if (key.size() < kLogKeySize) {
        return false;
    }
    block_num = load_be64(key.data());
    index = load_be32(key.data() + sizeof(block_num));
    key.remove_prefix(kLogKeySize);
    return true;
}

/// The same where the key is nothing else.
bool read_place(std::string_view key, uint64_t& block_num, uint32_t& index) {
    return take_place(key, block_num, index) && key.empty();
}

}  // namespace

std::string block_key(uint64_t block_num) {
    std::string key;
    put_be64(key, block_num);
    return key;
}

std::string encode_block(const BlockRow& row) {
    return encode_record(kBlockFields, row);
}

Result<BlockRow> decode_block(std::string_view key, std::string_view value) {
    BlockRow row;
    if (key.size() != kBlockKeySize || !decode_record(kBlockFields, value, row)) {
        return damaged("block row");
    }
    row.block_num = load_be64(key.data());
    return row;
}

std::string dict_key(DictKind kind, uint32_t id) {
    std::string key(1, static_cast<char>(kind));
    put_be32(key, id);
    return key;
}

std::string encode_dict(const DictRow& row) {
    return encode_record(kDictFields, row);
}

Result<DictRow> decode_dict(std::string_view key, std::string_view value) {
    if (key.size() != 1 + sizeof(uint32_t) || static_cast<uint8_t>(key[0]) >= kDictKinds) {
        return damaged("dictionary key");
    }
    DictRow row;
    row.kind = static_cast<DictKind>(key[0]);
    row.id = load_be32(key.data() + 1);
    if (!decode_record(kDictFields, value, row) || row.id >= kDictSizeMax) {
        return damaged("dictionary entry");
    }
    return row;
}

std::string child_key(const ChildRow& row) {
    std::string key = place_key(row.block_num, row.log_index);
    append_key_dynamic(key, row.contract);
    put_bytes(key, row.address.view());
    return key;
}

std::string encode_child(const ChildRow& row) {
    return encode_record(kNoFields, row);
}

Result<ChildRow> decode_child(std::string_view key, std::string_view value) {
    ChildRow row;
    if (!decode_record(kNoFields, value, row) || !take_place(key, row.block_num, row.log_index) ||
        !take_key_text(key, row.contract) || key.size() != evm::Address::size()) {
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
    return encode_record(kCoverageFields, row);
}

Result<CoverageRow> decode_coverage(std::string_view key, std::string_view value) {
    CoverageRow row;
    if (!decode_record(kCoverageFields, value, row) || !take_key_text(key, row.source) ||
        key.size() != kBlockKeySize) {
        return damaged("coverage range");
    }
    row.range.from = load_be64(key.data());
    if (row.range.from > row.range.to) {
        return damaged("coverage range");
    }
    return row;
}

std::string quarantine_key(uint64_t block_num, uint32_t log_index) {
    return place_key(block_num, log_index);
}

std::string encode_quarantine(const QuarantineRow& row) {
    return encode_record(kQuarantineFields, row);
}

Result<QuarantineRow> decode_quarantine(std::string_view key, std::string_view value) {
    QuarantineRow row;
    if (!decode_record(kQuarantineFields, value, row) ||
        !read_place(key, row.block_num, row.log_index)) {
        return damaged("quarantine row");
    }
    return row;
}

std::string journal_key(uint64_t seq) {
    std::string key;
    put_be64(key, seq);
    return key;
}

std::string encode_journal(const JournalRow& row) {
    return encode_record(kJournalFields, row);
}

Result<JournalRow> decode_journal(std::string_view key, std::string_view value) {
    JournalRow row;
    if (key.size() != sizeof(row.seq) || !decode_record(kJournalFields, value, row)) {
        return damaged("journal entry");
    }
    row.seq = load_be64(key.data());
    return row;
}

std::string correction_key(uint64_t block_num, uint32_t seq) {
    return place_key(block_num, seq);
}

std::string encode_correction(const CorrectionRow& row) {
    return encode_record(kCorrectionFields, row);
}

Result<CorrectionRow> decode_correction(std::string_view key, std::string_view value) {
    CorrectionRow row;
    if (!decode_record(kCorrectionFields, value, row) || !read_place(key, row.block_num, row.seq)) {
        return damaged("correction");
    }
    return row;
}

std::string proof_key(std::string_view proof, std::string_view entity) {
    return fmt::format("{}{}:{}", kMetaProof, proof, entity);
}

std::string encode_proof(const ProofRecord& record) {
    return encode_record(kProofFields, record);
}

Result<ProofRecord> decode_proof(std::string_view key, std::string_view value) {
    ProofRecord record;
    if (!decode_record(kProofFields, value, record) || !key.starts_with(kMetaProof)) {
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
    // Once for every row that changes: the views go in as they are.
    struct UndoViews {
        size_t entity;
        std::string_view key;
        std::string_view before;
    };
    put_u8(out, kRecordFormat);
    FieldWriter to{out};
    const UndoViews row{entity, key, before};
    kUndoFields(to, row);
}

Result<UndoRow> decode_undo(std::string_view key, std::string_view value) {
    UndoRow row;
    if (!decode_record(kUndoFields, value, row) || !read_place(key, row.block_num, row.sequence)) {
        return damaged("undo row");
    }
    return row;
}

}  // namespace plumbline::storage
