// What the meta family holds, and the watermark that every family holds. Layouts in
// docs/formats.md. Every decode gives kCorruption for anything its encode does not write.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "storage/records.hpp"

namespace plumbline::storage {

/// Of the whole directory. Raised with any change of bytes or of what they mean; older ones are
/// migrated in place step by step at open (storage/migration.hpp), newer ones refused.
constexpr uint32_t kFormatVersion = 4;

/// The value of the empty key: which commit this family's content belongs to. Five varints, in this
/// order.
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

// Names in the meta family, and what their values hold after the format byte (notation:
// storage/families.hpp).

/// format version u32
constexpr std::string_view kMetaFormat = "format";
/// position text; present only while the step to `format`'s version is not done
constexpr std::string_view kMetaMigration = "migration";
/// chain id u64, genesis hash 32
constexpr std::string_view kMetaIdentity = "identity";
/// published u32, being built u32 (0 = none)
constexpr std::string_view kMetaGeneration = "generation";
/// block u64, hash 32, timestamp u64, finalized u64; absent before the first block
constexpr std::string_view kMetaCursor = "cursor";
/// events var, block rows var
constexpr std::string_view kMetaTotals = "totals";
/// last key of `log` text, last key of `blocks` text
constexpr std::string_view kMetaTails = "tails";
/// 1 var; present only while the derived families do not belong to the log
constexpr std::string_view kMetaRefold = "refold";
/// Followed by the proof's name, ":" and the entity's. equal 1, block var, hash 32, time var,
/// checked var, mismatches var, level text, detail text
constexpr std::string_view kMetaProof = "proof:";
/// Followed by a block's number as 16 hex digits, ":" and its hash. block var, hash 32
/// (storage/asked_blocks.hpp)
constexpr std::string_view kMetaAsked = "asked:";
// Followed by "#" and the generation's number.
/// fingerprint text, config text, ABIs (count var, each name text, JSON text), entities
constexpr std::string_view kMetaBundle = "bundle";
/// quarantined var, entities var, rows of each var
constexpr std::string_view kMetaCounts = "counts";
/// block var: undo is complete for every block above
constexpr std::string_view kMetaUndoFloor = "undo_floor";
[[nodiscard]] std::string meta_name(std::string_view name, uint32_t generation);

[[nodiscard]] std::string encode_format(uint32_t version);
[[nodiscard]] Result<uint32_t> decode_format(std::string_view value);
/// What opening says of a directory of a version that this program does not know.
[[nodiscard]] Error newer_format(std::string_view path, uint32_t version);
[[nodiscard]] std::string encode_migration(std::string_view position);
[[nodiscard]] Result<std::string> decode_migration(std::string_view value);
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
