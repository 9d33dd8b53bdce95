// What the engine needs to know of a chain, asked without blocking and answered by callbacks on the
// thread that calls `poll`. Implementations choose the provider, split, retry, check answers
// against what was asked, and answer in full or with an error; the engine never sees a refusal
// that could be worked around.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/block_id.hpp"
#include "core/evm/header.hpp"
#include "core/evm/log.hpp"
#include "core/evm/proof.hpp"
#include "core/evm/receipt.hpp"
#include "core/evm/txn_fields.hpp"
#include "rpc/open_wait.hpp"
#include "rpc/pool_options.hpp"

namespace plumbline::rpc {

/// What eth_getLogs is asked for. Empty `addresses` = any address, empty `topics0` = any event; of
/// the topics behind it, one list each, empty = any or none.
struct LogFilter {
    std::vector<evm::Address> addresses;
    std::vector<evm::Hash> topics0;
    std::array<std::vector<evm::Hash>, 3> more_topics = {};
};

/// Who answered for a part of a range.
struct ToldBy {
    evm::BlockRange range;
    std::string provider;  ///< its name, never its secrets
    friend bool operator==(const ToldBy&, const ToldBy&) = default;
};

/// All logs of a range that match a filter, in (block, log index) order, plus the headers of every
/// block that has one, and of the range's first and last block, in block order without doubles.
/// Header hashes equal the logs' block hashes; where a range was read in pieces, each piece's first
/// block is a child of the last block of the piece before (both checked).
struct RangeLogs {
    evm::BlockRange range;
    evm::LogBatch logs;
    std::vector<evm::Header> headers;
    /// Which endpoint said what: ascending, without gaps, all of the range. Empty: not known.
    std::vector<ToldBy> told_by;
    size_t received_bytes = 0;  ///< of JSON, for back pressure
};

/// The chain's ends.
struct Heads {
    evm::Header latest;  ///< of the provider with the highest head that can be believed
    /// At or below `latest`; where several providers tell it, at least two of them call that block
    /// final. Empty where the chain has no such tag, or nobody told one that can be.
    std::optional<evm::Header> finalized;
    /// The highest block number that two providers' heads reach; empty where one alone told a head
    /// near `latest`.
    std::optional<uint64_t> second_num = {};

    /// The head that a depth of finality counts from: nothing is final on the word of one where
    /// there are two.
    [[nodiscard]] uint64_t agreed_num() const noexcept {
        return second_num.value_or(latest.block_num);
    }
    [[nodiscard]] uint64_t agreed_below(uint64_t depth) const noexcept {
        return agreed_num() - std::min(depth, agreed_num());
    }
};

/// The parts of a transaction that a mapping may name ($txn.from, .to, .value and the rest).
struct TxnInfo {
    evm::Hash hash;
    evm::Address from;
    std::optional<evm::Address> to;  ///< empty for a contract creation
    evm::U256 value;
    std::optional<evm::TxnBody> body = {};  ///< empty where the node leaves some of it out
};

/// Which receipt: of a transaction in that block and no other.
struct TxnPlace {
    evm::Hash hash;
    evm::Hash block_hash;
};
/// The parts of a receipt that a mapping may name ($receipt.gas_used and the rest).
struct TxnReceiptInfo {
    evm::Hash hash;
    evm::TxnReceipt receipt;
};

/// The block whose state is asked for, and how it is named in the question.
struct StateBlock : evm::BlockId {
    /// For nodes that take no block hash: another block of that number may answer, so the caller
    /// has to look at the header afterwards.
    bool by_num = false;
    friend bool operator==(const StateBlock&, const StateBlock&) = default;
};

/// Bytes that an answer has at one place where it begins as it should, so that it is known from
/// those to other calls.
struct AnswerMark {
    std::array<uint8_t, 2> head{};
    size_t at = 0;
    std::array<uint8_t, 8> bytes{};
};

/// An eth_call that changes nothing.
struct CallRequest {
    std::optional<evm::Address> to;  ///< empty: `data` is run as the code of a contract in creation
    Bytes data;
    uint64_t gas = 0;  ///< 0: what the node gives
    /// Where set, `to` has this code instead of its own (a state override).
    std::shared_ptr<const Bytes> code;
    /// The state that it is asked of, where that is not the one of all others.
    std::optional<StateBlock> block = {};
    /// An answer with other bytes there is another call's, and is not given for this one's.
    std::optional<AnswerMark> mark = {};
};

/// What became of an eth_call.
struct CallResult {
    enum class Kind : uint8_t {
        kAnswered,
        kReverted,      ///< the contract would not: `data` is what it said, `why` in words
        kMissingState,  ///< the node no longer has the block's state, or not that block at all
        kRefused,       ///< the node would not run it: gas, size, time, overrides
    };
    Kind kind = Kind::kRefused;
    Bytes data;
    std::string why;
    std::string provider = {};  ///< who said so; empty: not known
};

/// What questions cost.
struct Traffic {
    uint64_t requests = 0;
    uint64_t sent = 0;  ///< bytes of bodies
    uint64_t received = 0;
    Traffic& operator+=(const Traffic& other) noexcept {
        requests += other.requests;
        sent += other.sent;
        received += other.received;
        return *this;
    }
};

struct CallAnswers {
    std::vector<CallResult> results;  ///< in the order asked
    Traffic traffic;
};

/// What eth_getProof tells of an account; nothing of it is checked (core/evm/proof.hpp does).
struct AccountProof {
    struct Slot {
        evm::Hash key;
        evm::U256 value;
        std::vector<Bytes> nodes;
    };
    evm::Account account;
    std::vector<Bytes> nodes;
    std::vector<Slot> slots;  ///< in the order asked
    Traffic traffic;
};

/// A block's receipts, proven by its header's receipts root (rpc/proof_check.hpp).
struct BlockReceipts {
    evm::ReceiptBatch batch;
    evm::Bloom bloom;      ///< of all logs; what the header's ought to be
    std::string provider;  ///< who gave them
    size_t received_bytes = 0;
};

/// What one endpoint says of a block number.
struct BlockWord {
    std::string provider;           ///< its name; may be empty
    std::optional<evm::Hash> hash;  ///< empty: it has no such block
};

/// Numbers that no block of the chain has count as empty blocks: their headers are those of
/// core/evm/block_gap.hpp, given where the chain has a later block. One thread calls all of it;
/// callbacks run inside `poll`, in no promised order, exactly once
/// each. Callbacks may ask further questions.
class ChainSource {
  public:
    template <typename T>
    using Callback = std::function<void(Result<T>)>;

    ChainSource() = default;
    ChainSource(const ChainSource&) = delete;
    ChainSource& operator=(const ChainSource&) = delete;
    virtual ~ChainSource() = default;

    /// kIncompatible, here and from `get_heads`: every endpoint serves another chain; asking again
    /// does not help.
    virtual void get_chain_id(Callback<uint64_t> done) = 0;
    virtual void get_heads(Callback<Heads> done) = 0;
    /// Headers by number, in the order asked. kNotFound where the chain has no such block (yet).
    virtual void get_headers(std::vector<uint64_t> block_nums,
                             Callback<std::vector<evm::Header>> done) = 0;
    /// The same of the chain whose block `end.block_num`, at or above all of them, is `end`: one
    /// endpoint answers that has it. kReorg: whoever answers has another block there. kNotFound:
    /// nobody has all of them.
    virtual void get_headers_below(std::vector<uint64_t> block_nums, evm::BlockId end,
                                   Callback<std::vector<evm::Header>> done);
    /// kNotFound where the block is not known to any provider (reorged away).
    virtual void get_header_by_hash(evm::Hash hash, Callback<evm::Header> done) = 0;
    /// What each endpoint that can be asked says of a block: for decisions that one provider's word
    /// must not carry. At least one word; kUnavailable: nobody answered.
    virtual void get_block_words(uint64_t block_num, Callback<std::vector<BlockWord>> done);
    /// These endpoints are of another chain than the one that is meant: until the next call they
    /// are asked for nothing but `get_block_words`.
    virtual void set_apart(const std::set<std::string>& names) { static_cast<void>(names); }
    /// Logs and headers of blocks `range`. With `all_headers`, the headers of every block of the
    /// range come with it (for the tip, where parent hashes must link).
    virtual void get_range(LogFilter filter, evm::BlockRange range, bool all_headers,
                           Callback<RangeLogs> done) = 0;
    /// In the order asked.
    virtual void get_txns(std::vector<evm::Hash> hashes, Callback<std::vector<TxnInfo>> done) = 0;
    /// In the order asked; kNotFound where one is not in its block (reorged away). A source that
    /// has none answers kUnavailable.
    // NOLINTNEXTLINE(performance-unnecessary-value-param): who answers keeps it.
    virtual void get_txn_receipts(std::vector<TxnPlace> txns,
                                  Callback<std::vector<TxnReceiptInfo>> done) {
        static_cast<void>(txns);
        done(Error{ErrorCode::kUnavailable, "this source tells no receipts of transactions"});
    }

    /// All receipts of a block with their logs, in transaction order; kNotFound where no provider
    /// knows the block. Not proven: that is what their trie root is for.
    virtual void get_receipts(evm::Hash block_hash, Callback<evm::ReceiptBatch> done) {
        static_cast<void>(block_hash);
        done(Error{ErrorCode::kUnavailable, "this source has no receipts"});
    }

    /// Names of the endpoints that `call` and `get_proof` can be told to ask, in their order.
    [[nodiscard]] virtual std::vector<std::string> provider_names() const { return {}; }
    // NOLINTBEGIN(performance-unnecessary-value-param): who overrides these keeps what is asked.
    /// Runs calls at the state after `block`, or their own block where they have one, all by
    /// endpoint `provider` where that is said. Outages and rate limits are waited out; an error
    /// means that nobody could be asked.
    virtual void call(std::vector<CallRequest> requests, StateBlock block,
                      std::optional<size_t> provider, Callback<CallAnswers> done) {
        static_cast<void>(requests);
        static_cast<void>(block);
        static_cast<void>(provider);
        done(Error{ErrorCode::kUnavailable, "this source runs no calls"});
    }
    /// An account and storage slots of it with their proofs. kNotFound: the state is not there any
    /// more. kTooLarge: the node would not (too many slots); kInvalidArgument: it has no proofs.
    virtual void get_proof(evm::Address address, std::vector<evm::Hash> slots, StateBlock block,
                           std::optional<size_t> provider, Callback<AccountProof> done) {
        static_cast<void>(address);
        static_cast<void>(slots);
        static_cast<void>(block);
        static_cast<void>(provider);
        done(Error{ErrorCode::kUnavailable, "this source has no proofs"});
    }
    // NOLINTEND(performance-unnecessary-value-param)

    /// Headers of all blocks of `range`, ascending, proven: each hashes to what it claims, parent
    /// hashes join, and the last one's hash is `top_hash`. Providers whose headers are not so are
    /// passed over. kNotFound: nobody has them. kReorg: what everybody has does not lead to
    /// `top_hash`. kIncompatible: nobody's headers hash to what they claim.
    virtual void get_linked_headers(evm::BlockRange range, evm::Hash top_hash,
                                    Callback<std::vector<evm::Header>> done);
    /// All receipts of the blocks of `headers`, proven, one result for each. A provider whose
    /// receipts do not fit is passed over. kNotFound: nobody has them. kIncompatible: nobody's
    /// fit the header's root.
    using ReceiptsCallback = std::function<void(std::vector<Result<BlockReceipts>>)>;
    virtual void get_proven_receipts(std::vector<evm::Header> headers, ReceiptsCallback done);

    /// How many blocks a request from `from` on should span now to be answered well (at least 1);
    /// learnt from density, refusals and time.
    [[nodiscard]] virtual uint64_t suggest_range_size(const LogFilter& filter, uint64_t from) = 0;

    /// Sends, receives and runs callbacks for at most `wait_ms`; returns early once at least one
    /// callback has run. Returns how many callbacks ran.
    virtual size_t poll(int64_t wait_ms) = 0;
    /// Questions asked and not answered yet.
    [[nodiscard]] virtual size_t in_flight() const = 0;
    /// Every question fails with the same reason from now on: asking again is of no use.
    [[nodiscard]] virtual bool has_given_up() const { return false; }
    /// Questions that got no further for at least `waiting_ms`, those that wait longest first, with
    /// what is in their way. Empty where there is nothing to tell.
    [[nodiscard]] virtual std::vector<OpenWait> waits(int64_t waiting_ms) const {
        static_cast<void>(waiting_ms);
        return {};
    }
    /// Names of endpoints that were proven to lie since the last call, by a hash or root that was
    /// recomputed: what they alone have told is worth asking others for. Each once a conviction.
    [[nodiscard]] virtual std::vector<std::string> take_convicted() { return {}; }
    /// A record of each provider behind it; empty where there is nothing to tell.
    [[nodiscard]] virtual std::vector<ProviderStats> stats() const { return {}; }
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
