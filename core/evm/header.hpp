// A block header with every field that any Ethereum fork to date hashes.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/evm/bytes.hpp"
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

/// Keccak of the header's RLP: fields in order, optional tail up to the first absent one.
/// Chains whose headers have another layout (AuRa, zkSync) give another hash than they claim.
[[nodiscard]] Hash compute_hash(const Header& header);

}  // namespace plumbline::evm
