#include "storage/digest.hpp"

#include <cstring>

#include <fmt/format.h>
#include <xxhash.h>

#include "storage/codec.hpp"

namespace plumbline::storage {

namespace {

constexpr uint8_t kDigestFormat = 1;

Digest to_digest(XXH128_hash_t hash) noexcept {
    return {hash.high64, hash.low64};
}

// Kinds of things go into their hashes, so that no log can stand for a block.
constexpr char kLogMark = 'L';
constexpr char kBlockMark = 'B';

/// What is hashed of a log besides its data takes at most this.
constexpr size_t kLogHeadMax =
    1 + 8 + 4 + 4 + 1 + 1 + 20 + 5 * 32 + 20 + 20 + 32 + (8 + 8 + 1 + 8) + (8 + 1 + 32);

void put_node(std::string& out, const DigestNode& node) {
    put_varint(out, node.count);
    put_be64(out, node.sum.high);
    put_be64(out, node.sum.low);
}

DigestNode read_node(Reader& reader) noexcept {
    DigestNode node;
    node.count = reader.varint();
    node.sum.high = reader.be64();
    node.sum.low = reader.be64();
    return node;
}

Error damaged() {
    return Error{ErrorCode::kCorruption, "stored digest is damaged"};
}

}  // namespace

std::string to_string(const Digest& digest) {
    return fmt::format("{:016x}{:016x}", digest.high, digest.low);
}

uint64_t hash_key(std::string_view key) noexcept {
    return XXH3_64bits(key.data(), key.size());
}

Digest hash_row(uint64_t key_hash, std::string_view row) noexcept {
    return to_digest(XXH3_128bits_withSeed(row.data(), row.size(), key_hash));
}

Digest hash_log(const evm::Log& log, ByteView data, const TxnFields* txn, std::string& scratch) {
    const std::string_view input =
        txn != nullptr && txn->body ? std::string_view{txn->body->input} : std::string_view{};
    const size_t need = kLogHeadMax + input.size() + data.size();
    if (scratch.size() < need) {
        scratch.resize(need);
    }
    char* out = scratch.data();
    const auto put = [&out](const void* bytes, size_t size) {
        std::memcpy(out, bytes, size);
        out += size;
    };
    *out++ = kLogMark;
    store_be64(out, log.block_num);
    store_be32(out + 8, log.log_index);
    store_be32(out + 12, log.txn_index);
    out += 16;
    *out++ = static_cast<char>(log.topic_count);
    *out++ = static_cast<char>(
        txn == nullptr ? 0 : (txn->to ? 2 : 1) | (txn->body ? 4 : 0) | (txn->receipt ? 8 : 0));
    put(log.address.data(), evm::Address::size());
    put(log.txn_hash.data(), evm::Hash::size());
    for (size_t i = 0; i < log.topic_count; ++i) {
        put(log.topics[i].data(), evm::Hash::size());
    }
    if (txn != nullptr) {
        uint8_t value[32];
        txn->value.to_be(value);
        put(txn->from.data(), evm::Address::size());
        put(txn->to.value_or(evm::Address{}).data(), evm::Address::size());
        put(value, sizeof(value));
    }
    if (txn != nullptr && txn->body) {
        store_be64(out, txn->body->nonce);
        store_be64(out + 8, txn->body->gas);
        store_be64(out + 16, input.size());
        out += 24;
        *out++ = static_cast<char>(txn->body->type);
        if (!input.empty()) {
            put(input.data(), input.size());
        }
    }
    if (txn != nullptr && txn->receipt) {
        uint8_t price[32];
        txn->receipt->effective_gas_price.to_be(price);
        store_be64(out, txn->receipt->gas_used);
        out += 8;
        *out++ = static_cast<char>(txn->receipt->status);
        put(price, sizeof(price));
    }
    if (!data.empty()) {
        put(data.data(), data.size());
    }
    return to_digest(XXH3_128bits(scratch.data(), static_cast<size_t>(out - scratch.data())));
}

Digest hash_block(const BlockRow& block) {
    std::string bytes;
    put_u8(bytes, static_cast<uint8_t>(kBlockMark));
    put_be64(bytes, block.block_num);
    put_be64(bytes, block.timestamp);
    put_be32(bytes, block.event_count);
    put_bytes(bytes, block.hash.view());
    put_bytes(bytes, block.parent_hash.view());
    return to_digest(XXH3_128bits(bytes.data(), bytes.size()));
}

DigestNode sum_of(const DigestPage& page) noexcept {
    DigestNode sum;
    for (const DigestNode& node : page) {
        sum += node;
    }
    return sum;
}

std::string log_digest_key(uint8_t level, uint64_t prefix) {
    std::string key(1, static_cast<char>(level));
    put_be64(key, prefix);
    return key;
}

std::string entity_digest_key(uint32_t entity, uint8_t level, uint16_t prefix) {
    std::string key;
    put_be32(key, entity);
    put_u8(key, level);
    put_u8(key, static_cast<uint8_t>(prefix >> 8));
    put_u8(key, static_cast<uint8_t>(prefix));
    return key;
}

std::string encode_digest_node(const DigestNode& node) {
    std::string out(1, static_cast<char>(kDigestFormat));
    put_node(out, node);
    return out;
}

Result<DigestNode> decode_digest_node(std::string_view value) {
    Reader reader{value};
    reader.expect(kDigestFormat);
    const DigestNode node = read_node(reader);
    if (!reader.done()) {
        return damaged();
    }
    return node;
}

std::string encode_digest_page(const DigestPage& page) {
    std::string out(1, static_cast<char>(kDigestFormat));
    uint32_t mask = 0;
    for (size_t i = 0; i < page.size(); ++i) {
        mask |= page[i].is_zero() ? 0U : 1U << i;
    }
    put_u8(out, static_cast<uint8_t>(mask >> 8));
    put_u8(out, static_cast<uint8_t>(mask));
    for (const DigestNode& node : page) {
        if (!node.is_zero()) {
            put_node(out, node);
        }
    }
    return out;
}

Result<DigestPage> decode_digest_page(std::string_view value) {
    Reader reader{value};
    reader.expect(kDigestFormat);
    const uint32_t mask_high = reader.u8();
    const uint32_t mask = mask_high << 8 | reader.u8();
    DigestPage page;
    for (size_t i = 0; i < page.size(); ++i) {
        if ((mask >> i & 1U) != 0) {
            page[i] = read_node(reader);
            if (page[i].is_zero()) {
                reader.fail();
            }
        }
    }
    if (!reader.done() || mask == 0) {
        return damaged();
    }
    return page;
}

void EntityDigest::change(std::string_view key, std::string_view before, std::string_view after) {
    const uint64_t hash = hash_key(key);
    const uint32_t number = entity_digest_leaf(hash);
    DigestNode& leaf = touch_page(number / kDigestPageSize)[number % kDigestPageSize];
    if (!before.empty()) {
        leaf -= DigestNode{1, hash_row(hash, before)};
    }
    if (!after.empty()) {
        leaf += DigestNode{1, hash_row(hash, after)};
    }
}

DigestPage& EntityDigest::touch_page(size_t number) {
    if (pages_.empty()) {
        pages_.resize(kEntityDigestPages);
    }
    std::unique_ptr<DigestPage>& page = pages_[number];
    if (page == nullptr) {
        if (spare_.empty()) {
            page = std::make_unique<DigestPage>();
        } else {
            page = std::move(spare_.back());
            spare_.pop_back();
            page->fill(DigestNode{});
        }
        touched_.push_back(static_cast<uint16_t>(number));
    }
    return *page;
}

DigestNode EntityDigest::root() const noexcept {
    DigestNode sum;
    for (const std::unique_ptr<DigestPage>& page : pages_) {
        if (page != nullptr) {
            sum += sum_of(*page);
        }
    }
    return sum;
}

void EntityDigest::clear() {
    for (const uint16_t number : touched_) {
        spare_.push_back(std::move(pages_[number]));
    }
    touched_.clear();
}

}  // namespace plumbline::storage
