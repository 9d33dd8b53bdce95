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

enum class FamilyKind : uint8_t {
    kMeta,  ///< RocksDB's own "default" family
    kBlocks,
    kLog,
    kDict,
    kChildren,
    kCoverage,
    kTask,
    kJournal,
    kCorrections,
    kLogDigest,
    kEntity,
    kIndex,
    kUndo,
    kQuarantine,
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
