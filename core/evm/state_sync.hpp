// State syncs of Polygon PoS: transactions that the consensus layer adds at the end of a block, to
// bring messages of Ethereum over. Until the Madhugiri fork their receipt and logs are in
// eth_getLogs and mostly in eth_getBlockReceipts, but neither in the header's receipts root nor in
// its bloom. So nothing in the block proves them, nor that there are none: only another provider
// can confirm them. They are known by their transaction's hash, which follows from the block:
// Keccak of "matic-bor-receipt-", the number as 8 bytes, the block's hash (bor's
// GetDerivedBorTxHash).
#pragma once

#include <cstdint>

#include "core/evm/bytes.hpp"
#include "core/evm/log.hpp"
#include "core/evm/receipt.hpp"

namespace plumbline::evm {

/// Only there: on any other chain such a log is made up, and evidence against it counts.
[[nodiscard]] bool has_state_syncs(uint64_t chain_id) noexcept;

[[nodiscard]] Hash state_sync_txn_hash(uint64_t block_num, const Hash& block_hash);
/// By its transaction's hash; `log` must have its block's. Costs a Keccak: ask where a log stands
/// out of its block's proof.
[[nodiscard]] bool is_state_sync(const Log& log);

/// Takes the state sync's receipt with its logs, the block's last ones, out of `batch`; its logs,
/// for what they are worth. Empty where there is none.
[[nodiscard]] LogBatch take_state_sync(uint64_t block_num, const Hash& block_hash,
                                       ReceiptBatch& batch);

}  // namespace plumbline::evm
