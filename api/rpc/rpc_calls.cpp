#include "api/rpc/rpc_calls.hpp"

#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/base/json_writer.hpp"
#include "core/evm/hex.hpp"

namespace plumbline::api {

namespace {

using Json = nlohmann::json;

struct Fault {
    int code = rpc_code::kInternal;
    std::string message;
};
/// The result as JSON, or why there is none.
struct Outcome {
    std::string result{};
    std::optional<Fault> fault{};
};

Outcome fault_of(const Error& error) {
    switch (error.code) {
        case ErrorCode::kInvalidArgument:
            return {{}, Fault{rpc_code::kInvalidParams, error.message}};
        case ErrorCode::kUnavailable: return {{}, Fault{rpc_code::kUnavailable, error.message}};
        case ErrorCode::kTooLarge: return {{}, Fault{rpc_code::kLimit, error.message}};
        case ErrorCode::kNotFound: return {{}, Fault{-32000, error.message}};
        default: return {{}, Fault{rpc_code::kInternal, error.message}};
    }
}

std::string json_text(std::string_view text) {
    std::string out;
    JsonWriter{out}.value(text);
    return out;
}

/// Parameter `index`, or null.
const Json& parameter(const Json& params, size_t index) {
    static const Json kNone;
    return params.is_array() && index < params.size() ? params[index] : kNone;
}

// --- logs --------------------------------------------------------------------------------------

Outcome logs_of(const RpcIndex& index, LogFilter filter) {
    const LogSource& source = index.logs;
    if (filter.block_hash) {
        const std::optional<uint64_t> at = source.block_of(*filter.block_hash);
        if (!at) {
            return {{},
                    Fault{-32000,
                          "unknown block: it is not among the newest blocks with events "
                          "of this index"}};
        }
        filter.from = filter.to = *at;
    }
    const Result<std::optional<std::string>> gap =
        source.find_uncovered(filter, filter.from, filter.to);
    if (!gap) {
        return fault_of(gap.error());
    }
    if (*gap) {
        return {{}, Fault{rpc_code::kUnavailable, **gap}};
    }
    const Result<LogScan> scan = source.scan(filter, filter.from, filter.to);
    if (!scan) {
        return fault_of(scan.error());
    }
    if (!scan->is_whole) {
        std::string text = fmt::format("query returned more than {} results, or took too long",
                                       LogSource::kLogsMax);
        if (scan->through && *scan->through >= filter.from) {
            text += fmt::format(". Try with this block range [{}, {}]",
                                evm::to_quantity(filter.from), evm::to_quantity(*scan->through));
        }
        return {{}, Fault{rpc_code::kLimit, std::move(text)}};
    }
    Outcome out{"[", {}};
    for (const ToldLog& log : scan->logs) {
        if (out.result.size() > 1) {
            out.result += ',';
        }
        out.result += close_log(log.text, false);
    }
    out.result += ']';
    return out;
}

Outcome get_logs(const RpcIndex& index, const Json& params) {
    Result<LogFilter> filter = parse_log_filter(parameter(params, 0), index.logs.tags());
    return filter ? logs_of(index, *std::move(filter)) : fault_of(filter.error());
}

// --- filters -----------------------------------------------------------------------------------

Outcome text_of(Result<std::string> made, bool is_json) {
    if (!made) {
        return fault_of(made.error());
    }
    return {is_json ? *std::move(made) : json_text(*made), {}};
}

Outcome new_filter(const RpcIndex& index, const Json& params) {
    const Json& filter = parameter(params, 0);
    FilterStore::Wanted wanted;
    wanted.written = filter.is_null() ? Json::object() : filter;
    return text_of(index.filters.add(index.logs, std::move(wanted), index.client, index.now_ms),
                   false);
}

Outcome new_block_filter(const RpcIndex& index, const Json& /*params*/) {
    return text_of(index.filters.add(index.logs, {}, index.client, index.now_ms), false);
}

Result<std::string> id_of(const Json& params) {
    const Json& id = parameter(params, 0);
    return id.is_string() ? Result<std::string>{id.get<std::string>()}
                          : Error{ErrorCode::kInvalidArgument, "a filter's id is a string"};
}

Outcome filter_changes(const RpcIndex& index, const Json& params) {
    const Result<std::string> id = id_of(params);
    return id ? text_of(index.filters.changes(index.logs, *id, index.now_ms), true)
              : fault_of(id.error());
}

Outcome filter_logs(const RpcIndex& index, const Json& params) {
    const Result<std::string> id = id_of(params);
    if (!id) {
        return fault_of(id.error());
    }
    const Result<Json> written = index.filters.filter_of(*id, index.now_ms);
    return written ? get_logs(index, Json::array({*written})) : fault_of(written.error());
}

Outcome uninstall_filter(const RpcIndex& index, const Json& params) {
    const Result<std::string> id = id_of(params);
    return id ? Outcome{index.filters.remove(*id) ? "true" : "false", {}} : fault_of(id.error());
}

// --- subscriptions
// ---------------------------------------------------------------------------------

Outcome no_socket() {
    return {{},
            Fault{rpc_code::kMethodNotFound,
                  "notifications need a WebSocket: connect to ws://HOST/rpc, or poll "
                  "eth_getFilterChanges"}};
}

Outcome subscribe(const RpcIndex& index, const Json& params) {
    return index.subscriptions == nullptr
               ? no_socket()
               : text_of(index.subscriptions->add(index.logs, params, index.now_ms), false);
}

Outcome unsubscribe(const RpcIndex& index, const Json& params) {
    if (index.subscriptions == nullptr) {
        return no_socket();
    }
    const Result<std::string> id = id_of(params);
    return id ? Outcome{index.subscriptions->remove(*id) ? "true" : "false", {}}
              : fault_of(id.error());
}

// --- how the index is --------------------------------------------------------------------------

Outcome chain_id(const RpcIndex& index, const Json& /*params*/) {
    return {json_text(evm::to_quantity(index.chain_id)), {}};
}

Outcome block_number(const RpcIndex& index, const Json& /*params*/) {
    return {json_text(evm::to_quantity(index.logs.cursor().block_num)), {}};
}

Outcome net_version(const RpcIndex& index, const Json& /*params*/) {
    return {json_text(std::to_string(index.chain_id)), {}};
}

Outcome client_version(const RpcIndex& index, const Json& /*params*/) {
    return {json_text(fmt::format("plumbline/{}", index.version)), {}};
}

Outcome syncing(const RpcIndex& index, const Json& /*params*/) {
    if (index.is_live) {
        return {"false", {}};
    }
    std::string out;
    JsonWriter{out}
        .open_object()
        .member("startingBlock", evm::to_quantity(index.first_block))
        .member("currentBlock", evm::to_quantity(index.logs.cursor().block_num))
        .member("highestBlock", evm::to_quantity(index.head_block))
        .close_object();
    return {out, {}};
}

struct Method {
    std::string_view name;
    Outcome (*run)(const RpcIndex& index, const Json& params);
};

constexpr Method kMethods[] = {
    {"eth_chainId", chain_id},
    {"eth_blockNumber", block_number},
    {"eth_getLogs", get_logs},
    {"eth_newFilter", new_filter},
    {"eth_newBlockFilter", new_block_filter},
    {"eth_getFilterChanges", filter_changes},
    {"eth_getFilterLogs", filter_logs},
    {"eth_uninstallFilter", uninstall_filter},
    {"eth_subscribe", subscribe},
    {"eth_unsubscribe", unsubscribe},
    {"eth_syncing", syncing},
    {"net_version", net_version},
    {"web3_clientVersion", client_version},
};

Outcome run(const RpcIndex& index, const Json& request) {
    const auto method = request.find("method");
    if (method == request.end() || !method->is_string()) {
        return {{}, Fault{rpc_code::kInvalidRequest, "a request has a method, a string"}};
    }
    const auto params = request.find("params");
    if (params != request.end() && !params->is_array() && !params->is_null()) {
        return {{}, Fault{rpc_code::kInvalidParams, "params are a list"}};
    }
    const std::string& name = method->get_ref<const std::string&>();
    for (const Method& known : kMethods) {
        if (known.name == name) {
            return known.run(index, params == request.end() ? Json::array() : *params);
        }
    }
    std::string served;
    for (const Method& known : kMethods) {
        served += (served.empty() ? "" : ", ") + std::string{known.name};
    }
    return {{},
            Fault{rpc_code::kMethodNotFound,
                  fmt::format("the method {} is not served from the index, which has the log only: "
                              "ask a node. Served are {}",
                              name.substr(0, 80), served)}};
}

/// Appends the answer; nothing for a notification.
void answer_one(const RpcIndex& index, const Json& request, std::string& out) {
    const auto id = request.is_object() ? request.find("id") : request.end();
    const bool has_id = request.is_object() && id != request.end();
    Outcome outcome = request.is_object()
                          ? run(index, request)
                          : Outcome{{}, Fault{rpc_code::kInvalidRequest, "a request is an object"}};
    if (request.is_object() && !has_id && request.contains("method")) {
        return;  // a notification, whatever it asks
    }
    JsonWriter answer{out};
    answer.open_object().member("jsonrpc", "2.0").key("id");
    const bool is_id = has_id && (id->is_string() || id->is_number());
    if (has_id && !is_id && !id->is_null()) {
        outcome = {{}, Fault{rpc_code::kInvalidRequest, "an id is a number or a string"}};
    }
    answer.raw(is_id ? id->dump(-1, ' ', false, Json::error_handler_t::replace) : "null");
    if (outcome.fault) {
        answer.key("error")
            .open_object()
            .member("code", outcome.fault->code)
            .member("message", outcome.fault->message)
            .close_object();
    } else {
        answer.key("result").raw(outcome.result);
    }
    answer.close_object();
}

}  // namespace

std::string rpc_error(int code, std::string_view message) {
    std::string out;
    JsonWriter answer{out};
    answer.open_object().member("jsonrpc", "2.0").key("id").null().key("error").open_object();
    answer.member("code", code).member("message", message).close_object().close_object();
    return out;
}

std::string answer_rpc(const RpcIndex& index, std::string_view body) {
    const Json request = Json::parse(body, nullptr, false);
    if (request.is_discarded()) {
        return rpc_error(rpc_code::kParse, "the body is no JSON");
    }
    std::string out;
    if (!request.is_array()) {
        answer_one(index, request, out);
        return out;
    }
    if (request.empty() || request.size() > kRpcBatchMax) {
        return rpc_error(rpc_code::kInvalidRequest,
                         fmt::format("a batch has 1 to {} requests", kRpcBatchMax));
    }
    for (const Json& one : request) {
        const size_t before = out.size();
        answer_one(index, one, out);
        if (out.size() > before) {
            out.insert(before, before == 0 ? "[" : ",");
        }
        if (out.size() > LogSource::kBytesMax) {
            return rpc_error(rpc_code::kLimit,
                             "the answers of this batch are too large: ask for "
                             "less in one");
        }
    }
    return out.empty() ? out : out + "]";
}

}  // namespace plumbline::api
