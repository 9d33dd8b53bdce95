// A block header with every field that any Ethereum fork to date hashes.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/evm/bytes.hpp"
#include "core/evm/rlp.hpp"
#include "core/evm/uint256.hpp"

namespace plumbline::evm {

using Bloom = FixedBytes<256>;

/// Optional fields are those later forks appended; a node that does not send one leaves it empty.
struct Header {
    Hash hash;  ///< as the provider claims; `compute_hash` tells what it must be
    Hash parent_hash;
    Hash ommers_hash;
    Address beneficiary;
    Hash state_root;
    Hash txns_root;
    Hash receipts_root;
    Bloom logs_bloom;
    U256 difficulty;
    uint64_t block_num = 0;
    uint64_t gas_limit = 0;
    uint64_t gas_used = 0;
    uint64_t timestamp = 0;
    Bytes extra_data;
    Hash mix_hash;
    uint64_t nonce = 0;
    std::optional<U256> base_fee_per_gas;
    std::optional<Hash> withdrawals_root;
    std::optional<uint64_t> blob_gas_used;
    std::optional<uint64_t> excess_blob_gas;
    std::optional<Hash> parent_beacon_root;
    std::optional<Hash> requests_hash;
    std::optional<Hash> block_access_list_hash;  ///< EIP-7928
    std::optional<uint64_t> slot_number;         ///< EIP-7843
};

/// Appends the header's RLP: the 15 fields of the Frontier header, then the optional tail in fork
/// order (London, Shanghai, Cancun, Prague, EIP-7928, EIP-7843) up to the first absent one.
void append_rlp(Bytes& out, const Header& header);

/// Keccak of the header's RLP: fields in order, optional tail up to the first absent one.
/// Chains whose headers have another layout (AuRa, zkSync) give another hash than they claim.
[[nodiscard]] Hash compute_hash(const Header& header);

/// False where a tail field is present after an absent one: such a header has no encoding, so
/// whatever `compute_hash` gives says nothing about it.
[[nodiscard]] bool is_recomputable(const Header& header) noexcept;

/// What recomputing a header's hash tells of the claimed one.
enum class HeaderCheck : uint8_t {
    kMatches,
    kDiffers,         ///< a lie, damage, or a chain whose headers have another layout
    kNotRecomputable  ///< the fields sent leave a gap: nothing is proven, nothing is wrong
};
[[nodiscard]] HeaderCheck check_hash(const Header& header);

/// Reads exactly one header as `append_rlp` writes it and sets `hash` to the hash of `encoded`.
/// `out` is unspecified on an error. More tail fields than are known are kTrailing.
[[nodiscard]] RlpError decode_header(ByteView encoded, Header& out);

}  // namespace plumbline::evm
