// Logs, as eth_getLogs answers them and receipts hold them.
#include "rpc/json_values.ipp"

namespace plumbline::rpc::json {

namespace {

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

// Appends the data to `arena`.
const char* read_data(ondemand::value& value, evm::Log& log, Bytes& arena) {
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
    return decode_digits(text->substr(2), arena.data() + offset) ? nullptr : "data is not hex";
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
                return read_data(value, log, arena);
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

}  // namespace

std::optional<Fail> read_logs(ondemand::value& value, evm::LogBatch& batch) {
    return for_each_item(value, "the list of logs",
                         [&](ondemand::value& item) { return read_log(item, batch); });
}

}  // namespace plumbline::rpc::json
