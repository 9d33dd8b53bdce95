// Receipts, of a whole block or of one transaction.
#include "rpc/json_values.ipp"

namespace plumbline::rpc::json {

namespace {

constexpr uint32_t kReceiptLogs = 1;
constexpr uint32_t kReceiptBlock = 2;
constexpr uint32_t kReceiptTxnHash = 4;
constexpr uint32_t kReceiptTxnIndex = 8;
constexpr uint32_t kReceiptAll = 15;

// What one receipt's fields are read into.
struct ReceiptTarget {
    evm::Receipt& receipt;
    evm::LogBatch& logs;
    evm::Hash block_hash;
    uint32_t has = 0;
    std::optional<Fail> inner;  // keeps the text that the reason points into
};

const char* read_status(ondemand::value& value, std::optional<bool>& out) {
    if (is_null(value)) {
        return nullptr;
    }
    uint64_t status = 0;
    if (!read_quantity(value, status) || status > 1) {
        return "status is neither 0x0 nor 0x1";
    }
    out = status == 1;
    return nullptr;
}

const char* read_type(ondemand::value& value, uint8_t& out) {
    uint64_t type = 0;
    if (!is_null(value) && (!read_quantity(value, type) || type > UINT8_MAX)) {
        return "type is not a byte";
    }
    out = static_cast<uint8_t>(type);
    return nullptr;
}

const char* read_receipt_field(const char* key, ondemand::value& value, ReceiptTarget& target) {
    evm::Receipt& receipt = target.receipt;
    if (key_is(key, "logs")) {
        target.has |= kReceiptLogs;
        receipt.log_begin = static_cast<uint32_t>(target.logs.logs.size());
        target.inner = read_logs(value, target.logs);
        receipt.log_count = static_cast<uint32_t>(target.logs.logs.size()) - receipt.log_begin;
        return target.inner ? target.inner->why.c_str() : nullptr;
    }
    if (key_is(key, "logsBloom")) {
        return read_optional(
            value, receipt.bloom,
            [](ondemand::value& v, evm::Bloom& out) { return read_fixed(v, out); },
            "logsBloom is not 256 bytes");
    }
    if (key_is(key, "blockHash")) {
        evm::Hash hash;
        target.has |= kReceiptBlock;
        if (!read_fixed(value, hash)) {
            return "blockHash is not 32 bytes of hex";
        }
        return hash == target.block_hash ? nullptr : "it belongs to another block";
    }
    if (key_is(key, "transactionHash")) {
        target.has |= kReceiptTxnHash;
        return read_fixed(value, receipt.txn_hash) ? nullptr
                                                   : "transactionHash is not 32 bytes of hex";
    }
    if (key_is(key, "transactionIndex")) {
        target.has |= kReceiptTxnIndex;
        return read_quantity32(value, receipt.txn_index) ? nullptr
                                                         : "transactionIndex is not a quantity";
    }
    if (key_is(key, "cumulativeGasUsed")) {
        return read_quantity(value, receipt.cumulative_gas_used)
                   ? nullptr
                   : "cumulativeGasUsed is not a quantity";
    }
    if (key_is(key, "status")) {
        return read_status(value, receipt.status);
    }
    if (key_is(key, "root")) {
        return read_optional(
            value, receipt.post_state,
            [](ondemand::value& v, evm::Hash& out) { return read_fixed(v, out); },
            "root is not 32 bytes");
    }
    if (key_is(key, "type")) {
        return read_type(value, receipt.type);
    }
    if (key_is(key, "depositNonce")) {
        return read_optional(value, receipt.deposit_nonce, read_quantity,
                             "depositNonce is not a quantity");
    }
    if (key_is(key, "depositReceiptVersion")) {
        return read_optional(value, receipt.deposit_version, read_quantity,
                             "depositReceiptVersion is not a quantity");
    }
    return nullptr;
}

// It must say that it belongs to `block_hash`.
std::optional<Fail> read_receipt(ondemand::value& value, const evm::Hash& block_hash,
                                 evm::LogBatch& logs, evm::Receipt& receipt) {
    ReceiptTarget target{receipt, logs, block_hash, 0, {}};
    if (auto fail =
            for_each_field(value, "a receipt", [&](const char* key, ondemand::value& field) {
                return read_receipt_field(key, field, target);
            })) {
        return fail;
    }
    if (target.has != kReceiptAll) {
        return Fail{"a receipt lacks one of logs, blockHash, transactionHash, transactionIndex"};
    }
    return std::nullopt;
}

}  // namespace

// They must come in transaction order.
std::optional<Fail> read_receipts(ondemand::value& value, const evm::Hash& block_hash,
                                  evm::ReceiptBatch& batch) {
    return for_each_item(
        value, "the list of receipts", [&](ondemand::value& item) -> std::optional<Fail> {
            evm::Receipt receipt;
            if (auto fail = read_receipt(item, block_hash, batch.logs, receipt)) {
                return fail;
            }
            if (!batch.receipts.empty() && receipt.txn_index <= batch.receipts.back().txn_index) {
                return Fail{"receipts are not in transaction order"};
            }
            batch.receipts.push_back(receipt);
            return std::nullopt;
        });
}

// One transaction's receipt, alone in its batch.
std::optional<Fail> read_txn_receipt(ondemand::value& value, const Call& call,
                                     evm::ReceiptBatch& batch) {
    evm::Receipt receipt;
    auto fail = read_receipt(value, call.hash, batch.logs, receipt);
    if (!fail && receipt.txn_hash != call.txn_hash) {
        fail = Fail{"asked for a transaction's receipt, got another one's"};
    }
    batch.receipts.push_back(receipt);
    return fail;
}

}  // namespace plumbline::rpc::json
