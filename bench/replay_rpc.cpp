#include "bench/replay_rpc.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/evm/hex.hpp"

namespace plumbline::bench {

using nlohmann::json;

namespace {

constexpr std::string_view kCountersMethod = "replay_counters";

std::string refuse(int code, std::string_view message) {
    return json{{"code", code}, {"message", message}}.dump();
}

bool wants_contract(const json& address) {
    if (address.is_null()) {
        return true;
    }
    for (const json& one : address.is_array() ? address : json::array({address})) {
        std::string text = one.is_string() ? one.get<std::string>() : "";
        std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
        if (text == kContractAddress) {
            return true;
        }
    }
    return false;
}

double processor_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

size_t ReplayBody::size() const noexcept {
    size_t out = 0;
    for (const std::string_view part : parts) {
        out += part.size();
    }
    return out;
}

void ReplayRpc::answer(const std::string& request_text, ReplayBody& body) {
    const json request = json::parse(request_text, nullptr, false);
    if (request.is_object()) {
        answer_one(request, body);
    } else if (request.is_array() && !request.empty()) {
        body.add("[");
        for (size_t i = 0; i < request.size(); ++i) {
            if (i > 0) {
                body.add(",");
            }
            answer_one(request[i], body);
        }
        body.add("]");
    } else {
        body.add(R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse error"}})");
    }
    if (!request.is_object() || request.value("method", "") != kCountersMethod) {
        ++requests_;
        bytes_received_ += request_text.size();
        bytes_sent_ += body.size();
    }
}

void ReplayRpc::answer_one(const json& request, ReplayBody& body) {
    const std::string id = request.value("id", json(nullptr)).dump();
    const std::string method = request.value("method", "");
    const json params = request.value("params", json::array());
    body.add("{\"jsonrpc\":\"2.0\",\"id\":" + id + ",\"result\":");
    const size_t mark = body.parts.size() - 1;
    if (const auto error = result(method, params, body)) {
        body.parts.resize(mark);
        body.add("{\"jsonrpc\":\"2.0\",\"id\":" + id + ",\"error\":" + *error);
    }
    body.add("}");
    if (method != kCountersMethod) {
        ++calls_[method];
    }
}

std::optional<std::string> ReplayRpc::result(const std::string& method, const json& params,
                                             ReplayBody& body) const {
    const json first = params.empty() ? json() : params[0];
    if (method == "eth_chainId") {
        body.add(fmt::format("\"{}\"", evm::to_quantity(kChainId)));
    } else if (method == "net_version") {
        body.add(fmt::format("\"{}\"", kChainId));
    } else if (method == "web3_clientVersion") {
        body.add("\"plumbline-replay/1\"");
    } else if (method == "eth_blockNumber") {
        body.add(fmt::format("\"{}\"", evm::to_quantity(chain_.head())));
    } else if (method == "eth_getBlockByNumber" || method == "eth_getBlockByHash") {
        const auto num = block_of(first);
        const bool full = params.size() > 1 && params[1] == json(true);
        body.add(num ? chain_.block_json(*num, full) : "null");
    } else if (method.ends_with("Receipt") || method.ends_with("Receipts")) {
        return receipts(method, first, body);
    } else if (method == "eth_getLogs") {
        return logs(first.is_null() ? json::object() : first, body);
    } else if (method == kCountersMethod) {
        body.add(counters_json());
    } else {
        return refuse(-32601, "the method " + method + " does not exist");
    }
    return std::nullopt;
}

std::optional<std::string> ReplayRpc::receipts(const std::string& method, const json& param,
                                               ReplayBody& body) const {
    if (!chain_.has_receipts()) {
        return refuse(-32601, "this chain was made without receipts");
    }
    if (method == "eth_getTransactionReceipt") {
        const auto hash = evm::parse_hash(param.is_string() ? param.get<std::string>() : "");
        body.add(hash ? chain_.receipt_json(*hash) : "null");
    } else if (method == "eth_getBlockReceipts") {
        const auto num = block_of(param);
        body.add(num ? chain_.receipts_json(*num) : "null");
    } else {
        return refuse(-32601, "the method " + method + " does not exist");
    }
    return std::nullopt;
}

std::optional<std::string> ReplayRpc::logs(const json& filter, ReplayBody& body) const {
    uint64_t from = 0;
    uint64_t to = chain_.head();
    if (filter.contains("blockHash")) {
        const auto num = block_of(filter["blockHash"]);
        if (!num) {
            return refuse(-32000, "unknown block");
        }
        from = to = *num;
    } else {
        from = block_of(filter.value("fromBlock", json("latest"))).value_or(chain_.head() + 1);
        to = std::min(block_of(filter.value("toBlock", json("latest"))).value_or(chain_.head()),
                      chain_.head());
    }
    if (from > chain_.head()) {
        return refuse(-32602, "block range extends beyond current head block");
    }
    if (from > to) {
        return refuse(-32602, "invalid block range params");
    }
    if (to - from + 1 > limits_.max_blocks) {
        return refuse(-32602, fmt::format("query exceeds max block range {}", limits_.max_blocks));
    }
    if (chain_.log_count(from, to) > limits_.max_results) {
        return refuse(-32005,
                      fmt::format("query returned more than {} results", limits_.max_results));
    }
    body.add("[");
    if (wants_contract(filter.value("address", json()))) {
        body.add_slice(chain_.logs_json(from, to));
    }
    body.add("]");
    return std::nullopt;
}

std::optional<uint64_t> ReplayRpc::block_of(const json& value) const {
    if (value.is_object()) {
        return block_of(value.value("blockHash", json()));
    }
    if (!value.is_string()) {
        return std::nullopt;
    }
    const std::string text = value.get<std::string>();
    if (text == "latest" || text == "pending") {
        return chain_.head();
    }
    if (text == "finalized" || text == "safe") {
        return chain_.head() > 32 ? chain_.head() - 32 : 0;
    }
    if (text == "earliest") {
        return 0;
    }
    if (const auto hash = evm::parse_hash(text)) {
        return chain_.find_block(*hash);
    }
    const auto number = evm::parse_quantity(text);
    return number && *number <= chain_.head() ? number : std::nullopt;
}

std::string ReplayRpc::counters_json() const {
    return json{{"requests", requests_},
                {"bytes_received", bytes_received_},
                {"bytes_sent", bytes_sent_},
                {"calls", calls_},
                {"processor_seconds", processor_seconds()}}
        .dump();
}

}  // namespace plumbline::bench
