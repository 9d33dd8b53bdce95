// Digest trees: what is stored, as sums of hashes. A node holds how many things lie below it and
// the sum modulo 2^128 of their XXH3-128, so a change is a subtraction and an addition, the order
// of changes does not matter, and a parent is the sum of its children. Bytes in docs/formats.md.
//
// The log has one tree, over block numbers. Every entity has one in each generation, over 4096
// buckets of its keys' XXH3-64.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/log.hpp"
#include "storage/records.hpp"

namespace plumbline::storage {

/// 128 bits that add and subtract modulo 2^128.
struct Digest {
    uint64_t high = 0;
    uint64_t low = 0;

    constexpr Digest& operator+=(const Digest& other) noexcept {
        low += other.low;
        high += other.high + (low < other.low ? 1U : 0U);
        return *this;
    }
    constexpr Digest& operator-=(const Digest& other) noexcept {
        high -= other.high + (low < other.low ? 1U : 0U);
        low -= other.low;
        return *this;
    }
    friend bool operator==(const Digest&, const Digest&) = default;
};
/// 32 hex digits.
[[nodiscard]] std::string to_string(const Digest& digest);

/// A node, or (with wrapped-around count) what changes in one.
struct DigestNode {
    uint64_t count = 0;
    Digest sum;

    constexpr DigestNode& operator+=(const DigestNode& other) noexcept {
        count += other.count;
        sum += other.sum;
        return *this;
    }
    constexpr DigestNode& operator-=(const DigestNode& other) noexcept {
        count -= other.count;
        sum -= other.sum;
        return *this;
    }
    [[nodiscard]] constexpr bool is_zero() const noexcept { return *this == DigestNode{}; }
    friend constexpr bool operator==(const DigestNode&, const DigestNode&) = default;
};

// --- hashes ------------------------------------------------------------------------------------

/// Decides the bucket of an entity's key and goes into its rows' hashes.
[[nodiscard]] uint64_t hash_key(std::string_view key) noexcept;
[[nodiscard]] Digest hash_row(uint64_t key_hash, std::string_view row) noexcept;
/// Of what the log says, however it is stored. `scratch` is kept between calls.
[[nodiscard]] Digest hash_log(const evm::Log& log, ByteView data, const TxnFields* txn,
                              std::string& scratch);
/// Of everything but the level.
[[nodiscard]] Digest hash_block(const BlockRow& block);

// --- shape -------------------------------------------------------------------------------------

/// Children lie side by side in pages of this many.
constexpr size_t kDigestPageSize = 16;
using DigestPage = std::array<DigestNode, kDigestPageSize>;
[[nodiscard]] DigestNode sum_of(const DigestPage& page) noexcept;

/// The log's levels: 0 = a block, 1 = a page of 16, then 2^12, 2^20 and 2^28 blocks, 5 = all.
constexpr std::array<uint8_t, 6> kLogDigestShifts = {0, 4, 12, 20, 28, 64};
constexpr uint8_t kLogDigestRoot = 5;
[[nodiscard]] constexpr uint64_t log_digest_prefix(uint8_t level, uint64_t block_num) noexcept {
    return level >= kLogDigestRoot ? 0 : block_num >> kLogDigestShifts[level];
}

/// An entity's levels: 0 = a bucket, 1 = a page of 16, 2 = all.
constexpr size_t kEntityDigestLeaves = 4096;
constexpr size_t kEntityDigestPages = kEntityDigestLeaves / kDigestPageSize;
constexpr uint8_t kEntityDigestRoot = 2;
[[nodiscard]] constexpr uint32_t entity_digest_leaf(uint64_t key_hash) noexcept {
    return static_cast<uint32_t>(key_hash >> 52);
}

/// Names a tree.
struct DigestTree {
    int entity = -1;  ///< -1: the log's
    [[nodiscard]] constexpr bool is_log() const noexcept { return entity < 0; }
    [[nodiscard]] constexpr uint8_t root_level() const noexcept {
        return is_log() ? kLogDigestRoot : kEntityDigestRoot;
    }
};

// --- bytes -------------------------------------------------------------------------------------

[[nodiscard]] std::string log_digest_key(uint8_t level, uint64_t prefix);
[[nodiscard]] std::string entity_digest_key(uint32_t entity, uint8_t level, uint16_t prefix);
[[nodiscard]] std::string encode_digest_node(const DigestNode& node);
[[nodiscard]] Result<DigestNode> decode_digest_node(std::string_view value);
/// Only nodes that are not zero take room. An empty page is never stored.
[[nodiscard]] std::string encode_digest_page(const DigestPage& page);
[[nodiscard]] Result<DigestPage> decode_digest_page(std::string_view value);

// --- entities ----------------------------------------------------------------------------------

/// The leaves of one entity's tree, or what changes in them. Pages come into being when touched, so
/// a small entity takes little. One thread.
class EntityDigest {
  public:
    /// A row that changed; empty = there is none.
    void change(std::string_view key, std::string_view before, std::string_view after);
    /// Null where the page was never touched.
    [[nodiscard]] const DigestPage* page(size_t number) const noexcept {
        return number < pages_.size() ? pages_[number].get() : nullptr;
    }
    [[nodiscard]] DigestPage& touch_page(size_t number);
    [[nodiscard]] DigestNode leaf(uint32_t number) const noexcept {
        const DigestPage* at = page(number / kDigestPageSize);
        return at == nullptr ? DigestNode{} : (*at)[number % kDigestPageSize];
    }
    [[nodiscard]] DigestNode root() const noexcept;
    /// Numbers of pages touched since the last `clear`, in the order of the first touch.
    [[nodiscard]] const std::vector<uint16_t>& touched() const noexcept { return touched_; }
    [[nodiscard]] bool empty() const noexcept { return touched_.empty(); }
    void clear();

  private:
    std::vector<std::unique_ptr<DigestPage>> pages_;
    std::vector<uint16_t> touched_;
    std::vector<std::unique_ptr<DigestPage>> spare_;
};

}  // namespace plumbline::storage
