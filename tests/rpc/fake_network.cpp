#include "tests/rpc/fake_network.hpp"

#include <algorithm>

#include "core/evm/bloom.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "core/evm/receipt.hpp"
#include "core/evm/trie.hpp"

namespace plumbline::rpc::test {

namespace {

constexpr uint64_t kGasPerTxn = 21'000;

}  // namespace

evm::Address make_address(uint8_t tag) {
    evm::Address out;
    out.bytes.fill(tag);
    return out;
}

evm::Hash make_topic(uint8_t tag) {
    evm::Hash out;
    out.bytes.fill(tag);
    return out;
}

FakeChain::FakeChain(uint64_t head, uint8_t fork) : fork_{fork} {
    blocks.resize(head + 1);
    for (uint64_t num = 0; num <= head; ++num) {
        blocks[num].header.block_num = num;
        blocks[num].header.timestamp = 1'700'000'000 + num;
    }
    seal(0);
}

void FakeChain::seal(uint64_t from) {
    for (uint64_t num = from; num < blocks.size(); ++num) {
        Block& block = blocks[num];
        if (gaps.contains(num)) {
            block = {};
            block.header.block_num = num;
            continue;
        }
        std::string text = "block " + std::to_string(num) + " fork " + std::to_string(fork_) +
                           " logs " + std::to_string(block.logs.size());
        if (num > 0) {
            uint64_t before = num - 1;
            while (gaps.contains(before)) {
                --before;
            }
            block.header.parent_hash = blocks[before].header.hash;
            text += evm::to_hex(block.header.parent_hash);
        }
        block.header.hash = is_provable_ ? provable_hash(block) : evm::keccak256(text);
        for (evm::Log& log : block.logs) {
            log.block_hash = block.header.hash;
        }
    }
}

void FakeChain::make_provable() {
    is_provable_ = true;
    seal(0);
}

/// Sets its receipts root as well.
evm::Hash FakeChain::provable_hash(Block& block) const {
    evm::ReceiptBatch batch;
    for (size_t i = 0; i < block.logs.size(); ++i) {
        const evm::Log& log = block.logs[i];
        if (batch.receipts.size() == log.txn_index) {
            evm::Receipt receipt;
            receipt.type = 2;
            receipt.status = true;
            receipt.cumulative_gas_used = kGasPerTxn * (log.txn_index + 1);
            receipt.log_begin = static_cast<uint32_t>(i);
            batch.receipts.push_back(receipt);
        }
        ++batch.receipts.back().log_count;
        batch.logs.push(log, block.data[i]);
    }
    block.header.receipts_root =
        batch.receipts.empty() ? evm::kEmptyTrieRoot : evm::ReceiptsProver{}.compute(batch)->root;
    block.header.extra_data = {fork_};
    return evm::compute_hash(block.header);
}

void FakeChain::add_log(uint64_t block_num, uint8_t address_tag, uint8_t topic_tag, bool seal_now) {
    Block& block = blocks[block_num];
    evm::Log log;
    log.block_num = block_num;
    log.log_index = static_cast<uint32_t>(block.logs.size());
    log.txn_index = log.log_index / 2;
    log.txn_hash =
        evm::keccak256("txn " + std::to_string(block_num) + "/" + std::to_string(log.txn_index));
    log.address = make_address(address_tag);
    log.topic_count = 2;
    log.topics[0] = make_topic(topic_tag);
    log.topics[1] = make_topic(static_cast<uint8_t>(log.log_index));
    evm::add(block.header.logs_bloom, log);
    block.logs.push_back(log);
    block.data.push_back(Bytes(32, topic_tag));
    if (seal_now) {
        seal(block_num);
    }
}

void FakeChain::set_bloom(uint64_t block_num, const evm::Bloom& bloom) {
    blocks[block_num].header.logs_bloom = bloom;
}

json rpc_error(int64_t code, const std::string& message, const json& data) {
    json error{{"code", code}, {"message", message}};
    if (!data.is_null()) {
        error["data"] = data;
    }
    return json{{"error", error}};
}

HttpCompletion http_status(int status, const std::string& body) {
    HttpCompletion out;
    out.status = status;
    const ByteView bytes = as_bytes(body);
    out.body.assign(bytes.begin(), bytes.end());
    return out;
}

HttpCompletion transport_error(TransportError error) {
    HttpCompletion out;
    out.error = error;
    out.error_text = "scripted failure";
    return out;
}

json header_json(const evm::Header& header) {
    return json{{"number", evm::to_quantity(header.block_num)},
                {"hash", evm::to_hex(header.hash)},
                {"parentHash", evm::to_hex(header.parent_hash)},
                {"timestamp", evm::to_quantity(header.timestamp)},
                {"logsBloom", evm::to_hex(header.logs_bloom)},
                {"receiptsRoot", evm::to_hex(header.receipts_root)},
                {"sha3Uncles", evm::to_hex(header.ommers_hash)},
                {"miner", evm::to_hex(header.beneficiary)},
                {"stateRoot", evm::to_hex(header.state_root)},
                {"transactionsRoot", evm::to_hex(header.txns_root)},
                {"difficulty", "0x0"},
                {"gasLimit", "0x0"},
                {"gasUsed", "0x0"},
                {"extraData", evm::to_hex(ByteView{header.extra_data})},
                {"mixHash", evm::to_hex(header.mix_hash)},
                {"nonce", "0x0000000000000000"},
                {"transactions", json::array()}};
}

namespace {

json log_json(const evm::Log& log, const Bytes& data) {
    json topics = json::array();
    for (size_t i = 0; i < log.topic_count; ++i) {
        topics.push_back(evm::to_hex(log.topics[i]));
    }
    return json{{"address", evm::to_hex(log.address)},
                {"topics", topics},
                {"data", evm::to_hex(ByteView{data})},
                {"blockNumber", evm::to_quantity(log.block_num)},
                {"blockHash", evm::to_hex(log.block_hash)},
                {"transactionHash", evm::to_hex(log.txn_hash)},
                {"transactionIndex", evm::to_quantity(log.txn_index)},
                {"logIndex", evm::to_quantity(log.log_index)},
                {"removed", false}};
}

uint64_t number_of(const json& value) {
    return evm::parse_quantity(value.get<std::string>()).value_or(0);
}

bool contains(const json& list_or_one, const std::string& text) {
    if (list_or_one.is_string()) {
        return list_or_one == text;
    }
    return std::ranges::find(list_or_one, json(text)) != list_or_one.end();
}

bool matches(const json& filter, const evm::Log& log) {
    if (filter.contains("address") && !contains(filter["address"], evm::to_hex(log.address))) {
        return false;
    }
    return !filter.contains("topics") || contains(filter["topics"][0], evm::to_hex(log.topics[0]));
}

const FakeChain::Block* find_block(const FakeNode& node, const std::string& hash) {
    for (const auto& block : node.chain->blocks) {
        if (evm::to_hex(block.header.hash) == hash &&
            block.header.block_num <= node.head.value_or(UINT64_MAX)) {
            return &block;
        }
    }
    return nullptr;
}

// Of all transactions that left logs, which is all there are.
json receipts_of(const FakeChain::Block& block) {
    json receipts = json::array();
    for (size_t i = 0; i < block.logs.size(); ++i) {
        const evm::Log& log = block.logs[i];
        if (receipts.empty() ||
            receipts.back()["transactionIndex"] != evm::to_quantity(log.txn_index)) {
            receipts.push_back(
                json{{"blockHash", evm::to_hex(log.block_hash)},
                     {"transactionHash", evm::to_hex(log.txn_hash)},
                     {"transactionIndex", evm::to_quantity(log.txn_index)},
                     {"type", "0x2"},
                     {"status", "0x1"},
                     {"cumulativeGasUsed", evm::to_quantity(kGasPerTxn * (log.txn_index + 1))},
                     {"logs", json::array()}});
        }
        receipts.back()["logs"].push_back(log_json(log, block.data[i]));
    }
    return receipts;
}

json block_json(const FakeNode& node, const FakeChain::Block& block) {
    json out = header_json(block.header);
    if (node.txn_receipts) {
        for (const json& receipt : receipts_of(block)) {
            out["transactions"].push_back(receipt["transactionHash"]);
        }
    }
    return out;
}

json logs_answer(FakeNode& node, const json& filter, uint64_t head) {
    json logs = json::array();
    const auto add_block = [&](const FakeChain::Block& block) {
        for (size_t i = 0; i < block.logs.size(); ++i) {
            if (matches(filter, block.logs[i]) && !(node.drops && node.drops(block.logs[i]))) {
                logs.push_back(log_json(block.logs[i], block.data[i]));
            }
        }
    };
    if (filter.contains("blockHash")) {
        const auto* block = find_block(node, filter["blockHash"]);
        if (block == nullptr) {
            return rpc_error(-32000, "unknown block");
        }
        add_block(*block);
    } else {
        const uint64_t from = number_of(filter["fromBlock"]);
        const uint64_t to = number_of(filter["toBlock"]);
        node.ranges.emplace_back(from, to);
        // As many nodes do: what is beyond the head is silently not there.
        for (uint64_t num = from; num <= std::min(to, head); ++num) {
            add_block(node.chain->blocks[num]);
        }
    }
    return json{{"result", logs}};
}

json answer_call(FakeNode& node, const std::string& method, const json& params) {
    ++node.calls[method];
    if (node.answer) {
        if (auto scripted = node.answer(method, params)) {
            return *scripted;
        }
    }
    const uint64_t head =
        std::min<uint64_t>(node.head.value_or(UINT64_MAX), node.chain->blocks.size() - 1);
    if (method == "eth_chainId") {
        return json{{"result", evm::to_quantity(node.chain_id)}};
    }
    if (method == "eth_getBlockByNumber") {
        if (params[0] == "finalized" && !node.finalized) {
            return rpc_error(-32602, "invalid argument 0: unknown tag finalized");
        }
        const uint64_t num = params[0] == "latest"      ? head
                             : params[0] == "finalized" ? head / 2
                                                        : number_of(params[0]);
        if (node.chain->gaps.contains(num)) {
            return node.gap_answer;
        }
        return json{
            {"result", num <= head ? block_json(node, node.chain->blocks[num]) : json(nullptr)}};
    }
    if (method == "eth_getBlockByHash") {
        const auto* block = find_block(node, params[0]);
        return json{{"result", block != nullptr ? block_json(node, *block) : json(nullptr)}};
    }
    if (method == "eth_getLogs") {
        return logs_answer(node, params[0], head);
    }
    if (method == "eth_getBlockReceipts" && node.receipts) {
        const auto* block =
            find_block(node, params[0].is_object() ? params[0]["blockHash"] : params[0]);
        if (block == nullptr) {
            return json{{"result", nullptr}};
        }
        return json{{"result", receipts_of(*block)}};
    }
    if (method == "eth_getTransactionReceipt" && node.txn_receipts) {
        for (const auto& block : node.chain->blocks) {
            for (const json& receipt : receipts_of(block)) {
                if (receipt["transactionHash"] == params[0]) {
                    return json{{"result", receipt}};
                }
            }
        }
        return json{{"result", nullptr}};
    }
    return rpc_error(-32601, "the method " + method + " does not exist/is not available");
}

HttpCompletion serve(FakeNode& node, const HttpRequest& request) {
    ++node.requests;
    node.seen.push_back(request);
    if (node.http) {
        if (auto scripted = node.http(request)) {
            return *scripted;
        }
    }
    const json body = json::parse(request.body);
    const auto one = [&](const json& call) {
        json out = answer_call(node, call["method"], call["params"]);
        out["jsonrpc"] = "2.0";
        out["id"] = call["id"];
        return out;
    };
    json out;
    if (!body.is_array()) {
        out = one(body);
    } else if (body.size() > node.batch_max) {
        out = rpc_error(-32600, "batch too large");
        out["id"] = nullptr;
    } else {
        out = json::array();
        for (const json& call : body) {
            out.push_back(one(call));
        }
        std::ranges::reverse(out);  // the order is free
    }
    std::string text = out.dump();
    if (node.spoil) {
        node.spoil(text);
    }
    return http_status(node.status, text);
}

}  // namespace

FakeNode& FakeTransport::add(const std::string& url, const FakeChain& chain) {
    auto& slot = nodes_[url];
    slot = std::make_unique<FakeNode>();
    slot->chain = &chain;
    return *slot;
}

uint64_t FakeTransport::submit(HttpRequest request) {
    FakeNode& node = *nodes_.at(request.url);
    const uint64_t id = next_id_++;
    Pending pending;
    pending.completion = serve(node, request);
    pending.completion.id = id;
    const bool timed_out = pending.completion.error == TransportError::kTimeout;
    pending.due_ms = clock_.monotonic_ms() + (timed_out ? request.timeout_ms : node.latency_ms);
    pending_.emplace(id, std::move(pending));
    in_flight_seen_max = std::max(in_flight_seen_max, pending_.size());
    return id;
}

void FakeTransport::poll(int64_t wait_ms, std::vector<HttpCompletion>& completions) {
    const int64_t end = clock_.monotonic_ms() + wait_ms;
    int64_t first = end;
    for (const auto& [id, pending] : pending_) {
        first = std::min(first, std::max(pending.due_ms, clock_.monotonic_ms()));
    }
    clock_.advance(first - clock_.monotonic_ms());
    for (auto it = pending_.begin(); it != pending_.end();) {
        if (it->second.due_ms <= clock_.monotonic_ms()) {
            completions.push_back(std::move(it->second.completion));
            it = pending_.erase(it);
        } else {
            ++it;
        }
    }
}

size_t Recorder::count(const std::string& part) const {
    return static_cast<size_t>(std::ranges::count_if(
        events, [&](const auto& event) { return event.second.find(part) != std::string::npos; }));
}

}  // namespace plumbline::rpc::test
