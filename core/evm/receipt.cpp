#include "core/evm/receipt.hpp"

#include <cstring>
#include <limits>

#include "core/base/check.hpp"

namespace plumbline::evm {
namespace {

/// A first byte from here on is a list header, thus a legacy receipt (EIP-2718).
constexpr uint8_t kListBase = 0xc0;

void append_log(Bytes& out, const ReceiptBatch& batch, const Log& log) {
    const size_t mark = begin_rlp_list(out);
    append_rlp(out, log.address);
    const size_t topics_mark = begin_rlp_list(out);
    for (size_t i = 0; i < log.topic_count; ++i) {
        append_rlp(out, log.topics[i]);
    }
    end_rlp_list(out, topics_mark);
    append_rlp(out, batch.logs.data(log));
    end_rlp_list(out, mark);
}

[[nodiscard]] RlpError read_log(ByteView& in, LogBatch& logs) {
    ByteView fields;
    PLUMBLINE_TRY_RLP(read_rlp_list(in, fields));
    Log log;
    PLUMBLINE_TRY_RLP(read_rlp(fields, log.address));
    ByteView topics;
    PLUMBLINE_TRY_RLP(read_rlp_list(fields, topics));
    while (!topics.empty()) {
        if (log.topic_count == log.topics.size()) {
            return RlpError::kTooLarge;
        }
        PLUMBLINE_TRY_RLP(read_rlp(topics, log.topics[log.topic_count]));
        ++log.topic_count;
    }
    ByteView data;
    PLUMBLINE_TRY_RLP(read_rlp_string(fields, data));
    PLUMBLINE_TRY_RLP(expect_rlp_end(fields));
    // Offsets into the arena are 32 bits wide.
    if (data.size() > std::numeric_limits<uint32_t>::max() - logs.arena.size()) {
        return RlpError::kTooLarge;
    }
    log.log_index = logs.logs.empty() ? 0 : logs.logs.back().log_index + 1;
    logs.push(log, data);
    return RlpError::kNone;
}

[[nodiscard]] RlpError read_outcome(ByteView& in, Receipt& receipt) noexcept {
    ByteView outcome;
    PLUMBLINE_TRY_RLP(read_rlp_string(in, outcome));
    if (outcome.size() == Hash::size()) {
        receipt.post_state = Hash::from(outcome);
        return RlpError::kNone;
    }
    if (outcome.size() > 1) {
        return RlpError::kWrongSize;
    }
    if (!outcome.empty() && outcome[0] != 1) {
        return RlpError::kWrongValue;
    }
    receipt.status = !outcome.empty();
    return RlpError::kNone;
}

[[nodiscard]] RlpError read_receipt(ByteView encoded, Receipt& receipt, LogBatch& logs) {
    if (encoded.empty()) {
        return RlpError::kTruncated;
    }
    if (encoded[0] < kListBase) {
        receipt.type = encoded[0];
        if (receipt.type == 0) {
            return RlpError::kNotCanonical;
        }
        if (receipt.type > kReceiptTypeMax) {
            return RlpError::kWrongValue;
        }
        encoded = encoded.subspan(1);
    }
    ByteView fields;
    PLUMBLINE_TRY_RLP(read_rlp_list(encoded, fields));
    PLUMBLINE_TRY_RLP(expect_rlp_end(encoded));
    PLUMBLINE_TRY_RLP(read_outcome(fields, receipt));
    PLUMBLINE_TRY_RLP(read_rlp(fields, receipt.cumulative_gas_used));
    PLUMBLINE_TRY_RLP(read_rlp(fields, receipt.bloom.emplace()));
    ByteView list;
    PLUMBLINE_TRY_RLP(read_rlp_list(fields, list));
    while (!list.empty()) {
        PLUMBLINE_TRY_RLP(read_log(list, logs));
        ++receipt.log_count;
    }
    if (receipt.type == kReceiptTypeOpDeposit && !fields.empty()) {
        PLUMBLINE_TRY_RLP(read_rlp(fields, receipt.deposit_nonce.emplace()));
        PLUMBLINE_TRY_RLP(read_rlp(fields, receipt.deposit_version.emplace()));
    }
    return expect_rlp_end(fields);
}

}  // namespace

Bloom compute_bloom(const ReceiptBatch& batch, const Receipt& receipt) noexcept {
    Bloom bloom;
    for (const Log& log : batch.logs_of(receipt)) {
        add(bloom, log);
    }
    return bloom;
}

Bloom compute_bloom(const ReceiptBatch& batch) noexcept {
    Bloom bloom;
    for (const Receipt& receipt : batch.receipts) {
        merge(bloom, compute_bloom(batch, receipt));
    }
    return bloom;
}

std::optional<size_t> find_wrong_bloom(const ReceiptBatch& batch) noexcept {
    for (size_t i = 0; i < batch.receipts.size(); ++i) {
        const Receipt& receipt = batch.receipts[i];
        if (receipt.bloom && *receipt.bloom != compute_bloom(batch, receipt)) {
            return i;
        }
    }
    return std::nullopt;
}

void append_receipt(Bytes& out, const ReceiptBatch& batch, const Receipt& receipt,
                    const Bloom& bloom) {
    PLUMBLINE_CHECK(receipt.is_encodable());
    if (receipt.type != 0) {
        out.push_back(receipt.type);
    }
    const size_t mark = begin_rlp_list(out);
    if (receipt.post_state) {
        append_rlp(out, *receipt.post_state);
    } else {
        append_rlp(out, uint64_t{*receipt.status});
    }
    append_rlp(out, receipt.cumulative_gas_used);
    append_rlp(out, bloom);
    const size_t logs_mark = begin_rlp_list(out);
    for (const Log& log : batch.logs_of(receipt)) {
        append_log(out, batch, log);
    }
    end_rlp_list(out, logs_mark);
    if (receipt.type == kReceiptTypeOpDeposit && receipt.deposit_version) {
        append_rlp(out, receipt.deposit_nonce.value_or(0));
        append_rlp(out, *receipt.deposit_version);
    }
    end_rlp_list(out, mark);
}

void append_receipt(Bytes& out, const ReceiptBatch& batch, const Receipt& receipt) {
    append_receipt(out, batch, receipt, compute_bloom(batch, receipt));
}

const BloomBits& ReceiptsProver::bits_of(ByteView bytes) noexcept {
    // Addresses padded into topics differ in their last bytes, event signatures everywhere.
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + bytes.size() - sizeof(word), sizeof(word));
    CachedBits& entry =
        cache_[static_cast<size_t>((word * 0x9E3779B97F4A7C15ULL) >> 32) % kCacheSize];
    if (!equal(ByteView{entry.key.bytes}.first(entry.key_size), bytes)) {
        std::ranges::copy(bytes, entry.key.bytes.begin());
        entry.key_size = static_cast<uint8_t>(bytes.size());
        entry.bits = bloom_bits(bytes);
    }
    return entry.bits;
}

std::optional<ReceiptsDigest> ReceiptsProver::compute(const ReceiptBatch& batch) {
    encoded_.clear();
    ends_.clear();
    ReceiptsDigest digest;
    for (const Receipt& receipt : batch.receipts) {
        if (!receipt.is_encodable()) {
            return std::nullopt;
        }
        Bloom bloom;
        for (const Log& log : batch.logs_of(receipt)) {
            add(bloom, bits_of(log.address.view()));
            for (size_t i = 0; i < log.topic_count; ++i) {
                add(bloom, bits_of(log.topics[i].view()));
            }
        }
        merge(digest.bloom, bloom);
        append_receipt(encoded_, batch, receipt, bloom);
        ends_.push_back(encoded_.size());
    }
    // Views only now: appending may have moved the buffer.
    values_.clear();
    size_t begin = 0;
    for (const size_t end : ends_) {
        values_.push_back(ByteView{encoded_}.subspan(begin, end - begin));
        begin = end;
    }
    digest.root = trie_.root(values_);
    return digest;
}

RlpError decode_receipt(ByteView encoded, ReceiptBatch& batch) {
    const size_t log_count = batch.logs.logs.size();
    const size_t arena_size = batch.logs.arena.size();
    Receipt receipt;
    receipt.log_begin = static_cast<uint32_t>(log_count);
    receipt.txn_index = static_cast<uint32_t>(batch.receipts.size());
    if (const RlpError error = read_receipt(encoded, receipt, batch.logs);
        error != RlpError::kNone) {
        batch.logs.logs.resize(log_count);
        batch.logs.arena.resize(arena_size);
        return error;
    }
    for (Log& log : std::span{batch.logs.logs}.subspan(log_count)) {
        log.txn_index = receipt.txn_index;
    }
    batch.receipts.push_back(receipt);
    return RlpError::kNone;
}

}  // namespace plumbline::evm
