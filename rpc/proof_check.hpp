// What makes headers and receipts believable whoever sent them: hashes that follow from their own
// content, up to one that is already believed.
#pragma once

#include <optional>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/header.hpp"
#include "core/evm/log.hpp"
#include "core/evm/receipt.hpp"

namespace plumbline::rpc {

/// Headers of all blocks of `range`, ascending: each hashes to what it claims, the last one to
/// `top_hash`, and parent hashes join. kIncompatible: a hash does not follow from the header's
/// content (a lie, or a chain whose headers have another layout). kReorg: they hash, but do not
/// lead to `top_hash`. Gaps' headers (core/evm/block_gap.hpp) have nothing to hash; those above a
/// block are proven by its number, those at the bottom are the caller's to prove.
[[nodiscard]] std::optional<Error> check_linked(const std::vector<evm::Header>& headers,
                                                evm::BlockRange range, const evm::Hash& top_hash);

/// True where nothing but a log's transaction hash is taken on trust: all receipts of the block
/// were given, their trie root is `header`'s. The positions of receipts and logs, which the root
/// fixes but does not contain, are then set from their order. kIncompatible otherwise: a lie, or a
/// chain whose receipts have another encoding. `bloom` is that of all logs. A state sync's receipt
/// (core/evm/state_sync.hpp) that the root leaves out is taken out of `batch`; `outside`, where
/// given, gets its logs.
[[nodiscard]] std::optional<Error> check_receipts(const evm::Header& header,
                                                  evm::ReceiptsProver& prover,
                                                  evm::ReceiptBatch& batch, evm::Bloom& bloom,
                                                  evm::LogBatch* outside = nullptr);

}  // namespace plumbline::rpc
