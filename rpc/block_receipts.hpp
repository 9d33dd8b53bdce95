// The receipts of blocks as evidence of their logs, from whoever gives them, in one call or
// transaction by transaction.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/evm/header.hpp"
#include "rpc/checked_job.hpp"

namespace plumbline::rpc {

/// What a question for receipts shares with the question it is a part of.
struct ReceiptsContext {
    Dispatcher& dispatcher;
    ProofMemory& memory;
    ProviderSet avoid;  ///< these are asked when no other is left
    std::shared_ptr<WaitTicket> ticket;
};

/// Items of a `CheckedJob` for the receipts of `headers`, in order; `check` gets each answer with
/// its header and its place. It may correct the answer, and says why it cannot be right.
using ReceiptsCheck =
    std::function<std::optional<Error>(const evm::Header&, size_t place, evm::ReceiptBatch&)>;
[[nodiscard]] std::vector<CheckedItem> receipts_items(std::vector<evm::Header> headers,
                                                      ReceiptsCheck check);

/// One result for each of `headers` (at least one), in order, whose only answer is an
/// evm::ReceiptBatch with logs of that block. Where it hashes to the header's receipts root, logs
/// are numbered by their place, which is what a log index is, whatever the provider called it.
/// On a chain with state syncs (core/evm/state_sync.hpp) the block's one is there, if anybody has
/// it. Errors: nobody gave such receipts. `done` runs once, from `Dispatcher::poll`.
void ask_block_receipts(const ReceiptsContext& context, std::vector<evm::Header> headers,
                        CheckedJob::Done done);

}  // namespace plumbline::rpc
