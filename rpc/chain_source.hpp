// What the engine needs to know of a chain, asked without blocking and answered by callbacks on the
// thread that calls `poll`. Implementations choose the provider, split, retry, check answers
// against what was asked, and answer in full or with an error; the engine never sees a refusal
// that could be worked around.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/header.hpp"
#include "core/evm/log.hpp"
#include "core/evm/receipt.hpp"

namespace plumbline::rpc {

/// What eth_getLogs is asked for. Empty `addresses` = any address, empty `topics0` = any event.
struct LogFilter {
    std::vector<evm::Address> addresses;
    std::vector<evm::Hash> topics0;
};

/// All logs of a range that match a filter, in (block, log index) order, plus the headers of every
/// block that has one, and of the range's last block, in block order without doubles.
/// Header hashes equal the logs' block hashes (checked).
struct RangeLogs {
    evm::BlockRange range;
    evm::LogBatch logs;
    std::vector<evm::Header> headers;
    std::string provider;       ///< which endpoint said so (its name, never its secrets)
    size_t received_bytes = 0;  ///< of JSON, for back pressure
};

/// The chain's ends, as the provider with the highest head tells them, from one backend.
struct Heads {
    evm::Header latest;
    std::optional<evm::Header> finalized;  ///< empty where the chain has no such tag
};

/// The parts of a transaction that a mapping may name ($txn.from, .to, .value).
struct TxnInfo {
    evm::Hash hash;
    evm::Address from;
    std::optional<evm::Address> to;  ///< empty for a contract creation
    evm::U256 value;
};

/// One thread calls all of it; callbacks run inside `poll`, in no promised order, exactly once
/// each. Callbacks may ask further questions.
class ChainSource {
  public:
    template <typename T>
    using Callback = std::function<void(Result<T>)>;

    ChainSource() = default;
    ChainSource(const ChainSource&) = delete;
    ChainSource& operator=(const ChainSource&) = delete;
    virtual ~ChainSource() = default;

    virtual void get_chain_id(Callback<uint64_t> done) = 0;
    virtual void get_heads(Callback<Heads> done) = 0;
    /// Headers by number, in the order asked. kNotFound where the chain has no such block (yet).
    virtual void get_headers(std::vector<uint64_t> block_nums,
                             Callback<std::vector<evm::Header>> done) = 0;
    /// kNotFound where the block is not known to any provider (reorged away).
    virtual void get_header_by_hash(evm::Hash hash, Callback<evm::Header> done) = 0;
    /// Logs and headers of blocks `range`. With `all_headers`, the headers of every block of the
    /// range come with it (for the tip, where parent hashes must link).
    virtual void get_range(LogFilter filter, evm::BlockRange range, bool all_headers,
                           Callback<RangeLogs> done) = 0;
    /// In the order asked.
    virtual void get_txns(std::vector<evm::Hash> hashes, Callback<std::vector<TxnInfo>> done) = 0;

    /// All receipts of a block with their logs, in transaction order; kNotFound where no provider
    /// knows the block. Not proven: that is what their trie root is for.
    virtual void get_receipts(evm::Hash block_hash, Callback<evm::ReceiptBatch> done) {
        static_cast<void>(block_hash);
        done(Error{ErrorCode::kUnavailable, "this source has no receipts"});
    }

    /// How many blocks a request from `from` on should span now to be answered well (at least 1);
    /// learnt from density, refusals and time.
    [[nodiscard]] virtual uint64_t suggest_range_size(const LogFilter& filter, uint64_t from) = 0;

    /// Sends, receives and runs callbacks for at most `wait_ms`; returns early once at least one
    /// callback has run. Returns how many callbacks ran.
    virtual size_t poll(int64_t wait_ms) = 0;
    /// Questions asked and not answered yet.
    [[nodiscard]] virtual size_t in_flight() const = 0;
};

/// Polls until `done` is set or `deadline_ms` (monotonic, of the source's own waiting) is used up.
/// A blocking helper for commands: asks with `ask(callback)` and waits for the answer.
template <typename T, typename Ask>
[[nodiscard]] Result<T> await(ChainSource& source, int64_t wait_ms_max, Ask&& ask) {
    std::optional<Result<T>> answer;
    ask([&answer](Result<T> result) { answer.emplace(std::move(result)); });
    for (int64_t waited = 0; !answer && waited <= wait_ms_max; waited += 50) {
        source.poll(50);
    }
    if (!answer) {
        // The callback refers to this frame, so it must have run before we leave.
        while (!answer && source.in_flight() > 0) {
            source.poll(50);
        }
    }
    if (!answer) {
        return Error{ErrorCode::kTimeout, "no answer from any provider in time"};
    }
    return *std::move(answer);
}

}  // namespace plumbline::rpc
