#include "rpc/block_receipts.hpp"

#include <algorithm>
#include <utility>

#include "core/base/check.hpp"
#include "core/evm/state_sync.hpp"
#include "rpc/proof_check.hpp"

namespace plumbline::rpc {

namespace {

/// A state sync's logs, behind all others: as much as the provider's word for them is worth.
void put_back(const evm::LogBatch& outside, evm::ReceiptBatch& batch) {
    if (outside.logs.empty()) {
        return;
    }
    evm::Receipt receipt;
    receipt.status = true;
    receipt.txn_hash = outside.logs.front().txn_hash;
    receipt.txn_index = static_cast<uint32_t>(batch.receipts.size());
    receipt.log_begin = static_cast<uint32_t>(batch.logs.logs.size());
    for (const evm::Log& log : outside.logs) {
        batch.logs.push(log, outside.data(log));
    }
    receipt.log_count = static_cast<uint32_t>(outside.logs.size());
    batch.receipts.push_back(receipt);
}

bool has_sync_receipt(const evm::Header& header, const evm::ReceiptBatch& batch) {
    return !batch.receipts.empty() && batch.receipts.back().txn_hash ==
                                          evm::state_sync_txn_hash(header.block_num, header.hash);
}

/// Why the receipt that was given is not that of the block's state sync. A null is believed only of
/// who shows the block with it: a backend that is behind has no receipt either. Both are mostly in
/// one request; where they are not, the block's list of transactions has the state sync's.
std::optional<Error> check_sync(const evm::Header& header, const Answer& block,
                                const Answer& receipt) {
    if (const auto* batch = receipt.get<evm::ReceiptBatch>()) {
        const bool is_of_block = has_sync_receipt(header, *batch) &&
                                 std::ranges::all_of(batch->logs.logs, [&](const evm::Log& log) {
                                     return log.block_num == header.block_num &&
                                            log.block_hash == header.hash &&
                                            evm::is_state_sync(log);
                                 });
        return is_of_block ? std::nullopt
                           : std::optional{Error{ErrorCode::kDecode, "it is of another block"}};
    }
    const auto* txns = block.get<std::vector<evm::Hash>>();
    if (txns == nullptr) {
        return Error{ErrorCode::kUnavailable, "it does not have the block"};
    }
    const evm::Hash hash = evm::state_sync_txn_hash(header.block_num, header.hash);
    return std::ranges::find(*txns, hash) == txns->end()
               ? Error{ErrorCode::kNotFound, "it has none"}
               : Error{ErrorCode::kReorg, "the block names it, and there is no receipt of it"};
}

/// The receipt of a state sync, its second answer, as an item of its own. kNotFound: there is none.
CheckedItem sync_item(const evm::Header& header) {
    CheckedItem item;
    item.what = "the state sync of block " + std::to_string(header.block_num);
    item.is_proof = false;
    item.reads_nulls = true;
    item.calls.resize(2);
    for (Call& call : item.calls) {
        call.block_num = header.block_num;
        call.hash = header.hash;
    }
    item.calls[0].kind = Call::Kind::kBlockTxns;
    item.calls[1].kind = Call::Kind::kTxnReceipt;
    item.calls[1].txn_hash = evm::state_sync_txn_hash(header.block_num, header.hash);
    item.check = [header](std::vector<Answer>& answers) {
        return check_sync(header, answers[0], answers[1]);
    };
    return item;
}

/// Some providers leave state syncs out of eth_getBlockReceipts, and nothing in the block tells:
/// they are asked for by their transactions' hashes before the receipts stand for a block's logs.
void add_state_syncs(const ReceiptsContext& context, const std::vector<evm::Header>& headers,
                     std::vector<Result<CheckedAnswer>> results, CheckedJob::Done done) {
    std::vector<CheckedItem> items;
    std::vector<size_t> places;
    for (size_t i = 0; i < results.size(); ++i) {
        if (results[i] &&
            !has_sync_receipt(headers[i], *results[i]->answers[0].get<evm::ReceiptBatch>())) {
            items.push_back(sync_item(headers[i]));
            places.push_back(i);
        }
    }
    if (items.empty()) {
        done(std::move(results));
        return;
    }
    auto job = std::make_shared<CheckedJob>(
        context.dispatcher, context.memory, std::move(items),
        [results = std::move(results), places = std::move(places),
         done = std::move(done)](std::vector<Result<CheckedAnswer>> syncs) mutable {
            for (size_t i = 0; i < syncs.size(); ++i) {
                Result<CheckedAnswer>& block = results[places[i]];
                if (syncs[i]) {
                    put_back(syncs[i]->answers[1].get<evm::ReceiptBatch>()->logs,
                             *block->answers[0].get<evm::ReceiptBatch>());
                } else if (syncs[i].error().code != ErrorCode::kNotFound) {
                    block = syncs[i].error();
                }
            }
            done(std::move(results));
        });
    job->avoid(context.avoid);
    job->share(context.ticket);
    job->start();
}

}  // namespace

std::vector<CheckedItem> receipts_items(std::vector<evm::Header> headers, ReceiptsCheck check) {
    std::vector<CheckedItem> items(headers.size());
    for (size_t i = 0; i < headers.size(); ++i) {
        items[i].what = "receipts of block " + std::to_string(headers[i].block_num);
        Call& call = items[i].calls.emplace_back();
        call.kind = Call::Kind::kReceipts;
        call.block_num = headers[i].block_num;
        call.hash = headers[i].hash;
        items[i].check = [header = std::move(headers[i]), i, check](std::vector<Answer>& answers) {
            auto* batch = answers[0].get<evm::ReceiptBatch>();
            PLUMBLINE_CHECK(batch != nullptr);
            return check(header, i, *batch);
        };
    }
    return items;
}

void ask_block_receipts(const ReceiptsContext& context, std::vector<evm::Header> headers,
                        CheckedJob::Done done) {
    const bool has_syncs = evm::has_state_syncs(context.dispatcher.chain_id().value_or(0));
    if (has_syncs) {
        done = [context, headers,
                last = std::move(done)](std::vector<Result<CheckedAnswer>> results) mutable {
            add_state_syncs(context, headers, std::move(results), std::move(last));
        };
    }
    auto items = receipts_items(
        std::move(headers),
        [prover = std::make_shared<evm::ReceiptsProver>(), has_syncs](
            const evm::Header& header, size_t /*place*/,
            evm::ReceiptBatch& batch) -> std::optional<Error> {
            evm::Bloom bloom;
            evm::LogBatch outside;
            const bool is_proven = !check_receipts(header, *prover, batch, bloom, &outside);
            if (has_syncs) {
                put_back(outside, batch);
            }
            if (is_proven) {
                return std::nullopt;
            }
            if (batch.logs.logs.empty() && !header.logs_bloom.is_zero()) {
                return Error{ErrorCode::kDecode, "they have no logs, and the block's bloom has"};
            }
            // On chains whose root cannot be recomputed they are worth as much as logs are.
            const bool is_of_block = std::ranges::all_of(batch.logs.logs, [&](const evm::Log& log) {
                return log.block_num == header.block_num && log.block_hash == header.hash;
            });
            return is_of_block ? std::nullopt
                               : std::optional{
                                     Error{ErrorCode::kDecode, "they have logs of another block"}};
        });
    // What passes need not be proven, so nobody has lied.
    for (CheckedItem& item : items) {
        item.is_proof = false;
    }
    auto job = std::make_shared<CheckedJob>(context.dispatcher, context.memory, std::move(items),
                                            std::move(done));
    job->avoid(context.avoid);
    job->share(context.ticket);
    job->start();
}

}  // namespace plumbline::rpc
