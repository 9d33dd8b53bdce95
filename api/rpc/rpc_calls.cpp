#include "api/rpc/rpc_calls.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
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
    std::string data{};    ///< hex; may be empty
    bool is_lack = false;  ///< the index does not have it; a node may
};
/// The result as JSON, or why there is none.
struct Outcome {
    std::string result{};
    std::optional<Fault> fault{};
    bool is_of_node = false;
    std::optional<LogFilter> logs{};  ///< to be streamed in place of a result
};

Outcome lacking(int code, std::string why) {
    return {{}, Fault{code, std::move(why), {}, true}};
}

Outcome fault_of(const Error& error) {
    switch (error.code) {
        case ErrorCode::kInvalidArgument:
            return {{}, Fault{rpc_code::kInvalidParams, error.message}};
        case ErrorCode::kUnavailable: return lacking(rpc_code::kUnavailable, error.message);
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

/// `is_open`: blocks that are still to come may be in the range.
Outcome logs_of(const RpcIndex& index, LogFilter filter, bool is_open) {
    const LogSource& source = index.logs;
    const uint64_t head = source.cursor().block_num;
    if (filter.block_hash) {
        const Result<std::optional<uint64_t>> at = source.block_of(*filter.block_hash);
        if (!at) {
            return fault_of(at.error());
        }
        if (!*at) {
            return lacking(-32000,
                           "unknown block: it is not among the newest blocks with events of this "
                           "index");
        }
        filter.from = filter.to = **at;
    } else if (!is_open && std::max(filter.from, filter.to) > head) {
        return lacking(rpc_code::kUnavailable,
                       fmt::format("the range goes on to block {}, and the index is at block {}",
                                   std::max(filter.from, filter.to), head));
    }
    const Result<std::optional<std::string>> gap =
        source.find_uncovered(filter, filter.from, filter.to);
    if (!gap) {
        return fault_of(gap.error());
    }
    if (*gap) {
        return lacking(rpc_code::kUnavailable, **gap);
    }
    if (index.may_stream) {
        return {{}, {}, false, std::move(filter)};
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
        append_log(out.result, log.text, false);
    }
    out.result += ']';
    return out;
}

Outcome logs_as_written(const RpcIndex& index, const Json& written, bool is_open) {
    Result<LogFilter> filter = parse_log_filter(written, index.logs.tags());
    return filter ? logs_of(index, *std::move(filter), is_open) : fault_of(filter.error());
}

Outcome get_logs(const RpcIndex& index, const Json& params) {
    return logs_as_written(index, parameter(params, 0), false);
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
    return written ? logs_as_written(index, *written, true) : fault_of(written.error());
}

Outcome uninstall_filter(const RpcIndex& index, const Json& params) {
    const Result<std::string> id = id_of(params);
    return id ? Outcome{index.filters.remove(*id) ? "true" : "false", {}} : fault_of(id.error());
}

// --- subscriptions -----------------------------------------------------------------------------

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

// --- what a node is asked for -------------------------------------------------------------------

/// A block that the node tells must be the index's own, as far as that has it.
std::optional<Fault> find_fork(const RpcIndex& index, const std::string& result) {
    const Json block = Json::parse(result, nullptr, false);
    const auto number = block.is_object() ? block.find("number") : block.end();
    const auto hash = block.is_object() ? block.find("hash") : block.end();
    if (number == block.end() || hash == block.end() || !hash->is_string()) {
        return std::nullopt;
    }
    const Result<uint64_t> at = parse_block(*number, {});
    if (!at || *at > index.logs.cursor().block_num) {
        return std::nullopt;
    }
    const Result<std::optional<evm::Hash>> own = index.logs.hash_of(*at);
    if (!own) {
        return fault_of(own.error()).fault;
    }
    if (!*own || evm::parse_hash(hash->get_ref<const std::string&>()) == *own) {
        return std::nullopt;
    }
    return Fault{
        rpc_code::kUnavailable,
        fmt::format("the node's block {} is not the index's: one of them is on a fork; ask "
                    "again",
                    *at)};
}

Outcome outcome_of(const RpcIndex& index, const Json& request, NodeAnswer answer) {
    if (answer.code != 0) {
        return {{}, Fault{answer.code, std::move(answer.message), std::move(answer.data)}, true};
    }
    const auto& method = request["method"].get_ref<const std::string&>();
    if (method == "eth_getBlockByNumber" || method == "eth_getBlockByHash") {
        if (std::optional<Fault> fork = find_fork(index, answer.result)) {
            return {{}, std::move(fork), true};
        }
    }
    return {std::move(answer.result), {}, true};
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

/// The index has no answer of its own, and the config lets a node be asked.
bool is_for_node(const RpcIndex& index, const Json& request) {
    if (index.node == nullptr || !request.is_object()) {
        return false;
    }
    const auto method = request.find("method");
    const auto params = request.find("params");
    return method != request.end() && method->is_string() && request.contains("id") &&
           (params == request.end() || params->is_array() || params->is_null()) &&
           index.node->takes(method->get_ref<const std::string&>()) &&
           std::ranges::find(kMethods, method->get_ref<const std::string&>(), &Method::name) ==
               std::end(kMethods);
}

Outcome run_own(const RpcIndex& index, const Json& request) {
    const auto method = request.find("method");
    if (method == request.end() || !method->is_string()) {
        return {{}, Fault{rpc_code::kInvalidRequest, "a request has a method, a string"}};
    }
    const auto params = request.find("params");
    if (params != request.end() && !params->is_array() && !params->is_null()) {
        return {{}, Fault{rpc_code::kInvalidParams, "params are a list"}};
    }
    const auto& name = method->get_ref<const std::string&>();
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

/// Logs that the index lacks may be the node's to tell.
Outcome run(const RpcIndex& index, const Json& request) {
    Outcome own = run_own(index, request);
    const bool is_lacking = own.fault && own.fault->is_lack && request["method"] == "eth_getLogs";
    if (!is_lacking || index.node == nullptr || !index.node->takes("eth_getLogs")) {
        return own;
    }
    std::vector<NodeAnswer> told = index.node->ask({&request}, index.now_ms, index.node_ms_max);
    return outcome_of(index, request, std::move(told[0]));
}

/// One that comes back as it was sent: what JSON's reader makes of more than 64 bits does not.
bool is_exact_number(const Json& id) {
    constexpr double kExactMax = 9007199254740992.0;  // 2^53
    return id.is_number_integer() ||
           (id.is_number_float() && std::abs(id.get<double>()) <= kExactMax);
}

/// Appends the answer; nothing for a notification. `known`: the outcome, if it is there already.
void answer_one(const RpcIndex& index, const Json& request, std::optional<Outcome> known,
                RpcAnswer& whole) {
    std::string& out = whole.body;
    const auto id = request.is_object() ? request.find("id") : request.end();
    const bool has_id = request.is_object() && id != request.end();
    Outcome outcome = known ? *std::move(known)
                      : request.is_object()
                          ? run(index, request)
                          : Outcome{{}, Fault{rpc_code::kInvalidRequest, "a request is an object"}};
    if (request.is_object() && !has_id && request.contains("method")) {
        return;  // a notification, whatever it asks
    }
    JsonWriter answer{out};
    answer.open_object().member("jsonrpc", "2.0").key("id");
    const bool is_id = has_id && (id->is_string() || is_exact_number(*id));
    if (has_id && !is_id && !id->is_null()) {
        outcome = {{},
                   Fault{rpc_code::kInvalidRequest,
                         "an id is a string, or a number that 64 bits hold exactly"}};
    }
    answer.raw(is_id ? id->dump(-1, ' ', false, Json::error_handler_t::replace) : "null");
    if (outcome.fault) {
        answer.key("error")
            .open_object()
            .member("code", outcome.fault->code)
            .member("message", outcome.fault->message);
        if (!outcome.fault->data.empty()) {
            answer.member("data", outcome.fault->data);
        }
        answer.close_object();
    } else if (outcome.logs) {
        answer.key("result").open_array();
        whole.has_index = true;
        whole.logs = std::move(outcome.logs);
        return;
    } else {
        answer.key("result").raw(outcome.result);
    }
    if (outcome.is_of_node) {
        answer.member("source", "node");
    }
    (outcome.is_of_node ? whole.has_node : whole.has_index) = true;
    answer.close_object();
}

/// Those of a batch that go to the node go together.
std::vector<std::optional<Outcome>> ask_node(const RpcIndex& index,
                                             const std::vector<const Json*>& requests) {
    std::vector<const Json*> calls;
    for (const Json* request : requests) {
        if (is_for_node(index, *request)) {
            calls.push_back(request);
        }
    }
    std::vector<std::optional<Outcome>> out(requests.size());
    if (calls.empty()) {
        return out;
    }
    std::vector<NodeAnswer> told = index.node->ask(calls, index.now_ms, index.node_ms_max);
    for (size_t i = 0, next = 0; i < requests.size() && next < calls.size(); ++i) {
        if (requests[i] == calls[next]) {
            out[i] = outcome_of(index, *requests[i], std::move(told[next++]));
        }
    }
    return out;
}

}  // namespace

std::string rpc_error(int code, std::string_view message) {
    std::string out;
    JsonWriter answer{out};
    answer.open_object().member("jsonrpc", "2.0").key("id").null().key("error").open_object();
    answer.member("code", code).member("message", message).close_object().close_object();
    return out;
}

RpcAnswer answer_rpc(RpcIndex index, std::string_view body) {
    const auto refuse = [](int code, std::string_view message) {
        return RpcAnswer{rpc_error(code, message), true, false};
    };
    const Json request = Json::parse(body, nullptr, false);
    if (request.is_discarded()) {
        return refuse(rpc_code::kParse, "the body is no JSON");
    }
    if (request.is_array() && (request.empty() || request.size() > kRpcBatchMax)) {
        return refuse(rpc_code::kInvalidRequest,
                      fmt::format("a batch has 1 to {} requests", kRpcBatchMax));
    }
    std::vector<const Json*> requests;
    if (request.is_array()) {
        index.may_stream = false;
        std::ranges::transform(request, std::back_inserter(requests),
                               [](const Json& one) { return &one; });
    } else {
        requests.push_back(&request);
    }
    std::vector<std::optional<Outcome>> known = ask_node(index, requests);
    RpcAnswer out;
    for (size_t i = 0; i < requests.size(); ++i) {
        const size_t before = out.body.size();
        answer_one(index, *requests[i], std::move(known[i]), out);
        if (request.is_array() && out.body.size() > before) {
            out.body.insert(before, before == 0 ? "[" : ",");
        }
        if (request.is_array() && out.body.size() > LogSource::kBytesMax) {
            return refuse(rpc_code::kLimit,
                          "the answers of this batch are too large: ask for less in one");
        }
    }
    if (request.is_array() && !out.body.empty()) {
        out.body += ']';
    }
    return out;
}

}  // namespace plumbline::api
