// Looks for the highest stored block that the chain still has:
//
//   1. A window of stored blocks below the last one; the next window is larger and lies below.
//   2. In a window the top few are held against the chain first: most forks are short.
//   3. Where one of them is on the chain and a higher one is not, evenly spaced ones in between,
//   until
//      the two are neighbours. A chain that has a block has all before it, so this finds the fork.
//
// It neither reads nor asks: `step` says what it needs to know, and whoever owns it brings that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "core/evm/block_id.hpp"
#include "core/evm/header.hpp"
#include "core/evm/log.hpp"
#include "storage/records.hpp"

namespace plumbline::engine {

class AncestorSearch {
  public:
    /// Wanted: the stored rows of these blocks, for `take_rows`.
    struct ReadRows {
        evm::BlockRange range;
    };
    /// Wanted: the chain's headers of these blocks, for `take_headers`. Ascending, at most 16.
    struct AskHeaders {
        std::vector<uint64_t> block_nums;
    };
    struct Found {
        /// The highest stored block that is on the chain; empty where none is. It may lie one block
        /// below the first of the index, whose row names its parent.
        std::optional<evm::BlockId> ancestor;
        /// Nothing that was held against the chain differs: the two agree as far as both go.
        bool agrees = false;
        /// The lowest stored block above the ancestor that was held against the chain and is not on
        /// it.
        std::optional<evm::BlockId> differs = {};
    };
    using Step = std::variant<ReadRows, AskHeaders, Found>;

    /// `cursor`: the last stored block; a zero hash where that is not known. `first_block`: of the
    /// index, at or below the cursor's next. `head`: the chain's; nothing above it is asked for.
    AncestorSearch(const evm::BlockId& cursor, uint64_t first_block, uint64_t head);

    [[nodiscard]] const Step& step() const noexcept { return step_; }
    /// Only where `step` wants rows: those that are stored, ascending. Blocks may lack one.
    void take_rows(std::span<const storage::BlockRow> rows);
    /// Only where `step` wants headers: one for each block asked for, in that order.
    void take_headers(std::span<const evm::Header> headers);

  private:
    void advance();
    void open_window();
    void choose_blocks();

    evm::BlockId cursor_;
    uint64_t first_block_;
    uint64_t head_;
    Step step_;

    uint64_t window_from_;  ///< everything stored from here on was looked at or is in `known_`
    std::vector<evm::BlockId> known_;  ///< of the window, ascending, none above the head
    /// Index in `known_` of the highest that is on the chain.
    std::optional<size_t> match_;
    /// Index of the lowest above the match that is not; `known_.size()`: none seen yet.
    size_t mismatch_ = 0;
    bool differs_above_ = false;  ///< the windows above held blocks, none of them on the chain
    std::vector<size_t> asked_;   ///< into `known_`, in the order of the question
    std::optional<evm::BlockId> lowest_above_;  ///< of the windows above
};

}  // namespace plumbline::engine
