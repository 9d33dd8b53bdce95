#include "storage/log_codec.hpp"

#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "storage/codec.hpp"

namespace plumbline::storage {

namespace {

constexpr size_t kWord = 32;
constexpr uint8_t kTopicCountMask = 0x07;
constexpr uint8_t kHasTxnFields = 0x08;
constexpr uint8_t kHasTxnBody = 0x10;     // only with kHasTxnFields
constexpr uint8_t kHasTxnReceipt = 0x20;  // the same
constexpr uint8_t kKnownFlags = kTopicCountMask | kHasTxnFields | kHasTxnBody | kHasTxnReceipt;

/// How many zero bytes a word begins with.
size_t leading_zeros(const uint8_t* word) noexcept {
    for (size_t i = 0; i < kWord; i += 8) {
        uint64_t part = 0;
        std::memcpy(&part, word + i, sizeof(part));
        if (part != 0) {
            return i + static_cast<size_t>(std::countr_zero(part)) / 8;
        }
    }
    return kWord;
}

size_t trailing_zeros(const uint8_t* word) noexcept {
    for (size_t i = kWord; i > 0; i -= 8) {
        uint64_t part = 0;
        std::memcpy(&part, word + i - 8, sizeof(part));
        if (part != 0) {
            return kWord - i + static_cast<size_t>(std::countl_zero(part)) / 8;
        }
    }
    return kWord;
}

/// Reads one packed word; a spelling that `put_packed_word` would not choose is a failure.
void read_packed_word(Reader& reader, uint8_t* word) noexcept {
    const size_t control = reader.u8();
    std::memset(word, 0, kWord);
    if (control <= kWord) {
        const char* bytes = reader.take(control);
        if (bytes == nullptr) {
            return;
        }
        std::memcpy(word + kWord - control, bytes, control);
        if (control == 0) {
            return;
        }
        const size_t leading = kWord - control;
        if (word[leading] == 0 || (word[kWord - 1] == 0 && trailing_zeros(word) > leading)) {
            reader.fail();
        }
        return;
    }
    const size_t kept = control - kWord;
    if (kept >= kWord) {
        reader.fail();
        return;
    }
    const char* bytes = reader.take(kept);
    if (bytes == nullptr) {
        return;
    }
    std::memcpy(word, bytes, kept);
    if (word[kept - 1] == 0 || (word[0] == 0 && leading_zeros(word) >= kWord - kept)) {
        reader.fail();
    }
}

void put_ref(std::string& out, const std::optional<uint32_t>& id, ByteView full) {
    if (id) {
        put_varint(out, uint64_t{*id} + 1);
    } else {
        put_varint(out, 0);
        put_bytes(out, full);
    }
}

/// A dictionary id or the value in full, `size` bytes, into `out`.
void read_ref(Reader& reader, const DictView& dictionary, uint8_t* out, size_t size) noexcept {
    const uint64_t ref = reader.varint();
    if (ref == 0) {
        if (const char* bytes = reader.take(size); bytes != nullptr) {
            std::memcpy(out, bytes, size);
        }
        return;
    }
    const DictValue* value =
        ref <= kDictSizeMax ? dictionary.find(static_cast<uint32_t>(ref - 1)) : nullptr;
    if (value == nullptr) {
        reader.fail();
        return;
    }
    std::memcpy(out, value->data(), size);
}

evm::U256 read_packed_number(Reader& reader) noexcept {
    uint8_t word[kWord];
    read_packed_word(reader, word);
    return evm::U256::from_be(word);
}

TxnFields read_txn_fields(Reader& reader, uint8_t flags) {
    TxnFields txn;
    txn.from = reader.fixed<20>();
    const uint8_t has_to = reader.u8();
    if (has_to == 1) {
        txn.to = reader.fixed<20>();
    } else if (has_to != 0) {
        reader.fail();
    }
    txn.value = read_packed_number(reader);
    if ((flags & kHasTxnBody) != 0) {
        evm::TxnBody& body = txn.body.emplace();
        body.nonce = reader.varint();
        body.gas = reader.varint();
        body.type = reader.u8();
        body.input = reader.text();
    }
    if ((flags & kHasTxnReceipt) != 0) {
        evm::TxnReceipt& receipt = txn.receipt.emplace();
        receipt.gas_used = reader.varint();
        receipt.status = reader.u8();
        receipt.effective_gas_price = read_packed_number(reader);
    }
    return txn;
}

void put_packed_number(std::string& out, const evm::U256& number) {
    uint8_t word[kWord];
    number.to_be(word);
    put_packed_word(out, word);
}

uint8_t flags_of(const TxnFields* txn) noexcept {
    return static_cast<uint8_t>(txn == nullptr ? 0
                                               : kHasTxnFields | (txn->body ? kHasTxnBody : 0) |
                                                     (txn->receipt ? kHasTxnReceipt : 0));
}

void put_txn_fields(std::string& out, const TxnFields& txn) {
    put_bytes(out, txn.from.view());
    put_u8(out, txn.to ? 1 : 0);
    if (txn.to) {
        put_bytes(out, txn.to->view());
    }
    put_packed_number(out, txn.value);
    if (txn.body) {
        put_varint(out, txn.body->nonce);
        put_varint(out, txn.body->gas);
        put_u8(out, txn.body->type);
        put_text(out, txn.body->input);
    }
    if (txn.receipt) {
        put_varint(out, txn.receipt->gas_used);
        put_u8(out, txn.receipt->status);
        put_packed_number(out, txn.receipt->effective_gas_price);
    }
}

}  // namespace

void put_packed_word(std::string& out, const uint8_t* word) {
    const size_t leading = leading_zeros(word);
    const size_t trailing = word[kWord - 1] == 0 && leading != kWord ? trailing_zeros(word) : 0;
    char bytes[kWord + 1];
    size_t size = 0;
    if (trailing > leading) {
        size = kWord - trailing;
        bytes[0] = static_cast<char>(kWord + size);
        std::memcpy(bytes + 1, word, size);
    } else {
        size = kWord - leading;
        bytes[0] = static_cast<char>(size);
        std::memcpy(bytes + 1, word + leading, size);
    }
    out.append(bytes, size + 1);
}

void append_log_key(std::string& out, uint64_t block_num, uint32_t log_index) {
    char key[kLogKeySize];
    store_be64(key, block_num);
    store_be32(key + 8, log_index);
    out.append(key, sizeof(key));
}

void append_log_value(std::string& out, const evm::Log& log, ByteView data, const TxnFields* txn,
                      const LogDictIds& ids) {
    put_u8(out, kLogFormat);
    put_u8(out, static_cast<uint8_t>(log.topic_count | flags_of(txn)));
    put_ref(out, ids.address, log.address.view());
    if (log.topic_count > 0) {
        put_ref(out, ids.topic, log.topics[0].view());
    }
    for (size_t i = 1; i < log.topic_count; ++i) {
        put_packed_word(out, log.topics[i].data());
    }
    put_varint(out, log.txn_index);
    put_bytes(out, log.txn_hash.view());
    if (txn != nullptr) {
        put_txn_fields(out, *txn);
    }
    put_varint(out, data.size());
    const size_t whole = data.size() / kWord * kWord;
    for (size_t at = 0; at < whole; at += kWord) {
        put_packed_word(out, data.data() + at);
    }
    put_bytes(out, data.subspan(whole));
}

Status decode_log(std::string_view key, std::string_view value, const DictView& addresses,
                  const DictView& topics, LogRecord& record, Bytes& data_buffer) {
    const auto damaged = [&](std::string_view why) {
        return Error{ErrorCode::kCorruption,
                     key.size() == kLogKeySize
                         ? fmt::format("stored log {}/{} is damaged: {}", load_be64(key.data()),
                                       load_be32(key.data() + 8), why)
                         : fmt::format("stored log is damaged: {}", why)};
    };
    if (key.size() != kLogKeySize) {
        return damaged("key of the wrong size");
    }
    evm::Log& log = record.log;
    log.block_num = load_be64(key.data());
    log.log_index = load_be32(key.data() + 8);
    Reader reader{value};
    if (reader.u8() != kLogFormat) {
        return damaged("unknown format");
    }
    const uint8_t flags = reader.u8();
    log.topic_count = flags & kTopicCountMask;
    const bool is_bare_txn =
        (flags & (kHasTxnBody | kHasTxnReceipt)) != 0 && (flags & kHasTxnFields) == 0;
    if ((flags & ~kKnownFlags) != 0 || is_bare_txn || log.topic_count > 4) {
        return damaged("unknown flags");
    }
    read_ref(reader, addresses, log.address.data(), evm::Address::size());
    if (log.topic_count > 0) {
        read_ref(reader, topics, log.topics[0].data(), kWord);
    }
    for (size_t i = 1; i < log.topic_count; ++i) {
        read_packed_word(reader, log.topics[i].data());
    }
    for (size_t i = log.topic_count; i < log.topics.size(); ++i) {
        log.topics[i] = evm::Hash{};
    }
    log.txn_index = reader.varint32();
    log.txn_hash = reader.fixed<kWord>();
    record.txn.reset();
    if ((flags & kHasTxnFields) != 0) {
        record.txn = read_txn_fields(reader, flags);
    }
    const uint64_t size = reader.varint();
    // A packed word takes at least one byte, so this bounds what a damaged size can allocate.
    if (!reader.ok() || size / kWord + size % kWord > reader.left() || size > UINT32_MAX) {
        return damaged("cut off or misspelt");
    }
    if (data_buffer.size() < size) {
        data_buffer.resize(size);
    }
    const size_t whole = size / kWord * kWord;
    for (size_t at = 0; at < whole; at += kWord) {
        read_packed_word(reader, data_buffer.data() + at);
    }
    if (const char* tail = reader.take(size - whole); tail != nullptr && size != whole) {
        std::memcpy(data_buffer.data() + whole, tail, size - whole);
    }
    if (!reader.done()) {
        return damaged("cut off, misspelt or too long");
    }
    log.data_offset = 0;
    log.data_size = static_cast<uint32_t>(size);
    record.data = ByteView{data_buffer.data(), size};
    return ok();
}

}  // namespace plumbline::storage
