// Reads every stored byte of the log and the entities again and holds it against the digests that
// the commits kept: bit rot, lost and invented records, index entries, counts. Works offline and on
// one view, so beside a running writer too.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "engine/proof/finding.hpp"
#include "storage/database.hpp"
#include "storage/digest.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

struct ScrubProgress {
    std::string part;      ///< "log", or the entity's name
    uint64_t checked = 0;  ///< logs and rows so far, over all parts
    uint64_t total = 0;    ///< as the counts promise
};

struct ScrubOptions {
    bool with_log = true;
    uint64_t from = 0;  ///< of the log; what concerns the whole log is only checked for all of it
    uint64_t to = UINT64_MAX;
    bool with_entities = true;
    std::optional<size_t> entity;  ///< only this one
    /// Whether a bucket of rows that changed is a finding by itself; else it is only listed.
    bool name_buckets = true;
    std::function<void(const ScrubProgress&)> on_progress;
    /// Asked now and then; true ends the scrub with kCancelled.
    std::function<bool()> is_cancelled;
};

/// Digests of one tree: as the commits kept them, and as the stored bytes give them.
struct ScrubbedTree {
    storage::DigestNode maintained;
    storage::DigestNode rebuilt;
};

/// Blocks whose stored bytes are not what the commits wrote: fetch them again.
struct DamagedBlock {
    uint64_t block_num = 0;
    storage::DigestNode maintained;
    storage::DigestNode rebuilt;
};

struct ScrubbedEntity {
    size_t entity = 0;
    ScrubbedTree root;
    uint64_t rows = 0;  ///< tombstones counted
    storage::EntityDigest rebuilt;
    std::vector<uint32_t> damaged_buckets;  ///< rows in them are not what the commits wrote
    bool is_whole = true;                   ///< all of it could be read
};

struct ScrubReport {
    Findings findings;
    uint64_t logs = 0;
    uint64_t ticks = 0;  ///< of `logs`: our own of `every`, no contract's
    uint64_t blocks = 0;
    uint64_t rows = 0;
    uint64_t index_entries = 0;
    ScrubbedTree log;  ///< of the whole log; zero where only a range was looked at
    std::vector<DamagedBlock> damaged_blocks;  ///< ascending
    std::vector<ScrubbedEntity> entities;
    /// A digest itself was damaged (and not what it is of).
    bool has_damaged_digests = false;
    /// RocksDB could not read the log to its end, so it cannot be folded either.
    bool is_log_broken_off = false;
    /// The log's bytes are what the commits wrote.
    [[nodiscard]] bool is_log_whole() const noexcept { return log_findings == 0; }
    uint64_t log_findings = 0;

    [[nodiscard]] std::vector<uint64_t> damaged_block_numbers() const;
};

/// An error is trouble that lets nothing be said at all, or kCancelled; damage is a finding.
[[nodiscard]] Result<ScrubReport> scrub(const storage::ReadView& view,
                                        const ScrubOptions& options = {});

/// Where RocksDB broke off a scan because of damage: notes that and goes on, true = it was so.
/// Any other trouble is handed back.
[[nodiscard]] Result<bool> note_broken_off(const Status& scanned, std::string_view what,
                                           Findings& findings);

}  // namespace plumbline::engine
