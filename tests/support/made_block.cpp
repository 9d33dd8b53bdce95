#include "tests/support/made_block.hpp"

#include "core/base/check.hpp"
#include "core/evm/hex.hpp"

namespace plumbline::test {

evm::ReceiptBatch receipts_of(const evm::LogBatch& logs) {
    evm::ReceiptBatch batch;
    batch.logs = logs;
    for (uint32_t i = 0; i < logs.logs.size(); ++i) {
        const evm::Log& log = logs.logs[i];
        if (batch.receipts.empty() || batch.receipts.back().txn_index != log.txn_index) {
            PLUMBLINE_CHECK(log.txn_index == batch.receipts.size());
            evm::Receipt receipt;
            receipt.type = 2;
            receipt.status = true;
            receipt.cumulative_gas_used = kGasPerTxn * (batch.receipts.size() + 1);
            receipt.txn_hash = log.txn_hash;
            receipt.txn_index = log.txn_index;
            receipt.log_begin = i;
            batch.receipts.push_back(receipt);
        }
        ++batch.receipts.back().log_count;
    }
    return batch;
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
    out += out.back() == '{' ? "\"" : ",\"";
    out += name;
    out += "\":\"";
    out += value;
    out += '"';
}

std::string open_block_json(const evm::Header& header) {
    std::string out = "{";
    append_member(out, "number", evm::to_quantity(header.block_num));
    append_member(out, "hash", evm::to_hex(header.hash));
    append_member(out, "parentHash", evm::to_hex(header.parent_hash));
    append_member(out, "sha3Uncles", evm::to_hex(header.ommers_hash));
    append_member(out, "miner", evm::to_hex(header.beneficiary));
    append_member(out, "stateRoot", evm::to_hex(header.state_root));
    append_member(out, "transactionsRoot", evm::to_hex(header.txns_root));
    append_member(out, "receiptsRoot", evm::to_hex(header.receipts_root));
    append_member(out, "logsBloom", evm::to_hex(header.logs_bloom));
    append_member(out, "difficulty", "0x0");
    append_member(out, "gasLimit", evm::to_quantity(header.gas_limit));
    append_member(out, "gasUsed", evm::to_quantity(header.gas_used));
    append_member(out, "timestamp", evm::to_quantity(header.timestamp));
    append_member(out, "extraData", "0x");
    append_member(out, "mixHash", evm::to_hex(header.mix_hash));
    append_member(out, "nonce", "0x0000000000000000");
    append_member(out, "baseFeePerGas", "0x7");
    return out;
}

}  // namespace plumbline::test
