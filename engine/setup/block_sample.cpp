#include "engine/setup/block_sample.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "core/evm/trie.hpp"

namespace plumbline::engine {

namespace {

using nlohmann::json;

constexpr uint64_t kRecentBlocks = 2'000;

/// By the bloom or, where it says no, by the logs themselves: a bloom may be left out or wrong.
bool has_logs(EndpointClient& client, const json& block) {
    if (text_of(block, "logsBloom").find_first_not_of("0x") != std::string::npos) {
        return true;
    }
    if (text_of(block, "receiptsRoot") == evm::to_hex(evm::kEmptyTrieRoot)) {
        return false;
    }
    const Reply logs =
        client.ask("eth_getLogs", json::array({{{"blockHash", text_of(block, "hash")}}}));
    return logs.result && logs.result->is_array() && !logs.result->empty();
}

/// Where none of many blocks has logs, there are few enough to ask for all.
void find_rare_logs(EndpointClient& client, const json& head, uint64_t from, unsigned wanted,
                    std::set<uint64_t>& chosen) {
    const Reply logs =
        client.ask("eth_getLogs", json::array({{{"fromBlock", evm::to_quantity(from)},
                                                {"toBlock", text_of(head, "number")}}}));
    if (!logs.result || !logs.result->is_array()) {
        return;
    }
    for (auto log = logs.result->rbegin(); log != logs.result->rend() && chosen.size() < wanted;
         ++log) {
        if (const auto block = quantity_of(*log, "blockNumber")) {
            chosen.insert(*block);
        }
    }
}

}  // namespace

BlockSample choose_blocks(EndpointClient& client, const json& head, unsigned wanted,
                          uint64_t logs_range) {
    BlockSample out;
    const uint64_t newest = quantity_of(head, "number").value_or(0);
    if (newest == 0) {
        return out;
    }
    std::set<uint64_t> chosen;
    const uint64_t recent = std::min(newest, kRecentBlocks);
    const unsigned tries = wanted * 4;
    for (unsigned i = 0; i < tries && chosen.size() < wanted; ++i) {
        const uint64_t block = newest - recent * i / tries;
        const Reply reply =
            client.ask("eth_getBlockByNumber", json::array({evm::to_quantity(block), false}));
        if (reply.result && has_logs(client, *reply.result)) {
            chosen.insert(block);
        }
    }
    if (chosen.empty() && logs_range > 0) {
        find_rare_logs(client, head, newest - (std::min(recent, logs_range) - 1), wanted, chosen);
    }
    out.with_logs = chosen.size();
    for (const uint64_t part : {uint64_t{4}, uint64_t{2}}) {
        chosen.insert(std::max<uint64_t>(1, newest / part));
    }
    chosen.insert(newest);
    out.blocks.assign(chosen.begin(), chosen.end());
    return out;
}

LogsCompared compare_logs(EndpointClient& client, uint64_t block) {
    const Reply header =
        client.ask("eth_getBlockByNumber", json::array({evm::to_quantity(block), false}));
    const std::string hash = header.result ? text_of(*header.result, "hash") : "";
    const Reply logs = client.ask("eth_getLogs", json::array({{{"blockHash", hash}}}));
    const Reply receipts = client.ask("eth_getBlockReceipts", json::array({{{"blockHash", hash}}}));
    if (!logs.result || !logs.result->is_array() || !receipts.result ||
        !receipts.result->is_array()) {
        return {};
    }
    json expected = json::array();
    for (const json& receipt : *receipts.result) {
        if (receipt.is_object() && receipt.contains("logs")) {
            for (const json& log : receipt.at("logs")) {
                expected.push_back(log);
            }
        }
    }
    LogsCompared out;
    out.are_same = expected.size() == logs.result->size();
    for (size_t i = 0; out.are_same && i < expected.size(); ++i) {
        for (const char* key : {"address", "topics", "data", "logIndex", "transactionHash"}) {
            const json& ours = (*logs.result)[i];
            out.are_same = out.are_same && ours.is_object() && ours.contains(key) &&
                           expected[i].is_object() && expected[i].contains(key) &&
                           ours.at(key) == expected[i].at(key);
        }
    }
    if (!out.are_same) {
        out.wrong = fmt::format("block {}: eth_getLogs has {} logs, its receipts have {}{}", block,
                                logs.result->size(), expected.size(),
                                expected.size() == logs.result->size() ? ", not the same" : "");
    }
    return out;
}

}  // namespace plumbline::engine
