// Words of a contract's storage, and the values that they hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/evm/bytes.hpp"
#include "core/evm/proof.hpp"
#include "core/evm/uint256.hpp"
#include "storage/layout.hpp"

namespace plumbline::engine {

/// The word that a slot is proven to hold. anvil keeps slots that were set to zero as zeros, where
/// other nodes take them out of the trie: the root commits to nothing else by that.
[[nodiscard]] evm::ProofError prove_word(const evm::Hash& storage_root, const evm::Hash& slot,
                                         std::span<const Bytes> nodes, evm::U256& word);
/// A value of fixed width out of the word that holds it, `offset` bytes above its low end.
[[nodiscard]] evm::U256 unpack_word(const evm::U256& word, storage::FieldType type, size_t offset);

/// Solidity: the place of mapping[key] is keccak(key, place of the mapping).
[[nodiscard]] evm::Hash mapping_place(Bytes key, const evm::Hash& mapping);
/// The place so many words behind another, as members of a struct are.
[[nodiscard]] evm::Hash place_behind(const evm::Hash& place, uint16_t words);

}  // namespace plumbline::engine
