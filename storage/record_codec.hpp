// Keys and values of the families besides meta, log, entities and indexes. Layouts in
// storage/families.hpp and docs/formats.md.
// Every decode gives kCorruption for anything its encode does not write.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "storage/dictionary.hpp"
#include "storage/records.hpp"

namespace plumbline::storage {

[[nodiscard]] std::string block_key(uint64_t block_num);
[[nodiscard]] std::string encode_block(const BlockRow& row);
[[nodiscard]] Result<BlockRow> decode_block(std::string_view key, std::string_view value);

struct DictRow {
    DictKind kind = DictKind::kAddress;
    uint32_t id = 0;
    uint64_t block_num = 0;  ///< the lowest block with a log that names it
    DictValue value;
    friend bool operator==(const DictRow&, const DictRow&) = default;
};
[[nodiscard]] std::string dict_key(DictKind kind, uint32_t id);
[[nodiscard]] std::string encode_dict(const DictRow& row);
[[nodiscard]] Result<DictRow> decode_dict(std::string_view key, std::string_view value);

[[nodiscard]] std::string child_key(const ChildRow& row);
[[nodiscard]] std::string encode_child(const ChildRow& row);
[[nodiscard]] Result<ChildRow> decode_child(std::string_view key, std::string_view value);

[[nodiscard]] std::string coverage_key(std::string_view source, uint64_t from);
[[nodiscard]] std::string encode_coverage(const CoverageRow& row);
[[nodiscard]] Result<CoverageRow> decode_coverage(std::string_view key, std::string_view value);

[[nodiscard]] std::string quarantine_key(uint64_t block_num, uint32_t log_index);
[[nodiscard]] std::string encode_quarantine(const QuarantineRow& row);
[[nodiscard]] Result<QuarantineRow> decode_quarantine(std::string_view key, std::string_view value);

[[nodiscard]] std::string journal_key(uint64_t seq);
[[nodiscard]] std::string encode_journal(const JournalRow& row);
[[nodiscard]] Result<JournalRow> decode_journal(std::string_view key, std::string_view value);

[[nodiscard]] std::string correction_key(uint64_t block_num, uint32_t seq);
[[nodiscard]] std::string encode_correction(const CorrectionRow& row);
[[nodiscard]] Result<CorrectionRow> decode_correction(std::string_view key, std::string_view value);

/// Lives in meta.
[[nodiscard]] std::string proof_key(std::string_view proof, std::string_view entity);
[[nodiscard]] std::string encode_proof(const ProofRecord& record);
[[nodiscard]] Result<ProofRecord> decode_proof(std::string_view key, std::string_view value);

/// What one commit overwrote. `before` is empty where there was no row.
struct UndoRow {
    uint64_t block_num = 0;
    uint32_t sequence = 0;
    uint32_t entity = 0;
    std::string key;
    std::string before;
    friend bool operator==(const UndoRow&, const UndoRow&) = default;
};
void append_undo_key(std::string& out, uint64_t block_num, uint32_t sequence);
void append_undo_value(std::string& out, size_t entity, std::string_view key,
                       std::string_view before);
[[nodiscard]] Result<UndoRow> decode_undo(std::string_view key, std::string_view value);

}  // namespace plumbline::storage
