// Which reader an answer goes to, and whether it is an answer to what was asked.
#include "rpc/json_values.ipp"

namespace plumbline::rpc::json {

namespace {

/// A field of a transaction that only some mappings name; `has` gets its bit where it is there.
const char* read_body_field(ondemand::value& field, const char* key, evm::TxnBody& body,
                            uint32_t& has) {
    const bool is_input = key_is(key, "input");
    const bool is_one =
        is_input || key_is(key, "nonce") || key_is(key, "gas") || key_is(key, "type");
    if (!is_one || is_null(field)) {
        return nullptr;
    }
    if (is_input) {
        Bytes input;
        has |= 32U;
        if (!read_bytes(field, input)) {
            return "input is not hex";
        }
        body.input = as_chars(input);
        return nullptr;
    }
    if (key_is(key, "nonce")) {
        has |= 8U;
        return read_quantity(field, body.nonce) ? nullptr : "nonce is not a quantity";
    }
    if (key_is(key, "gas")) {
        has |= 16U;
        return read_quantity(field, body.gas) ? nullptr : "gas is not a quantity";
    }
    uint64_t type = 0;  // not told by nodes that know legacy transactions only
    if (!read_quantity(field, type) || type > UINT8_MAX) {
        return "type is not a number of a byte";
    }
    body.type = static_cast<uint8_t>(type);
    return nullptr;
}

std::optional<Fail> read_txn(ondemand::value& value, TxnInfo& txn) {
    constexpr uint32_t kBody = 8U | 16U | 32U;
    uint32_t has = 0;
    evm::TxnBody body;
    if (auto fail = for_each_field(
            value, "a transaction", [&](const char* key, ondemand::value& field) -> const char* {
                if (key_is(key, "hash")) {
                    has |= 1U;
                    return read_fixed(field, txn.hash) ? nullptr : "hash is not 32 bytes";
                }
                if (key_is(key, "from")) {
                    has |= 2U;
                    return read_fixed(field, txn.from) ? nullptr : "from is not 20 bytes";
                }
                if (key_is(key, "to")) {
                    return read_optional(
                        field, txn.to,
                        [](ondemand::value& v, evm::Address& out) { return read_fixed(v, out); },
                        "to is not 20 bytes");
                }
                if (key_is(key, "value")) {
                    has |= 4U;
                    return read_u256(field, txn.value) ? nullptr : "value is not a quantity";
                }
                return read_body_field(field, key, body, has);
            })) {
        return fail;
    }
    if ((has & 7U) != 7U) {
        return Fail{"a transaction lacks one of hash, from, value"};
    }
    if ((has & kBody) == kBody) {
        txn.body = std::move(body);
    }
    return std::nullopt;
}

/// Of a receipt in another block than `block`: `is_there` stays false.
std::optional<Fail> read_txn_gas(ondemand::value& value, const evm::Hash& block,
                                 TxnReceiptInfo& out, bool& is_there) {
    uint32_t has = 0;
    evm::Hash is_in;
    if (auto fail = for_each_field(
            value, "a receipt", [&](const char* key, ondemand::value& field) -> const char* {
                if (key_is(key, "transactionHash")) {
                    has |= 1U;
                    return read_fixed(field, out.hash) ? nullptr
                                                       : "transactionHash is not 32 bytes";
                }
                if (key_is(key, "blockHash")) {
                    has |= 2U;
                    return read_fixed(field, is_in) ? nullptr : "blockHash is not 32 bytes";
                }
                if (key_is(key, "gasUsed")) {
                    has |= 4U;
                    return read_quantity(field, out.receipt.gas_used) ? nullptr
                                                                      : "gasUsed is not a quantity";
                }
                if (key_is(key, "effectiveGasPrice")) {
                    has |= 8U;
                    return read_u256(field, out.receipt.effective_gas_price)
                               ? nullptr
                               : "effectiveGasPrice is not a quantity";
                }
                if (key_is(key, "status") && !is_null(field)) {
                    uint64_t status = 0;
                    if (!read_quantity(field, status) || status > 1) {
                        return "status is neither 0 nor 1";
                    }
                    out.receipt.status = static_cast<uint8_t>(status);
                }
                return nullptr;
            })) {
        return fail;
    }
    if (has != 15U) {
        return Fail{
            "a receipt lacks one of transactionHash, blockHash, gasUsed, effectiveGasPrice"};
    }
    is_there = is_in == block;
    return std::nullopt;
}

// The hashes of a block's transactions, which it must give without their bodies.
std::optional<Fail> read_block_txns(ondemand::value& value, const evm::Hash& block_hash,
                                    std::vector<evm::Hash>& txns) {
    bool has_txns = false;
    bool is_block = false;
    std::optional<Fail> inner;
    if (auto fail = for_each_field(
            value, "a block", [&](const char* key, ondemand::value& field) -> const char* {
                if (key_is(key, "hash")) {
                    evm::Hash hash;
                    is_block = read_fixed(field, hash) && hash == block_hash;
                    return is_block ? nullptr : "asked for a block by hash, got another block";
                }
                if (key_is(key, "transactions")) {
                    has_txns = true;
                    inner = for_each_item(
                        field, "transactions", [&](ondemand::value& item) -> std::optional<Fail> {
                            return read_fixed(item, txns.emplace_back())
                                       ? std::nullopt
                                       : std::optional{Fail{"a transaction is not a hash"}};
                        });
                    return inner ? inner->why.c_str() : nullptr;
                }
                return nullptr;
            })) {
        return fail;
    }
    if (!has_txns || !is_block) {
        return Fail{"a block lacks one of hash, transactions"};
    }
    return std::nullopt;
}

}  // namespace

std::optional<Fail> read_result(ondemand::value& value, const Call& call, Answer& answer) {
    std::optional<Fail> fail;
    switch (call.kind) {
        case Call::Kind::kChainId: {
            uint64_t id = 0;
            if (!read_quantity(value, id)) {
                return Fail{"the chain id is not a quantity"};
            }
            answer.value = id;
            return std::nullopt;
        }
        case Call::Kind::kHeaderByNum:
        case Call::Kind::kHeaderByHash:
        case Call::Kind::kHeaderLatest:
        case Call::Kind::kHeaderFinalized: {
            auto& header = answer.value.emplace<evm::Header>();
            fail = read_header(value, header, answer.header_layout);
            if (!fail && call.kind == Call::Kind::kHeaderByNum &&
                header.block_num < call.block_num) {
                // So some nodes answer for a number that no block has: with the block before.
                answer.value = Answer::Null{};
                return std::nullopt;
            }
            if (!fail && call.kind == Call::Kind::kHeaderByNum &&
                header.block_num != call.block_num) {
                fail = Fail{"asked for block " + std::to_string(call.block_num) + ", got block " +
                            std::to_string(header.block_num)};
            }
            if (!fail && call.kind == Call::Kind::kHeaderByHash && header.hash != call.hash) {
                fail = Fail{"asked for a block by hash, got another block"};
            }
            return fail;
        }
        case Call::Kind::kLogs:
        case Call::Kind::kLogsOfBlock:
            return read_logs(value, answer.value.emplace<evm::LogBatch>());
        case Call::Kind::kReceipts:
            return read_receipts(value, call.hash, answer.value.emplace<evm::ReceiptBatch>());
        case Call::Kind::kTxnReceipt:
            return read_txn_receipt(value, call, answer.value.emplace<evm::ReceiptBatch>());
        case Call::Kind::kBlockTxns:
            return read_block_txns(value, call.hash,
                                   answer.value.emplace<std::vector<evm::Hash>>());
        case Call::Kind::kTxn: {
            auto& txn = answer.value.emplace<TxnInfo>();
            fail = read_txn(value, txn);
            if (!fail && txn.hash != call.hash) {
                fail = Fail{"asked for a transaction by hash, got another one"};
            }
            return fail;
        }
        case Call::Kind::kTxnGas: {
            bool is_there = false;
            auto& receipt = answer.value.emplace<TxnReceiptInfo>();
            fail = read_txn_gas(value, call.txn_block, receipt, is_there);
            if (!fail && receipt.hash != call.hash) {
                fail = Fail{"asked for a transaction's receipt, got another one's"};
            }
            if (!fail && !is_there) {
                answer.value = Answer::Null{};
            }
            return fail;
        }
        case Call::Kind::kCall: {
            auto& result = answer.value.emplace<CallResult>();
            result.kind = CallResult::Kind::kAnswered;
            return read_bytes(value, result.data)
                       ? std::nullopt
                       : std::optional{Fail{"the call's answer is not hex"}};
        }
        case Call::Kind::kProof:
            return read_proof(value, call, answer.value.emplace<AccountProof>());
    }
    return Fail{"unknown call"};
}

}  // namespace plumbline::rpc::json
