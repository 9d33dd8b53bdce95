// JSON answers to evm types, and the checks on them, on one core.
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "rpc/answer_check.hpp"
#include "rpc/eth_json.hpp"
#include "rpc/transport.hpp"

namespace plumbline::rpc {
namespace {

// An answer to eth_getLogs with `count` logs in the form geth writes: about 694 bytes each, three
// topics, two words of data, three logs a block.
std::string make_logs(size_t count) {
    std::string out = R"({"jsonrpc":"2.0","id":1,"result":[)";
    for (size_t i = 0; i < count; ++i) {
        const std::string block_hash =
            evm::to_hex(evm::keccak256("block " + std::to_string(i / 3)));
        const std::string txn_hash = evm::to_hex(evm::keccak256("txn " + std::to_string(i)));
        const std::string topic = evm::to_hex(evm::keccak256("topic " + std::to_string(i % 5)));
        const std::string id = evm::to_hex(evm::keccak256("id " + std::to_string(i)));
        out += i > 0 ? "," : "";
        out += R"({"address":"0x5fbdb2315678afecb367f032d93f642f64180aa3","blockHash":")" +
               block_hash + R"(","blockNumber":")" + evm::to_quantity(17'000'000 + i / 3) +
               R"(","blockTimestamp":"0x665544","data":"0x)" + id.substr(2) + topic.substr(2) +
               R"(","logIndex":")" + evm::to_quantity(i % 3) + R"(","removed":false,"topics":[")" +
               topic + R"(",")" + id + R"(",")" + txn_hash + R"("],"transactionHash":")" +
               txn_hash + R"(","transactionIndex":")" + evm::to_quantity(i % 3) + R"("})";
    }
    return out + "]}";
}

Bytes padded(const std::string& text) {
    Bytes body;
    body.reserve(text.size() + kBodyPadding);
    const ByteView bytes = as_bytes(text);
    body.assign(bytes.begin(), bytes.end());
    return body;
}

void read_logs(benchmark::State& state) {
    const auto count = static_cast<size_t>(state.range(0));
    Bytes body = padded(make_logs(count));
    std::vector<Call> calls(1);
    calls[0].kind = Call::Kind::kLogs;
    AnswerReader reader;
    for (auto _ : state) {
        auto answers = reader.read(body, calls, 1);
        if (!answers || answers->front().get<evm::LogBatch>() == nullptr) {
            state.SkipWithError("not read");
            return;
        }
        benchmark::DoNotOptimize(answers);
    }
    state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(count));
    state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(body.size()));
}
BENCHMARK(read_logs)->Arg(1'000)->Arg(8'000)->Unit(benchmark::kMillisecond);

void check_logs(benchmark::State& state) {
    constexpr size_t kCount = 8'000;
    Bytes body = padded(make_logs(kCount));
    std::vector<Call> calls(1);
    calls[0].kind = Call::Kind::kLogs;
    AnswerReader reader;
    auto answers = reader.read(body, calls, 1);
    const auto& batch = *answers->front().get<evm::LogBatch>();
    FilterCheck check{
        LogFilter{{batch.logs[0].address},
                  {batch.logs[0].topics[0], batch.logs[1].topics[0], batch.logs[2].topics[0],
                   batch.logs[3].topics[0], batch.logs[4].topics[0]}}};
    evm::Header header;
    header.logs_bloom.bytes.fill(0xff);
    for (auto _ : state) {
        if (check.find_fault(batch, {0, UINT64_MAX - 1})) {
            state.SkipWithError("faulty");
            return;
        }
        bool all = true;
        for (const evm::Log& log : batch.logs) {
            all = check.bloom_has(header, log) && all;
        }
        benchmark::DoNotOptimize(all);
    }
    state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kCount));
}
BENCHMARK(check_logs)->Unit(benchmark::kMillisecond);

void write_request_of_50_headers(benchmark::State& state) {
    std::vector<Call> calls(50);
    for (size_t i = 0; i < calls.size(); ++i) {
        calls[i].kind = Call::Kind::kHeaderByNum;
        calls[i].block_num = 17'000'000 + i;
    }
    for (auto _ : state) {
        benchmark::DoNotOptimize(write_request(calls, 1));
    }
}
BENCHMARK(write_request_of_50_headers);

}  // namespace
}  // namespace plumbline::rpc
