#include "core/evm/state_sync.hpp"

#include <string_view>

#include "core/evm/keccak.hpp"

namespace plumbline::evm {

namespace {

constexpr std::string_view kPrefix = "matic-bor-receipt-";
constexpr uint64_t kPolygon = 137;
constexpr uint64_t kMumbai = 80'001;
constexpr uint64_t kAmoy = 80'002;

}  // namespace

bool has_state_syncs(uint64_t chain_id) noexcept {
    return chain_id == kPolygon || chain_id == kAmoy || chain_id == kMumbai;
}

Hash state_sync_txn_hash(uint64_t block_num, const Hash& block_hash) {
    Bytes text{kPrefix.begin(), kPrefix.end()};
    for (unsigned shift = 64; shift > 0;) {
        shift -= 8;
        text.push_back(static_cast<uint8_t>(block_num >> shift));
    }
    text.insert(text.end(), block_hash.bytes.begin(), block_hash.bytes.end());
    return keccak256(text);
}

bool is_state_sync(const Log& log) {
    return log.txn_hash == state_sync_txn_hash(log.block_num, log.block_hash);
}

LogBatch take_state_sync(uint64_t block_num, const Hash& block_hash, ReceiptBatch& batch) {
    LogBatch out;
    if (batch.receipts.empty() ||
        batch.receipts.back().txn_hash != state_sync_txn_hash(block_num, block_hash)) {
        return out;
    }
    const Receipt& receipt = batch.receipts.back();
    for (const Log& log : batch.logs_of(receipt)) {
        out.push(log, batch.logs.data(log));
    }
    batch.logs.logs.resize(receipt.log_begin);
    batch.receipts.pop_back();
    return out;
}

}  // namespace plumbline::evm
