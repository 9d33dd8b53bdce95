// Merkle-Patricia proofs as eth_getProof sends them (EIP-1186): the trie nodes on the way from a
// root to a key. A good proof shows what the key holds, or that it holds nothing.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/evm/bytes.hpp"
#include "core/evm/uint256.hpp"

namespace plumbline::evm {

/// Why a proof proves nothing. 0 is success.
enum class ProofError : uint8_t {
    kNone,
    kMissingNode,   ///< the way goes on, the nodes do not
    kUnusedNode,    ///< nodes are left over where the way ends
    kHashMismatch,  ///< a node is not the one that its parent or the root names
    kBadNode,       ///< a node is not RLP, or not one that a trie can hold
    kBadValue,      ///< the leaf's value is not an account or not a number
};

[[nodiscard]] std::string_view to_string(ProofError error) noexcept;

/// What a good proof shows of a key. `value` points into the nodes.
struct ProofValue {
    bool is_present = false;
    ByteView value;
};

/// Follows `key` (already hashed) from `root` through `nodes`. Strict: nodes are canonical and all
/// of them are used. `out` is unchanged on an error. For an empty trie both an empty proof and the
/// lone node 0x80 are taken; a node short enough to stand inside its parent may be repeated after
/// it, as some clients do.
[[nodiscard]] ProofError verify_proof(const Hash& root, const Hash& key,
                                      std::span<const Bytes> nodes, ProofValue& out) noexcept;

/// An account as the state trie holds it.
struct Account {
    uint64_t nonce = 0;
    U256 balance;
    Hash storage_root;
    Hash code_hash;

    friend bool operator==(const Account&, const Account&) = default;
};

/// An account that does not exist: nothing owned, empty storage, no code.
[[nodiscard]] const Account& empty_account() noexcept;

/// `out` is the account that `state_root` commits to, `empty_account()` where it has none.
[[nodiscard]] ProofError verify_account_proof(const Hash& state_root, const Address& address,
                                              std::span<const Bytes> nodes, Account& out) noexcept;

/// `out` is the word in `slot` of the storage that `storage_root` commits to, zero where unset.
[[nodiscard]] ProofError verify_storage_proof(const Hash& storage_root, const Hash& slot,
                                              std::span<const Bytes> nodes, U256& out) noexcept;

}  // namespace plumbline::evm
