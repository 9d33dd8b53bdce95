#include "rpc/proof_check.hpp"

#include <string>
#include <utility>

#include "core/evm/block_gap.hpp"
#include "core/evm/state_sync.hpp"

namespace plumbline::rpc {

std::optional<Error> check_linked(const std::vector<evm::Header>& headers, evm::BlockRange range,
                                  const evm::Hash& top_hash) {
    if (headers.size() != range.size()) {
        return Error{ErrorCode::kDecode, "not all headers were given"};
    }
    evm::Hash expected = top_hash;
    for (size_t i = headers.size(); i-- > 0;) {
        const evm::Header& header = headers[i];
        const std::string name = "block " + std::to_string(range.from + i);
        if (header.block_num != range.from + i) {
            return Error{ErrorCode::kDecode, name + ": another block's header was given"};
        }
        if (evm::is_gap(header)) {
            // Nothing to hash: its hash is that of the block before, whose own number tells in its
            // turn that there is nothing between.
            if (header.hash != expected) {
                return Error{ErrorCode::kReorg, name + " does not lead to the block above it"};
            }
            continue;
        }
        switch (evm::check_hash(header)) {
            case evm::HeaderCheck::kMatches: break;
            case evm::HeaderCheck::kDiffers:
                return Error{ErrorCode::kIncompatible,
                             name + ": its header does not hash to the hash it claims"};
            case evm::HeaderCheck::kNotRecomputable:
                return Error{ErrorCode::kIncompatible,
                             name + ": its header has fields that cannot be hashed in order"};
        }
        if (header.hash != expected) {
            return Error{ErrorCode::kReorg, name + " does not lead to the block above it"};
        }
        expected = header.parent_hash;
    }
    return std::nullopt;
}

std::optional<Error> check_receipts(const evm::Header& header, evm::ReceiptsProver& prover,
                                    evm::ReceiptBatch& batch, evm::Bloom& bloom,
                                    evm::LogBatch* outside) {
    auto digest = prover.compute(batch);
    if (!digest || digest->root != header.receipts_root) {
        evm::LogBatch synced = evm::take_state_sync(header.block_num, header.hash, batch);
        if (!synced.logs.empty()) {
            digest = prover.compute(batch);
        }
        if (outside != nullptr) {
            *outside = std::move(synced);
        }
    }
    if (!digest) {
        return Error{ErrorCode::kIncompatible, "a receipt has no known encoding"};
    }
    if (digest->root != header.receipts_root) {
        return Error{ErrorCode::kIncompatible,
                     "the receipts do not hash to the header's receipts root"};
    }
    bloom = digest->bloom;
    for (uint32_t i = 0; i < batch.receipts.size(); ++i) {
        evm::Receipt& receipt = batch.receipts[i];
        receipt.txn_index = i;
        for (uint32_t n = 0; n < receipt.log_count; ++n) {
            evm::Log& log = batch.logs.logs[receipt.log_begin + n];
            log.block_num = header.block_num;
            log.block_hash = header.hash;
            log.log_index = receipt.log_begin + n;
            log.txn_index = i;
            log.txn_hash = receipt.txn_hash;
        }
    }
    return std::nullopt;
}

}  // namespace plumbline::rpc
