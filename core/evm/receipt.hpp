// Transaction receipts in the form that a block's receipts root commits to (Yellow Paper section
// 4.3.1, EIP-658, EIP-2718), which is not the form that providers send:
//
//   type              consensus bytes
//   0                 rlp [status or root, cumulative gas, bloom, logs]
//   1..4, 0x64..0x6a  type byte, then the same list (EIP-2930, 1559, 4844, 7702; Arbitrum)
//   0x7e              the same; from the Canyon fork on with [.., nonce, version] (OP deposit)
//   any other         type byte, then the same list: the rule that EIP-2718 asks new types to keep
//
// Receipts that a chain shows but leaves out of its root (Polygon's state-sync ones, Hyperliquid's
// system ones) must be left out by the caller.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/evm/bloom.hpp"
#include "core/evm/bytes.hpp"
#include "core/evm/log.hpp"
#include "core/evm/rlp.hpp"
#include "core/evm/trie.hpp"

namespace plumbline::evm {

inline constexpr uint8_t kReceiptTypeOpDeposit = 0x7e;
inline constexpr uint8_t kReceiptTypeMax = 0x7f;

/// One receipt. Its logs live in the batch it belongs to (`ReceiptBatch::logs_of`).
struct Receipt {
    uint8_t type = 0;
    std::optional<bool> status;      ///< since Byzantium
    std::optional<Hash> post_state;  ///< before it; goes before `status` where both are sent
    uint64_t cumulative_gas_used = 0;
    std::optional<Bloom> bloom;  ///< as claimed
    /// Only read for type 0x7e. The nonce is part of the bytes only where the version is present:
    /// from Regolith to Canyon nodes show a nonce that the root does not commit to.
    std::optional<uint64_t> deposit_nonce;
    std::optional<uint64_t> deposit_version;
    Hash txn_hash;           ///< as claimed; not part of the consensus bytes
    uint32_t txn_index = 0;  ///< as claimed; not part of the consensus bytes
    uint32_t log_begin = 0;
    uint32_t log_count = 0;

    /// False where a provider sent neither status nor state root, or a type that EIP-2718 does not
    /// allow: there is nothing to encode.
    [[nodiscard]] bool is_encodable() const noexcept {
        return (status || post_state) && type <= kReceiptTypeMax;
    }
};

/// A block's receipts in transaction order with one place for all their logs.
struct ReceiptBatch {
    std::vector<Receipt> receipts;
    LogBatch logs;

    [[nodiscard]] std::span<const Log> logs_of(const Receipt& receipt) const noexcept {
        return std::span{logs.logs}.subspan(receipt.log_begin, receipt.log_count);
    }
    void clear() {
        receipts.clear();
        logs.clear();
    }
};

/// The bloom of one receipt's logs, and of all receipts (what the header's must be).
[[nodiscard]] Bloom compute_bloom(const ReceiptBatch& batch, const Receipt& receipt) noexcept;
[[nodiscard]] Bloom compute_bloom(const ReceiptBatch& batch) noexcept;
/// The index of the first receipt whose claimed bloom is not the bloom of its logs.
[[nodiscard]] std::optional<size_t> find_wrong_bloom(const ReceiptBatch& batch) noexcept;

/// Appends the consensus bytes, with `bloom` in them. The receipt must be encodable.
void append_receipt(Bytes& out, const ReceiptBatch& batch, const Receipt& receipt,
                    const Bloom& bloom);
/// The same with the bloom of the receipt's logs, whatever bloom is claimed.
void append_receipt(Bytes& out, const ReceiptBatch& batch, const Receipt& receipt);

/// What `ReceiptsProver` recomputed.
struct ReceiptsDigest {
    Hash root;    ///< what the header's receipts root must be
    Bloom bloom;  ///< what the header's bloom must be
};

/// Recomputes receipts roots and blooms, keeping its buffers between blocks: no allocation a
/// receipt or a log once they have grown. One thread.
class ReceiptsProver {
  public:
    /// From logs alone: claimed blooms are neither trusted nor needed. Empty where a receipt is not
    /// encodable, so the root cannot be known.
    [[nodiscard]] std::optional<ReceiptsDigest> compute(const ReceiptBatch& batch);

  private:
    /// Addresses and topics met of late with their bits; most repeat within a block.
    struct CachedBits {
        FixedBytes<32> key;
        uint8_t key_size = 0;
        BloomBits bits;
    };
    [[nodiscard]] const BloomBits& bits_of(ByteView bytes) noexcept;

    static constexpr size_t kCacheSize = 512;
    std::vector<CachedBits> cache_ = std::vector<CachedBits>(kCacheSize);
    OrderedTrie trie_;
    Bytes encoded_;
    std::vector<size_t> ends_;
    std::vector<ByteView> values_;
};

/// Reads one receipt's consensus bytes and appends it with its logs to `batch`. Log positions and
/// hashes, which the bytes do not have, stay zero; log indices count on from the batch's last.
/// `batch` is unchanged on an error.
[[nodiscard]] RlpError decode_receipt(ByteView encoded, ReceiptBatch& batch);

}  // namespace plumbline::evm
