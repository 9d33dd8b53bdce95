// Which reader an answer goes to, and whether it is an answer to what was asked.
#include "rpc/json_values.ipp"

namespace plumbline::rpc::json {

namespace {

std::optional<Fail> read_txn(ondemand::value& value, TxnInfo& txn) {
    uint32_t has = 0;
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
                return nullptr;
            })) {
        return fail;
    }
    if (has != 7U) {
        return Fail{"a transaction lacks one of hash, from, value"};
    }
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
