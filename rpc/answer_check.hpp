// What can be known wrong about an answer from the answer itself: the filter it was asked with, its
// own order and indexes, the headers it belongs to, and their blooms.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/evm/bloom.hpp"
#include "core/evm/header.hpp"
#include "core/evm/log.hpp"
#include "rpc/chain_source.hpp"

namespace plumbline::rpc {

/// A filter ready to be compared with many logs and blooms. One thread.
class FilterCheck {
  public:
    explicit FilterCheck(const LogFilter& filter);

    [[nodiscard]] bool matches(const evm::Log& log) const;
    /// The logs that match, in a batch of their own.
    [[nodiscard]] evm::LogBatch matching(const evm::LogBatch& logs) const;
    /// Why `logs` cannot be the answer for `range`: out of range, of another address or event, not
    /// strictly rising in (block, log index), transaction indexes that fall, two hashes of one
    /// block.
    [[nodiscard]] std::optional<std::string> find_fault(const evm::LogBatch& logs,
                                                        const evm::BlockRange& range) const;

    /// The chain has state syncs (core/evm/state_sync.hpp): no bloom has their logs.
    void expect_state_syncs() { has_state_syncs_ = true; }
    /// `log` is a state sync's, on a chain that has them.
    [[nodiscard]] bool is_outside(const evm::Log& log) const;

    /// True where `header`'s bloom has all that `log` must have left in it, which is nothing of a
    /// log outside of the block's proof.
    [[nodiscard]] bool bloom_has(const evm::Header& header, const evm::Log& log);
    /// True where the bloom allows for a matching log and `logs` (all that were returned of this
    /// block) is empty. A suspicion: blooms have false positives.
    [[nodiscard]] bool may_lack_all(const evm::Header& header,
                                    std::span<const evm::Log> logs) const;
    /// True where the bloom may have an asked event or address of which `logs` has none.
    [[nodiscard]] bool may_lack_some(const evm::Header& header,
                                     std::span<const evm::Log> logs) const;

  private:
    [[nodiscard]] bool may_match(const evm::Bloom& bloom) const;
    [[nodiscard]] const evm::BloomBits& bits_of(ByteView bytes);

    struct CachedBits {
        evm::Hash key;  // addresses are padded on the left, as the EVM does
        size_t size = 0;
        evm::BloomBits bits;
    };
    std::vector<evm::Address> addresses_;
    std::vector<evm::Hash> topics_;
    std::array<std::vector<evm::Hash>, 3> more_topics_;
    std::array<std::vector<evm::BloomBits>, 3> more_bits_;
    std::vector<evm::BloomBits> address_bits_;
    std::vector<evm::BloomBits> topic_bits_;
    std::unordered_set<evm::Address, evm::FixedBytesHash> address_set_;
    std::vector<CachedBits> cache_;
    bool has_state_syncs_ = false;
};

/// Two batches with the same logs, data included.
[[nodiscard]] bool same_logs(const evm::LogBatch& a, const evm::LogBatch& b);
/// Copies the logs of `from` that lie in `range` to the end of `to`.
void append_logs(const evm::LogBatch& from, const evm::BlockRange& range, evm::LogBatch& to);
/// What makes logs and headers those of two branches: a log whose block's header is not there or
/// has another hash, or a header that is no child of the one before. Empty: nothing.
[[nodiscard]] std::optional<std::string> find_branch_fault(
    const evm::LogBatch& logs, const std::map<uint64_t, evm::Header>& headers);
/// The logs of `a`, and those of `b` at other places, in order.
[[nodiscard]] evm::LogBatch join_logs(const evm::LogBatch& a, const evm::LogBatch& b);
/// Sorts by (block, log index). The arena stays as it is.
void sort_logs(evm::LogBatch& logs);

}  // namespace plumbline::rpc
