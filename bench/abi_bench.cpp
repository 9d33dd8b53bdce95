// Decoding of events: the share of the ABI in what one event costs.
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "core/evm/abi_decode.hpp"
#include "core/evm/abi_encode.hpp"
#include "core/evm/abi_text.hpp"

namespace {

using namespace plumbline::evm;

struct Sample {
    EventDecoder decoder;
    EncodedEvent encoded;
};

AbiParam param(std::string name, std::string_view type, bool indexed = false) {
    return AbiParam{std::move(name), parse_type(type).value(), indexed};
}

Sample make_sample(std::vector<AbiParam> inputs, const std::vector<AbiValue>& values) {
    AbiEvent event;
    event.name = "Event";
    event.inputs = std::move(inputs);
    auto encoded = encode_event(event, values).value();
    return Sample{EventDecoder::compile(std::move(event)).value(), std::move(encoded)};
}

AbiValue number(uint64_t value) {
    return AbiValue::number(U256{value});
}

Sample transfer() {
    return make_sample(
        {param("from", "address", true), param("to", "address", true), param("value", "uint256")},
        {number(0x1234), number(0x5678), number(1'000'000)});
}

Sample string_and_array() {
    return make_sample(
        {param("id", "uint256", true), param("title", "string"), param("options", "uint256[]")},
        {number(7), AbiValue::text("What shall we build next, and who pays for it?"),
         AbiValue::list({number(1), number(2), number(3), number(4)})});
}

Sample array_of_tuples() {
    std::vector<AbiValue> items;
    for (uint64_t i = 0; i < 8; ++i) {
        items.push_back(AbiValue::list({number(i), number(i * 2), AbiValue::text("option")}));
    }
    return make_sample({param("items", "(uint64,address,string)[]")},
                       {AbiValue::list(std::move(items))});
}

void decode(benchmark::State& state, const Sample& sample) {
    DecodedEvent out;
    for (auto _ : state) {
        const AbiError error =
            sample.decoder.decode(sample.encoded.topics, sample.encoded.data, out);
        if (error != AbiError::kNone) {
            state.SkipWithError("the sample does not decode");
            break;
        }
        benchmark::DoNotOptimize(out.params().data());
    }
    state.SetItemsProcessed(state.iterations());
}

void decode_transfer(benchmark::State& state) {
    decode(state, transfer());
}
void decode_string_and_array(benchmark::State& state) {
    decode(state, string_and_array());
}
void decode_array_of_tuples(benchmark::State& state) {
    decode(state, array_of_tuples());
}

void get_by_path(benchmark::State& state) {
    const Sample sample = array_of_tuples();
    DecodedEvent out;
    const std::vector<std::string> each{"items"};
    const ValuePath path = sample.decoder.compile_path("items.2", each).value();
    const AbiError error = sample.decoder.decode(sample.encoded.topics, sample.encoded.data, out);
    if (error != AbiError::kNone) {
        state.SkipWithError("the sample does not decode");
        return;
    }
    uint32_t index = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(out.get(path, index++ % 8));
    }
    state.SetItemsProcessed(state.iterations());
}

void write_json(benchmark::State& state) {
    const Sample sample = string_and_array();
    DecodedEvent out;
    const AbiError error = sample.decoder.decode(sample.encoded.topics, sample.encoded.data, out);
    if (error != AbiError::kNone) {
        state.SkipWithError("the sample does not decode");
        return;
    }
    std::string text;
    for (auto _ : state) {
        text.clear();
        append_json(text, sample.decoder, out);
        benchmark::DoNotOptimize(text.data());
    }
    state.SetItemsProcessed(state.iterations());
}

BENCHMARK(decode_transfer);
BENCHMARK(decode_string_and_array);
BENCHMARK(decode_array_of_tuples);
BENCHMARK(get_by_path);
BENCHMARK(write_json);

}  // namespace

BENCHMARK_MAIN();
