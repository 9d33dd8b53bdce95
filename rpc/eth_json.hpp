// The JSON-RPC calls the project makes: request writers, and readers that go from the response's
// bytes straight into evm types without a document tree in between.
//
// Strictness: hex data has "0x" and an even number of digits; fixed-size fields have exactly their
// size; quantities are "0x" and 1 to 16 significant hex digits or a plain JSON integer. Leading
// zeros ("0x0a") are accepted, as viem accepts them, because real providers send them; "0x" alone,
// decimal strings, signs and fractions are not, but for those fields of headers that nothing but
// the header's hash needs, and its parent's: there "0x" and null are zero. Unknown fields are
// skipped.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/header.hpp"
#include "core/evm/log.hpp"
#include "core/evm/receipt.hpp"
#include "rpc/chain_source.hpp"

namespace plumbline::rpc {

/// One call of a request.
struct Call {
    enum class Kind : uint8_t {
        kChainId,          ///< -> uint64_t
        kHeaderByNum,      ///< `block_num` -> Header or null
        kHeaderByHash,     ///< `hash` -> Header or null
        kHeaderLatest,     ///< -> Header or null
        kHeaderFinalized,  ///< -> Header or null
        kLogs,             ///< `filter`, `range` -> LogBatch
        kLogsOfBlock,      ///< `filter`, `hash` -> LogBatch
        kReceipts,         ///< all receipts of block `hash` -> ReceiptBatch or null
        kTxnReceipt,       ///< the receipt of `txn_hash` in block `hash` -> ReceiptBatch or null
        kBlockTxns,        ///< hashes of the transactions of block `hash` -> them or null
        kTxn,              ///< `hash` -> TxnInfo or null
        kTxnGas,  ///< of the receipt of `hash` in block `txn_block` -> TxnReceiptInfo or null
        kCall,    ///< `request` at `block` -> CallResult
        kProof,   ///< `slots` of `address` at `block` -> AccountProof
    };
    Kind kind = Kind::kChainId;
    uint64_t block_num = 0;
    evm::Hash hash;
    evm::Hash txn_hash;   ///< kTxnReceipt
    evm::Hash txn_block;  ///< kTxnGas
    evm::BlockRange range;
    std::shared_ptr<const LogFilter> filter;  ///< kLogs and kLogsOfBlock
    /// The part of `filter->addresses` to ask for: long lists are split.
    size_t address_begin = 0;
    size_t address_end = SIZE_MAX;
    StateBlock block;                                     ///< kCall and kProof
    std::shared_ptr<const CallRequest> request;           ///< kCall
    evm::Address address;                                 ///< kProof
    std::shared_ptr<const std::vector<evm::Hash>> slots;  ///< kProof
};

/// The method's name on the wire.
[[nodiscard]] std::string_view method_name(Call::Kind kind) noexcept;

/// The request's body: one object for one call, an array for more. Ids count up from `first_id`.
[[nodiscard]] std::string write_request(std::span<const Call> calls, uint64_t first_id);

/// A JSON-RPC error object as it came. Nothing in it can be trusted to mean what it says.
struct RpcError {
    int64_t code = 0;
    std::string message;
    std::string data;  ///< raw JSON text of `data`, nested or not; at most 2 kB
    /// It answers the whole request and not one call of it.
    bool is_of_whole = false;
    int http_status = 200;  ///< it came with
};

/// The answer to one call: exactly one of null, value, error or malformed.
struct Answer {
    struct Null {};
    struct Malformed {
        std::string why;
        bool is_missing = false;  ///< nothing came for the call
    };
    std::variant<Malformed, Null, RpcError, uint64_t, evm::Header, evm::LogBatch, evm::ReceiptBatch,
                 std::vector<evm::Hash>, TxnInfo, TxnReceiptInfo, CallResult, AccountProof>
        value = Malformed{"no answer with this call's id", true};
    /// Of a header: which fields it came with, as one word. Those that say nothing of the block's
    /// hash in any client (size, transactions and the like) and null ones do not count.
    uint64_t header_layout = 0;

    template <typename T>
    [[nodiscard]] const T* get() const noexcept {
        return std::get_if<T>(&value);
    }
    template <typename T>
    [[nodiscard]] T* get() noexcept {
        return std::get_if<T>(&value);
    }
};

/// Reads responses; keeps its buffers between them. One thread.
class AnswerReader {
  public:
    AnswerReader();
    ~AnswerReader();
    AnswerReader(const AnswerReader&) = delete;
    AnswerReader& operator=(const AnswerReader&) = delete;
    AnswerReader(AnswerReader&&) noexcept;
    AnswerReader& operator=(AnswerReader&&) noexcept;

    /// One answer for each call, in the calls' order, matched by id whatever the order on the
    /// wire. An id may have become a string. An error object in place of the array answers every
    /// call. kDecode where the whole
    /// cannot be read: not JSON, truncated, not an envelope, an id that was not asked, one twice.
    /// `body` gains capacity if it has less than `kBodyPadding` to spare; its bytes stay.
    [[nodiscard]] Result<std::vector<Answer>> read(Bytes& body, std::span<const Call> calls,
                                                   uint64_t first_id);
    /// The error object of a body that answers nothing (as sent with HTTP 4xx and 5xx), if it is
    /// one.
    [[nodiscard]] std::optional<RpcError> read_error(Bytes& body);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace plumbline::rpc
