// Numbers that no block has: chains with null rounds or skipped slots (Filecoin and others) count
// them, and the next block's parent is the block before them.
//
// A number without a block counts as an empty block whose hash is that of the block before it. So
// everything that follows parent hashes holds over gaps as it does without: the next block's parent
// hash is the gap's hash, the gap's parent hash is the one of the block before.
#pragma once

#include <cstdint>

#include "core/evm/header.hpp"

namespace plumbline::evm {

/// The numbers between two blocks, the second of which is the first one's child.
struct BlockGap {
    Header before;
    uint64_t next = 0;  ///< number of the child
    [[nodiscard]] bool contains(uint64_t block_num) const noexcept {
        return before.block_num < block_num && block_num < next;
    }
};

/// Stands for number `block_num`, which no block has: hash, parent hash and time are those of
/// `before`, the highest block below it (or a header that stands for a number in between); there is
/// nothing in it, and it has the roots and the bloom that say so.
[[nodiscard]] Header make_gap_header(uint64_t block_num, const Header& before);

/// True for what `make_gap_header` makes. Never for a block's own header: none is its own parent,
/// and readers of headers refuse one that says so.
[[nodiscard]] inline bool is_gap(const Header& header) noexcept {
    return header.hash == header.parent_hash;
}

}  // namespace plumbline::evm
