// Whether ranges below finality, which nothing links to each other, are all of the chain that is
// there now: each range's last block must still be on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/evm/block_id.hpp"
#include "core/evm/header.hpp"

namespace plumbline::engine {

/// Asks nobody itself: gives the next question and takes the answer.
class RangeEndCheck {
  public:
    /// A new run of ranges, which goes on from `good` (empty: from the first block of the index).
    void start(const std::optional<evm::BlockId>& good);
    /// The last block of the next range.
    void add(const evm::BlockId& end);

    /// Numbers of the next blocks to look at, ascending, at most 64; none: all were looked at.
    [[nodiscard]] std::vector<uint64_t> next_question() const;
    /// One header for each block of `next_question`, in that order. False where one is not ours:
    /// the chain was exchanged somewhere above `last_good`.
    [[nodiscard]] bool take_headers(std::span<const evm::Header> headers);
    /// The highest block that was seen on the chain.
    [[nodiscard]] const std::optional<evm::BlockId>& last_good() const noexcept { return good_; }

  private:
    [[nodiscard]] size_t question_size() const noexcept;

    std::vector<evm::BlockId> ends_;  ///< ascending
    size_t checked_ = 0;              ///< how many of them
    std::optional<evm::BlockId> good_;
};

}  // namespace plumbline::engine
