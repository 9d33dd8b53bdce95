// What of the queue's work is folded, what is being written and what is done: where each commit
// begins and ends. No database, no fold, no clock.
//
//     items   [ first          ][ second       ][ third        ]   taken from the queue
//                   ^                ^               ^
//               committed         sealed           folded
//
//  * Up to `committed` all is in the database.
//  * From there to `sealed` is the sealed commit: flushed into a batch that is being written. There
//    is one at most; with none both places are the same.
//  * From there to `folded` is the open commit: in the fold's cache, not yet in a batch.
//  * An item stays until all of it is committed, so that commits may point into it, and so that all
//    behind `committed` can be folded again after an error.
//
// So committed <= sealed <= folded, and `committed` lies in the first item.
//
// Where a commit ends: a block that may still be reorganised, and so needs undo, is a commit of its
// own; final blocks share one until it is large, or until something must be durable or seen.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "core/evm/block_id.hpp"
#include "core/evm/log.hpp"
#include "engine/ingest/ingest.hpp"

namespace plumbline::engine {

/// A place between two blocks of a fetched range: the first of each that lies behind it.
struct RangePos {
    size_t block = 0;  ///< in `FetchedRange::blocks`
    size_t log = 0;    ///< in `FetchedRange::logs`
    size_t child = 0;  ///< in `FetchedRange::children`
    friend bool operator==(const RangePos&, const RangePos&) = default;
    friend auto operator<=>(const RangePos&, const RangePos&) = default;
};

/// The next block to be folded, with its logs and the children that they announce.
struct BlockSpan {
    const FetchedRange* fetched = nullptr;
    RangePos from;
    RangePos to;
    uint64_t log_bytes = 0;  ///< what its logs take in a batch, roughly

    [[nodiscard]] const BlockInfo& block() const { return fetched->blocks[from.block]; }
    /// It is not final: the fold keeps undo for it.
    [[nodiscard]] bool needs_undo() const { return block().block_num > fetched->finalized; }
};

/// What of one item goes into one commit.
struct CommitPart {
    const FetchedRange* fetched = nullptr;
    RangePos from;
    RangePos to;
    /// Blocks without logs are in none of `blocks`, but are covered all the same: so this is wider.
    evm::BlockRange coverage;
};

/// The blocks of one commit.
struct PlannedCommit {
    std::vector<CommitPart> parts;  ///< in order, without a gap
    uint64_t from = 0;              ///< the first block it covers
    std::optional<BlockInfo> last;  ///< empty: nothing was folded into it
    uint64_t events = 0;
    uint64_t log_bytes = 0;
    uint64_t finalized = 0;  ///< at most `last`
    bool sync = false;       ///< must be durable before more is folded

    /// A reorg may take it back.
    [[nodiscard]] bool needs_undo() const noexcept { return last && last->block_num > finalized; }
};

/// One thread; another may read the sealed commit while it is written.
class CommitPipeline {
  public:
    struct Limits {
        uint64_t events_max = 0;
        uint64_t bytes_max = 0;  ///< logs and changed rows together
    };
    explicit CommitPipeline(const Limits& limits) : limits_{limits} {}
    CommitPipeline(const CommitPipeline&) = delete;
    CommitPipeline& operator=(const CommitPipeline&) = delete;
    ~CommitPipeline() = default;

    // --- items, in the order in which they were handed over

    void push(WorkItem item) { items_.push_back(std::move(item)); }
    /// All items are folded: nothing is next.
    [[nodiscard]] bool is_used_up() const noexcept { return folded_.item == items_.size(); }
    /// The item that is to be worked on. Must not be used up.
    [[nodiscard]] const WorkItem& next() const;
    /// Takes the next item away, or what is left of it: what is in the database stays there.
    /// Nothing may be in hand.
    void drop_next();

    // --- folding: of the next item, which must be an AppendWork

    /// Nothing of the next item was folded yet.
    [[nodiscard]] bool is_at_start() const noexcept { return folded_.at == RangePos{}; }
    /// The next item's range follows the last block that is folded, else sealed, else `stored` in
    /// the database: its number by one and, where both hashes are known, its hash.
    [[nodiscard]] bool joins(const std::optional<evm::BlockId>& stored) const;
    /// Empty where what is in hand must be committed first.
    [[nodiscard]] std::optional<BlockSpan> next_block() const;
    /// `span`, which is the next block, was folded. `row_bytes` wait in the fold's cache by now.
    void add(const BlockSpan& span, uint64_t row_bytes);

    // --- committing

    /// Something is folded or sealed that is not committed.
    [[nodiscard]] bool has_in_hand() const noexcept { return sealed_ || open_.last; }
    /// Nothing may be added to the open commit any more.
    [[nodiscard]] bool is_full() const noexcept { return is_full_; }
    /// Makes the open commit, which must not be empty, the sealed one; there must be none.
    void seal();
    /// Null where there is none.
    [[nodiscard]] const PlannedCommit* sealed() const noexcept {
        return sealed_ ? &*sealed_ : nullptr;
    }
    /// The sealed commit is in the database. Lets its items go and gives the `WorkItem::seq` of the
    /// last one that is wholly committed, if any is.
    [[nodiscard]] std::optional<uint64_t> finish_sealed();
    /// Back to `committed`: all behind it will be folded again.
    void rewind();
    /// Forgets everything.
    void clear();

  private:
    /// A place in `items_`; at the end of an item it is the start of the next.
    struct WorkPos {
        size_t item = 0;
        RangePos at;
        friend auto operator<=>(const WorkPos&, const WorkPos&) = default;
    };
    [[nodiscard]] const AppendWork& work() const;
    void extend_parts(const BlockSpan& span);
    void check_order() const;

    const Limits limits_;
    std::deque<WorkItem> items_;  ///< a deque: commits point into items, which must not move
    WorkPos committed_;
    WorkPos sealed_end_;  ///< where the sealed commit ends; `committed_` where there is none
    WorkPos folded_;
    std::optional<PlannedCommit> sealed_;
    PlannedCommit open_;
    bool is_full_ = false;
};

}  // namespace plumbline::engine
