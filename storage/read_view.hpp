// Reading one consistent state of a database, beside its writer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "storage/call_fact.hpp"
#include "storage/digest.hpp"
#include "storage/records.hpp"
#include "storage/scanner.hpp"

namespace plumbline::storage {

struct Internals;

/// A consistent state; safe from many threads. Scanners must not outlive it. Entities, indexes and
/// columns are named by their place in `bundle()`; what lies beyond is undefined. Every read gives
/// kCorruption for stored bytes that cannot be right and kIo where the disk fails.
class ReadView {
  public:
    ReadView(const ReadView&) = delete;
    ReadView& operator=(const ReadView&) = delete;
    ~ReadView();

    /// Where the index stood; empty before the first commit.
    [[nodiscard]] std::optional<Cursor> cursor() const;
    /// kNotFound where there is no such row (or only a tombstone).
    [[nodiscard]] Result<std::string> get_row(size_t entity, std::string_view key) const;
    /// Rows whose key starts with `prefix`, after `after` (exclusive; empty = from the start).
    [[nodiscard]] std::unique_ptr<RowScanner> scan_entity(size_t entity, std::string_view prefix,
                                                          std::string_view after,
                                                          bool with_tombstones = false) const;
    /// Rows by secondary index `index` whose indexed values start with `prefix`, ordered by
    /// (indexed values, key), after the row with indexed values and key `after`.
    [[nodiscard]] std::unique_ptr<RowScanner> scan_index(size_t entity, size_t index,
                                                         std::string_view prefix,
                                                         std::string_view after) const;
    /// Rows whose places lie in `span`: of the key where `index` is below 0, else of that index.
    /// Tombstones are passed over.
    [[nodiscard]] std::unique_ptr<RowScanner> scan_rows(size_t entity, int index,
                                                        const ScanSpan& span) const;
    /// Logs of blocks `from` to `to`, both included.
    [[nodiscard]] std::unique_ptr<LogScanner> scan_logs(
        uint64_t from, uint64_t to, OnDamage on_damage = OnDamage::kStop,
        ScanOrder order = ScanOrder::kForward) const;
    /// Whether that log is stored; does not read what it holds.
    [[nodiscard]] Result<bool> has_log(uint64_t block_num, uint32_t log_index) const;
    /// Whether exactly this child is stored.
    [[nodiscard]] Result<bool> has_child(const ChildRow& child) const;
    /// What that call answered for `block_num`; empty where no such fact is stored.
    [[nodiscard]] Result<std::optional<CallFact>> get_call(uint64_t block_num,
                                                           const CallKey& call) const;
    /// The same of a `once` call, whatever its block.
    [[nodiscard]] Result<std::optional<CallFact>> get_once(const CallKey& call) const;
    /// Facts of blocks `from` to `to`, both included.
    [[nodiscard]] std::unique_ptr<CallScanner> scan_calls(
        uint64_t from, uint64_t to, OnDamage on_damage = OnDamage::kStop) const;
    /// kNotFound where the database keeps no row of that block.
    [[nodiscard]] Result<BlockRow> get_block(uint64_t block_num) const;
    /// Those rows of blocks `from` to `to`, both included, that the database keeps.
    [[nodiscard]] Result<std::vector<BlockRow>> list_blocks(
        uint64_t from, uint64_t to, OnDamage on_damage = OnDamage::kStop) const;
    /// The first `limit` in order of block and log index.
    [[nodiscard]] Result<std::vector<QuarantineRow>> list_quarantine(size_t limit) const;
    /// Block rows kept, not blocks indexed.
    [[nodiscard]] uint64_t block_row_count() const;
    /// Maintained counts, as `Database` has them.
    [[nodiscard]] uint64_t entity_count(size_t entity) const;
    [[nodiscard]] uint64_t quarantine_count() const;
    /// Entries numbered above `after_seq`, oldest first.
    [[nodiscard]] Result<std::vector<JournalRow>> list_journal(uint64_t after_seq,
                                                               size_t limit) const;
    /// In order of proof and entity.
    [[nodiscard]] Result<std::vector<ProofRecord>> list_proofs() const;
    /// In order of block and sequence.
    [[nodiscard]] Result<std::vector<CorrectionRow>> list_corrections() const;
    /// All children, in (block, log index) order.
    [[nodiscard]] Result<std::vector<ChildRow>> list_children() const;
    // Digests as the commits kept them (storage/digest.hpp); those of the stored bytes come from a
    // scrub. A node that is not stored is zero.
    [[nodiscard]] Result<DigestNode> digest_root(DigestTree tree) const;
    /// Nodes right below a node, those that are not zero, in order of prefix: prefix and node.
    /// Below level 0 there is nothing.
    [[nodiscard]] Result<std::vector<std::pair<uint64_t, DigestNode>>> digest_children(
        DigestTree tree, uint8_t level, uint64_t prefix) const;

    /// The schema of the generation that the view shows; valid as long as the view.
    [[nodiscard]] const SchemaBundle& bundle() const noexcept;
    /// Its number: every fold of the whole log makes a higher one.
    [[nodiscard]] uint32_t generation() const noexcept;

    struct Impl;  // known to the .cpp files of storage/ only

  private:
    friend struct Internals;
    friend class Database;
    explicit ReadView(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace plumbline::storage
