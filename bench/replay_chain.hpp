// A generated chain in memory with its JSON ready to be sent: blocks whose headers hash, link and
// carry true blooms, and the logs of a `Story`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bench/story.hpp"
#include "core/evm/header.hpp"
#include "core/evm/log.hpp"

namespace plumbline::bench {

struct ChainOptions {
    uint64_t events = 100'000;
    uint32_t events_per_block = 100;
    uint32_t burst = 0;     ///< so many of the events are in one block, in the middle of the chain
    uint32_t quiet = 0;     ///< blocks without events after the last event
    bool receipts = false;  ///< compute true receipts roots (about 1 ms a block)
};

/// Blocks 0 (genesis, empty) to `head`. Any thread may read.
class ReplayChain {
  public:
    ReplayChain(Story& story, const ChainOptions& options);

    [[nodiscard]] uint64_t head() const noexcept { return headers_.size() - 1; }
    /// The last block with events; 0 where there are none.
    [[nodiscard]] uint64_t last_event_block() const noexcept { return last_event_block_; }
    [[nodiscard]] uint64_t event_count() const noexcept { return log_ordinal_.back(); }
    [[nodiscard]] const evm::Header& header(uint64_t block_num) const {
        return headers_[block_num];
    }
    [[nodiscard]] std::optional<uint64_t> find_block(const evm::Hash& hash) const;
    /// The block's JSON object as eth_getBlockByNumber gives it.
    [[nodiscard]] std::string block_json(uint64_t block_num, bool with_transactions) const;
    /// The logs of `from` to `to` as JSON objects with commas between them; one piece of memory.
    [[nodiscard]] std::string_view logs_json(uint64_t from, uint64_t to) const;
    [[nodiscard]] uint64_t log_count(uint64_t from, uint64_t to) const;
    [[nodiscard]] bool has_receipts() const noexcept { return receipts_; }
    /// The block's receipts as eth_getBlockReceipts gives them. Needs `has_receipts()`.
    [[nodiscard]] std::string receipts_json(uint64_t block_num) const;
    /// One as eth_getTransactionReceipt gives it; "null" where there is none. Needs the same.
    [[nodiscard]] std::string receipt_json(const evm::Hash& txn_hash) const;

  private:
    /// A transaction and where its logs end.
    struct Transaction {
        evm::Hash hash;
        uint64_t log_end = 0;  ///< ordinal of the log after its last one
    };

    void append_block(const evm::LogBatch& batch, evm::Header header);
    void append_log_json(const evm::Log& log, ByteView data);
    [[nodiscard]] std::string receipt_json(uint64_t block_num, uint64_t index) const;
    [[nodiscard]] std::string transaction_json(uint64_t block_num, uint64_t index) const;

    std::vector<evm::Header> headers_;
    std::unordered_map<evm::Hash, uint64_t, evm::FixedBytesHash> numbers_;
    std::string logs_;                  ///< all logs' JSON
    std::vector<uint64_t> log_offset_;  ///< where a block's logs start in `logs_`; one past the end
    std::vector<uint64_t> log_ordinal_;  ///< how many logs came before a block; one past the end
    std::vector<uint64_t> txn_ordinal_;  ///< the same of transactions
    std::vector<Transaction> txns_;
    /// With receipts: a transaction's place in `txns_`.
    std::unordered_map<evm::Hash, uint64_t, evm::FixedBytesHash> txn_places_;
    std::vector<uint64_t> log_ends_;  ///< with receipts: each log's end in `logs_`
    uint64_t last_event_block_ = 0;
    bool receipts_ = false;
};

}  // namespace plumbline::bench
