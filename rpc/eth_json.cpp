#include "rpc/eth_json.hpp"

#include <array>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif
#include <simdjson.h>

#include "core/evm/hex.hpp"
#include "rpc/transport.hpp"

namespace plumbline::rpc {

namespace {

namespace ondemand = simdjson::ondemand;

// Malformed values end the reading of their call; `why` is the reason for people.
struct Fail {
    std::string why;
};

// ---- Text of scalars -----------------------------------------------------------------------

// The characters between the quotes, escapes untouched; nullopt where the value is no string.
// Hex text has no escapes, so a backslash simply fails to decode.
std::optional<std::string_view> string_of(ondemand::value& value) {
    const std::string_view token = value.raw_json_token();
    if (token.empty() || token.front() != '"') {
        return std::nullopt;
    }
    // The token runs to the next structural character, so white space may follow the quote.
    const size_t end = token.find_last_of('"');
    if (end == 0) {
        return std::nullopt;
    }
    return token.substr(1, end - 1);
}

bool is_null(ondemand::value& value) {
    return std::string_view{value.raw_json_token()}.starts_with("null");
}

#if defined(__SSE2__)
// 16 digits to 8 bytes; false where one is no digit.
inline bool decode_16_digits(const char* digits, uint8_t* out) noexcept {
    const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(digits));
    const __m128i decimal = _mm_sub_epi8(text, _mm_set1_epi8('0'));
    // Setting bit 5 makes letters lower-case.
    const __m128i letter =
        _mm_sub_epi8(_mm_or_si128(text, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
    // Unsigned "at most" by saturating subtraction: zero where it holds.
    const __m128i zero = _mm_setzero_si128();
    const __m128i is_decimal = _mm_cmpeq_epi8(_mm_subs_epu8(decimal, _mm_set1_epi8(9)), zero);
    const __m128i is_letter = _mm_cmpeq_epi8(_mm_subs_epu8(letter, _mm_set1_epi8(5)), zero);
    if (_mm_movemask_epi8(_mm_or_si128(is_decimal, is_letter)) != 0xffff) {
        return false;
    }
    const __m128i nibbles =
        _mm_or_si128(_mm_and_si128(is_decimal, decimal),
                     _mm_and_si128(is_letter, _mm_add_epi8(letter, _mm_set1_epi8(10))));
    // In each 16-bit lane the first digit is the low byte: (first << 4) | second.
    const __m128i high = _mm_slli_epi16(_mm_and_si128(nibbles, _mm_set1_epi16(0x00ff)), 4);
    const __m128i joined = _mm_or_si128(high, _mm_srli_epi16(nibbles, 8));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm_packus_epi16(joined, zero));
    return true;
}
#endif

inline bool decode_digits(std::string_view digits, uint8_t* out) noexcept {
    size_t done = 0;
#if defined(__SSE2__)
    for (; done + 16 <= digits.size(); done += 16) {
        if (!decode_16_digits(digits.data() + done, out + done / 2)) {
            return false;
        }
    }
#endif
    return evm::decode_hex(digits.substr(done), out + done / 2);
}

template <size_t N>
bool read_fixed(ondemand::value& value, evm::FixedBytes<N>& out) {
    const auto text = string_of(value);
    return text && text->size() == 2 + 2 * N && (*text)[0] == '0' && (*text)[1] == 'x' &&
           decode_digits(text->substr(2), out.data());
}

bool read_bytes(ondemand::value& value, Bytes& out) {
    const auto text = string_of(value);
    if (!text || !text->starts_with("0x") || text->size() % 2 != 0) {
        return false;
    }
    out.resize((text->size() - 2) / 2);
    return decode_digits(text->substr(2), out.data());
}

bool parse_hex_quantity(std::string_view text, uint64_t& out) noexcept {
    if (text.size() < 3 || text[0] != '0' || text[1] != 'x') {
        return false;
    }
    text.remove_prefix(2);
    if (text.size() > 64) {
        return false;
    }
    uint64_t value = 0;
    for (const char c : text) {
        uint32_t digit = 0;
        if (c >= '0' && c <= '9') {
            digit = static_cast<uint32_t>(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            digit = static_cast<uint32_t>(c - 'a') + 10;
        } else if (c >= 'A' && c <= 'F') {
            digit = static_cast<uint32_t>(c - 'A') + 10;
        } else {
            return false;
        }
        if ((value >> 60U) != 0) {
            return false;
        }
        value = (value << 4U) | digit;
    }
    out = value;
    return true;
}

bool read_quantity(ondemand::value& value, uint64_t& out) {
    if (const auto text = string_of(value)) {
        return parse_hex_quantity(*text, out);
    }
    return value.get_uint64().get(out) == simdjson::SUCCESS;
}

bool read_quantity32(ondemand::value& value, uint32_t& out) {
    uint64_t wide = 0;
    if (!read_quantity(value, wide) || wide > UINT32_MAX) {
        return false;
    }
    out = static_cast<uint32_t>(wide);
    return true;
}

bool read_u256(ondemand::value& value, evm::U256& out) {
    if (const auto text = string_of(value)) {
        if (text->size() < 3 || !text->starts_with("0x")) {
            return false;
        }
        const auto number = evm::U256::parse(*text);
        if (!number) {
            return false;
        }
        out = *number;
        return true;
    }
    uint64_t low = 0;
    if (value.get_uint64().get(low) != simdjson::SUCCESS) {
        return false;
    }
    out = evm::U256{low};
    return true;
}

// True where the raw key is exactly `name`. The body's padding makes the read safe.
template <size_t N>
inline bool key_is(const char* key, const char (&name)[N]) noexcept {
    return std::memcmp(key, name, N - 1) == 0 && key[N - 1] == '"';
}

// Calls `on_field(raw_key, value)` for each field until it returns a reason to stop.
template <typename OnField>
std::optional<Fail> for_each_field(ondemand::value& value, const char* what, OnField&& on_field) {
    ondemand::object object;
    if (value.get_object().get(object) != simdjson::SUCCESS) {
        return Fail{std::string{what} + " is not an object"};
    }
    for (auto item : object) {
        ondemand::field field;
        if (std::move(item).get(field) != simdjson::SUCCESS) {
            return Fail{std::string{what} + " is broken JSON"};
        }
        if (const char* why = on_field(field.key().raw(), field.value())) {
            return Fail{std::string{what} + ": " + why};
        }
    }
    return std::nullopt;
}

// Calls `on_item(value)` for each element until it returns a failure.
template <typename OnItem>
std::optional<Fail> for_each_item(ondemand::value& value, const char* what, OnItem&& on_item) {
    ondemand::array array;
    if (value.get_array().get(array) != simdjson::SUCCESS) {
        return Fail{std::string{what} + " is not an array"};
    }
    for (auto item : array) {
        ondemand::value element;
        if (std::move(item).get(element) != simdjson::SUCCESS) {
            return Fail{std::string{what} + " is broken JSON"};
        }
        if (auto fail = on_item(element)) {
            return fail;
        }
    }
    return std::nullopt;
}

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
        default:
            break;
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
        default:
            break;
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

// Each receipt must say that it belongs to `block_hash`; they must come in transaction order.
std::optional<Fail> read_receipts(ondemand::value& value, const evm::Hash& block_hash,
                                  evm::ReceiptBatch& batch) {
    return for_each_item(
        value, "the list of receipts", [&](ondemand::value& item) -> std::optional<Fail> {
            evm::Receipt receipt;
            ReceiptTarget target{receipt, batch.logs, block_hash, 0, {}};
            if (auto fail =
                    for_each_field(item, "a receipt", [&](const char* key, ondemand::value& field) {
                        return read_receipt_field(key, field, target);
                    })) {
                return fail;
            }
            if (target.has != kReceiptAll) {
                return Fail{
                    "a receipt lacks one of logs, blockHash, transactionHash, transactionIndex"};
            }
            if (!batch.receipts.empty() && receipt.txn_index <= batch.receipts.back().txn_index) {
                return Fail{"receipts are not in transaction order"};
            }
            batch.receipts.push_back(receipt);
            return std::nullopt;
        });
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

// ---- Errors and the envelope ---------------------------------------------------------------

constexpr size_t kErrorTextMax = 2048;

std::string clipped(std::string_view text) {
    return std::string{text.substr(0, kErrorTextMax)};
}

// Any JSON value's text, nested or not; false where it is broken JSON.
bool read_raw_text(ondemand::value& value, std::string& out) {
    ondemand::json_type type{};
    if (value.type().get(type) != simdjson::SUCCESS) {
        return false;
    }
    std::string_view text;
    if (type == ondemand::json_type::object) {
        ondemand::object object;
        if (value.get_object().get(object) != simdjson::SUCCESS ||
            object.raw_json().get(text) != simdjson::SUCCESS) {
            return false;
        }
    } else if (type == ondemand::json_type::array) {
        ondemand::array array;
        if (value.get_array().get(array) != simdjson::SUCCESS ||
            array.raw_json().get(text) != simdjson::SUCCESS) {
            return false;
        }
    } else if (type == ondemand::json_type::string) {
        if (value.get_string().get(text) != simdjson::SUCCESS) {
            return false;
        }
    } else if (type != ondemand::json_type::null) {
        text = value.raw_json_token();
    }
    out = clipped(text);
    return true;
}

// {code, message, data}; a bare string is taken as the message.
std::optional<Fail> read_rpc_error(ondemand::value& value, RpcError& error) {
    if (string_of(value)) {
        return read_raw_text(value, error.message)
                   ? std::nullopt
                   : std::optional{Fail{"the error is broken JSON"}};
    }
    return for_each_field(
        value, "the error", [&](const char* key, ondemand::value& field) -> const char* {
            if (key_is(key, "code")) {
                // A code in quotes or with a fraction says nothing that the message does not.
                if (string_of(field)) {
                    std::string text;
                    if (!read_raw_text(field, text)) {
                        return "broken code";
                    }
                    error.code = std::strtoll(text.c_str(), nullptr, 10);
                } else if (field.get_int64().get(error.code) != simdjson::SUCCESS) {
                    error.code = 0;
                }
            } else if (key_is(key, "message")) {
                return read_raw_text(field, error.message) ? nullptr : "broken message";
            } else if (key_is(key, "data")) {
                return read_raw_text(field, error.data) ? nullptr : "broken data";
            }
            return nullptr;
        });
}

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
        case Call::Kind::kTxn: {
            auto& txn = answer.value.emplace<TxnInfo>();
            fail = read_txn(value, txn);
            if (!fail && txn.hash != call.hash) {
                fail = Fail{"asked for a transaction by hash, got another one"};
            }
            return fail;
        }
    }
    return Fail{"unknown call"};
}

Error decode_error(std::string why) {
    return Error{ErrorCode::kDecode, std::move(why)};
}

// Reads one {id, result | error}. `whole` receives an error object that has no id of ours.
class EnvelopeReader {
  public:
    EnvelopeReader(ondemand::document& document, std::span<const Call> calls, uint64_t first_id,
                   std::vector<Answer>& answers)
        : document_{document},
          calls_{calls},
          first_id_{first_id},
          answers_{answers},
          seen_(calls.size(), false) {}

    Status read(ondemand::object& object) {
        ondemand::value id_value;
        std::optional<size_t> slot;
        const auto found = object.find_field_unordered("id").get(id_value);
        // After any other error the object may not be touched again.
        if (found != simdjson::SUCCESS && found != simdjson::NO_SUCH_FIELD) {
            return decode_error(std::string{"broken JSON: "} + simdjson::error_message(found));
        }
        if (found == simdjson::SUCCESS && !is_null(id_value)) {
            uint64_t id = 0;
            if (id_value.get_uint64().get(id) != simdjson::SUCCESS || id < first_id_ ||
                id - first_id_ >= calls_.size()) {
                return decode_error("an answer has an id that was not asked");
            }
            slot = static_cast<size_t>(id - first_id_);
            if (seen_[*slot]) {
                return decode_error("two answers have the same id");
            }
            seen_[*slot] = true;
        }
        return slot ? read_for(object, *slot) : read_without_id(object);
    }

    /// An error object for the request as a whole, if one came.
    std::optional<RpcError> whole;

  private:
    Status read_for(ondemand::object& object, size_t slot) {
        Answer& answer = answers_[slot];
        ondemand::value result;
        const auto found = object.find_field_unordered("result").get(result);
        if (found == simdjson::SUCCESS && !is_null(result)) {
            if (auto fail = read_result(result, calls_[slot], answer)) {
                // Broken JSON ends the reading of the whole; a wrong value only spoils this answer.
                if (!document_.is_alive()) {
                    return decode_error(std::move(fail->why));
                }
                answer.value = Answer::Malformed{std::move(fail->why)};
            }
            return ok();
        }
        if (found != simdjson::SUCCESS && found != simdjson::NO_SUCH_FIELD) {
            return decode_error(std::string{"broken JSON: "} + simdjson::error_message(found));
        }
        RpcError error;
        PLUMBLINE_TRY(const bool has_error, read_error_field(object, error));
        if (has_error) {
            answer.value = std::move(error);
        } else if (found == simdjson::SUCCESS) {
            answer.value = Answer::Null{};
        } else {
            answer.value = Answer::Malformed{"an answer has neither result nor error"};
        }
        return ok();
    }

    Status read_without_id(ondemand::object& object) {
        RpcError error;
        PLUMBLINE_TRY(const bool has_error, read_error_field(object, error));
        if (!has_error) {
            return decode_error("an answer has no id");
        }
        whole = std::move(error);
        return ok();
    }

    static Result<bool> read_error_field(ondemand::object& object, RpcError& error) {
        ondemand::value value;
        const auto found = object.find_field_unordered("error").get(value);
        if (found == simdjson::NO_SUCH_FIELD || (found == simdjson::SUCCESS && is_null(value))) {
            return false;
        }
        if (found != simdjson::SUCCESS) {
            return decode_error(std::string{"broken JSON: "} + simdjson::error_message(found));
        }
        if (auto fail = read_rpc_error(value, error)) {
            return decode_error(std::move(fail->why));
        }
        return true;
    }

    ondemand::document& document_;
    std::span<const Call> calls_;
    uint64_t first_id_;
    std::vector<Answer>& answers_;
    std::vector<bool> seen_;
};

}  // namespace

struct AnswerReader::Impl {
    ondemand::parser parser;

    Status open(Bytes& body, ondemand::document& document) {
        static_assert(kBodyPadding >= simdjson::SIMDJSON_PADDING);
        if (body.empty()) {
            return decode_error("the response is empty");
        }
        if (body.capacity() < body.size() + simdjson::SIMDJSON_PADDING) {
            body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
        }
        const auto error =
            parser.iterate(simdjson::padded_string_view{body.data(), body.size(), body.capacity()})
                .get(document);
        if (error != simdjson::SUCCESS) {
            return decode_error(std::string{"the response is not JSON: "} +
                                simdjson::error_message(error));
        }
        return ok();
    }

    Status read_document(ondemand::document& document, EnvelopeReader& reader, bool& is_array) {
        ondemand::json_type type{};
        if (const auto error = document.type().get(type); error != simdjson::SUCCESS) {
            return decode_error(std::string{"the response is not JSON: "} +
                                simdjson::error_message(error));
        }
        if (type == ondemand::json_type::object) {
            // Not by way of get_value(), which does not look at the closing brace.
            ondemand::object object;
            if (const auto error = document.get_object().get(object); error != simdjson::SUCCESS) {
                return decode_error(std::string{"broken JSON: "} + simdjson::error_message(error));
            }
            PLUMBLINE_TRY_VOID(reader.read(object));
        } else if (type == ondemand::json_type::array) {
            is_array = true;
            ondemand::array array;
            if (document.get_array().get(array) != simdjson::SUCCESS) {
                return decode_error("broken JSON");
            }
            for (auto item : array) {
                ondemand::value value;
                if (const auto error = std::move(item).get(value); error != simdjson::SUCCESS) {
                    return decode_error(std::string{"broken JSON: "} +
                                        simdjson::error_message(error));
                }
                ondemand::object object;
                if (value.get_object().get(object) != simdjson::SUCCESS) {
                    return decode_error("an answer is not a JSON object");
                }
                PLUMBLINE_TRY_VOID(reader.read(object));
            }
        } else {
            return decode_error("the response is neither a JSON object nor an array");
        }
        return ok();
    }
};

AnswerReader::AnswerReader() : impl_{std::make_unique<Impl>()} {}
AnswerReader::~AnswerReader() = default;
AnswerReader::AnswerReader(AnswerReader&&) noexcept = default;
AnswerReader& AnswerReader::operator=(AnswerReader&&) noexcept = default;

Result<std::vector<Answer>> AnswerReader::read(Bytes& body, std::span<const Call> calls,
                                               uint64_t first_id) {
    ondemand::document document;
    PLUMBLINE_TRY_VOID(impl_->open(body, document));
    std::vector<Answer> answers(calls.size());
    EnvelopeReader reader{document, calls, first_id, answers};
    bool is_array = false;
    PLUMBLINE_TRY_VOID(impl_->read_document(document, reader, is_array));
    if (reader.whole) {
        for (Answer& answer : answers) {
            answer.value = *reader.whole;
        }
        return answers;
    }
    if (is_array != (calls.size() != 1)) {
        return decode_error(is_array ? "an array came in answer to a single call"
                                     : "a single answer came to a batch");
    }
    return answers;
}

std::optional<RpcError> AnswerReader::read_error(Bytes& body) {
    ondemand::document document;
    ondemand::json_type type{};
    if (!impl_->open(body, document) || document.type().get(type) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    ondemand::object object;
    bool found = false;
    if (type == ondemand::json_type::object) {
        found = document.get_object().get(object) == simdjson::SUCCESS;
    } else if (type == ondemand::json_type::array) {
        ondemand::array array;
        if (document.get_array().get(array) != simdjson::SUCCESS) {
            return std::nullopt;
        }
        for (auto item : array) {
            ondemand::value first;
            found = std::move(item).get(first) == simdjson::SUCCESS &&
                    first.get_object().get(object) == simdjson::SUCCESS;
            break;
        }
    }
    ondemand::value value;
    RpcError error;
    if (!found || object.find_field_unordered("error").get(value) != simdjson::SUCCESS ||
        is_null(value) || read_rpc_error(value, error)) {
        return std::nullopt;
    }
    return error;
}

}  // namespace plumbline::rpc
