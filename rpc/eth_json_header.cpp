// Headers, as eth_getBlockByNumber and eth_getBlockByHash answer them.
#include "core/evm/block_gap.hpp"
#include "rpc/json_values.ipp"

namespace plumbline::rpc::json {

namespace {

constexpr uint32_t kHeaderHash = 1;
constexpr uint32_t kHeaderNum = 2;
constexpr uint32_t kHeaderParent = 4;
constexpr uint32_t kHeaderTime = 8;
constexpr uint32_t kHeaderAll = 15;
constexpr size_t kKeyMax = 64;  ///< of a field's name; what is longer is cut

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

bool read_hash(ondemand::value& value, evm::Hash& out) {
    return read_fixed(value, out);
}

bool read_address(ondemand::value& value, evm::Address& out) {
    return read_fixed(value, out);
}

// Fields that later forks appended. The switch on the first letter is for speed: there are about
// thirty fields in a header.
const char* read_fork_field(const char* key, ondemand::value& value, evm::Header& header) {
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
                return read_optional(value, header.block_access_list_hash, read_hash,
                                     "blockAccessListHash is not 32 bytes");
            }
            break;
        case 'e':
            if (key_is(key, "excessBlobGas")) {
                return read_optional(value, header.excess_blob_gas, read_quantity,
                                     "excessBlobGas is not a quantity");
            }
            break;
        case 'p':
            if (key_is(key, "parentBeaconBlockRoot")) {
                return read_optional(value, header.parent_beacon_root, read_hash,
                                     "parentBeaconBlockRoot is not 32 bytes");
            }
            break;
        case 'r':
            if (key_is(key, "requestsHash")) {
                return read_optional(value, header.requests_hash, read_hash,
                                     "requestsHash is not 32 bytes");
            }
            break;
        case 's':
            if (key_is(key, "slotNumber")) {
                return read_optional(value, header.slot_number, read_quantity,
                                     "slotNumber is not a quantity");
            }
            break;
        case 'w':
            if (key_is(key, "withdrawalsRoot")) {
                return read_optional(value, header.withdrawals_root, read_hash,
                                     "withdrawalsRoot is not 32 bytes");
            }
            break;
        default: break;
    }
    return nullptr;
}

// Fields of the first headers that nothing but the hash needs.
const char* read_hashed_field(const char* key, ondemand::value& value, evm::Header& header) {
    switch (key[0]) {
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
        case 'm':
            if (key_is(key, "miner")) {
                return read_lenient(value, header.beneficiary, read_address,
                                    "miner is not 20 bytes");
            }
            if (key_is(key, "mixHash")) {
                return read_lenient(value, header.mix_hash, read_hash, "mixHash is not 32 bytes");
            }
            break;
        case 'n':
            if (key_is(key, "nonce")) {
                return read_lenient(value, header.nonce, read_nonce, "nonce is not 8 bytes");
            }
            break;
        case 'r':
            if (key_is(key, "receiptsRoot")) {
                return read_lenient(value, header.receipts_root, read_hash,
                                    "receiptsRoot is not 32 bytes");
            }
            break;
        case 's':
            if (key_is(key, "sha3Uncles")) {
                return read_lenient(value, header.ommers_hash, read_hash,
                                    "sha3Uncles is not 32 bytes");
            }
            if (key_is(key, "stateRoot")) {
                return read_lenient(value, header.state_root, read_hash,
                                    "stateRoot is not 32 bytes");
            }
            break;
        case 't':
            if (key_is(key, "transactionsRoot")) {
                return read_lenient(value, header.txns_root, read_hash,
                                    "transactionsRoot is not 32 bytes");
            }
            break;
        default: break;
    }
    return read_fork_field(key, value, header);
}

const char* read_header_field(const char* key, ondemand::value& value, evm::Header& header,
                              uint32_t& has) {
    switch (key[0]) {
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
        case 'n':
            if (key_is(key, "number")) {
                has |= kHeaderNum;
                return read_quantity(value, header.block_num)
                           ? nullptr
                           : "number is not a quantity (a pending block?)";
            }
            break;
        case 'p':
            if (key_is(key, "parentHash")) {
                has |= kHeaderParent;
                return read_lenient(value, header.parent_hash, read_hash,
                                    "parentHash is not 32 bytes");
            }
            break;
        case 't':
            if (key_is(key, "timestamp")) {
                has |= kHeaderTime;
                return read_quantity(value, header.timestamp) ? nullptr
                                                              : "timestamp is not a quantity";
            }
            break;
        default: break;
    }
    return read_hashed_field(key, value, header);
}

// Fields that clients add or leave out as they like, whatever the block hashes.
bool is_beside_hash(const char* key) {
    return key_is(key, "size") || key_is(key, "totalDifficulty") || key_is(key, "transactions") ||
           key_is(key, "uncles") || key_is(key, "withdrawals") || key_is(key, "author") ||
           key_is(key, "sealFields");
}

// FNV-1a. The fields' words are added up, so their order does not matter.
uint64_t word_of_key(const char* key) {
    uint64_t word = 0xcbf29ce484222325;
    for (size_t i = 0; i < kKeyMax && key[i] != '"'; ++i) {
        word = (word ^ static_cast<uint8_t>(key[i])) * 0x100000001b3;
    }
    return word;
}

}  // namespace

std::optional<Fail> read_header(ondemand::value& value, evm::Header& header, uint64_t& layout) {
    uint32_t has = 0;
    layout = 0;
    if (auto fail = for_each_field(value, "a block", [&](const char* key, ondemand::value& field) {
            if (!is_beside_hash(key) && !is_null(field)) {
                layout += word_of_key(key);
            }
            return read_header_field(key, field, header, has);
        })) {
        return fail;
    }
    if (has != kHeaderAll) {
        return Fail{"a block lacks one of number, hash, parentHash, timestamp"};
    }
    if (evm::is_gap(header)) {
        return Fail{"a block is its own parent"};
    }
    return std::nullopt;
}

}  // namespace plumbline::rpc::json
