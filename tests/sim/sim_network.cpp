#include "tests/sim/sim_network.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "core/base/check.hpp"
#include "core/evm/block_gap.hpp"
#include "core/evm/bloom.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"

namespace plumbline::sim {

namespace {

using nlohmann::json;

std::string error_json(int64_t code, const std::string& message) {
    return json{{"code", code}, {"message", message}}.dump();
}

std::string failed(int64_t code, const std::string& message) {
    return "\"error\":" + error_json(code, message);
}

std::string succeeded(const std::string& result) {
    return "\"result\":" + result;
}

uint64_t number_of(const json& value) {
    return evm::parse_quantity(value.get<std::string>()).value_or(0);
}

std::string too_many_blocks(unsigned words, uint64_t cap) {
    switch (words % 4) {
        case 0: return failed(-32602, fmt::format("exceed maximum block range {}", cap));
        case 1: return failed(-32005, "Requested range exceeds maximum RPC range limit");
        case 2: return failed(-32602, fmt::format("query exceeds max block range {}", cap));
        default: return failed(-32000, "block range is too wide");
    }
}

std::string too_many_results(unsigned words, uint64_t cap, uint64_t from, uint64_t good_to) {
    switch (words % 3) {
        case 0:
            return failed(
                -32005,
                fmt::format(
                    "query returned more than {} results. Try with this block range [{}, {}].", cap,
                    evm::to_quantity(from), evm::to_quantity(good_to)));
        case 1:
            return failed(-32000, fmt::format("logs matched by query exceeds limit of {}", cap));
        default:
            return failed(
                -32602, fmt::format("query exceeds max results {}, retry with the range {}-{}", cap,
                                    from, good_to));
    }
}

std::string beyond_head(unsigned words) {
    return words % 2 == 0 ? failed(-32602, "block range extends beyond current head block")
                          : failed(-32000,
                                   "One of the blocks specified in filter (fromBlock, toBlock or "
                                   "blockHash) cannot be found.");
}

struct Text {
    int64_t code;
    const char* message;
};
constexpr std::array<Text, 12> kSpurious{{
    {-32000, "header not found"},
    {-32000, "under too much load"},
    {-32011, "no backend is currently healthy to serve traffic"},
    {-32000, "missing trie node 1c1c (path ) state 0x1c1c is not available"},
    {-32016, "rate limit exceeded"},
    {429, "Your app has exceeded its compute units per second capacity."},
    {-32603, "Internal error"},
    {-32000, "query timeout exceeded"},
    {-32000, "No server available"},
    {-32007, "100/second request limit reached"},
    {-32000, "something that nobody has ever seen"},
    {-32005, "limit exceeded"},
}};

/// State syncs too, which a node may leave out of eth_getBlockReceipts: as bor has it.
std::string with_txns(std::string header, const SimBlock& block) {
    return header.insert(header.size() - 2, block.txns_json);  // before "]}"
}

bool is_structural(char c) {
    return c == '{' || c == '}' || c == '[' || c == ']' || c == ',' || c == ':' || c == '"';
}

}  // namespace

std::optional<evm::Hash> hub_answer(const SimBlock& block, const std::string& input) {
    evm::Hash said = evm::keccak256(evm::to_hex(block.header.hash) + input);
    if (!input.starts_with(evm::to_hex(evm::keccak256("price(address)")).substr(0, 10))) {
        std::fill_n(said.bytes.begin(), 12, uint8_t{0});  // an address
        return said;
    }
    return said.bytes[0] % 4 == 0 ? std::nullopt : std::optional{said};
}

struct SimNetwork::Asked {
    std::vector<uint64_t> headers;  ///< whose header comes with the logs
    size_t log_calls = 0;
    bool names_addresses = false;
    bool names_events = false;
};

void SimNetwork::add(const NodeOptions& options, const SimChain* chain) {
    nodes_.push_back({options, chain != nullptr ? chain : &chain_, false});
}

void SimNetwork::calm_down() {
    for (Node& node : nodes_) {
        node.is_calm = true;
        node.options.lag_ms = 0;
        node.options.other_lag_ms = -1;
        node.options.down_from_ms = -1;
    }
}

void SimNetwork::count(const Node& node, Fault fault, const std::string& what) {
    counts_.add(fault);
    if (on_fault) {
        on_fault(fmt::format("{} {} {}: {} {}", clock_.monotonic_ms(), "node", node.options.url,
                             kFaultNames[static_cast<size_t>(fault)], what));
    }
}

uint64_t SimNetwork::submit(rpc::HttpRequest request) {
    const auto found =
        std::ranges::find(nodes_, request.url, [](const Node& node) { return node.options.url; });
    PLUMBLINE_CHECK(found != nodes_.end());
    const Node& node = *found;
    Pending pending;
    pending.node = static_cast<size_t>(found - nodes_.begin());
    int64_t wait =
        static_cast<int64_t>(random_.between(static_cast<uint64_t>(node.options.latency_ms_min),
                                             static_cast<uint64_t>(node.options.latency_ms_max)));
    const int64_t now = clock_.monotonic_ms();
    if (node.options.down_from_ms >= 0 && now >= node.options.down_from_ms &&
        now < node.options.down_to_ms) {
        pending.is_decided = true;
        pending.early.error = rpc::TransportError::kUnreachable;
        pending.early.error_text = "connection refused";
        count(node, Fault::kDown);
    } else if (hits(node, node.options.transport_faults)) {
        pending.is_decided = true;
        switch (random_.below(4)) {
            case 0:
                pending.early.error = rpc::TransportError::kTimeout;
                wait = request.timeout_ms;
                count(node, Fault::kTimeout);
                break;
            case 1:
                pending.early.error = rpc::TransportError::kUnreachable;
                pending.early.error_text = "connection refused";
                count(node, Fault::kUnreachable);
                break;
            case 2:
                pending.early.error = rpc::TransportError::kCut;
                pending.early.error_text = "connection reset";
                count(node, Fault::kCut);
                break;
            default:
                pending.is_decided = false;
                wait += static_cast<int64_t>(random_.between(1'000, 25'000));
                count(node, Fault::kDelay);
                break;
        }
    }
    if (!pending.is_decided && wait >= request.timeout_ms) {
        pending.is_decided = true;
        pending.early.error = rpc::TransportError::kTimeout;
        wait = request.timeout_ms;
    }
    pending.due_ms = now + std::max<int64_t>(wait, 1);
    pending.request = std::move(request);
    const uint64_t id = next_id_++;
    pending_.emplace(id, std::move(pending));
    return id;
}

void SimNetwork::poll(int64_t wait_ms, std::vector<rpc::HttpCompletion>& completions) {
    const int64_t now = clock_.monotonic_ms();
    int64_t until = now + std::max<int64_t>(wait_ms, 0);
    for (const auto& [id, pending] : pending_) {
        until = std::min(until, std::max(pending.due_ms, now));
    }
    clock_.advance(until - now);
    for (auto it = pending_.begin(); it != pending_.end();) {
        if (it->second.due_ms > until) {
            ++it;
            continue;
        }
        Pending pending = std::move(it->second);
        rpc::HttpCompletion completion = std::move(pending.early);
        if (on_request) {
            on_request(fmt::format("{} {} {}", until, pending.request.url, pending.request.body));
        }
        if (!pending.is_decided) {
            serve(nodes_[pending.node], pending.request, completion);
        }
        completion.id = it->first;
        completions.push_back(std::move(completion));
        it = pending_.erase(it);
    }
}

void SimNetwork::serve(Node& node, const rpc::HttpRequest& request, rpc::HttpCompletion& out) {
    const NodeOptions& options = node.options;
    out.status = 200;
    std::string body;
    if (hits(node, options.http_faults)) {
        switch (random_.below(4)) {
            case 0:
                out.status = random_.chance(0.5) ? 503 : 502;
                body = "<html><body><h1>503 Service Unavailable</h1></body></html>";
                count(node, Fault::kHttp5xx);
                break;
            case 1:
                out.status = 429;
                if (random_.chance(0.7)) {
                    out.retry_after_ms = static_cast<int64_t>(random_.between(1, 20)) * 1000;
                }
                body =
                    random_.chance(0.5)
                        ? ""
                        : R"({"jsonrpc":"2.0","error":{"code":429,"message":"Too Many Requests"}})";
                count(node, Fault::kHttp429);
                break;
            case 2:
                body =
                    R"({"jsonrpc":"2.0","id":null,"error":{"code":-32005,"message":"project ID request rate exceeded"}})";
                count(node, Fault::kBody429);
                break;
            default:
                body = "<html><head><title>Just a moment...</title></head></html>";
                count(node, Fault::kHtml);
                break;
        }
    } else {
        int64_t lag = options.lag_ms;
        if (options.other_lag_ms >= 0 && random_.chance(0.5)) {
            lag = options.other_lag_ms;
        }
        const ChainView view = node.chain->view(std::max<int64_t>(0, clock_.monotonic_ms() - lag));
        body = answer_batch(node, json::parse(request.body), view);
        if (hits(node, options.body_faults)) {
            spoil_body(node, body);
        }
    }
    out.body.reserve(body.size() + rpc::kBodyPadding);
    out.body.assign(body.begin(), body.end());
}

void SimNetwork::spoil_body(Node& node, std::string& body) {
    switch (random_.below(4)) {
        case 0:
            count(node, Fault::kTruncated);
            body.resize(random_.below(body.size()));
            break;
        case 1: {
            count(node, Fault::kMalformed);
            // One structural character is gone: no reading of what is left is JSON.
            size_t at = random_.below(body.size());
            while (!is_structural(body[at])) {
                at = (at + 1) % body.size();
            }
            body.erase(at, 1);
            break;
        }
        case 2: {
            const size_t at = body.find("\"id\":");
            if (at != std::string::npos) {
                count(node, Fault::kWrongId);
                body.insert(at + 5, random_.chance(0.5) ? "9" : "-");
            }
            break;
        }
        default:
            count(node, Fault::kEmptyBody);
            body.clear();
            break;
    }
}

std::string SimNetwork::answer_batch(Node& node, const json& body, const ChainView& view) {
    const auto one = [&](const json& call, const Asked& asked) {
        return R"({"jsonrpc":"2.0","id":)" + call["id"].dump() + "," +
               answer(node, call, view, asked) + "}";
    };
    const auto note = [](Asked& asked, const json& call) {
        if (call["method"] == "eth_getLogs") {
            ++asked.log_calls;
        } else if (call["method"] == "eth_getBlockByNumber" &&
                   call["params"][0].get<std::string>().starts_with("0x")) {
            asked.headers.push_back(number_of(call["params"][0]));
        }
    };
    Asked asked;
    if (!body.is_array()) {
        note(asked, body);
        return one(body, asked);
    }
    if (body.size() > node.options.batch_cap) {
        count(node, Fault::kCap, "batch");
        return "{\"jsonrpc\":\"2.0\",\"id\":null," +
               failed(-32600, node.options.words % 2 == 0
                                  ? "batch too large"
                                  : fmt::format("batch size of {} exceeds the maximum of {}",
                                                body.size(), node.options.batch_cap)) +
               "}";
    }
    for (const json& call : body) {
        note(asked, call);
    }
    std::vector<std::string> parts;
    for (const json& call : body) {
        parts.push_back(one(call, asked));
    }
    if (random_.chance(0.3)) {
        std::ranges::reverse(parts);  // the order is free
    }
    std::string out = "[";
    for (const std::string& part : parts) {
        out += (out.size() == 1 ? "" : ",") + part;
    }
    return out + "]";
}

std::string SimNetwork::answer(Node& node, const json& call, const ChainView& view,
                               const Asked& asked) {
    const std::string method = call["method"];
    const json& params = call["params"];
    if (hits(node, node.options.refusals)) {
        const Text& text = kSpurious[random_.below(kSpurious.size())];
        count(node, Fault::kRefusal, text.message);
        return failed(text.code, text.message);
    }
    // Not of block 0: who has not got it is believed, and chains are told apart by their id alone.
    const bool is_genesis = method == "eth_getBlockByNumber" && params[0] == "0x0";
    if (!is_genesis && hits(node, node.options.nulls)) {
        count(node, Fault::kNull, method);
        return succeeded("null");
    }
    if (method == "eth_chainId") {
        return succeeded("\"" + evm::to_quantity(node.chain->chain_id()) + "\"");
    }
    const auto by_hash = [&](const json& text) -> const SimBlock* {
        const SimBlock* block = node.chain->find(*evm::parse_hash(text.get<std::string>()));
        if (block == nullptr || (!view.has(*block) && !(node.options.keeps_side_blocks &&
                                                        block->header.block_num <= view.head))) {
            return nullptr;
        }
        return block;
    };
    if (method == "eth_getBlockByNumber") {
        const std::string at = params[0];
        if (at == "finalized" && !node.options.has_finalized) {
            return failed(-32602, "invalid argument 0: hex string without 0x prefix");
        }
        const uint64_t num = at == "latest"      ? view.head
                             : at == "finalized" ? view.finalized
                                                 : number_of(params[0]);
        const SimBlock* block = view.at(num);
        while (block != nullptr && at == "finalized" && evm::is_gap(block->header)) {
            block = block->parent;
        }
        if (block != nullptr && evm::is_gap(block->header)) {
            return node.options.words % 2 == 0
                       ? succeeded("null")
                       : failed(12, fmt::format("the round of height {} came to nothing", num));
        }
        if (block == nullptr) {
            count(node, Fault::kBehind, at);
            return succeeded("null");
        }
        if (!node.chain->view(clock_.monotonic_ms()).has(*block)) {
            count(node, Fault::kOtherFork, at);
        }
        return succeeded(tell_header(node, *block));
    }
    if (method == "eth_getBlockByHash") {
        const SimBlock* block = by_hash(params[0]);
        return succeeded(block == nullptr ? "null" : with_txns(tell_header(node, *block), *block));
    }
    if (method == "eth_getBlockReceipts") {
        if (!node.options.has_receipts) {
            return failed(-32601,
                          "the method eth_getBlockReceipts does not exist/is not available");
        }
        const SimBlock* block = by_hash(params[0].is_object() ? params[0]["blockHash"] : params[0]);
        return succeeded(block == nullptr ? "null" : answer_receipts(node, *block));
    }
    if (method == "eth_getTransactionReceipt") {
        const SimBlock* block =
            node.chain->find_txn(*evm::parse_hash(params[0].get<std::string>()));
        if (block == nullptr || !view.has(*block)) {
            return succeeded("null");
        }
        for (const json& receipt : json::parse(block->receipts_json)) {
            if (receipt["transactionHash"] == params[0]) {
                return succeeded(receipt.dump());
            }
        }
        return succeeded("null");
    }
    if (method == "eth_getTransactionByHash") {
        const evm::Hash hash = *evm::parse_hash(params[0].get<std::string>());
        const SimBlock* block = node.chain->find_txn(hash);
        if (block == nullptr || !view.has(*block)) {
            return succeeded("null");
        }
        return succeeded(fmt::format(R"({{"hash":"{}","from":"{}","to":"{}","value":"{}"}})",
                                     evm::to_hex(hash),
                                     evm::to_hex(evm::Address::from(hash.view().first(20))),
                                     evm::to_hex(hub_address()), evm::to_quantity(hash.bytes[0])));
    }
    if (method == "eth_getLogs") {
        return answer_logs(node, params[0], view, asked);
    }
    if (method == "eth_call") {
        return answer_call(params, by_hash, view);
    }
    return failed(-32601, "the method " + method + " does not exist/is not available");
}

/// No programs: every call by itself.
std::string SimNetwork::answer_call(const json& params,
                                    const std::function<const SimBlock*(const json&)>& by_hash,
                                    const ChainView& view) {
    if (!params[0].contains("to") || params.size() > 2) {
        return failed(-32602, "invalid argument 0: missing field to");
    }
    const SimBlock* block =
        params[1].is_object() ? by_hash(params[1]["blockHash"]) : view.at(number_of(params[1]));
    if (block == nullptr || evm::is_gap(block->header)) {
        return failed(-32000, "header not found");
    }
    const std::string input = params[0].contains("input") ? params[0]["input"] : params[0]["data"];
    const std::optional<evm::Hash> said = hub_answer(*block, input);
    return said ? succeeded("\"" + evm::to_hex(*said) + "\"")
                : R"("error":{"code":3,"message":"execution reverted","data":"0x"})";
}

/// Block 0 is what chains are told apart by, and no rule makes its hash.
std::string SimNetwork::tell_header(Node& node, const SimBlock& block) {
    if (block.header.block_num == 0 || !hits(node, node.options.header_lies)) {
        return block.json;
    }
    count(node, Fault::kHeaderLie, fmt::format("block {}", block.header.block_num));
    evm::Header header = block.header;
    switch (random_.below(3)) {
        case 0: header.timestamp += random_.between(1, 1'000); break;
        case 1: header.receipts_root = evm::keccak256("root"); break;
        default: header.parent_hash = evm::keccak256("parent"); break;
    }
    return header_json(header);
}

std::string SimNetwork::answer_receipts(Node& node, const SimBlock& block) {
    const std::string& truth =
        node.options.gives_state_syncs ? block.receipts_json : block.rooted_json;
    const size_t data = block.rooted_logs == 0 ? std::string::npos : truth.find("\"data\":\"0x0");
    if (data == std::string::npos || !hits(node, node.options.receipt_lies)) {
        return truth;
    }
    count(node, Fault::kReceiptLie, fmt::format("block {}", block.header.block_num));
    std::string lie = truth;
    lie[data + std::string_view{"\"data\":\"0x"}.size()] = '1';
    return lie;
}

std::string SimNetwork::answer_logs(Node& node, const json& filter, const ChainView& view,
                                    const Asked& asked) {
    const NodeOptions& options = node.options;
    uint64_t from = 0;
    uint64_t to = 0;
    const SimBlock* only = nullptr;
    if (filter.contains("blockHash")) {
        only = node.chain->find(*evm::parse_hash(filter["blockHash"].get<std::string>()));
        if (only == nullptr || (!view.has(*only) && !(options.keeps_side_blocks &&
                                                      only->header.block_num <= view.head))) {
            return failed(-32000, "unknown block");
        }
        from = to = only->header.block_num;
    } else {
        from = number_of(filter["fromBlock"]);
        to = number_of(filter["toBlock"]);
        if (to > view.head) {
            count(node, Fault::kBehind);
            if (options.beyond_head_is_error) {
                return beyond_head(options.words);
            }
        }
        if (to - from + 1 > options.blocks_cap) {
            count(node, Fault::kCap, "blocks");
            return too_many_blocks(options.words, options.blocks_cap);
        }
    }
    std::vector<evm::Address> addresses;
    if (filter.contains("address")) {
        if (filter["address"].is_string()) {
            addresses.push_back(*evm::parse_address(filter["address"].get<std::string>()));
        } else {
            for (const json& one : filter["address"]) {
                addresses.push_back(*evm::parse_address(one.get<std::string>()));
            }
        }
    }
    if (addresses.size() > options.addresses_cap) {
        count(node, Fault::kCap, "addresses");
        return failed(-32000, options.words % 2 == 0
                                  ? "exceed max addresses or topics per search position"
                                  : fmt::format("too many addresses in filter, maximum is {}",
                                                options.addresses_cap));
    }
    std::vector<evm::Hash> topics;
    if (filter.contains("topics") && !filter["topics"].empty()) {
        const json& first = filter["topics"][0];
        if (first.is_string()) {
            topics.push_back(*evm::parse_hash(first.get<std::string>()));
        } else {
            for (const json& one : first) {
                topics.push_back(*evm::parse_hash(one.get<std::string>()));
            }
        }
    }
    std::vector<std::pair<const SimBlock*, size_t>> found;
    std::vector<std::string> texts;
    uint64_t good_to = from;
    for (uint64_t num = from; num <= std::min(to, view.head); ++num) {
        const SimBlock* block = only != nullptr ? only : view.at(num);
        for (size_t i = 0; i < block->logs.logs.size(); ++i) {
            const evm::Log& log = block->logs.logs[i];
            if ((addresses.empty() ||
                 std::ranges::find(addresses, log.address) != addresses.end()) &&
                (topics.empty() || std::ranges::find(topics, log.topics[0]) != topics.end())) {
                found.emplace_back(block, i);
                texts.push_back(block->logs_json[i]);
            }
        }
        if (found.size() <= options.results_cap) {
            good_to = num;
        }
    }
    if (only == nullptr && found.size() > options.results_cap) {
        count(node, Fault::kCap, "results");
        return too_many_results(options.words, options.results_cap, from, good_to);
    }
    if (!node.is_calm && only == nullptr) {
        Asked known = asked;
        if (addresses.size() > 32) {
            known.log_calls = SIZE_MAX;  // Such blooms say nothing.
        }
        known.names_addresses = !addresses.empty();
        known.names_events = !topics.empty();
        spoil_logs(node, found, texts, known, from, to);
    }
    std::string out = "[";
    for (const std::string& text : texts) {
        out += (out.size() == 1 ? "" : ",") + text;
    }
    return succeeded(out + "]");
}

void SimNetwork::spoil_logs(Node& node, std::vector<std::pair<const SimBlock*, size_t>>& found,
                            std::vector<std::string>& texts, const Asked& asked, uint64_t from,
                            uint64_t to) {
    const NodeOptions& options = node.options;
    const auto log_at = [&](size_t i) -> const evm::Log& {
        return found[i].first->logs.logs[found[i].second];
    };
    const auto data_at = [&](size_t i) { return found[i].first->logs.data(log_at(i)); };
    const auto where = [&](size_t i) {
        return fmt::format("block {} log {}", log_at(i).block_num, log_at(i).log_index);
    };
    if (found.empty()) {
        return;
    }
    const size_t pick = random_.below(found.size());
    if (found[pick].second >= found[pick].first->rooted_logs) {
        return;  // No bloom has it, so that nothing tells of lies about it.
    }
    if (hits(node, options.wrong_answers)) {
        switch (random_.below(5)) {
            case 0:
                count(node, Fault::kDoubled, where(pick));
                texts.insert(texts.begin() + static_cast<std::ptrdiff_t>(pick),
                             std::string{texts[pick]});
                return;
            case 1:
                // Lists of several address chunks are put in order by whoever joins them.
                if (texts.size() > 1 && asked.log_calls == 1) {
                    const size_t next = pick + 1 < texts.size() ? pick + 1 : pick - 1;
                    count(node, Fault::kReordered, where(pick));
                    std::swap(texts[pick], texts[next]);
                }
                return;
            case 2:
                count(node, Fault::kRemoved, where(pick));
                texts[pick] = log_json(log_at(pick), data_at(pick), true);
                return;
            case 3: {
                evm::Log log = log_at(pick);
                log.block_num = random_.chance(0.5) ? to + 1 : from - std::min<uint64_t>(from, 1);
                if (log.block_num >= from && log.block_num <= to) {
                    return;
                }
                count(node, Fault::kOutside, where(pick));
                texts[pick] = log_json(log, data_at(pick));
                return;
            }
            default: {
                evm::Log log = log_at(pick);
                log.block_hash = evm::keccak256("wrong" + std::to_string(random_.next()));
                count(node, Fault::kBlockHash, where(pick));
                texts[pick] = log_json(log, data_at(pick));
                return;
            }
        }
    }
    const bool has_power = asked.log_calls == 1;
    const auto left_of_block = [&](auto&& same) {
        size_t left = 0;
        for (size_t i = 0; i < found.size(); ++i) {
            left += i != pick && found[i].first == found[pick].first && same(log_at(i)) ? 1U : 0U;
        }
        return left;
    };
    const uint64_t block_num = log_at(pick).block_num;
    const bool header_comes = std::ranges::find(asked.headers, block_num) != asked.headers.end();
    const bool all_headers = asked.headers.size() == to - from + 1 && to > from;
    const size_t left = left_of_block([](const evm::Log&) { return true; });
    // The bloom is only asked for what the question names.
    const bool kind_is_gone =
        (asked.names_events && left_of_block([&](const evm::Log& log) {
                                   return log.topics[0] == log_at(pick).topics[0];
                               }) == 0) ||
        (asked.names_addresses && left_of_block([&](const evm::Log& log) {
                                      return log.address == log_at(pick).address;
                                  }) == 0);
    const auto drop = [&](Fault fault) {
        count(node, fault, where(pick));
        texts.erase(texts.begin() + static_cast<std::ptrdiff_t>(pick));
    };
    if (has_power && hits(node, options.lies)) {
        switch (random_.below(3)) {
            case 0:
                if ((left == 0 && header_comes) || (all_headers && kind_is_gone)) {
                    drop(Fault::kDropped);
                }
                return;
            case 1: {
                evm::Log log = log_at(pick);
                const size_t topic = log.topic_count > 1 ? 1 : 0;
                log.topics[topic] = evm::keccak256("altered" + std::to_string(random_.next()));
                if (topic == 0 ||
                    !evm::may_contain(found[pick].first->header.logs_bloom, log.topics[topic])) {
                    count(node, Fault::kAltered, where(pick));
                    texts[pick] = log_json(log, data_at(pick));
                }
                return;
            }
            default: {
                evm::Log log = log_at(pick);
                if (pick + 1 < found.size() && found[pick + 1].first == found[pick].first) {
                    return;  // Only behind the block's last one, so that the order stays.
                }
                log.log_index += 1 + static_cast<uint32_t>(random_.below(3));
                log.topics[log.topic_count == 1 ? 1 : log.topic_count - 1] =
                    evm::keccak256("invented" + std::to_string(random_.next()));
                log.topic_count = std::max<uint8_t>(log.topic_count, 2);
                if (!evm::may_contain(found[pick].first->header.logs_bloom,
                                      log.topics[log.topic_count - 1])) {
                    count(node, Fault::kInvented, where(pick));
                    texts.insert(texts.begin() + static_cast<std::ptrdiff_t>(pick) + 1,
                                 log_json(log, data_at(pick)));
                }
                return;
            }
        }
    }
    if (has_power && left > 0 && kind_is_gone && hits(node, options.weak_lies)) {
        drop(Fault::kDroppedWeak);
        return;
    }
    if (block_num <= options.hidden_lies_to && hits(node, options.hidden_lies)) {
        evm::Log log = log_at(pick);
        Bytes data{data_at(pick).begin(), data_at(pick).end()};
        if (data.size() == 32) {
            data.back() ^= 1U;
            count(node, Fault::kHidden, where(pick));
            texts[pick] = log_json(log, data);
        }
    }
}

}  // namespace plumbline::sim
