// The result of eth_getLogs, whatever it is, is read without harm, and every log that is accepted
// has its data inside the arena and no more than four topics. Written out again in the form nodes
// send, the logs read back equal.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "core/evm/hex.hpp"
#include "rpc/answer_check.hpp"
#include "rpc/eth_json.hpp"

using plumbline::Bytes;
using plumbline::ByteView;
using plumbline::evm::LogBatch;
using plumbline::rpc::AnswerReader;
using plumbline::rpc::Call;

namespace {

Bytes wrap(std::string_view result) {
    std::string text = R"({"jsonrpc":"2.0","id":1,"result":)";
    text += result;
    text += '}';
    const ByteView bytes = plumbline::as_bytes(text);
    return {bytes.begin(), bytes.end()};
}

std::string write_logs(const LogBatch& batch) {
    std::string out = "[";
    for (const auto& log : batch.logs) {
        out += out.size() > 1 ? ",{" : "{";
        out += "\"address\":\"" + plumbline::evm::to_hex(log.address) + "\",\"topics\":[";
        for (size_t i = 0; i < log.topic_count; ++i) {
            out += (i > 0 ? ",\"" : "\"") + plumbline::evm::to_hex(log.topics[i]) + "\"";
        }
        out += "],\"data\":\"" + plumbline::evm::to_hex(batch.data(log)) + "\",\"blockNumber\":\"" +
               plumbline::evm::to_quantity(log.block_num) + "\",\"blockHash\":\"" +
               plumbline::evm::to_hex(log.block_hash) + "\",\"transactionHash\":\"" +
               plumbline::evm::to_hex(log.txn_hash) + "\",\"transactionIndex\":\"" +
               plumbline::evm::to_quantity(log.txn_index) + "\",\"logIndex\":\"" +
               plumbline::evm::to_quantity(log.log_index) + "\"}";
    }
    return out + "]";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static AnswerReader reader;
    std::vector<Call> calls(1);
    calls[0].kind = Call::Kind::kLogs;
    Bytes body = wrap(plumbline::as_chars({data, size}));
    const auto answers = reader.read(body, calls, 1);
    const auto* batch = answers ? answers->front().get<LogBatch>() : nullptr;
    if (batch == nullptr) {
        return 0;
    }
    for (const auto& log : batch->logs) {
        if (log.topic_count > 4 || size_t{log.data_offset} + log.data_size > batch->arena.size()) {
            std::abort();
        }
    }
    Bytes again = wrap(write_logs(*batch));
    const auto second = reader.read(again, calls, 1);
    const auto* copy = second ? second->front().get<LogBatch>() : nullptr;
    if (copy == nullptr || !plumbline::rpc::same_logs(*batch, *copy)) {
        std::abort();
    }
    return 0;
}
