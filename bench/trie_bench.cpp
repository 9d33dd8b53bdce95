// What it costs to recompute what a header commits to. Block 15,000,000 (348 receipts, 719 logs)
// is read from PLUMBLINE_BLOCKS or ../shared/data/blocks; without it a block of the same shape is
// made up, and the name of the benchmark says so.
#include <cstdint>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "core/evm/bloom.hpp"
#include "core/evm/header.hpp"
#include "core/evm/keccak.hpp"
#include "core/evm/receipt.hpp"
#include "tests/core/evm/block_files.hpp"

namespace plumbline::evm {
namespace {

constexpr size_t kReceiptCount = 348;

ReceiptBatch make_batch() {
    ReceiptBatch batch;
    for (uint32_t i = 0; i < kReceiptCount; ++i) {
        Receipt receipt;
        receipt.type = 2;
        receipt.status = true;
        receipt.cumulative_gas_used = 21000 * (i + 1);
        receipt.log_begin = static_cast<uint32_t>(batch.logs.logs.size());
        for (; receipt.log_count < 1 + i % 3; ++receipt.log_count) {
            Log log;
            log.address = Address::from(keccak256(std::to_string(i % 60)).view());
            log.topic_count = 3;
            log.topics = {keccak256("Transfer"),
                          keccak256(std::to_string(i)),
                          keccak256(std::to_string(i + 1)),
                          {}};
            batch.logs.push(log, keccak256(std::to_string(i)).view());
        }
        batch.receipts.push_back(receipt);
    }
    return batch;
}

const BlockFile* find_block(const char* name) {
    for (const BlockFile& block : block_files()) {
        if (block.name == name) {
            return &block;
        }
    }
    return nullptr;
}

struct Input {
    ReceiptBatch receipts;
    Header header;
    bool is_real = false;
};

const Input& input() {
    static const Input kInput = [] {
        Input out;
        if (const BlockFile* block = find_block("mainnet-15000000.json")) {
            out.receipts = block->receipts;
            out.is_real = decode_header(block->header_rlp, out.header) == RlpError::kNone;
        } else {
            out.receipts = make_batch();
            out.header.base_fee_per_gas = U256{7};
        }
        return out;
    }();
    return kInput;
}

void set_label(benchmark::State& state) {
    state.SetLabel(input().is_real ? "block 15,000,000" : "made-up block");
}

void receipts_root(benchmark::State& state) {
    const Input& in = input();
    ReceiptsProver prover;
    for (auto _ : state) {
        benchmark::DoNotOptimize(prover.compute(in.receipts));
    }
    set_label(state);
}
BENCHMARK(receipts_root)->Unit(benchmark::kMillisecond);

/// The same without the logs' blooms: what the trie itself costs.
void receipts_trie_only(benchmark::State& state) {
    const Input& in = input();
    std::vector<Bytes> encoded(in.receipts.receipts.size());
    std::vector<ByteView> views;
    size_t total = 0;
    for (size_t i = 0; i < encoded.size(); ++i) {
        append_receipt(encoded[i], in.receipts, in.receipts.receipts[i]);
        views.emplace_back(encoded[i]);
        total += encoded[i].size();
    }
    OrderedTrie trie;
    for (auto _ : state) {
        benchmark::DoNotOptimize(trie.root(views));
    }
    state.SetBytesProcessed(static_cast<int64_t>(total) * state.iterations());
    set_label(state);
}
BENCHMARK(receipts_trie_only)->Unit(benchmark::kMillisecond);

void header_hash(benchmark::State& state) {
    for (auto _ : state) {
        benchmark::DoNotOptimize(compute_hash(input().header));
    }
    set_label(state);
}
BENCHMARK(header_hash);

void bloom_test(benchmark::State& state) {
    const BloomBits bits = bloom_bits(as_bytes("a thing looked for"));
    std::vector<Bloom> blooms(1024, input().header.logs_bloom);
    size_t i = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(may_contain(blooms[i++ % blooms.size()], bits));
    }
}
BENCHMARK(bloom_test);

void bloom_bits_of_topic(benchmark::State& state) {
    const Hash topic = keccak256("topic");
    for (auto _ : state) {
        benchmark::DoNotOptimize(bloom_bits(topic.view()));
    }
}
BENCHMARK(bloom_bits_of_topic);

void keccak(benchmark::State& state) {
    const Bytes bytes(static_cast<size_t>(state.range(0)), 0x5a);
    for (auto _ : state) {
        benchmark::DoNotOptimize(keccak256(bytes));
    }
    state.SetBytesProcessed(state.range(0) * state.iterations());
}
BENCHMARK(keccak)->Arg(32)->Arg(600)->Arg(100'000);

}  // namespace
}  // namespace plumbline::evm
