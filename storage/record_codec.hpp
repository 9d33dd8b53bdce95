// Keys and values of the families besides log, entities and indexes. Layouts in docs/formats.md.
// Every decode gives kCorruption for anything its encode does not write.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "storage/dictionary.hpp"
#include "storage/records.hpp"

namespace plumbline::storage {

constexpr uint8_t kRecordFormat = 1;
/// Of the whole directory. Raised with any change of bytes; older ones are migrated in place step
/// by step at open, newer ones refused.
constexpr uint32_t kFormatVersion = 1;

/// The value of the empty key: which commit this family's content belongs to.
struct Watermark {
    uint64_t commit_num = 0;
    uint64_t block_num = 0;      ///< the cursor's block after that commit
    uint64_t finalized = 0;      ///< the cursor's finalized block after that commit
    uint64_t last_rollback = 0;  ///< newest commit up to here that removed blocks
    uint64_t last_fill = 0;      ///< newest commit up to here that added blocks below the cursor
    friend bool operator==(const Watermark&, const Watermark&) = default;
};
[[nodiscard]] std::string encode_watermark(const Watermark& watermark);
[[nodiscard]] Result<Watermark> decode_watermark(std::string_view value);

[[nodiscard]] std::string block_key(uint64_t block_num);
[[nodiscard]] std::string encode_block(const BlockRow& row);
[[nodiscard]] Result<BlockRow> decode_block(std::string_view key, std::string_view value);

struct DictRow {
    DictKind kind = DictKind::kAddress;
    uint32_t id = 0;
    uint64_t block_num = 0;  ///< where the value first appeared
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

// Names in the meta family.
constexpr std::string_view kMetaFormat = "format";
constexpr std::string_view kMetaIdentity = "identity";
constexpr std::string_view kMetaGeneration = "generation";
constexpr std::string_view kMetaCursor = "cursor";
constexpr std::string_view kMetaTotals = "totals";
constexpr std::string_view kMetaTails = "tails";
constexpr std::string_view kMetaRefold = "refold";
/// Followed by the proof's name, ":" and the entity's.
constexpr std::string_view kMetaProof = "proof:";
// Followed by "#" and the generation's number.
constexpr std::string_view kMetaBundle = "bundle";
constexpr std::string_view kMetaCounts = "counts";
constexpr std::string_view kMetaUndoFloor = "undo_floor";
[[nodiscard]] std::string meta_name(std::string_view name, uint32_t generation);

[[nodiscard]] std::string encode_format(uint32_t version);
[[nodiscard]] Result<uint32_t> decode_format(std::string_view value);
[[nodiscard]] std::string encode_identity(const ChainIdentity& identity);
[[nodiscard]] Result<ChainIdentity> decode_identity(std::string_view value);
[[nodiscard]] std::string encode_bundle(const SchemaBundle& bundle);
[[nodiscard]] Result<SchemaBundle> decode_bundle(std::string_view value);
/// Without commit_num and event_count, which live in the watermark and in the totals.
[[nodiscard]] std::string encode_cursor(const Cursor& cursor);
[[nodiscard]] Result<Cursor> decode_cursor(std::string_view value);

struct Generations {
    uint32_t published = 1;
    uint32_t building = 0;  ///< 0 = none
    friend bool operator==(const Generations&, const Generations&) = default;
};
[[nodiscard]] std::string encode_generations(const Generations& generations);
[[nodiscard]] Result<Generations> decode_generations(std::string_view value);

struct LogTotals {
    uint64_t events = 0;
    uint64_t block_rows = 0;
    friend bool operator==(const LogTotals&, const LogTotals&) = default;
};
[[nodiscard]] std::string encode_totals(const LogTotals& totals);
[[nodiscard]] Result<LogTotals> decode_totals(std::string_view value);

/// The last keys of the two families that only ever grow at their end and so carry no watermark
/// of every commit: what they must still end with after a crash. Empty = no rows.
struct LastKeys {
    std::string log;
    std::string block;
    friend bool operator==(const LastKeys&, const LastKeys&) = default;
};
[[nodiscard]] std::string encode_tails(const LastKeys& tails);
[[nodiscard]] Result<LastKeys> decode_tails(std::string_view value);

struct Counts {
    uint64_t quarantined = 0;
    std::vector<uint64_t> rows;  ///< one an entity
    friend bool operator==(const Counts&, const Counts&) = default;
};
[[nodiscard]] std::string encode_counts(const Counts& counts);
[[nodiscard]] Result<Counts> decode_counts(std::string_view value);

/// A single number under its format byte.
[[nodiscard]] std::string encode_number(uint64_t number);
[[nodiscard]] Result<uint64_t> decode_number(std::string_view value);

}  // namespace plumbline::storage
