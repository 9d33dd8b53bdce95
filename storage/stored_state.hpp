// What a database knows of itself between two commits, as values. Internal to storage.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/codec.hpp"
#include "storage/coverage_map.hpp"
#include "storage/dictionary.hpp"
#include "storage/generation.hpp"
#include "storage/meta_codec.hpp"
#include "storage/records.hpp"

namespace plumbline::storage {

using Dictionaries = std::array<Dictionary, kDictKinds>;

/// What a generation's rows add up to.
struct GenerationFacts {
    Counts counts;
    uint64_t undo_floor = 0;  ///< undo is complete for every block above
    uint64_t undo_block = 0;  ///< the block of the newest undo row...
    uint32_t undo_next = 0;   ///< ...and the next sequence number in it
};

/// The newest block with a log or a row, and so the newest that may have digests.
[[nodiscard]] inline std::optional<uint64_t> tail_block(const LastKeys& tails) {
    std::optional<uint64_t> tail;
    for (const std::string* key : {&tails.log, &tails.block}) {
        if (!key->empty()) {
            tail = std::max(tail.value_or(0), load_be64(key->data()));
        }
    }
    return tail;
}

using CoveragePtr = std::shared_ptr<const CoverageRanges>;

/// Copied for every commit, changed there, and put in place of the old one once RocksDB has written
/// the commit. So it must be cheap to copy: coverage is shared.
struct StoredState {
    std::optional<Cursor> cursor;  ///< none before the first commit with one
    Watermark watermark;           ///< of the newest commit
    LogTotals totals;
    LastKeys tails;
    Generations generations;
    GenerationFacts published;
    GenerationFacts building;  ///< of no meaning without a generation being built
    std::map<std::string, CoveragePtr> coverage;  ///< by source; never a null pointer
    uint64_t journal_last = 0;                    ///< the newest sequence number; 0 = none
    bool needs_refold = false;                    ///< see `Database::needs_refold`

    [[nodiscard]] GenerationFacts& facts_of(const Generation& of) noexcept {
        return of.number == generations.building ? building : published;
    }
    [[nodiscard]] const GenerationFacts& facts_of(const Generation& of) const noexcept {
        return of.number == generations.building ? building : published;
    }
    /// The block that the chain had called final at the newest commit; 0 = none.
    [[nodiscard]] uint64_t finalized() const noexcept { return cursor ? cursor->finalized : 0; }
    /// The last step of every commit, whose number the watermark has by then: cursor and watermark
    /// say the same of where the index stands.
    void settle_cursor() noexcept {
        watermark.block_num = cursor ? cursor->block_num : 0;
        watermark.finalized = finalized();
        if (cursor) {
            cursor->commit_num = watermark.commit_num;
            cursor->event_count = totals.events;
        }
    }
};

/// What readers see. The writer changes it, under the lock; see `Database::Impl::shared`.
struct SharedState {
    StoredState facts;
    std::shared_ptr<const Generation> published;
    std::shared_ptr<const Generation> building;  ///< none outside of a fold of the whole log
    Dictionaries dictionaries;
    /// Every one there was: references handed out by `bundle` and `entities` stay valid.
    std::vector<std::shared_ptr<const SchemaBundle>> bundles;

    /// The generation that batches write to.
    [[nodiscard]] const std::shared_ptr<const Generation>& writing() const noexcept {
        return building ? building : published;
    }
};

}  // namespace plumbline::storage
