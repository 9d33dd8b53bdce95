// The root of the Merkle-Patricia trie that a block header keeps over its transactions, receipts or
// withdrawals: keys are rlp(0), rlp(1), ..., so the trie is never built, only its root is folded
// from keys already in order (Yellow Paper appendix D).
//
// Limits:
//   1. Items: at most 2^32 - 1. Keys are then 1 to 5 bytes, the recursion at most 11 deep.
//   2. Order: rlp(0) is 0x80, so index 0 sorts after 1..127 and before 128 (0x8180).
//   3. No key is a prefix of another (RLP is prefix-free), so branches never hold a value.
//   4. Values must not be empty: an empty value means absence in this trie.
//   5. Memory: one buffer as large as the largest value plus a node; kept and used again.
#pragma once

#include <span>

#include "core/evm/bytes.hpp"

namespace plumbline::evm {

/// The root of a trie with nothing in it: keccak256(rlp("")).
inline constexpr Hash kEmptyTrieRoot{{0x56, 0xe8, 0x1f, 0x17, 0x1b, 0xcc, 0x55, 0xa6,
                                      0xff, 0x83, 0x45, 0xe6, 0x92, 0xc0, 0xf8, 0x6e,
                                      0x5b, 0x48, 0xe0, 0x1b, 0x99, 0x6c, 0xad, 0xc0,
                                      0x01, 0x62, 0x2f, 0xb5, 0xe3, 0x63, 0xb4, 0x21}};

/// Computes roots, keeping its buffer between calls. One thread.
class OrderedTrie {
  public:
    /// The root of the trie that maps rlp(i) to `values[i]`. No value may be empty.
    [[nodiscard]] Hash root(std::span<const ByteView> values);

  private:
    Bytes node_;
};

/// The same with a buffer of its own, for one-off use.
[[nodiscard]] Hash ordered_trie_root(std::span<const ByteView> values);
[[nodiscard]] Hash ordered_trie_root(std::span<const Bytes> values);

}  // namespace plumbline::evm
