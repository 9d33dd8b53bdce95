// JSON-RPC 2.0 over the stored log: the methods that clients use to follow a contract's events.
// What the index does not have is refused by name and reason, never answered short (docs/rpc.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/rpc/filter_store.hpp"
#include "api/rpc/log_filter.hpp"
#include "api/rpc/log_source.hpp"
#include "api/rpc/node_forward.hpp"
#include "api/rpc/subscriptions.hpp"

namespace plumbline::api {

/// What the methods need to know of the index besides its log.
struct RpcIndex {
    const LogSource& logs;
    FilterStore& filters;
    uint64_t chain_id = 0;
    bool is_live = false;  ///< else it is catching up
    uint64_t first_block = 0;
    uint64_t head_block = 0;  ///< the chain's
    std::string_view version;
    std::string_view client;                 ///< who asks: an address
    int64_t now_ms = 0;                      ///< monotonic
    Subscriptions* subscriptions = nullptr;  ///< of the connection; null: it is no WebSocket
    NodeForward* node = nullptr;             ///< for what the index does not have; null: nobody
    int64_t node_ms_max = 5'000;             ///< that it may take
    bool may_stream = false;                 ///< the answer to one request may be RpcAnswer::logs
};

/// The answer to one body, and who gave it.
struct RpcAnswer {
    std::string body;  ///< empty: notifications only
    bool has_index = false;
    bool has_node = false;
    /// These logs come after the body, whose result is a list that is still open.
    std::optional<LogFilter> logs{};
};

/// The codes of JSON-RPC and EIP-1474.
namespace rpc_code {
inline constexpr int kParse = -32700;
inline constexpr int kInvalidRequest = -32600;
inline constexpr int kMethodNotFound = -32601;
inline constexpr int kInvalidParams = -32602;
inline constexpr int kInternal = -32603;
inline constexpr int kUnavailable = -32001;  ///< the index does not have it
inline constexpr int kLimit = -32005;
}  // namespace rpc_code

inline constexpr size_t kRpcBatchMax = 100;

/// To a request or a batch of them.
[[nodiscard]] RpcAnswer answer_rpc(RpcIndex index, std::string_view body);
/// `{"jsonrpc":"2.0","id":null,"error":{..}}`
[[nodiscard]] std::string rpc_error(int code, std::string_view message);

}  // namespace plumbline::api
