// From JSON results to evm types: logs, headers, receipts, transactions.
#include <algorithm>

#include "rpc/json_values.ipp"

namespace plumbline::rpc::json {

namespace {

// ---- Logs ----------------------------------------------------------------------------------

constexpr uint32_t kHasAddress = 1;
constexpr uint32_t kHasTopics = 2;
constexpr uint32_t kHasData = 4;
constexpr uint32_t kHasBlockNum = 8;
constexpr uint32_t kHasBlockHash = 16;
constexpr uint32_t kHasTxnHash = 32;
constexpr uint32_t kHasTxnIndex = 64;
constexpr uint32_t kHasLogIndex = 128;
constexpr uint32_t kHasAll = 255;

const char* read_topics(ondemand::value& value, evm::Log& log) {
    bool too_many = false;
    bool bad = false;
    uint8_t count = 0;
    const auto fail =
        for_each_item(value, "topics", [&](ondemand::value& item) -> std::optional<Fail> {
            if (count == log.topics.size()) {
                too_many = true;
                return Fail{};
            }
            if (!read_fixed(item, log.topics[count])) {
                bad = true;
                return Fail{};
            }
            ++count;
            return std::nullopt;
        });
    log.topic_count = count;
    if (too_many) {
        return "more than 4 topics";
    }
    return bad || fail ? "topics are not an array of 32-byte words" : nullptr;
}

// Reads one field into `log`; the data goes to the end of `arena`.
const char* read_log_field(const char* key, ondemand::value& value, evm::Log& log, Bytes& arena,
                           uint32_t& has) {
    switch (key[0]) {
        case 'a':
            if (key_is(key, "address")) {
                has |= kHasAddress;
                return read_fixed(value, log.address) ? nullptr : "address is not 20 bytes of hex";
            }
            break;
        case 't':
            if (key_is(key, "topics")) {
                has |= kHasTopics;
                return read_topics(value, log);
            }
            if (key_is(key, "transactionHash")) {
                has |= kHasTxnHash;
                return read_fixed(value, log.txn_hash) ? nullptr
                                                       : "transactionHash is not 32 bytes of hex";
            }
            if (key_is(key, "transactionIndex")) {
                has |= kHasTxnIndex;
                return read_quantity32(value, log.txn_index) ? nullptr
                                                             : "transactionIndex is not a quantity";
            }
            break;
        case 'd':
            if (key_is(key, "data")) {
                if ((has & kHasData) != 0) {
                    return "data twice";
                }
                has |= kHasData;
                const auto text = string_of(value);
                if (!text || !text->starts_with("0x") || text->size() % 2 != 0) {
                    return "data is not hex";
                }
                const size_t size = (text->size() - 2) / 2;
                const size_t offset = arena.size();
                if (offset + size > UINT32_MAX) {
                    return "more than 4 GB of data in one answer";
                }
                arena.resize(offset + size);
                log.data_offset = static_cast<uint32_t>(offset);
                log.data_size = static_cast<uint32_t>(size);
                return decode_digits(text->substr(2), arena.data() + offset) ? nullptr
                                                                             : "data is not hex";
            }
            break;
        case 'b':
            if (key_is(key, "blockNumber")) {
                has |= kHasBlockNum;
                return read_quantity(value, log.block_num) ? nullptr
                                                           : "blockNumber is not a quantity";
            }
            if (key_is(key, "blockHash")) {
                has |= kHasBlockHash;
                return read_fixed(value, log.block_hash) ? nullptr
                                                         : "blockHash is not 32 bytes of hex";
            }
            break;
        case 'l':
            if (key_is(key, "logIndex")) {
                has |= kHasLogIndex;
                return read_quantity32(value, log.log_index) ? nullptr
                                                             : "logIndex is not a quantity";
            }
            break;
        case 'r':
            if (key_is(key, "removed")) {
                const std::string_view token = value.raw_json_token();
                if (token.starts_with("true")) {
                    return "the log is marked as removed by a reorganisation";
                }
                return token.starts_with("false") || token.starts_with("null")
                           ? nullptr
                           : "removed is not a boolean";
            }
            break;
        default: break;
    }
    return nullptr;
}

std::optional<Fail> read_log(ondemand::value& value, evm::LogBatch& batch) {
    evm::Log& log = batch.logs.emplace_back();
    uint32_t has = 0;
    if (auto fail = for_each_field(value, "a log", [&](const char* key, ondemand::value& field) {
            return read_log_field(key, field, log, batch.arena, has);
        })) {
        return fail;
    }
    if (has != kHasAll) {
        return Fail{
            "a log lacks one of address, topics, data, blockNumber, blockHash, "
            "transactionHash, transactionIndex, logIndex"};
    }
    return std::nullopt;
}

std::optional<Fail> read_logs(ondemand::value& value, evm::LogBatch& batch) {
    return for_each_item(value, "the list of logs",
                         [&](ondemand::value& item) { return read_log(item, batch); });
}

// ---- Headers -------------------------------------------------------------------------------

constexpr uint32_t kHeaderHash = 1;
constexpr uint32_t kHeaderNum = 2;
constexpr uint32_t kHeaderParent = 4;
constexpr uint32_t kHeaderTime = 8;
constexpr uint32_t kHeaderAll = 15;

template <typename T, typename Read>
const char* read_optional(ondemand::value& value, std::optional<T>& out, Read&& read,
                          const char* why) {
    if (is_null(value)) {
        return nullptr;
    }
    T inner{};
    if (!read(value, inner)) {
        return why;
    }
    out = inner;
    return nullptr;
}

// The nonce is 8 bytes on the wire ("0x0000000000000042").
bool read_nonce(ondemand::value& value, uint64_t& out) {
    evm::FixedBytes<8> bytes;
    if (!read_fixed(value, bytes)) {
        return read_quantity(value, out);
    }
    out = 0;
    for (const uint8_t byte : bytes.bytes) {
        out = (out << 8U) | byte;
    }
    return true;
}

// Fields that chains with another layout leave out or send as null stay zero: their header then
// simply does not hash, which is the hash check's business.
template <typename Out, typename Read>
const char* read_lenient(ondemand::value& value, Out& out, Read&& read, const char* why) {
    return is_null(value) || read(value, out) ? nullptr : why;
}

const char* read_header_field(const char* key, ondemand::value& value, evm::Header& header,
                              uint32_t& has) {
    const auto hash32 = [](ondemand::value& v, evm::Hash& out) { return read_fixed(v, out); };
    switch (key[0]) {
        case 'b':
            if (key_is(key, "baseFeePerGas")) {
                return read_optional(value, header.base_fee_per_gas, read_u256,
                                     "baseFeePerGas is not a quantity");
            }
            if (key_is(key, "blobGasUsed")) {
                return read_optional(value, header.blob_gas_used, read_quantity,
                                     "blobGasUsed is not a quantity");
            }
            if (key_is(key, "blockAccessListHash")) {
                return read_optional(value, header.block_access_list_hash, hash32,
                                     "blockAccessListHash is not 32 bytes");
            }
            break;
        case 'd':
            if (key_is(key, "difficulty")) {
                return read_lenient(value, header.difficulty, read_u256,
                                    "difficulty is not a quantity");
            }
            break;
        case 'e':
            if (key_is(key, "extraData")) {
                return read_lenient(value, header.extra_data, read_bytes, "extraData is not hex");
            }
            if (key_is(key, "excessBlobGas")) {
                return read_optional(value, header.excess_blob_gas, read_quantity,
                                     "excessBlobGas is not a quantity");
            }
            break;
        case 'g':
            if (key_is(key, "gasLimit")) {
                return read_lenient(value, header.gas_limit, read_quantity,
                                    "gasLimit is not a quantity");
            }
            if (key_is(key, "gasUsed")) {
                return read_lenient(value, header.gas_used, read_quantity,
                                    "gasUsed is not a quantity");
            }
            break;
        case 'h':
            if (key_is(key, "hash")) {
                has |= kHeaderHash;
                return read_fixed(value, header.hash) ? nullptr
                                                      : "hash is not 32 bytes (a pending block?)";
            }
            break;
        case 'l':
            if (key_is(key, "logsBloom")) {
                return read_lenient(
                    value, header.logs_bloom,
                    [](ondemand::value& v, evm::Bloom& out) { return read_fixed(v, out); },
                    "logsBloom is not 256 bytes");
            }
            break;
        case 'm':
            if (key_is(key, "miner")) {
                return read_lenient(
                    value, header.beneficiary,
                    [](ondemand::value& v, evm::Address& out) { return read_fixed(v, out); },
                    "miner is not 20 bytes");
            }
            if (key_is(key, "mixHash")) {
                return read_lenient(value, header.mix_hash, hash32, "mixHash is not 32 bytes");
            }
            break;
        case 'n':
            if (key_is(key, "number")) {
                has |= kHeaderNum;
                return read_quantity(value, header.block_num)
                           ? nullptr
                           : "number is not a quantity (a pending block?)";
            }
            if (key_is(key, "nonce")) {
                return read_lenient(value, header.nonce, read_nonce, "nonce is not 8 bytes");
            }
            break;
        case 'p':
            if (key_is(key, "parentHash")) {
                has |= kHeaderParent;
                return read_fixed(value, header.parent_hash) ? nullptr
                                                             : "parentHash is not 32 bytes";
            }
            if (key_is(key, "parentBeaconBlockRoot")) {
                return read_optional(value, header.parent_beacon_root, hash32,
                                     "parentBeaconBlockRoot is not 32 bytes");
            }
            break;
        case 'r':
            if (key_is(key, "receiptsRoot")) {
                return read_lenient(value, header.receipts_root, hash32,
                                    "receiptsRoot is not 32 bytes");
            }
            if (key_is(key, "requestsHash")) {
                return read_optional(value, header.requests_hash, hash32,
                                     "requestsHash is not 32 bytes");
            }
            break;
        case 's':
            if (key_is(key, "sha3Uncles")) {
                return read_lenient(value, header.ommers_hash, hash32,
                                    "sha3Uncles is not 32 bytes");
            }
            if (key_is(key, "stateRoot")) {
                return read_lenient(value, header.state_root, hash32, "stateRoot is not 32 bytes");
            }
            if (key_is(key, "slotNumber")) {
                return read_optional(value, header.slot_number, read_quantity,
                                     "slotNumber is not a quantity");
            }
            break;
        case 't':
            if (key_is(key, "timestamp")) {
                has |= kHeaderTime;
                return read_quantity(value, header.timestamp) ? nullptr
                                                              : "timestamp is not a quantity";
            }
            if (key_is(key, "transactionsRoot")) {
                return read_lenient(value, header.txns_root, hash32,
                                    "transactionsRoot is not 32 bytes");
            }
            break;
        case 'w':
            if (key_is(key, "withdrawalsRoot")) {
                return read_optional(value, header.withdrawals_root, hash32,
                                     "withdrawalsRoot is not 32 bytes");
            }
            break;
        default: break;
    }
    return nullptr;
}

std::optional<Fail> read_header(ondemand::value& value, evm::Header& header) {
    uint32_t has = 0;
    if (auto fail = for_each_field(value, "a block", [&](const char* key, ondemand::value& field) {
            return read_header_field(key, field, header, has);
        })) {
        return fail;
    }
    if (has != kHeaderAll) {
        return Fail{"a block lacks one of number, hash, parentHash, timestamp"};
    }
    return std::nullopt;
}

// ---- Receipts ------------------------------------------------------------------------------

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

// ---- Transactions --------------------------------------------------------------------------

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

// ---- Calls and proofs ----------------------------------------------------------------------

std::optional<Fail> read_nodes(ondemand::value& value, std::vector<Bytes>& nodes) {
    return for_each_item(value, "a proof", [&](ondemand::value& item) -> std::optional<Fail> {
        return read_bytes(item, nodes.emplace_back())
                   ? std::nullopt
                   : std::optional{Fail{"a node of a proof is not hex"}};
    });
}

// Keys come back as they were sent, or as quantities.
bool read_slot_key(ondemand::value& value, evm::Hash& key) {
    if (read_fixed(value, key)) {
        return true;
    }
    evm::U256 number;
    if (!read_u256(value, number)) {
        return false;
    }
    number.to_be(key.data());
    return true;
}

std::optional<Fail> read_slot(ondemand::value& value, AccountProof::Slot& slot) {
    uint32_t has = 0;
    if (auto fail = for_each_field(
            value, "a slot's proof", [&](const char* key, ondemand::value& field) -> const char* {
                if (key_is(key, "key")) {
                    has |= 1U;
                    return read_slot_key(field, slot.key) ? nullptr : "key is not a number";
                }
                if (key_is(key, "value")) {
                    has |= 2U;
                    return read_u256(field, slot.value) ? nullptr : "value is not a number";
                }
                if (key_is(key, "proof")) {
                    has |= 4U;
                    return read_nodes(field, slot.nodes) ? "proof is not a list of hex" : nullptr;
                }
                return nullptr;
            })) {
        return fail;
    }
    return has == 7U ? std::nullopt
                     : std::optional{Fail{"a slot's proof lacks one of key, value, proof"}};
}

std::optional<Fail> read_slots(ondemand::value& value, const Call& call, AccountProof& proof) {
    if (auto fail = for_each_item(value, "storageProof", [&](ondemand::value& item) {
            return read_slot(item, proof.slots.emplace_back());
        })) {
        return fail;
    }
    const bool asked = std::ranges::equal(proof.slots, *call.slots, {}, &AccountProof::Slot::key);
    return asked ? std::nullopt : std::optional{Fail{"the proof is of other slots than asked"}};
}

std::optional<Fail> read_proof(ondemand::value& value, const Call& call, AccountProof& proof) {
    uint32_t has = 0;
    std::optional<Fail> inner;
    const auto read_field = [&](const char* key, ondemand::value& field) -> const char* {
        if (key_is(key, "address")) {
            evm::Address address;
            return read_fixed(field, address) && address == call.address
                       ? nullptr
                       : "it is of another account than asked";
        }
        if (key_is(key, "balance")) {
            has |= 1U;
            return read_u256(field, proof.account.balance) ? nullptr : "balance is not a number";
        }
        if (key_is(key, "nonce")) {
            has |= 2U;
            return read_quantity(field, proof.account.nonce) ? nullptr : "nonce is not a number";
        }
        if (key_is(key, "codeHash")) {
            has |= 4U;
            return read_fixed(field, proof.account.code_hash) ? nullptr : "codeHash is no hash";
        }
        if (key_is(key, "storageHash")) {
            has |= 8U;
            return read_fixed(field, proof.account.storage_root) ? nullptr
                                                                 : "storageHash is no hash";
        }
        if (key_is(key, "accountProof")) {
            has |= 16U;
            inner = read_nodes(field, proof.nodes);
            return inner ? inner->why.c_str() : nullptr;
        }
        if (key_is(key, "storageProof")) {
            has |= 32U;
            inner = read_slots(field, call, proof);
            return inner ? inner->why.c_str() : nullptr;
        }
        return nullptr;
    };
    if (auto fail = for_each_field(value, "the account's proof", read_field)) {
        return fail;
    }
    if (has != 63U) {
        return Fail{
            "the account's proof lacks one of balance, nonce, codeHash, storageHash, "
            "accountProof, storageProof"};
    }
    // Some nodes answer zeros for an account that does not exist.
    if (proof.account.code_hash.is_zero() && proof.account.storage_root.is_zero()) {
        proof.account = evm::empty_account();
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
            fail = read_header(value, header);
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
