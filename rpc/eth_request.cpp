#include <algorithm>

#include "core/evm/hex.hpp"
#include "rpc/eth_json.hpp"

namespace plumbline::rpc {

namespace {

void append_quoted_quantity(std::string& out, uint64_t value) {
    out += '"';
    out += evm::to_quantity(value);
    out += '"';
}

template <size_t N>
void append_quoted_hex(std::string& out, const evm::FixedBytes<N>& value) {
    out += "\"0x";
    evm::append_hex(out, value.view());
    out += '"';
}

template <size_t N>
void append_list(std::string& out, std::span<const evm::FixedBytes<N>> values) {
    out += '[';
    for (size_t i = 0; i < values.size(); ++i) {
        if (i != 0) {
            out += ',';
        }
        append_quoted_hex(out, values[i]);
    }
    out += ']';
}

// Positions behind the last one that matters are left out: a log may end there.
void append_topics(std::string& out, const LogFilter& filter) {
    size_t count = filter.topics0.empty() ? 0 : 1;
    for (size_t i = 0; i < filter.more_topics.size(); ++i) {
        count = filter.more_topics[i].empty() ? count : i + 2;
    }
    if (count == 0) {
        return;
    }
    out += ",\"topics\":[";
    for (size_t i = 0; i < count; ++i) {
        const std::vector<evm::Hash>& topics = i == 0 ? filter.topics0 : filter.more_topics[i - 1];
        out += i == 0 ? "" : ",";
        if (topics.empty()) {
            out += "null";
        } else if (topics.size() == 1) {
            append_quoted_hex(out, topics.front());
        } else {
            append_list(out, std::span<const evm::Hash>{topics});
        }
    }
    out += ']';
}

// {"fromBlock":..,"toBlock":..,"address":[..],"topics":[[..]]}; a single address or topic is sent
// bare, the form every node knows.
void append_filter(std::string& out, const Call& call) {
    out += '{';
    if (call.kind == Call::Kind::kLogs) {
        out += "\"fromBlock\":";
        append_quoted_quantity(out, call.range.from);
        out += ",\"toBlock\":";
        append_quoted_quantity(out, call.range.to);
    } else {
        out += "\"blockHash\":";
        append_quoted_hex(out, call.hash);
    }
    const std::span<const evm::Address> all{call.filter->addresses};
    const size_t end = std::min(call.address_end, all.size());
    const auto addresses =
        all.subspan(std::min(call.address_begin, end), end - std::min(call.address_begin, end));
    if (addresses.size() == 1) {
        out += ",\"address\":";
        append_quoted_hex(out, addresses.front());
    } else if (!addresses.empty()) {
        out += ",\"address\":";
        append_list(out, addresses);
    }
    append_topics(out, *call.filter);
    out += '}';
}

// EIP-1898 with requireCanonical: a block that was reorganised away must not answer.
void append_block(std::string& out, const StateBlock& block) {
    if (block.by_num) {
        append_quoted_quantity(out, block.block_num);
        return;
    }
    out += "{\"blockHash\":";
    append_quoted_hex(out, block.hash);
    out += ",\"requireCanonical\":true}";
}

// Without an override there is no third parameter: old nodes refuse even an empty one.
void append_call(std::string& out, const Call& call) {
    const CallRequest& request = *call.request;
    out += '{';
    if (request.to) {
        out += "\"to\":";
        append_quoted_hex(out, *request.to);
        out += ',';
    }
    out += "\"data\":\"0x";
    evm::append_hex(out, request.data);
    out += '"';
    if (request.gas != 0) {
        out += ",\"gas\":";
        append_quoted_quantity(out, request.gas);
    }
    out += "},";
    append_block(out, call.block);
    if (request.to && request.code) {
        out += ",{";
        append_quoted_hex(out, *request.to);
        out += ":{\"code\":\"0x";
        evm::append_hex(out, *request.code);
        out += "\"}}";
    }
}

void append_params(std::string& out, const Call& call) {
    switch (call.kind) {
        case Call::Kind::kChainId: return;
        case Call::Kind::kHeaderByNum:
            append_quoted_quantity(out, call.block_num);
            out += ",false";
            return;
        case Call::Kind::kHeaderByHash:
            append_quoted_hex(out, call.hash);
            out += ",false";
            return;
        case Call::Kind::kHeaderLatest: out += "\"latest\",false"; return;
        case Call::Kind::kHeaderFinalized: out += "\"finalized\",false"; return;
        case Call::Kind::kLogs:
        case Call::Kind::kLogsOfBlock: append_filter(out, call); return;
        case Call::Kind::kReceipts:
            // EIP-1898: by hash, so that a reorganisation cannot slip another block in.
            out += "{\"blockHash\":";
            append_quoted_hex(out, call.hash);
            out += '}';
            return;
        case Call::Kind::kTxnReceipt: append_quoted_hex(out, call.txn_hash); return;
        case Call::Kind::kBlockTxns:
            append_quoted_hex(out, call.hash);
            out += ",false";
            return;
        case Call::Kind::kTxn:
        case Call::Kind::kTxnGas: append_quoted_hex(out, call.hash); return;
        case Call::Kind::kCall: append_call(out, call); return;
        case Call::Kind::kProof:
            append_quoted_hex(out, call.address);
            out += ',';
            append_list(out, std::span<const evm::Hash>{*call.slots});
            out += ',';
            append_block(out, call.block);
            return;
    }
}

}  // namespace

std::string_view method_name(Call::Kind kind) noexcept {
    switch (kind) {
        case Call::Kind::kChainId: return "eth_chainId";
        case Call::Kind::kHeaderByNum:
        case Call::Kind::kHeaderLatest:
        case Call::Kind::kHeaderFinalized: return "eth_getBlockByNumber";
        case Call::Kind::kHeaderByHash: return "eth_getBlockByHash";
        case Call::Kind::kLogs:
        case Call::Kind::kLogsOfBlock: return "eth_getLogs";
        case Call::Kind::kReceipts: return "eth_getBlockReceipts";
        case Call::Kind::kTxnReceipt:
        case Call::Kind::kTxnGas: return "eth_getTransactionReceipt";
        case Call::Kind::kBlockTxns: return "eth_getBlockByHash";
        case Call::Kind::kTxn: return "eth_getTransactionByHash";
        case Call::Kind::kCall: return "eth_call";
        case Call::Kind::kProof: return "eth_getProof";
    }
    return "";
}

std::string write_request(std::span<const Call> calls, uint64_t first_id) {
    std::string out;
    if (calls.size() != 1) {
        out += '[';
    }
    for (size_t i = 0; i < calls.size(); ++i) {
        if (i != 0) {
            out += ',';
        }
        out += R"({"jsonrpc":"2.0","id":)";
        out += std::to_string(first_id + i);
        out += R"(,"method":")";
        out += method_name(calls[i].kind);
        out += R"(","params":[)";
        append_params(out, calls[i]);
        out += "]}";
    }
    if (calls.size() != 1) {
        out += ']';
    }
    return out;
}

}  // namespace plumbline::rpc
