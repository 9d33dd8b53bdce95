// The one list of column families: their names and how each is used. Those of a generation end in
// "#" and its number; see docs/formats.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/layout.hpp"

namespace plumbline::storage {

/// Notation as in docs/formats.md: `u16`, `u32`, `u64` big-endian, `var` a varint, `text` a varint
/// length and the bytes, `esc` text in a key (00 as 00 ff, ended by 00 01). Every value begins with
/// a format byte, 01, but for indexes' (empty). The empty key of every family holds its watermark
/// (storage/meta_codec.hpp).
enum class FamilyKind : uint8_t {
    /// RocksDB's own "default" family.
    ///   key    a name of storage/meta_codec.hpp, those of a generation with "#" and its number
    ///   value  as its name says
    kMeta,
    /// Every block with events, and every one from the finalized one on.
    ///   key    block u64
    ///   value  level 1, timestamp var, events var, hash 32, parent hash 32
    kBlocks,
    /// Logs; they are what all generations are folded from.
    ///   key    block u64, log index u32
    ///   value  packed: storage/log_codec.hpp
    kLog,
    /// Addresses and first topics that logs name by a number.
    ///   key    kind 1, id u32
    ///   value  block of first appearance var, 20 or 32 bytes by kind
    kDict,
    /// Contracts that a factory announced.
    ///   key    block u64, log index u32, contract esc, address 20
    ///   value  (format byte only)
    kChildren,
    /// Which blocks were asked for, of each source.
    ///   key    source esc, first block u64
    ///   value  level 1, last block var, provider text
    kCoverage,
    /// Durable tasks; no commit and no rollback touches them.
    ///   key    state 1, priority 1, due u64 (Unix ms), id u64
    ///   value  name, kind, args, origin text; attempts, attempts_max, crashes var; created,
    ///          started, finished var (Unix ms); error, result text
    kTask,
    /// What repairs did, for good.
    ///   key    sequence u64, from 1
    ///   value  time var, block var, log index var; kind, entity, key, before, after, reason,
    ///          provider, evidence text
    kJournal,
    /// Rows that every fold writes at the end of their block.
    ///   key    block u64, sequence u32
    ///   value  entity, key, row (empty = deleted), reason text
    kCorrections,
    /// Digests of the log and its block rows.
    ///   key    level 1, prefix u64
    ///   value  level 1: a page, above: a node (storage/digest.hpp)
    kLogDigest,
    /// What contract calls answered that handlers name (storage/call_fact.hpp).
    ///   key    block u64, address 20, selector and arguments (the rest)
    ///   value  outcome 1, pin 1, once 1, (pin 2: block asked var, hash 32), provider text, answer
    ///          (the rest)
    kCalls,
    /// In which block the fact of a `once` call stands.
    ///   key    address 20, selector and arguments (the rest)
    ///   value  block var
    kCallsOnce,
    /// Rows of one entity.
    ///   key    its key fields: storage/entity_key.hpp
    ///   value  flags 1, block u64, log index u32, fields: storage/row.hpp
    kEntity,
    /// One secondary index of an entity.
    ///   key    indexed values as in keys, then the entity's key
    ///   value  empty, without a format byte
    kIndex,
    /// What rows were before a block changed them, for a rollback; until the block is final.
    ///   key    block u64, sequence u32
    ///   value  entity var, key text, row before (the rest; none = there was no row)
    kUndo,
    /// Events that could not be decoded or applied.
    ///   key    block u64, log index u32
    ///   value  event text, reason text
    kQuarantine,
    /// Digests of the rows of a generation's entities.
    ///   key    entity u32, level 1, prefix u16
    ///   value  level 1: a page, level 2: a node (storage/digest.hpp)
    kDigest,
    kUnknown,
};

/// The families that no generation owns, in the order they are created.
struct BaseFamily {
    FamilyKind kind;
    std::string_view name;
};
constexpr BaseFamily kBaseFamilies[] = {
    {FamilyKind::kMeta, "default"},
    {FamilyKind::kBlocks, "blocks"},
    {FamilyKind::kLog, "log"},
    {FamilyKind::kDict, "dict"},
    {FamilyKind::kChildren, "children"},
    {FamilyKind::kCoverage, "coverage"},
    {FamilyKind::kTask, "task"},
    {FamilyKind::kJournal, "journal"},
    {FamilyKind::kCorrections, "corrections"},
    {FamilyKind::kLogDigest, "log_digest"},
    {FamilyKind::kCalls, "calls"},
    {FamilyKind::kCallsOnce, "calls_once"},
};
constexpr size_t kBaseFamilyCount = sizeof(kBaseFamilies) / sizeof(kBaseFamilies[0]);

/// Families whose new keys always sort after the old ones. They carry a watermark only of the
/// commits that touched older keys: one in each would make all their files overlap, so that RocksDB
/// would rewrite the whole log again and again instead of moving files down. What the others'
/// watermarks tell is told for these by meta's record of their last keys.
[[nodiscard]] constexpr bool is_append_family(FamilyKind kind) noexcept {
    return kind == FamilyKind::kLog || kind == FamilyKind::kBlocks;
}

[[nodiscard]] std::string entity_family(std::string_view entity, uint32_t generation);
[[nodiscard]] std::string index_family(const EntityLayout& layout, size_t index,
                                       uint32_t generation);
[[nodiscard]] std::string undo_family(uint32_t generation);
[[nodiscard]] std::string quarantine_family(uint32_t generation);
[[nodiscard]] std::string digest_family(uint32_t generation);
/// Every family of a generation, in the order they are created.
[[nodiscard]] std::vector<std::string> generation_families(
    const std::vector<EntityLayout>& entities, uint32_t generation);

[[nodiscard]] FamilyKind family_kind(std::string_view name) noexcept;
/// The number after "#"; empty for a base family.
[[nodiscard]] std::optional<uint32_t> family_generation(std::string_view name) noexcept;

}  // namespace plumbline::storage
